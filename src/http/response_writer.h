// ResponseWriter sends one response after the other, each piece of a body within a deadline.
//
// Thread-safety: the I/O thread only.
// Lifetime:      the callback keeps the owner of the writer and of the socket alive.
#ifndef OUTLIVE_SRC_HTTP_RESPONSE_WRITER_H_
#define OUTLIVE_SRC_HTTP_RESPONSE_WRITER_H_

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/time/time.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "http/body_producer.h"
#include "outlive/http/headers.h"

namespace outlive::http {

struct ResponseHead {
  int status = 200;
  Headers headers;
  std::string date;
  bool keep_alive = false;
  bool is_http_1_0 = false;  // The client is, and does not understand chunks.
  bool head_only = false;    // The request was HEAD.

  // Empty: not known before the end.
  std::optional<std::uint64_t> content_length;
};

struct WriteOutcome {
  // OK: all of it was handed to the system. Otherwise the connection is of no more use, unless
  // nothing of the response was sent.
  absl::Status status;
  bool has_begun = false;
  bool keep_alive = false;
  std::uint64_t body_bytes = 0;
};

class ResponseWriter {
 public:
  using Callback = absl::AnyInvocable<void(WriteOutcome)>;

  // A reader that takes no piece within `timeout` is cut off.
  static std::unique_ptr<ResponseWriter> Create(boost::asio::io_context& io,
                                                boost::asio::ip::tcp::socket& socket,
                                                absl::Duration timeout);

  virtual ~ResponseWriter() = default;

  // Calls back once, perhaps before it returns. `body` is not asked where there is none to send.
  virtual void Write(const ResponseHead& head, std::shared_ptr<BodyProducer> body,
                     Callback callback) = 0;
};

}  // namespace outlive::http

#endif  // OUTLIVE_SRC_HTTP_RESPONSE_WRITER_H_
