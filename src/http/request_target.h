// The target of a request line, taken apart, decoded and checked.
#ifndef OUTLIVE_SRC_HTTP_REQUEST_TARGET_H_
#define OUTLIVE_SRC_HTTP_REQUEST_TARGET_H_

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "http/http_error.h"
#include "outlive/http/message.h"

namespace outlive::http {

struct RequestTarget {
  // Of the absolute form; empty otherwise.
  std::string authority;

  std::string path;
  std::string query;
  std::vector<QueryParameter> query_parameters;
};

// Understands `/path?query`, `http://host/path?query`, and `*` for OPTIONS. Refused with 400:
//   - a '#', a backslash, a '%' without two hexadecimal digits;
//   - in the decoded path: a control character (%00), bytes that are not UTF-8, an encoded slash or
//     backslash, and the segments "." and "..", however they were encoded. Decoding is done once,
//     so "%252e" is the text "%2e" and names nothing;
//   - in the query: a NUL, bytes that are not UTF-8, more than 256 parameters.
std::variant<RequestTarget, HttpError> ParseTarget(Method method, std::string_view target);

}  // namespace outlive::http

#endif  // OUTLIVE_SRC_HTTP_REQUEST_TARGET_H_
