#include "outlive/http/security.h"

#include <algorithm>
#include <utility>

#include "http/authority.h"
#include "http/text.h"

namespace outlive::http {
namespace {

void SetDefault(Response& response, std::string_view name, const std::string& value) {
  if (!value.empty() && !response.headers().Has(name)) response.Set(name, value);
}

// Whether `origin` ("https://example.com:8443") and `host` ("example.com:8443") name one host and
// one port. A port that is not written is the scheme's own on both sides.
bool IsSameHost(std::string_view origin, std::string_view host) {
  std::string_view default_port;
  for (const auto& [scheme, port] :
       {std::pair<std::string_view, std::string_view>{"http://", "80"}, {"https://", "443"}}) {
    if (!origin.starts_with(scheme)) continue;
    origin.remove_prefix(scheme.size());
    default_port = port;
    break;
  }
  if (default_port.empty()) return false;  // "null" and foreign schemes.
  const std::optional<Authority> a = ParseAuthority(origin);
  const std::optional<Authority> b = ParseAuthority(host);
  if (!a || !b || a->host.empty()) return false;
  const auto port = [&](const Authority& authority) {
    return authority.port.empty() ? default_port : authority.port;
  };
  return EqualsIgnoringCase(a->host, b->host) && port(*a) == port(*b);
}

Problem CrossSite() {
  return MakeProblem(403, "This request was not made by a page of this site.");
}

}  // namespace

void ApplySecurityHeaders(const SecurityHeaders& defaults, Response& response) {
  SetDefault(response, "Content-Security-Policy", defaults.content_security_policy);
  SetDefault(response, "X-Content-Type-Options", defaults.x_content_type_options);
  SetDefault(response, "X-Frame-Options", defaults.x_frame_options);
  SetDefault(response, "Referrer-Policy", defaults.referrer_policy);
  SetDefault(response, "Cross-Origin-Opener-Policy", defaults.cross_origin_opener_policy);
  SetDefault(response, "Cross-Origin-Resource-Policy", defaults.cross_origin_resource_policy);
}

std::optional<Problem> CheckCsrf(const Request& request) {
  if (IsSafe(request.method)) return std::nullopt;
  const Headers& headers = request.headers;
  if (headers.Count("Sec-Fetch-Site") > 1 || headers.Count("Origin") > 1) return CrossSite();

  if (const auto site = headers.Get("Sec-Fetch-Site")) {
    if (*site == "same-origin" || *site == "none") return std::nullopt;
    return CrossSite();
  }
  if (const auto origin = headers.Get("Origin")) {
    if (IsSameHost(*origin, headers.Get("Host").value_or(""))) return std::nullopt;
    return CrossSite();
  }
  if (headers.Has("Cookie")) return CrossSite();
  return std::nullopt;
}

std::optional<Problem> CheckJsonContentType(const Request& request) {
  const auto refused = MakeProblem(415, "The body has to be declared as application/json.");
  if (request.headers.Count("Content-Type") != 1) return refused;
  const std::string_view declared = *request.headers.Get("Content-Type");
  const std::size_t semicolon = std::min(declared.find(';'), declared.size());
  if (!EqualsIgnoringCase(TrimBlanks(declared.substr(0, semicolon)), "application/json")) {
    return refused;
  }
  const std::string_view parameter =
      TrimBlanks(declared.substr(std::min(semicolon + 1, declared.size())));
  const bool is_utf8 = parameter.empty() || EqualsIgnoringCase(parameter, "charset=utf-8") ||
                       EqualsIgnoringCase(parameter, "charset=\"utf-8\"");
  if (!is_utf8) return refused;
  return std::nullopt;
}

std::optional<Problem> CheckHost(const Request& request,
                                 const std::vector<std::string>& allowed_hosts) {
  if (allowed_hosts.empty()) return std::nullopt;
  const std::string_view host = request.headers.Get("Host").value_or("");
  const std::optional<Authority> authority = ParseAuthority(host);
  const bool allowed =
      authority.has_value() &&
      std::any_of(allowed_hosts.begin(), allowed_hosts.end(), [&](const std::string& name) {
        return EqualsIgnoringCase(name, authority->host);
      });
  if (allowed) return std::nullopt;
  return MakeProblem(421, "This server does not answer for the host that was asked for.");
}

}  // namespace outlive::http
