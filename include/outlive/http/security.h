// What a server on the web does by default to protect those who use it with a browser: headers that
// keep a page from doing what it should not, and checks of requests that change something.
//
// There is no CORS anywhere: without its headers, browsers let no other site read an answer.
//
// Thread-safety: plain values and pure functions.
#ifndef OUTLIVE_HTTP_SECURITY_H_
#define OUTLIVE_HTTP_SECURITY_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/http/message.h"
#include "outlive/http/problem.h"

namespace outlive::http {

// Header values for every response that does not set them itself. An empty one is not sent.
struct SecurityHeaders {
  // Scripts, styles and data from this server only, nothing inline, no frames, no plug-ins.
  std::string content_security_policy =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
      "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
  std::string x_content_type_options = "nosniff";
  std::string x_frame_options = "DENY";
  std::string referrer_policy = "no-referrer";
  std::string cross_origin_opener_policy = "same-origin";
  std::string cross_origin_resource_policy = "same-origin";
};

// Sets each of `defaults` that `response` does not have yet. The server does so for every response.
void ApplySecurityHeaders(const SecurityHeaders& defaults, Response& response);

// Refuses, with 403, a request for a change that a browser made for another site. GET, HEAD and
// OPTIONS always pass: they must not change anything. Others pass
//  - by `Sec-Fetch-Site`, where it is sent: "same-origin" and "none" (the user's own doing) only;
//  - else by `Origin`, where it is sent: only if it names the host and port of `Host`. The scheme
//    is not compared, because TLS may end at a proxy in front;
//  - else, with neither, only if the request has no cookie. Every browser of today sends one of the
//    two; a program that sends none has no cookie either that somebody could abuse.
std::optional<Problem> CheckCsrf(const Request& request);

// Refuses, with 415, a body that is not declared as `application/json` in UTF-8. A form of another
// site can send text/plain without asking, but not this.
std::optional<Problem> CheckJsonContentType(const Request& request);

// Refuses, with 421, a request whose `Host` (without port) is none of `allowed_hosts`: the answer
// to DNS rebinding, where a foreign name is made to point at this server. An empty list allows all.
std::optional<Problem> CheckHost(const Request& request,
                                 const std::vector<std::string>& allowed_hosts);

}  // namespace outlive::http

#endif  // OUTLIVE_HTTP_SECURITY_H_
