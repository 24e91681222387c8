// ServerCore is one run of an HttpServer, from Start() to Stop(): what its parts share.
//
//   HttpServer ──► ServerCore ──► Listener ──► Session ──► RequestReader, handler, ResponseWriter
//
// Thread-safety: `io` and `pool` may be posted to, and the methods under "any thread" called, from
//                any thread. Everything else is for the I/O thread, which is the only one to run
//                `io`; so sessions need no locks.
// Lifetime:      outlives its threads and all sessions.
#ifndef OUTLIVE_SRC_HTTP_SERVER_CORE_H_
#define OUTLIVE_SRC_HTTP_SERVER_CORE_H_

#include <absl/container/flat_hash_map.h>
#include <absl/functional/any_invocable.h>
#include <absl/functional/function_ref.h>
#include <absl/status/status.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>

#include "http/deadline.h"
#include "http/open_event_stream.h"
#include "outlive/http/server.h"

namespace outlive::http {

class Listener;
class Session;

// Read by any thread, also after the run.
struct ServerCounters {
  std::atomic<int> connections = 0;
  std::atomic<int> event_streams = 0;
};

// A response that is ready to be sent.
struct PreparedResponse {
  Response response;
  std::unique_ptr<OpenEventStream> event_stream;  // Where the body is one.
};

class ServerCore {
 public:
  ServerCore(const ServerOptions& options, const HttpServer::Handler& handler,
             ServerCounters& counters);
  ~ServerCore();
  ServerCore(const ServerCore&) = delete;
  ServerCore& operator=(const ServerCore&) = delete;

  // -- Any thread --------------------------------------------------------------------------

  const ServerOptions& options() const { return options_; }
  const Clock& clock() const { return clock_; }
  ServerCounters& counters() { return counters_; }
  boost::asio::io_context& io() { return io_; }
  boost::asio::thread_pool& pool() { return pool_; }

  // Runs the handler and makes of its response one that can be sent. Never throws.
  PreparedResponse Handle(Request& request);

  // A response of the server's own.
  PreparedResponse Refusal(const Problem& problem);

  // Runs a host's callback on a handler thread. What it throws is logged.
  void RunCallback(std::string_view what, absl::AnyInvocable<void()> callback);

  // Tells the host's access log on a handler thread: one record at a time, in the order of the
  // calls.
  void LogAccess(AccessRecord record);

  void LogWarning(std::string message);

  // -- The I/O thread ----------------------------------------------------------------------

  // Listens on options().address. Before the I/O thread runs.
  absl::Status Listen();
  std::uint16_t port() const;

  // Takes a place for a connection from this address. False: there is none.
  bool Admit(const std::string& address);
  void Add(std::shared_ptr<Session> session);

  // The session has ended; its place is free.
  void Remove(const std::shared_ptr<Session>& session, const std::string& address);

  bool is_stopping() const { return is_stopping_; }

  // Lets everything end, so that io().run() returns.
  void BeginStop();

 private:
  PreparedResponse Prepare(const Request& request, Response response);
  PreparedResponse OpenStream(const Request& request, Response response);
  void RunGuarded(std::string_view what, absl::FunctionRef<void()> callback);
  void CutAll();
  void FinishStopIfEmpty();

  const ServerOptions& options_;
  const HttpServer::Handler& handler_;
  const Clock& clock_;
  LogSink& log_;
  ServerCounters& counters_;

  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  Deadline drain_;
  std::unique_ptr<Listener> listener_;
  std::unordered_set<std::shared_ptr<Session>> sessions_;
  absl::flat_hash_map<std::string, int> connections_by_address_;
  bool is_stopping_ = false;

  // Last, so that its threads are gone before what they use is.
  boost::asio::thread_pool pool_;
  boost::asio::strand<boost::asio::thread_pool::executor_type> access_log_;
};

}  // namespace outlive::http

#endif  // OUTLIVE_SRC_HTTP_SERVER_CORE_H_
