#include "http/request_framing.h"

#include <optional>

#include "http/authority.h"
#include "http/text.h"

namespace outlive::http {
namespace {

std::optional<HttpError> CheckHostHeader(const Headers& headers, bool is_http_1_0) {
  const int count = headers.Count("Host");
  if (count == 0 && is_http_1_0) return std::nullopt;
  if (count != 1) return HttpError{400, "There has to be one Host header."};
  if (!ParseAuthority(*headers.Get("Host"))) return HttpError{400, "The Host header is malformed."};
  return std::nullopt;
}

std::optional<HttpError> CheckTransferEncoding(const Headers& headers, bool is_http_1_0) {
  if (is_http_1_0) return HttpError{400, "HTTP/1.0 has no Transfer-Encoding."};
  if (headers.Has("Content-Length")) {
    return HttpError{400, "There is a Content-Length next to a Transfer-Encoding."};
  }
  const bool is_chunked = headers.Count("Transfer-Encoding") == 1 &&
                          EqualsIgnoringCase(*headers.Get("Transfer-Encoding"), "chunked");
  if (!is_chunked) return HttpError{400, "The only transfer coding here is chunked."};
  return std::nullopt;
}

std::optional<HttpError> CheckExpectation(const Headers& headers) {
  const int count = headers.Count("Expect");
  const bool understood =
      count == 0 || (count == 1 && EqualsIgnoringCase(*headers.Get("Expect"), "100-continue"));
  if (!understood) return HttpError{417, "The only expectation here is 100-continue."};
  return std::nullopt;
}

std::optional<HttpError> CheckContentEncoding(const Headers& headers) {
  for (const HeaderField& field : headers.fields()) {
    if (!EqualsIgnoringCase(field.name, "Content-Encoding")) continue;
    if (!EqualsIgnoringCase(field.value, "identity")) {
      return HttpError{415, "Bodies have to be sent without compression."};
    }
  }
  return std::nullopt;
}

}  // namespace

std::variant<RequestFraming, HttpError> CheckFraming(const Headers& headers, bool is_http_1_0,
                                                     std::uint64_t body_bytes_max) {
  RequestFraming framing;
  if (auto error = CheckHostHeader(headers, is_http_1_0)) return *std::move(error);
  if (headers.Has("Transfer-Encoding")) {
    if (auto error = CheckTransferEncoding(headers, is_http_1_0)) return *std::move(error);
    framing.is_chunked = true;
  }
  if (headers.Has("Content-Length")) {
    const std::optional<std::uint64_t> length = ParseDigits(*headers.Get("Content-Length"));
    if (headers.Count("Content-Length") != 1 || !length) {
      return HttpError{400, "The Content-Length is malformed."};
    }
    if (*length > body_bytes_max) return HttpError{413, "The body is too large."};
    framing.content_length = *length;
  }
  if (auto error = CheckExpectation(headers)) return *std::move(error);
  if (auto error = CheckContentEncoding(headers)) return *std::move(error);
  framing.expects_continue = !is_http_1_0 && headers.Has("Expect");
  return framing;
}

}  // namespace outlive::http
