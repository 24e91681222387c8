#include "tests/http/test_server.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

namespace outlive::http {
namespace {

// After this something hangs. Nothing else depends on it.
constexpr std::chrono::seconds kPatience(120);

void AwaitCount(const std::function<int()>& count, int expected) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (count() != expected && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::yield();
  }
  REQUIRE(count() == expected);
}

}  // namespace

void Signal::Set() {
  MutexLock lock(mutex_);
  ++count_;
  changed_.NotifyAll();
}

void Signal::Await(int count) {
  MutexLock lock(mutex_);
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (count_ < count && std::chrono::steady_clock::now() < give_up) {
    changed_.WaitFor(mutex_, std::chrono::seconds(1));
  }
  REQUIRE(count_ >= count);
}

int Signal::count() {
  MutexLock lock(mutex_);
  return count_;
}

void KeepingLog::Log(const LogRecord& record) {
  MutexLock lock(mutex_);
  text_ += fmt::format("{}\n", record.message);
}

std::string KeepingLog::text() {
  MutexLock lock(mutex_);
  return text_;
}

ServerOptions PatientOptions() {
  ServerOptions options;
  options.drain_timeout = absl::Minutes(10);
  options.header_timeout = absl::Minutes(10);
  options.body_timeout = absl::Minutes(10);
  options.idle_timeout = absl::Minutes(10);
  options.write_timeout = absl::Minutes(10);
  return options;
}

TestServer::TestServer(HttpServer::Handler handler, ServerOptions options) {
  options.log = &log_;
  options.access_log = [this](const AccessRecord& record) {
    {
      MutexLock lock(mutex_);
      records_.push_back(record);
    }
    answered_.Set();
  };
  server_ = std::make_unique<HttpServer>(std::move(options), std::move(handler));
  const absl::Status started = server_->Start();
  REQUIRE_MESSAGE(started.ok(), std::string(started.message()));
}

std::vector<AccessRecord> TestServer::AwaitRecords(int count) {
  answered_.Await(count);
  MutexLock lock(mutex_);
  return records_;
}

void TestServer::AwaitConnections(int count) {
  AwaitCount([&] { return server_->connection_count(); }, count);
}

void TestServer::AwaitEventStreams(int count) {
  AwaitCount([&] { return server_->event_stream_count(); }, count);
}

Response Echo(const Request& request) {
  return Response::Text(
      fmt::format("{} {} {}", MethodName(request.method), request.path, request.body));
}

}  // namespace outlive::http
