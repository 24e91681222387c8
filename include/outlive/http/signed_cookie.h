// Cookies that a browser can keep but not change: `value.signature`, where the signature is an
// HMAC-SHA256 over the cookie's name and value in unpadded base64url.
//
//   value ──► Sign() ──► SetCookieHeader() ──► browser ──► Request::Cookie() ──► Verify() ──► value
//
// The first key signs, every key verifies: to rotate, put the new key in front, and take the old
// one out once its cookies have expired. The name is signed too, so a cookie is worth nothing
// under another name. A signature says nothing about age; put a time in the value where it counts.
//
// Thread-safety: a CookieSigner may be used from many threads at once.
// Errors:        each method says. Signatures are compared in constant time, and a refusal does not
//                tell what was wrong.
#ifndef OUTLIVE_HTTP_SIGNED_COOKIE_H_
#define OUTLIVE_HTTP_SIGNED_COOKIE_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/secret.h"

namespace outlive::http {

class CookieSigner {
 public:
  // One to sixteen keys of 32 to 1024 random bytes each.
  // Errors: kInvalidArgument.
  static absl::StatusOr<CookieSigner> Create(std::vector<Secret> keys);

  // `value.signature` for the cookie `name`. `value` has 1 to 1024 characters of [A-Za-z0-9_.-].
  // Errors: kInvalidArgument (name or value).
  absl::StatusOr<std::string> Sign(std::string_view name, std::string_view value) const;

  // The value that was signed under this name.
  // Errors: kPermissionDenied, always with the same text.
  absl::StatusOr<std::string> Verify(std::string_view name, std::string_view signed_value) const;

 private:
  explicit CookieSigner(std::vector<Secret> keys) : keys_(std::move(keys)) {}

  std::vector<Secret> keys_;
};

struct CookieOptions {
  // Sent over TLS only. On as soon as the site is served over TLS; needed for a name that starts
  // with `__Host-` or `__Secure-`.
  bool secure = false;

  // How long the browser keeps it. Infinite: until it is closed. Zero: delete it now.
  absl::Duration max_age = absl::InfiniteDuration();
};

// The value of a Set-Cookie header: always `HttpOnly; SameSite=Strict; Path=/`.
// Errors: kInvalidArgument (a name or value that cannot stand in a cookie, a negative age).
absl::StatusOr<std::string> SetCookieHeader(std::string_view name, std::string_view value,
                                            const CookieOptions& options = {});

}  // namespace outlive::http

#endif  // OUTLIVE_HTTP_SIGNED_COOKIE_H_
