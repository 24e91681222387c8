// HttpServer: a small HTTP/1.1 server to embed. For a page, an API, downloads and server-sent
// events on one machine, or behind a proxy that speaks TLS and HTTP/2.
//
//   accept ──► limits ──► head, strictly ──► body, limited ──► Handler ──► Response ──► access log
//
// Threads: one thread does all input and output, and never runs foreign code; `thread_count` more
// run handlers, read the sources of streamed bodies and make callbacks. A handler may block as long
// as it likes: it then takes one of these threads, and `thread_count` such handlers hold up other
// handlers and downloads, but never accepting, refusing, deadlines or event streams.
//
// Limits hold before anything is buffered, and what breaks them is answered and disconnected:
//   408 too slow   413 body too large   414 target too long   431 head too large
//   503 too many connections or event streams   400 anything malformed or ambiguous
// In doubt about where a request ends it is refused: Content-Length next to Transfer-Encoding, two
// lengths, any transfer coding but one `chunked`, folded lines, bare line feeds, a space before a
// colon. Bodies are never decompressed (Content-Encoding is 415).
//
// Thread-safety: all methods may be called from many threads at once, but Start() and Stop() not
//                from a handler or callback of this server, which they would wait for.
// Lifetime:      what the options point to, and what the handler uses, outlives the server. The
//                destructor stops it.
// Time:          Date and durations in the access log come from the clock of the options; deadlines
//                of sockets run on the machine's monotonic clock.
// Errors:        Start() says. An exception from a handler is a 500 and a line in the log.
//
// Left out on purpose: TLS, HTTP/2 and compression (a proxy does them better), upgrades, multipart
// forms, and CORS.
#ifndef OUTLIVE_HTTP_SERVER_H_
#define OUTLIVE_HTTP_SERVER_H_

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "outlive/core/clock.h"
#include "outlive/core/log.h"
#include "outlive/http/message.h"
#include "outlive/http/security.h"

namespace outlive::http {

// One answered request, for a log. It has no query string, no header and no body, because those
// hold what should not be in a log. Control characters cannot occur in `path`.
struct AccessRecord {
  std::string peer_address;
  std::string method;  // Empty where the request was too malformed to tell.
  std::string path;    // Decoded; empty where the target was refused.
  int status = 0;
  std::uint64_t body_bytes = 0;  // Of the response, as far as they were handed to the system.
  absl::Duration duration;       // From the whole request to the end of the response.
  bool complete = true;          // False where the connection ended before the response did.
};

// How a server works. Start() checks every field and reports all faults in one kInvalidArgument.
struct ServerOptions {
  // -- Behaviour ---------------------------------------------------------------------------

  // The IP address to listen on.
  std::string address = "127.0.0.1";

  // 0: any free one; HttpServer::port() tells which.
  std::uint16_t port = 0;

  // Must be true for an address that other machines can reach. Reports are private: whoever opens
  // the server to a network has to have put authentication in front of it, and says so here.
  bool allow_non_loopback = false;

  // Host names, without port, under which requests are accepted; others get 421. Empty: all.
  // Set it on a server without authentication of its own: it is the defence against DNS rebinding.
  std::vector<std::string> allowed_hosts;

  // For every response that does not set them itself.
  SecurityHeaders security_headers;

  // Called on a handler thread after each response, also after those the server made itself: one
  // call at a time, in the order in which the responses ended. Empty: no log. It may block and
  // throw no more than a handler.
  std::function<void(const AccessRecord&)> access_log;

  // How long Stop() lets requests that are with a handler, or being answered, go on before their
  // connections are cut. Event streams, idle connections and half-received requests end at once.
  // Zero: cut at once. A handler is never interrupted: Stop() waits for running ones in any case.
  absl::Duration drain_timeout = absl::Seconds(5);

  // -- Limits ------------------------------------------------------------------------------

  std::size_t header_bytes_max = std::size_t{16} * 1024;  // Request line and fields; at least 512.
  std::size_t target_bytes_max = std::size_t{8} * 1024;   // Path and query.
  int header_count_max = 100;
  std::size_t body_bytes_max = std::size_t{1} << 20;

  int connection_count_max = 1024;

  // From one address. Behind a proxy all connections have one, so raise it there.
  int connection_count_per_address_max = 256;

  // Must leave room for other requests: below connection_count_max.
  int event_stream_count_max = 512;

  // From the first byte of a request, or from the accepted connection, to the end of its head.
  absl::Duration header_timeout = absl::Seconds(10);

  // From the end of the head to the end of the body.
  absl::Duration body_timeout = absl::Seconds(30);

  // Between two requests on one connection.
  absl::Duration idle_timeout = absl::Seconds(60);

  // A reader that takes no 64 KiB of an answer in this time is cut off.
  absl::Duration write_timeout = absl::Seconds(30);

  // -- Performance -------------------------------------------------------------------------

  // Threads for handlers, 1 to 256; see above. One more does input and output.
  int thread_count = 4;

  // -- Ports -------------------------------------------------------------------------------

  const Clock* clock = nullptr;  // Null: the system's.
  LogSink* log = nullptr;        // Null: the default sink.
};

class HttpServer {
 public:
  // Called on many threads at once. It may change the request, as a router does.
  using Handler = std::function<Response(Request&)>;

  HttpServer(ServerOptions options, Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Listens, and serves from then on. After an error nothing runs, and it may be called again; so
  // it may after Stop().
  //
  // Errors: kInvalidArgument (options, all faults in one), kUnavailable (the port is taken),
  // kPermissionDenied, kFailedPrecondition (runs already), kInternal (no thread or socket).
  absl::Status Start();

  // Ends all connections and threads, and returns when they have ended. Legal before Start() and
  // again; callers at the same time all return when it is done.
  void Stop();

  // The port it listens on; 0 while it does not run.
  std::uint16_t port() const;

  // How many there are at this moment.
  int connection_count() const;
  int event_stream_count() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace outlive::http

#endif  // OUTLIVE_HTTP_SERVER_H_
