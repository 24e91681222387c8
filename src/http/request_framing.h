// Where a request ends, and whether that can be told without doubt.
#ifndef OUTLIVE_SRC_HTTP_REQUEST_FRAMING_H_
#define OUTLIVE_SRC_HTTP_REQUEST_FRAMING_H_

#include <cstdint>
#include <variant>

#include "http/http_error.h"
#include "outlive/http/headers.h"

namespace outlive::http {

struct RequestFraming {
  bool is_chunked = false;
  std::uint64_t content_length = 0;  // Where it is not chunked.
  bool expects_continue = false;     // The client waits for "100 Continue".
};

// Beast takes equal lengths twice for one, ignores a transfer coding it does not know, and takes
// "gzip, chunked" for chunked. A proxy in front may see another end, and then a request hides in a
// body; so all of these are 400 here. Also checked: Host (RFC 9112, 3.2), Expect (417), a length
// over the limit (413) and Content-Encoding (415).
std::variant<RequestFraming, HttpError> CheckFraming(const Headers& headers, bool is_http_1_0,
                                                     std::uint64_t body_bytes_max);

}  // namespace outlive::http

#endif  // OUTLIVE_SRC_HTTP_REQUEST_FRAMING_H_
