// A server on a free port of loopback, with what it logs kept for the test.
#ifndef OUTLIVE_TESTS_HTTP_TEST_SERVER_H_
#define OUTLIVE_TESTS_HTTP_TEST_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "outlive/core/log.h"
#include "outlive/core/mutex.h"
#include "outlive/http/server.h"

namespace outlive::http {

// Something that a thread of the server does and the test waits for.
class Signal {
 public:
  void Set();

  // Waits until Set() was called `count` times in all. Fails the test where that takes too long.
  void Await(int count = 1);

  int count();

 private:
  Mutex mutex_;
  CondVar changed_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Keeps lines.
class KeepingLog final : public LogSink {
 public:
  void Log(const LogRecord& record) override;

  // All lines so far, each with a newline.
  std::string text();

 private:
  Mutex mutex_;
  std::string text_ ABSL_GUARDED_BY(mutex_);
};

// Deadlines that no test reaches by accident, nor by a connection that hangs: then it fails.
ServerOptions PatientOptions();

class TestServer {
 public:
  explicit TestServer(HttpServer::Handler handler, ServerOptions options = PatientOptions());

  HttpServer& operator*() { return *server_; }
  HttpServer* operator->() { return server_.get(); }
  std::uint16_t port() const { return server_->port(); }

  KeepingLog& log() { return log_; }

  // Waits until so many requests have been answered, and gives their records.
  std::vector<AccessRecord> AwaitRecords(int count);

  // Wait until so many are open. Nothing signals these counts, so they are looked at again and
  // again.
  void AwaitConnections(int count);
  void AwaitEventStreams(int count);

 private:
  KeepingLog log_;
  Signal answered_;
  Mutex mutex_;
  std::vector<AccessRecord> records_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<HttpServer> server_;  // Last: its threads use the rest.
};

// Answers every request with its method, path and body.
Response Echo(const Request& request);

}  // namespace outlive::http

#endif  // OUTLIVE_TESTS_HTTP_TEST_SERVER_H_
