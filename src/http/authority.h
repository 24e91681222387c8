// `host[:port]`, as in a Host header, an absolute target or an Origin.
#ifndef OUTLIVE_SRC_HTTP_AUTHORITY_H_
#define OUTLIVE_SRC_HTTP_AUTHORITY_H_

#include <optional>
#include <string_view>

namespace outlive::http {

struct Authority {
  std::string_view host;  // With the brackets of an IPv6 address; may be empty.
  std::string_view port;  // Digits, or empty.
};

// Empty where `text` is not one: user information, paths, spaces, bytes beyond ASCII, a port that
// is not a number of up to five digits. The views point into `text`.
std::optional<Authority> ParseAuthority(std::string_view text);

}  // namespace outlive::http

#endif  // OUTLIVE_SRC_HTTP_AUTHORITY_H_
