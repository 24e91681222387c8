// Server-sent events over a real connection.
#include <absl/status/status.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/http/raw_client.h"
#include "tests/http/test_server.h"

namespace {

using namespace outlive::http;

// Keeps the senders of a server's streams for the test.
class Hub {
 public:
  Response Open(const Request&, EventStreamOptions options = {}) {
    return Response::EventStream([this](EventSender sender) { Keep(std::move(sender)); }, options);
  }

  // The sender of the stream that was opened as number `index`.
  EventSender Await(int index) {
    opened.Await(index + 1);
    outlive::MutexLock lock(mutex_);
    return senders_[static_cast<std::size_t>(index)];
  }

  Signal opened;
  Signal closed;

 private:
  void Keep(EventSender sender) {
    sender.OnClose([this] { closed.Set(); });
    {
      outlive::MutexLock lock(mutex_);
      senders_.push_back(std::move(sender));
    }
    opened.Set();
  }

  outlive::Mutex mutex_;
  std::vector<EventSender> senders_ ABSL_GUARDED_BY(mutex_);
};

constexpr std::string_view kRetry = "retry: 3000\n\n";

// Opens a stream and reads up to its first line.
std::unique_ptr<RawClient> OpenStream(TestServer& server, std::string_view fields = {}) {
  auto client = std::make_unique<RawClient>(server.port());
  REQUIRE(client->Send(GetRequest("/", fields)));
  const std::string head = client->ReadUntil("\r\n\r\n");
  CHECK(head.starts_with("HTTP/1.1 200"));
  CHECK(head.find("Content-Type: text/event-stream\r\n") != std::string::npos);
  CHECK(head.find("Cache-Control: no-store\r\n") != std::string::npos);
  CHECK(head.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(client->ReadChunk() == kRetry);
  return client;
}

}  // namespace

TEST_CASE("events reach the browser in order") {
  Hub hub;
  TestServer server([&](const Request& request) { return hub.Open(request); });
  const auto client = OpenStream(server);
  const EventSender sender = hub.Await(0);
  REQUIRE(sender.Send({.id = "1", .name = "progress", .data = "0.5\nhalf"}).ok());
  CHECK(client->ReadChunk() == "id: 1\nevent: progress\ndata: 0.5\ndata: half\n\n");
  CHECK(absl::IsInvalidArgument(sender.Send({.id = "1\n2"})));
  for (int i = 0; i < 1000; ++i) REQUIRE(sender.Send({.data = fmt::format("{}", i)}).ok());
  sender.Close();
  std::string all;
  for (std::string chunk = client->ReadChunk(); !chunk.empty(); chunk = client->ReadChunk()) {
    all += chunk;
  }
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += fmt::format("data: {}\n\n", i);
  CHECK(all == expected);
  CHECK(client->IsClosedByServer());
  hub.closed.Await();
  CHECK(sender.closed());
  CHECK(absl::IsCancelled(sender.Send({.data = "late"})));
}

TEST_CASE("what is sent while the stream opens comes first") {
  TestServer server([](const Request& request) {
    return Response::EventStream([last = LastEventId(request)](EventSender sender) {
      CHECK(sender.Send({.id = "8", .data = "after " + last}).ok());
      sender.Close();
    });
  });
  const auto client = OpenStream(server, "Last-Event-ID: 7\r\n");
  CHECK(client->ReadChunk() == "id: 8\ndata: after 7\n\n");
  CHECK(client->ReadChunk() == "");
}

TEST_CASE("comments come when nothing else does") {
  Hub hub;
  EventStreamOptions options;
  options.heartbeat = absl::Milliseconds(1);
  options.retry = absl::ZeroDuration();
  TestServer server([&](const Request& request) { return hub.Open(request, options); });
  RawClient client(server.port());
  REQUIRE(client.Send(GetRequest("/")));
  client.ReadUntil("\r\n\r\n");
  for (int i = 0; i < 5; ++i) CHECK(client.ReadChunk() == ":\n\n");
  REQUIRE(hub.Await(0).Send({.data = "x"}).ok());
  CHECK(client.ReadUntil("data: x\n\n").ends_with("data: x\n\n"));
}

TEST_CASE("a client that goes away is noticed without anything being sent") {
  Hub hub;
  TestServer server([&](const Request& request) { return hub.Open(request); });
  auto client = OpenStream(server);
  const EventSender sender = hub.Await(0);
  CHECK_FALSE(sender.closed());
  client.reset();
  hub.closed.Await();
  CHECK(sender.closed());
  server.AwaitEventStreams(0);
  server.AwaitConnections(0);
  std::atomic<bool> called = false;
  sender.OnClose([&] { called = true; });
  CHECK(called);
}

TEST_CASE("a reader that stalls is dropped and never holds the sender up") {
  Hub hub;
  EventStreamOptions options;
  options.buffer_bytes_max = 1'000'000;
  TestServer server([&](const Request& request) { return hub.Open(request, options); });
  RawClient stalled(server.port(), {.receive_buffer_bytes = 4096});
  REQUIRE(stalled.Send(GetRequest("/")));
  const auto healthy = OpenStream(server);
  hub.opened.Await(2);
  // Which of the two was first depends on the handlers' threads: the one that is dropped is it.
  const std::string data(100'000, 'x');
  bool dropped[2] = {false, false};
  const EventSender senders[2] = {hub.Await(0), hub.Await(1)};
  while (!dropped[0] && !dropped[1]) {
    for (int i = 0; i < 2; ++i) {
      const absl::Status sent = senders[i].Send({.data = data});
      dropped[i] = !sent.ok();
      if (dropped[i]) CHECK(absl::IsResourceExhausted(sent));
    }
    CHECK(healthy->ReadUntil("\n\n").ends_with("\n\n"));
  }
  hub.closed.Await();
  CHECK(hub.closed.count() == 1);
  server.AwaitEventStreams(1);
  const EventSender& left = senders[dropped[0] ? 1 : 0];
  CHECK_FALSE(left.closed());
  CHECK(left.Send({.data = "still here"}).ok());
  CHECK(healthy->ReadUntil("still here\n\n").ends_with("still here\n\n"));
}

TEST_CASE("streams over the limit get 503, and places come back") {
  Hub hub;
  ServerOptions options = PatientOptions();
  options.event_stream_count_max = 2;
  TestServer server(
      [&](const Request& request) {
        return request.path == "/" ? hub.Open(request) : Echo(request);
      },
      options);
  auto first = OpenStream(server);
  const auto second = OpenStream(server);
  RawClient third(server.port());
  const RawReply refused = third.Ask(GetRequest("/"));
  CHECK(refused.status == 503);
  CHECK(refused.headers.Has("Retry-After"));
  CHECK(third.Ask(GetRequest("/other")).status == 200);
  CHECK(hub.opened.count() == 2);
  first.reset();
  server.AwaitEventStreams(1);
  OpenStream(server);
}

TEST_CASE("many streams all get what is sent to all") {
  constexpr int kClients = 40;
  Hub hub;
  TestServer server([&](const Request& request) { return hub.Open(request); });
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(OpenStream(server));
  std::vector<std::thread> senders;
  for (int thread = 0; thread < 4; ++thread) {
    senders.emplace_back([&, thread] {
      for (int i = 0; i < kClients; ++i) {
        CHECK(hub.Await(i).Send({.data = fmt::format("from {}", thread)}).ok());
      }
    });
  }
  for (std::thread& sender : senders) sender.join();
  for (const auto& client : clients) {
    for (int i = 0; i < 4; ++i) CHECK(client->ReadUntil("\n\n").ends_with("\n\n"));
  }
  server->Stop();
  CHECK(hub.closed.count() == kClients);
}

TEST_CASE("HEAD opens no stream") {
  Hub hub;
  TestServer server([&](const Request& request) { return hub.Open(request); });
  RawClient client(server.port());
  REQUIRE(client.Send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"));
  CHECK(client.ReadReply(true).Header("Content-Type") == "text/event-stream");
  CHECK(hub.opened.count() == 0);
  CHECK(server->event_stream_count() == 0);
}

TEST_CASE("an opening that throws is a 500 and frees its place") {
  Signal closed;
  TestServer server([&](const Request&) {
    return Response::EventStream([&](EventSender sender) {
      sender.OnClose([&] { closed.Set(); });
      throw std::runtime_error("no room");
    });
  });
  RawClient client(server.port());
  CHECK(client.Ask(GetRequest("/")).status == 500);
  closed.Await();
  CHECK(server->event_stream_count() == 0);
  CHECK(server.log().text().find("no room") != std::string::npos);
}

TEST_CASE("a callback that throws is logged, and the others are called") {
  Signal closed;
  TestServer server([&](const Request&) {
    return Response::EventStream([&](EventSender sender) {
      sender.OnClose([] { throw std::runtime_error("clumsy"); });
      sender.OnClose([&] { closed.Set(); });
      sender.Close();
    });
  });
  OpenStream(server);
  closed.Await();
  server->Stop();
  CHECK(server.log().text().find("clumsy") != std::string::npos);
}

TEST_CASE("a client that talks during its stream is cut off after a while") {
  Hub hub;
  TestServer server([&](const Request& request) { return hub.Open(request); });
  const auto client = OpenStream(server);
  client->Send("\r\n");
  CHECK(hub.Await(0).Send({.data = "x"}).ok());
  CHECK(client->ReadChunk() == "data: x\n\n");
  client->Send(std::string(100'000, 'a'));
  CHECK(client->IsClosedByServer());
  hub.closed.Await();
}

TEST_CASE("a sender may outlive its server") {
  std::optional<EventSender> sender;
  Hub hub;
  {
    TestServer server([&](const Request& request) { return hub.Open(request); });
    const auto client = OpenStream(server);
    sender = hub.Await(0);
  }
  CHECK(sender->closed());
  CHECK(absl::IsCancelled(sender->Send({.data = "x"})));
  sender->Close();
}

TEST_CASE("stopping while many threads send ends all of them") {
  Hub hub;
  TestServer server([&](const Request& request) { return hub.Open(request); });
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(OpenStream(server));
  std::vector<std::thread> senders;
  for (int i = 0; i < 8; ++i) {
    senders.emplace_back([sender = hub.Await(i)] {
      while (sender.Send({.data = "x"}).ok()) std::this_thread::yield();
      CHECK(sender.closed());
    });
  }
  CHECK(clients[0]->ReadUntil("data: x\n\n").ends_with("data: x\n\n"));
  server->Stop();
  for (std::thread& sender : senders) sender.join();
  CHECK(hub.closed.count() == 8);
  for (const auto& client : clients) CHECK(client->IsClosedByServer());
}
