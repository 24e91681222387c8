// Headers are the fields of a request or a response: an ordered list of names and values, names
// compared without case.
//
// Nothing that could split a message ever gets in: Add() and Set() refuse a name that is not a
// token, a value that holds CR, LF, NUL or any other control character but a tab, and more than
// kFieldBytesMax.
//
// Thread-safety: distinct objects are independent; a shared one needs a lock.
// Errors:        kInvalidArgument: refused, and nothing was changed.
#ifndef OUTLIVE_HTTP_HEADERS_H_
#define OUTLIVE_HTTP_HEADERS_H_

#include <absl/status/status.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace outlive::http {

// ASCII letters compare as equal in either case, as field names and host names do.
bool EqualsIgnoringCase(std::string_view a, std::string_view b);

// `token` of RFC 9110: what a method and a field name are made of. Never empty.
bool IsToken(std::string_view text);

// What may stand in a field value: visible characters, spaces, tabs and bytes from 0x80 up.
bool IsFieldValue(std::string_view text);

// Bytes of a field's name and value together.
inline constexpr std::size_t kFieldBytesMax = std::size_t{32} * 1024;

struct HeaderField {
  std::string name;
  std::string value;

  bool operator==(const HeaderField&) const = default;
};

class Headers {
 public:
  // Appends a field, also where one of this name is there already.
  absl::Status Add(std::string_view name, std::string_view value);

  // Replaces all fields of this name by one.
  absl::Status Set(std::string_view name, std::string_view value);

  void Remove(std::string_view name);

  bool Has(std::string_view name) const;

  // How many fields have this name.
  int Count(std::string_view name) const;

  // The first value. The view lives until the headers are changed.
  std::optional<std::string_view> Get(std::string_view name) const;

  // All fields, in order.
  const std::vector<HeaderField>& fields() const { return fields_; }

 private:
  std::vector<HeaderField> fields_;
};

}  // namespace outlive::http

#endif  // OUTLIVE_HTTP_HEADERS_H_
