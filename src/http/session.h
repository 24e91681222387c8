// Session is one connection: it reads a request, has it handled, sends the response, and again.
//
//   Reading ──► Handling ──► Writing ──► Reading … ──► Lingering ──► Ended
//
// Reading: no request is complete. Handling: a handler thread has the request; the socket rests, so
// a client that pipelines waits. Writing: the response goes out; of an event stream, until it ends.
// Lingering: the last response is out, and what the client still sends is thrown away for a moment,
// because closing on unread bytes would destroy the response on its way.
//
// Thread-safety: the I/O thread only, but for the request while it is handled.
// Lifetime:      owned by ServerCore until it has ended, and by its operations.
#ifndef OUTLIVE_SRC_HTTP_SESSION_H_
#define OUTLIVE_SRC_HTTP_SESSION_H_

#include <absl/time/time.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>

#include "http/deadline.h"
#include "http/event_producer.h"
#include "http/request_reader.h"
#include "http/response_writer.h"
#include "http/server_core.h"

namespace outlive::http {

class Session final : public std::enable_shared_from_this<Session> {
 public:
  // `peer_address` has been admitted; the session gives its place back.
  Session(ServerCore& core, boost::asio::ip::tcp::socket socket, std::string peer_address);

  void Start() { ReadRequest(); }

  // Ends at once where no response is owed, else after it.
  void BeginStop();

  // Ends at once. A running handler is waited for.
  void Cut();

 private:
  enum class Phase { kReading, kHandling, kWriting, kLingering, kEnded };

  void ReadRequest();
  void OnRead(ReadOutcome outcome);
  void HandleRequest();
  void Respond(PreparedResponse prepared);
  std::shared_ptr<BodyProducer> MakeProducer(PreparedResponse& prepared);
  ResponseHead MakeHead(const PreparedResponse& prepared) const;
  void OnWritten(WriteOutcome outcome);
  void LogAccess(const WriteOutcome& outcome);

  // Notices that the reader of an event stream has gone.
  void WatchReader();
  void CutStream();

  void Linger();
  void Discard();
  void End();

  ServerCore& core_;
  boost::asio::ip::tcp::socket socket_;
  const std::string peer_address_;
  const std::unique_ptr<RequestReader> reader_;
  const std::unique_ptr<ResponseWriter> writer_;
  Deadline linger_deadline_;

  Phase phase_ = Phase::kReading;
  bool is_cut_ = false;
  ReadOutcome incoming_;
  int status_ = 0;
  absl::Duration received_at_;
  std::shared_ptr<EventProducer> events_;  // While an event stream is written.
  std::array<char, 4096> scratch_;
  std::size_t discarded_bytes_ = 0;
};

}  // namespace outlive::http

#endif  // OUTLIVE_SRC_HTTP_SESSION_H_
