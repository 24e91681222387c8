#include "core/json_reader.h"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <cstddef>
#include <cstdint>

namespace outlive::internal {
namespace {

using boost::json::error_code;
using boost::json::string_view;

// What basic_parser<> calls. All but on_double() is what Boost's own parser does.
struct Handler {
  static constexpr std::size_t max_object_size = boost::json::object::max_size();
  static constexpr std::size_t max_array_size = boost::json::array::max_size();
  static constexpr std::size_t max_key_size = boost::json::string::max_size();
  static constexpr std::size_t max_string_size = boost::json::string::max_size();

  boost::json::value_stack stack;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(std::size_t size, error_code&) {
    stack.push_object(size);
    return true;
  }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t size, error_code&) {
    stack.push_array(size);
    return true;
  }
  bool on_key_part(string_view text, std::size_t, error_code&) {
    stack.push_chars(text);
    return true;
  }
  bool on_key(string_view text, std::size_t, error_code&) {
    stack.push_key(text);
    return true;
  }
  bool on_string_part(string_view text, std::size_t, error_code&) {
    stack.push_chars(text);
    return true;
  }
  bool on_string(string_view text, std::size_t, error_code&) {
    stack.push_string(text);
    return true;
  }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t value, string_view, error_code&) {
    stack.push_int64(value);
    return true;
  }
  bool on_uint64(std::uint64_t value, string_view, error_code&) {
    stack.push_uint64(value);
    return true;
  }
  // `text` is the whole number, because the parser is given all of the document at once.
  bool on_double(double nearby, string_view text, error_code&) {
    double exact = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exact);
    const bool read = error == std::errc() && end == text.data() + text.size();
    stack.push_double(read ? exact : nearby);  // Too large or too small: infinite or zero.
    return true;
  }
  bool on_bool(bool value, error_code&) {
    stack.push_bool(value);
    return true;
  }
  bool on_null(error_code&) {
    stack.push_null();
    return true;
  }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }
};

}  // namespace

absl::StatusOr<boost::json::value> ReadJson(std::string_view text, int depth_max) {
  boost::json::parse_options options;
  options.max_depth = static_cast<std::size_t>(depth_max);
  boost::json::basic_parser<Handler> parser(options);
  parser.handler().stack.reset();
  error_code error;
  const std::size_t size = parser.write_some(false, text.data(), text.size(), error);
  if (!error && size < text.size()) error = boost::json::error::extra_data;
  if (error) {
    return absl::InvalidArgumentError(fmt::format("is not JSON: {}", error.message()));
  }
  return parser.handler().stack.release();
}

}  // namespace outlive::internal
