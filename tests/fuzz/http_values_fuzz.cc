// The small texts in a request that a server takes apart, and those it makes of foreign text.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "core/utf8.h"
#include "http/authority.h"
#include "http/request_target.h"
#include "http/text.h"
#include "outlive/http/download.h"
#include "outlive/http/security.h"
#include "tests/fuzz/target.h"

namespace outlive::fuzz {
namespace {

void CheckTarget(http::Method method, std::string_view text) {
  const auto parsed = http::ParseTarget(method, text);
  const auto* target = std::get_if<http::RequestTarget>(&parsed);
  if (target == nullptr) {
    return Require(std::get<http::HttpError>(parsed).status == 400, "a bad target is a 400");
  }
  Require(target->path == "*" || target->path.starts_with('/'), "a path is absolute");
  Require(internal::IsUtf8(target->path), "a path is text");
  Require(std::none_of(target->path.begin(), target->path.end(), http::IsControl),
          "a path has no control character");
  Require(target->path.find("/../") == std::string::npos && !target->path.ends_with("/.."),
          "a path goes nowhere but down");
  for (const auto& [name, value] : target->query_parameters) {
    Require(internal::IsUtf8(name) && internal::IsUtf8(value), "a parameter is text");
    Require(name.find('\0') == std::string::npos && value.find('\0') == std::string::npos,
            "a parameter has no NUL");
  }
}

void CheckRange(std::string_view text, std::uint64_t size) {
  const http::RangeChoice choice = http::ChooseRange(text, size);
  if (choice.kind != http::RangeKind::kPart) return;
  Require(choice.range.first <= choice.range.last && choice.range.last < size,
          "a range is part of the file");
}

void CheckName(std::string_view text) {
  const std::string header = http::AttachmentDisposition(text);
  Require(header.starts_with("attachment"), "a download is never shown");
  Require(std::all_of(header.begin(), header.end(), [](char c) { return c >= 0x20 && c < 0x7f; }),
          "a disposition is one line of ASCII");
}

void CheckOrigin(std::string_view host, std::string_view origin) {
  http::Request request;
  request.method = http::Method::kPost;
  if (!request.headers.Add("Host", host).ok() || !request.headers.Add("Origin", origin).ok()) {
    return;
  }
  const bool refused = http::CheckCsrf(request).has_value();
  const auto parsed = http::ParseAuthority(host);
  // The origin has to name the host. (A default port may be written or left out.)
  const bool names_host = parsed && std::search(origin.begin(), origin.end(), parsed->host.begin(),
                                                parsed->host.end(), [](char a, char b) {
                                                  return http::EqualsIgnoringCase({&a, 1}, {&b, 1});
                                                }) != origin.end();
  Require(refused || names_host, "an origin that passes names the host");
  static_cast<void>(http::CheckHost(request, {"localhost", "example.com"}));
  static_cast<void>(http::CheckJsonContentType(request));
}

}  // namespace

void HttpValues(std::string_view input) {
  Input in(input);
  const auto method = static_cast<http::Method>(in.Below(7));
  const auto size = static_cast<std::uint64_t>(in.Int64());
  const std::string_view line = in.Line();
  const std::string_view text = in.Rest();
  CheckTarget(method, text);
  CheckRange(text, size);
  CheckName(text);
  CheckOrigin(line, text);
  Require(http::PercentDecode(http::PercentEncode(text, "")) == text, "encoding can be undone");
  const auto authority = http::ParseAuthority(text);
  Require(!authority || authority->host.size() + authority->port.size() <= text.size(),
          "an authority is part of its text");
  if (http::IsFieldValue(text)) {
    http::Request request;
    Require(request.headers.Add("Content-Type", text.substr(0, 1'000)).ok(), "a field is taken");
    static_cast<void>(http::CheckJsonContentType(request));
  }
}

}  // namespace outlive::fuzz
