#include <fmt/format.h>

#include <algorithm>
#include <boost/json/kind.hpp>
#include <boost/json/serialize.hpp>

#include "core/json_reader.h"
#include "core/time_text.h"
#include "core/utf8.h"
#include "outlive/core/args.h"
#include "outlive/core/limits.h"
#include "outlive/core/log.h"

namespace outlive::internal {
namespace {

// Between a path and what is wrong there.
constexpr std::string_view kSeparator = ": ";

std::string_view KindName(const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return "true or false";
    case boost::json::kind::int64:
    case boost::json::kind::uint64:
      return "an integer";
    case boost::json::kind::double_:
      return "a number";
    case boost::json::kind::string:
      return "a string";
    case boost::json::kind::array:
      return "an array";
    case boost::json::kind::object:
      return "an object";
  }
  return "unknown";
}

// Levels of arrays and objects in one another.
int Depth(const boost::json::value& value) {
  int deepest = 0;
  if (const boost::json::array* array = value.if_array()) {
    for (const boost::json::value& element : *array) deepest = std::max(deepest, Depth(element));
  } else if (const boost::json::object* object = value.if_object()) {
    for (const auto& member : *object) deepest = std::max(deepest, Depth(member.value()));
  } else {
    return 0;
  }
  return deepest + 1;
}

}  // namespace

absl::Status WrongType(const char* allowed, const boost::json::value& value) {
  return absl::InvalidArgumentError(fmt::format("must be {}, and is {}", allowed, KindName(value)));
}

absl::Status WrongNumber(const std::string& allowed) {
  return absl::InvalidArgumentError(fmt::format("must be from {}", allowed));
}

absl::Status TooLarge(double max) { return WrongNumber(fmt::format("{:g} to {:g}", -max, max)); }

absl::Status NotText() { return absl::InvalidArgumentError("must be UTF-8"); }

absl::Status NotFinite() { return absl::InvalidArgumentError("must be finite"); }

absl::Status At(std::string_view member, const absl::Status& status) {
  const std::string_view text(status.message().data(), status.message().size());
  const std::string name = EscapeForLog(member.substr(0, 80));
  // "items" in front of "[3].name: must be …" needs no dot, nor before "{3}"; a reason needs the
  // separator.
  const bool is_reason = text.substr(0, 5) == "must " || text.substr(0, 3) == "is ";
  const std::string_view joint = is_reason                                    ? kSeparator
                                 : text.front() == '[' || text.front() == '{' ? ""
                                                                              : ".";
  return absl::InvalidArgumentError(fmt::format("{}{}{}", name, joint, text));
}

absl::Status AtEntry(std::size_t number, const absl::Status& status) {
  return At(fmt::format("{{{}}}", number), status);
}

absl::StatusOr<boost::json::value> ParseJson(std::string_view text) {
  return ReadJson(text, limits::kJsonDepthMax);
}

absl::StatusOr<std::string> SerializeJson(const boost::json::value& value) {
  if (Depth(value) > limits::kJsonDepthMax) {
    return absl::InvalidArgumentError(
        fmt::format("must be at most {} levels deep", limits::kJsonDepthMax));
  }
  return boost::json::serialize(value);
}

bool IsText(std::string_view text) { return IsUtf8(text); }

bool IsCString(const boost::json::value& value) {
  const boost::json::string* string = value.if_string();
  return string != nullptr && string->find('\0') == boost::json::string::npos;
}

boost::json::value TimeToJson(absl::Time time) { return boost::json::value(TimeToText(time)); }

absl::Status TimeFromJson(const boost::json::value& value, absl::Time& time) {
  std::string error;
  if (IsCString(value) &&
      absl::ParseTime(absl::RFC3339_full, value.get_string().c_str(), &time, &error)) {
    return absl::OkStatus();
  }
  return WrongType("a time such as \"2026-01-31T12:00:00Z\"", value);
}

boost::json::value DurationToJson(absl::Duration duration) {
  return boost::json::value(absl::FormatDuration(duration));
}

absl::Status DurationFromJson(const boost::json::value& value, absl::Duration& duration) {
  if (IsCString(value) && absl::ParseDuration(value.get_string().c_str(), &duration)) {
    return absl::OkStatus();
  }
  return WrongType("a duration such as \"1h30m\"", value);
}

}  // namespace outlive::internal
