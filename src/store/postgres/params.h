// Params are the parameters of one statement, in the server's binary format. The statement casts
// each of them to its type: whole numbers are bigint, arrays say their type themselves.
//
// Thread-safety: values.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_PARAMS_H_
#define OUTLIVE_SRC_STORE_POSTGRES_PARAMS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/idempotency.h"

namespace outlive::postgres {

// About how many bytes of payloads travel in one parameter.
inline constexpr std::size_t kParameterBytesMax = std::size_t{16} << 20;

// The types of array elements, by their numbers in every server's catalogue.
enum class Element : std::uint32_t {
  kBytes = 17,
  kBigint = 20,
  kSmallint = 21,
  kText = 25,
  kReal = 701,
  kUuid = 2950,
};

// One parameter that is an array.
class Array {
 public:
  explicit Array(Element element);

  void AddInt(std::int64_t value);  // kBigint.
  void AddSmall(std::int16_t value);
  void AddReal(double value);
  void AddBytes(std::string_view bytes);  // kBytes, kText.
  void AddUuid(const Fingerprint& uuid);
  void AddNull();

  // Empty: null.
  void AddBytesOrNull(std::string_view bytes) { bytes.empty() ? AddNull() : AddBytes(bytes); }
  void AddIntOrNull(std::optional<std::int64_t> value) { value ? AddInt(*value) : AddNull(); }

  std::size_t size() const { return count_; }
  std::size_t byte_count() const { return bytes_.size(); }  // 0: there is nothing in it.

  // What is sent.
  std::string Take() &&;

 private:
  void AddLength(std::size_t length);

  Element element_;
  std::size_t count_ = 0;
  bool has_null_ = false;
  std::string bytes_;  // With room for the head, once there is an element.
};

Array Ints(const std::vector<std::int64_t>& values);
Array Texts(const std::vector<std::string>& values);

class Params {
 public:
  Params& Int(std::int64_t value);
  Params& Text(std::string_view value);  // And bytes.
  Params& Null();
  Params& Add(Array array);

  std::size_t size() const { return values_.size(); }
  const std::optional<std::string>& operator[](std::size_t i) const { return values_[i]; }

 private:
  std::vector<std::optional<std::string>> values_;
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_PARAMS_H_
