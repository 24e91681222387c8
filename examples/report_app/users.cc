#include "report_app/users.h"

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <optional>
#include <string_view>
#include <utility>

#include "outlive/http/problem.h"

namespace report_app {
namespace {

constexpr std::string_view kCookie = "report_user";
constexpr std::size_t kUserBytes = 16;

}  // namespace

Users::Users(outlive::http::CookieSigner signer, outlive::RandomSource& random, bool over_tls)
    : signer_(std::move(signer)), random_(random), over_tls_(over_tls) {}

std::string Users::Identify(const outlive::http::Request& request) const {
  const std::optional<std::string_view> cookie = request.Cookie(kCookie);
  if (!cookie) return {};
  absl::StatusOr<std::string> user = signer_.Verify(kCookie, *cookie);
  return user.ok() ? *std::move(user) : std::string();
}

outlive::http::Router::Handler Users::WithUser(Handler handler) const {
  return [this, handler = std::move(handler)](const outlive::http::Request& request) {
    std::string user = Identify(request);
    if (!user.empty()) return handler(request, user);

    user = outlive::RandomHex(random_, kUserBytes);
    const absl::StatusOr<std::string> signed_user = signer_.Sign(kCookie, user);
    if (!signed_user.ok())
      return ToResponse(outlive::http::ProblemFromStatus(signed_user.status()));
    const absl::StatusOr<std::string> cookie = outlive::http::SetCookieHeader(
        kCookie, *signed_user, {.secure = over_tls_, .max_age = absl::Hours(24 * 365)});
    if (!cookie.ok()) return ToResponse(outlive::http::ProblemFromStatus(cookie.status()));
    outlive::http::Response response = handler(request, user);
    response.Add("Set-Cookie", *cookie);
    return response;
  };
}

}  // namespace report_app
