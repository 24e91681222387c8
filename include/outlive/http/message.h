// Request and Response: what a handler is given and what it returns. Plain values without a line
// of Beast in them, so handlers are tested by calling them.
//
//   bytes ──► (checked, limited, decoded) ──► Request ──► Handler ──► Response ──► bytes
//
// Thread-safety: distinct objects are independent; a shared one needs a lock.
// Lifetime:      a Request lives until its handler has returned; copy what is needed for longer.
//                A Response owns what it will send.
// Errors:        a field that could split the response is refused and remembered by the response:
//                the server then sends a plain 500 and logs why, see Response::Set().
#ifndef OUTLIVE_HTTP_MESSAGE_H_
#define OUTLIVE_HTTP_MESSAGE_H_

#include <absl/status/status.h>

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "outlive/core/byte_stream.h"
#include "outlive/http/event_stream.h"
#include "outlive/http/headers.h"

namespace outlive::http {

// The methods a handler may see. Any other one is answered by the server with 501.
enum class Method { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions };

// "GET", …
std::string_view MethodName(Method method);

// Method names are case-sensitive. Empty: not one of ours.
std::optional<Method> ParseMethod(std::string_view name);

// GET, HEAD and OPTIONS: the client asks for nothing to be changed.
bool IsSafe(Method method);

// One `name=value` of a query, decoded.
using QueryParameter = std::pair<std::string, std::string>;

struct Request {
  Method method = Method::kGet;

  // Percent-decoded UTF-8 that starts with '/'. It has no "." or ".." segment, no encoded slash,
  // no backslash and no control character: requests with those were refused. "*" for `OPTIONS *`.
  std::string path;

  // What stands between '?' and the end of the target, as it was sent, and decoded as a form does
  // ('+' is a space) in its order.
  std::string query;
  std::vector<QueryParameter> query_parameters;

  // As received. `Host` is there at most once, and was replaced by the target's authority where
  // the target had one.
  Headers headers;

  // Whole, and never longer than ServerOptions::body_bytes_max.
  std::string body;

  // IP address of the other end of the connection, without port.
  std::string peer_address;

  // What the router found for each `{name}` of the route, decoded.
  std::vector<std::pair<std::string, std::string>> path_parameters;

  // The first parameter of this name, or empty. Views live as long as the request is unchanged.
  std::optional<std::string_view> QueryValue(std::string_view name) const;

  // The value of `{name}` in the route. Empty where the route has no such name.
  std::string_view PathParameter(std::string_view name) const;

  // The value of a cookie, as it was sent but without surrounding quotes. Where a name was sent
  // more than once, the first, which is the one with the most specific path.
  std::optional<std::string_view> Cookie(std::string_view name) const;
};

// Bytes pulled from a source while they are sent, in constant memory. The source is read and
// destroyed on a handler thread or on the server's own, never on two at once.
struct StreamBody {
  std::unique_ptr<ByteSource> source;

  // Exactly this many bytes are sent as Content-Length. A source that ends earlier, or that fails,
  // ends the connection, so that a client never takes a part for the whole. Empty: not known, and
  // sent chunked until the source ends.
  std::optional<std::uint64_t> size;
};

// A stream of server-sent events; see http/event_stream.h.
struct EventStreamBody {
  EventStreamOpened on_open;
  EventStreamOptions options;
};

class Response {
 public:
  using Body = std::variant<std::string, StreamBody, EventStreamBody>;

  // `status` is between 200 and 599.
  explicit Response(int status = 200) : status_(status) {}

  static Response Text(std::string text, int status = 200);  // text/plain, UTF-8
  static Response Html(std::string html, int status = 200);  // text/html, UTF-8
  static Response Json(const boost::json::value& value, int status = 200);
  static Response NoContent();  // 204

  // `bytes` under any media type.
  static Response Bytes(std::string bytes, std::string_view media_type, int status = 200);

  // Everything `source` has, from where it stands. For files that users download, with ranges and
  // with the headers that make them harmless, use MakeDownload() of http/download.h.
  static Response Stream(std::unique_ptr<ByteSource> source, std::optional<std::uint64_t> size,
                         std::string_view media_type, int status = 200);

  // A regular file, as it is at this moment; 404 where there is none. The path is the host's own:
  // never build one from a request.
  static Response File(const std::string& path, std::string_view media_type);

  // `on_open` is called on a handler thread once the server has accepted the stream, with the
  // sender to keep. It is not called for HEAD, nor where the server has too many streams (503).
  static Response EventStream(EventStreamOpened on_open, EventStreamOptions options = {});

  // Replaces or appends a field. One that is malformed, or that belongs to the server
  // (Connection, Content-Length, Transfer-Encoding and their like), is refused: fault() tells the
  // first one, and the server sends 500 in place of the response.
  Response& Set(std::string_view name, std::string_view value);
  Response& Add(std::string_view name, std::string_view value);

  // OK, or why the first refused field was refused.
  const absl::Status& fault() const { return fault_; }

  int status() const { return status_; }
  void set_status(int status) { status_ = status; }
  const Headers& headers() const { return headers_; }
  const Body& body() const { return body_; }
  Body& body() { return body_; }
  void set_body(Body body) { body_ = std::move(body); }

  // The body where it is in memory, else empty. For tests of handlers.
  std::string_view text() const;

 private:
  void Remember(absl::Status status);

  int status_;
  Headers headers_;
  Body body_;
  absl::Status fault_;
};

// The reason phrase: "Not Found". Empty for a status that has none here.
std::string_view StatusText(int status);

}  // namespace outlive::http

#endif  // OUTLIVE_HTTP_MESSAGE_H_
