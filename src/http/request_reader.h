// RequestReader reads one request after the other from a connection, within all limits and
// deadlines. What is malformed never gets past it.
//
// Thread-safety: the I/O thread only.
// Lifetime:      the callback keeps the owner of the reader and of the socket alive.
#ifndef OUTLIVE_SRC_HTTP_REQUEST_READER_H_
#define OUTLIVE_SRC_HTTP_REQUEST_READER_H_

#include <absl/functional/any_invocable.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>

#include "http/http_error.h"
#include "outlive/http/message.h"
#include "outlive/http/server.h"

namespace outlive::http {

struct ReadOutcome {
  enum class Kind {
    kRequest,
    kRefused,  // Answer with `error`, and end the connection.
    kClosed,   // Nobody waits for an answer.
  };

  Kind kind = Kind::kClosed;
  Request request;     // Where refused: as far as it was understood.
  std::string method;  // As it was sent. Empty: not understood.
  bool is_http_1_0 = false;
  bool keep_alive = false;
  HttpError error;
};

class RequestReader {
 public:
  using Callback = absl::AnyInvocable<void(ReadOutcome)>;

  static std::unique_ptr<RequestReader> Create(boost::asio::io_context& io,
                                               boost::asio::ip::tcp::socket& socket,
                                               const ServerOptions& options);

  virtual ~RequestReader() = default;

  // Calls back once, perhaps before it returns. Not again after anything but a request.
  virtual void Read(Callback callback) = 0;
};

}  // namespace outlive::http

#endif  // OUTLIVE_SRC_HTTP_REQUEST_READER_H_
