// Endpoints of webhooks, which users of a host may enter: only what is plainly allowed passes, and
// no refusal repeats it.
#include <curl/curl.h>

#include <memory>
#include <string>
#include <string_view>

#include "notify/webhook_url.h"
#include "tests/fuzz/target.h"

namespace outlive::fuzz {
namespace {

std::string Part(const internal::CurlUrl& url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, 0) != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owned(text, &curl_free);
  return text;
}

}  // namespace

void WebhookUrl(std::string_view input) {
  const std::string url(input);
  const auto parsed = internal::ParseWebhookUrl(url, false, {443});
  if (!parsed.ok()) {
    const std::string said(parsed.status().message());
    return Require(said.starts_with("the endpoint's URL ") && said.size() < 64,
                   "a refusal does not show the URL");
  }
  Require(Part(*parsed, CURLUPART_SCHEME) == "https", "it is https");
  Require(!Part(*parsed, CURLUPART_HOST).empty(), "it has a host");
  Require(Part(*parsed, CURLUPART_USER).empty() && Part(*parsed, CURLUPART_PASSWORD).empty(),
          "it has no user");
  const std::string port = Part(*parsed, CURLUPART_PORT);
  Require(port.empty() || port == "443", "its port is allowed");
}

}  // namespace outlive::fuzz
