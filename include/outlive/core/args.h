// Typed arguments: a plain struct, described to Boost.Describe, that owns its kind.
//
//   struct SendInvoice {
//     static constexpr std::string_view kKind = "invoice.send";
//     std::int64_t invoice_id = 0;
//     std::string recipient;
//   };
//   BOOST_DESCRIBE_STRUCT(SendInvoice, (), (invoice_id, recipient))
//
// They are kept as JSON. Payloads outlive binaries, so reading is lenient where versions differ: a
// missing member keeps its default and an unknown one is ignored. A wrong type, or a number that
// does not fit, is an error that names the member. Where a member is there twice, the last one
// counts.
//
// Members may be: bool, integers, floating point (finite), std::string (UTF-8), described enums (by
// name), std::optional, std::vector, std::map with std::string keys, absl::Time (RFC 3339),
// absl::Duration ("1h30m"), described structs, and any of these in one another. What is written is
// read back as it was, to the last bit of a number and beyond the nanosecond of a time.
//
// Other formats (raw bytes, protobuf): specialise ArgsCodec for the type. Where the type cannot say
// its kind, because a tool has generated it, the codec does:
//
//   template <class Message>
//   struct ProtobufCodec {                                            // Once, for all of them.
//     static absl::StatusOr<std::string> Encode(const Message& args) {
//       std::string bytes;
//       if (args.SerializeToString(&bytes)) return bytes;
//       return absl::InvalidArgumentError("a required field is missing");
//     }
//     static absl::StatusOr<Message> Decode(std::string_view bytes) {
//       Message args;
//       if (args.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return args;
//       return absl::InvalidArgumentError("is not such a message");
//     }
//   };
//   template <>
//   struct outlive::ArgsCodec<pb::SendInvoice> : ProtobufCodec<pb::SendInvoice> {
//     static constexpr std::string_view kKind = "invoice.send";
//   };
//
// Thread-safety: pure functions.
// Errors:        kInvalidArgument.
#ifndef OUTLIVE_CORE_ARGS_H_
#define OUTLIVE_CORE_ARGS_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <algorithm>
#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/describe/enum_from_string.hpp>
#include <boost/describe/enum_to_string.hpp>
#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <boost/mp11/algorithm.hpp>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace outlive {

// The customisation point. A specialisation, seen before the type's first use as arguments, has
//   static absl::StatusOr<std::string> Encode(const T& args);
//   static absl::StatusOr<T> Decode(std::string_view bytes);
// and, for a T without a kKind of its own,
//   static constexpr std::string_view kKind = …;
template <class T>
struct ArgsCodec;

namespace internal {

template <class T>
concept SaysKind = requires {
  { T::kKind } -> std::convertible_to<std::string_view>;
};

}  // namespace internal

// What can be a job's arguments: it says its kind, or its codec does.
template <class T>
concept JobArgs = internal::SaysKind<T> || internal::SaysKind<ArgsCodec<T>>;

// The kind of jobs with these arguments. The type's own word goes before its codec's.
template <JobArgs T>
constexpr std::string_view KindOf() {
  if constexpr (internal::SaysKind<T>) {
    return T::kKind;
  } else {
    return ArgsCodec<T>::kKind;
  }
}

namespace internal {

template <class T>
inline constexpr bool kIsDescribedStruct =
    boost::describe::has_describe_members<T>::value && std::is_class_v<T>;
template <class T>
inline constexpr bool kIsDescribedEnum = boost::describe::has_describe_enumerators<T>::value;
template <class T>
inline constexpr bool kUnsupported = false;

// "recipient: must be a string, and is a number".
absl::Status WrongType(const char* allowed, const boost::json::value& value);
absl::Status WrongNumber(const std::string& allowed);
absl::Status TooLarge(double max);
absl::Status NotText();
absl::Status NotFinite();
// Puts `member` in front of the error's path: the name of a member, "[3]" for an element, "{3}" for
// an entry of a map, whose key is an argument as its value is, and so not for a log.
absl::Status At(std::string_view member, const absl::Status& status);
absl::Status AtEntry(std::size_t number, const absl::Status& status);
absl::StatusOr<boost::json::value> ParseJson(std::string_view text);
// kInvalidArgument where it is deeper than ParseJson() reads.
absl::StatusOr<std::string> SerializeJson(const boost::json::value& value);
bool IsText(std::string_view text);
bool IsCString(const boost::json::value& value);  // A string without a NUL in it.
boost::json::value TimeToJson(absl::Time time);
absl::Status TimeFromJson(const boost::json::value& value, absl::Time& time);
boost::json::value DurationToJson(absl::Duration duration);
absl::Status DurationFromJson(const boost::json::value& value, absl::Duration& duration);

// -- Writing: each returns OK and sets `json`. ------------------------------------------------
// All are declared first, so that containers may hold one another in any order.

template <class T>
absl::Status ToJson(const T& value, boost::json::value& json);
template <class T>
absl::Status ToJson(const std::optional<T>& value, boost::json::value& json);
template <class T>
absl::Status ToJson(const std::vector<T>& values, boost::json::value& json);
template <class T>
absl::Status ToJson(const std::map<std::string, T>& values, boost::json::value& json);

template <class T>
absl::Status ToJson(const std::optional<T>& value, boost::json::value& json) {
  if (value) return ToJson(*value, json);
  json = nullptr;
  return absl::OkStatus();
}

template <class T>
absl::Status ToJson(const std::vector<T>& values, boost::json::value& json) {
  boost::json::array& array = json.emplace_array();
  array.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const T& value = values[i];  // std::vector<bool> has no references to give.
    absl::Status status = ToJson(value, array.emplace_back(nullptr));
    if (!status.ok()) return At("[" + std::to_string(i) + "]", status);
  }
  return absl::OkStatus();
}

template <class T>
absl::Status ToJson(const std::map<std::string, T>& values, boost::json::value& json) {
  boost::json::object& object = json.emplace_object();
  for (const auto& [key, value] : values) {
    if (!IsText(key)) return AtEntry(object.size(), NotText());
    const std::size_t number = object.size();
    absl::Status status = ToJson(value, object[key]);
    if (!status.ok()) return AtEntry(number, status);
  }
  return absl::OkStatus();
}

template <class T>
absl::Status StructToJson(const T& value, boost::json::value& json) {
  boost::json::object& object = json.emplace_object();
  absl::Status status;
  boost::mp11::mp_for_each<boost::describe::describe_members<
      T, boost::describe::mod_any_access | boost::describe::mod_inherited>>([&](auto member) {
    if (!status.ok()) return;
    status = ToJson(value.*member.pointer, object[member.name]);
    if (!status.ok()) status = At(member.name, status);
  });
  return status;
}

template <class T>
absl::Status ToJson(const T& value, boost::json::value& json) {
  if constexpr (std::is_same_v<T, bool>) {
    json = value;
  } else if constexpr (std::is_integral_v<T>) {
    json = value;
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value)) return NotFinite();
    json = static_cast<double>(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!IsText(value)) return NotText();
    json = value;
  } else if constexpr (std::is_same_v<T, absl::Time>) {
    json = TimeToJson(value);
  } else if constexpr (std::is_same_v<T, absl::Duration>) {
    json = DurationToJson(value);
  } else if constexpr (kIsDescribedEnum<T>) {
    const char* name = boost::describe::enum_to_string(value, nullptr);
    if (name == nullptr) return absl::InvalidArgumentError("is not one of the enum's values");
    json = name;
  } else if constexpr (kIsDescribedStruct<T>) {
    return StructToJson(value, json);
  } else {
    static_assert(kUnsupported<T>,
                  "outlive: this type cannot be a job's argument: describe it with "
                  "BOOST_DESCRIBE_STRUCT or specialise outlive::ArgsCodec");
  }
  return absl::OkStatus();
}

// -- Reading: each returns OK and sets `value`. -----------------------------------------------

template <class T>
absl::Status FromJson(const boost::json::value& json, T& value);
template <class T>
absl::Status FromJson(const boost::json::value& json, std::optional<T>& value);
template <class T>
absl::Status FromJson(const boost::json::value& json, std::vector<T>& values);
template <class T>
absl::Status FromJson(const boost::json::value& json, std::map<std::string, T>& values);

template <class T>
absl::Status FromJson(const boost::json::value& json, std::optional<T>& value) {
  if (json.is_null()) {
    value.reset();
    return absl::OkStatus();
  }
  return FromJson(json, value.emplace());
}

template <class T>
absl::Status FromJson(const boost::json::value& json, std::vector<T>& values) {
  const boost::json::array* array = json.if_array();
  if (array == nullptr) return WrongType("an array", json);
  values.clear();
  values.reserve(array->size());
  for (std::size_t i = 0; i < array->size(); ++i) {
    T value{};
    absl::Status status = FromJson((*array)[i], value);
    if (!status.ok()) return At("[" + std::to_string(i) + "]", status);
    values.push_back(std::move(value));
  }
  return absl::OkStatus();
}

template <class T>
absl::Status FromJson(const boost::json::value& json, std::map<std::string, T>& values) {
  const boost::json::object* object = json.if_object();
  if (object == nullptr) return WrongType("an object", json);
  values.clear();
  std::size_t number = 0;
  for (const auto& member : *object) {
    const std::string key(member.key().data(), member.key().size());
    absl::Status status = FromJson(member.value(), values[key]);
    if (!status.ok()) return AtEntry(number, status);
    ++number;
  }
  return absl::OkStatus();
}

template <class T>
absl::Status StructFromJson(const boost::json::value& json, T& value) {
  const boost::json::object* object = json.if_object();
  if (object == nullptr) return WrongType("an object", json);
  absl::Status status;
  boost::mp11::mp_for_each<boost::describe::describe_members<
      T, boost::describe::mod_any_access | boost::describe::mod_inherited>>([&](auto member) {
    if (!status.ok()) return;
    const boost::json::value* found = object->if_contains(member.name);
    if (found == nullptr) return;
    status = FromJson(*found, value.*member.pointer);
    if (!status.ok()) status = At(member.name, status);
  });
  return status;
}

template <class T>
absl::Status IntegerFromJson(const boost::json::value& json, T& value) {
  if (!json.is_int64() && !json.is_uint64()) return WrongType("an integer", json);
  const bool fits =
      json.is_int64() ? std::in_range<T>(json.get_int64()) : std::in_range<T>(json.get_uint64());
  if (!fits) {
    return WrongNumber(std::to_string(std::numeric_limits<T>::min()) + " to " +
                       std::to_string(std::numeric_limits<T>::max()));
  }
  value = json.is_int64() ? static_cast<T>(json.get_int64()) : static_cast<T>(json.get_uint64());
  return absl::OkStatus();
}

template <class T>
absl::Status FloatFromJson(const boost::json::value& json, T& value) {
  if (!json.is_number()) return WrongType("a number", json);
  const double number = json.to_number<double>();
  const long double max =
      std::min<long double>(std::numeric_limits<T>::max(), std::numeric_limits<double>::max());
  if (!(std::abs(number) <= max)) return TooLarge(static_cast<double>(max));
  value = static_cast<T>(number);
  return absl::OkStatus();
}

template <class T>
absl::Status FromJson(const boost::json::value& json, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_bool()) return WrongType("true or false", json);
    value = json.get_bool();
  } else if constexpr (std::is_integral_v<T>) {
    return IntegerFromJson(json, value);
  } else if constexpr (std::is_floating_point_v<T>) {
    return FloatFromJson(json, value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!json.is_string()) return WrongType("a string", json);
    value.assign(json.get_string().data(), json.get_string().size());
  } else if constexpr (std::is_same_v<T, absl::Time>) {
    return TimeFromJson(json, value);
  } else if constexpr (std::is_same_v<T, absl::Duration>) {
    return DurationFromJson(json, value);
  } else if constexpr (kIsDescribedEnum<T>) {
    if (!json.is_string()) return WrongType("a string", json);
    if (!IsCString(json) || !boost::describe::enum_from_string(json.get_string().c_str(), value)) {
      return WrongType("the name of one of the enum's values", json);
    }
  } else if constexpr (kIsDescribedStruct<T>) {
    return StructFromJson(json, value);
  } else {
    static_assert(kUnsupported<T>,
                  "outlive: this type cannot be a job's argument: describe it with "
                  "BOOST_DESCRIBE_STRUCT or specialise outlive::ArgsCodec");
  }
  return absl::OkStatus();
}

template <class T>
concept HasArgsCodec = requires(const T& args, std::string_view bytes) {
  { ArgsCodec<T>::Encode(args) } -> std::convertible_to<absl::StatusOr<std::string>>;
  { ArgsCodec<T>::Decode(bytes) } -> std::convertible_to<absl::StatusOr<T>>;
};

}  // namespace internal

// The bytes of `args`: by its ArgsCodec, else as JSON, at most limits::kJsonDepthMax levels deep.
template <class T>
absl::StatusOr<std::string> EncodeArgs(const T& args) {
  if constexpr (internal::HasArgsCodec<T>) {
    return ArgsCodec<T>::Encode(args);
  } else {
    boost::json::value json;
    if (absl::Status status = internal::ToJson(args, json); !status.ok()) return status;
    return internal::SerializeJson(json);
  }
}

// What EncodeArgs() made `bytes` of. At most limits::kJsonDepthMax levels deep.
template <class T>
absl::StatusOr<T> DecodeArgs(std::string_view bytes) {
  if constexpr (internal::HasArgsCodec<T>) {
    return ArgsCodec<T>::Decode(bytes);
  } else {
    absl::StatusOr<boost::json::value> json = internal::ParseJson(bytes);
    if (!json.ok()) return json.status();
    T args{};
    if (absl::Status status = internal::FromJson(*json, args); !status.ok()) return status;
    return args;
  }
}

}  // namespace outlive

#endif  // OUTLIVE_CORE_ARGS_H_
