#include "notify/webhook_url.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

namespace outlive::internal {
namespace {

constexpr std::size_t kUrlBytesMax = 2048;

std::optional<std::string> Part(const CurlUrl& url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return std::nullopt;
  const std::unique_ptr<char, CurlFree<curl_free>> owned(text);
  return std::string(text);
}

}  // namespace

absl::StatusOr<CurlUrl> ParseWebhookUrl(const std::string& url, bool allow_http,
                                        const std::vector<int>& ports) {
  const auto bad = [](std::string_view why) {
    return absl::InvalidArgumentError(fmt::format("the endpoint's URL {}", why));
  };
  // libcurl would stop at a NUL, and takes some of the rest for granted.
  const bool printable =
      std::all_of(url.begin(), url.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  if (url.empty() || url.size() > kUrlBytesMax || !printable) {
    return bad("must be 1 to 2048 printable characters");
  }
  CurlUrl parsed(curl_url());
  if (parsed == nullptr || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    return bad("cannot be parsed");
  }
  const std::string scheme = Part(parsed, CURLUPART_SCHEME).value_or("");
  if (scheme != "https" && !(allow_http && scheme == "http")) {
    return bad(allow_http ? "must be http or https" : "must be https");
  }
  if (Part(parsed, CURLUPART_USER) || Part(parsed, CURLUPART_PASSWORD) ||
      Part(parsed, CURLUPART_OPTIONS)) {
    return bad("must not have a user name or password");
  }
  if (Part(parsed, CURLUPART_HOST).value_or("").empty()) return bad("has no host");
  int port = 0;
  if (!absl::SimpleAtoi(Part(parsed, CURLUPART_PORT).value_or(""), &port) ||
      std::find(ports.begin(), ports.end(), port) == ports.end()) {
    return bad("has a port that is not allowed");
  }
  return parsed;
}

}  // namespace outlive::internal
