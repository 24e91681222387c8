// Starting, stopping, and what a host sees of it.
#include "outlive/http/server.h"

#include <absl/status/status.h>
#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "tests/http/raw_client.h"
#include "tests/http/test_server.h"

namespace {

using namespace outlive::http;

class StandingClock final : public outlive::Clock {
 public:
  absl::Time Now() const override { return absl::FromUnixSeconds(784111777); }
  absl::Duration SinceBoot() const override { return absl::Seconds(1); }
};

}  // namespace

TEST_CASE("a server takes a free port, serves, and gives it back") {
  HttpServer server({}, Echo);
  CHECK(server.port() == 0);
  REQUIRE(server.Start().ok());
  const std::uint16_t port = server.port();
  CHECK(port != 0);
  CHECK(RawClient(port).Ask(GetRequest("/x")).body == "GET /x ");
  CHECK(absl::IsFailedPrecondition(server.Start()));
  server.Stop();
  CHECK(server.port() == 0);
  CHECK(server.connection_count() == 0);

  ServerOptions same_port;
  same_port.port = port;
  HttpServer next(same_port, Echo);
  CHECK(next.Start().ok());
}

TEST_CASE("stopping is legal before the start, twice, and by destruction") {
  HttpServer server({}, Echo);
  server.Stop();
  server.Stop();
  REQUIRE(server.Start().ok());
  server.Stop();
  server.Stop();
  {
    HttpServer never_started({}, Echo);
  }
  HttpServer running({}, Echo);
  REQUIRE(running.Start().ok());
}

TEST_CASE("a server can be started again after its stop") {
  HttpServer server({}, Echo);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(server.Start().ok());
    CHECK(RawClient(server.port()).Ask(GetRequest("/")).status == 200);
    server.Stop();
  }
}

TEST_CASE("a taken port is an error, and the server starts once it is free") {
  auto first = std::make_unique<HttpServer>(ServerOptions(), Echo);
  REQUIRE(first->Start().ok());
  ServerOptions options;
  options.port = first->port();
  HttpServer second(options, Echo);
  CHECK(absl::IsUnavailable(second.Start()));
  CHECK(absl::IsUnavailable(second.Start()));
  CHECK(second.port() == 0);
  first.reset();
  REQUIRE(second.Start().ok());
  CHECK(RawClient(second.port()).Ask(GetRequest("/")).status == 200);
}

TEST_CASE("all faults of the options are told at once") {
  ServerOptions options;
  options.address = "localhost";
  options.thread_count = 0;
  options.header_timeout = absl::ZeroDuration();
  options.event_stream_count_max = options.connection_count_max;
  options.header_bytes_max = 10;
  options.security_headers.referrer_policy = "a\r\nb";
  const absl::Status status = HttpServer(options, Echo).Start();
  CHECK(absl::IsInvalidArgument(status));
  const std::string message(status.message());
  for (const char* field : {"address", "thread_count", "timeout", "event_stream_count_max",
                            "header_bytes_max", "security_headers"}) {
    CAPTURE(field);
    CHECK(message.find(field) != std::string::npos);
  }
  CHECK(absl::IsInvalidArgument(HttpServer({}, nullptr).Start()));
}

TEST_CASE("an address that others can reach needs a word for it") {
  for (const char* address : {"0.0.0.0", "::", "192.0.2.1"}) {
    ServerOptions options;
    options.address = address;
    const absl::Status status = HttpServer(options, Echo).Start();
    CHECK(absl::IsInvalidArgument(status));
    CHECK(std::string(status.message()).find("allow_non_loopback") != std::string::npos);
  }
}

TEST_CASE("eight threads that stop a server at once all find it stopped") {
  for (int round = 0; round < 5; ++round) {
    HttpServer server({}, Echo);
    REQUIRE(server.Start().ok());
    RawClient idle(server.port());
    RawClient busy(server.port());
    REQUIRE(busy.Ask(GetRequest("/")).status == 200);
    std::vector<std::thread> threads;
    std::atomic<int> stopped = 0;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        server.Stop();
        if (server.port() == 0 && server.connection_count() == 0) ++stopped;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(stopped == 8);
    CHECK(idle.IsClosedByServer());
    CHECK(busy.IsClosedByServer());
  }
}

TEST_CASE("stopping ends idle, half-sent and streaming connections at once") {
  std::atomic<int> closed = 0;
  TestServer server([&](const Request& request) {
    if (request.path != "/events") return Echo(request);
    return Response::EventStream([&](EventSender sender) { sender.OnClose([&] { ++closed; }); });
  });
  RawClient idle(server.port());
  RawClient kept(server.port());
  REQUIRE(kept.Ask(GetRequest("/")).status == 200);
  RawClient half(server.port());
  REQUIRE(half.Send("GET / HTTP/1.1\r\nHost:"));
  RawClient half_body(server.port());
  REQUIRE(half_body.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n123"));
  RawClient stream(server.port());
  REQUIRE(stream.Send(GetRequest("/events")));
  stream.ReadUntil("retry: 3000\n\n");
  server.AwaitConnections(5);
  server->Stop();
  CHECK(closed == 1);
  CHECK(server->connection_count() == 0);
  CHECK(server->event_stream_count() == 0);
  for (RawClient* client : {&idle, &kept, &half, &half_body, &stream}) {
    CHECK(client->IsClosedByServer());
  }
}

TEST_CASE("a request that is with its handler is still answered") {
  Signal entered;
  Signal leave;
  TestServer server([&](const Request& request) {
    entered.Set();
    leave.Await();
    return Echo(request);
  });
  RawClient client(server.port());
  REQUIRE(client.Send(GetRequest("/slow")));
  entered.Await();
  RawClient idle(server.port());
  server.AwaitConnections(2);
  std::thread stopper([&] { server->Stop(); });
  CHECK(idle.IsClosedByServer());  // The stop has begun.
  leave.Set();
  const RawReply reply = client.ReadReply();
  CHECK(reply.status == 200);
  CHECK(reply.Header("Connection") == "close");
  stopper.join();
}

TEST_CASE("without time to drain, stopping cuts what is being answered") {
  Signal entered;
  Signal leave;
  ServerOptions options = PatientOptions();
  options.drain_timeout = absl::ZeroDuration();
  TestServer server(
      [&](const Request& request) {
        entered.Set();
        leave.Await();
        return Echo(request);
      },
      options);
  RawClient client(server.port());
  REQUIRE(client.Send(GetRequest("/slow")));
  entered.Await();
  std::thread stopper([&] { server->Stop(); });
  CHECK(client.IsClosedByServer());
  leave.Set();
  stopper.join();
  CHECK(server->connection_count() == 0);
}

TEST_CASE("slow handlers hold up neither accepting nor event streams nor refusals") {
  Signal entered;
  Signal leave;
  ServerOptions options = PatientOptions();
  options.thread_count = 2;
  EventStreamOptions stream_options;
  stream_options.heartbeat = absl::Milliseconds(1);
  TestServer server(
      [&](const Request& request) {
        if (request.path == "/events") {
          return Response::EventStream([](EventSender) {}, stream_options);
        }
        entered.Set();
        leave.Await();
        return Echo(request);
      },
      options);
  RawClient stream(server.port());
  REQUIRE(stream.Send(GetRequest("/events")));
  stream.ReadUntil(":\n\n");
  RawClient first(server.port());
  RawClient second(server.port());
  REQUIRE(first.Send(GetRequest("/1")));
  REQUIRE(second.Send(GetRequest("/2")));
  entered.Await(2);
  for (int i = 0; i < 3; ++i) CHECK(stream.ReadUntil(":\n\n").ends_with(":\n\n"));
  CHECK(RawClient(server.port()).Ask("nonsense\r\n\r\n").status == 400);
  leave.Set();
  CHECK(first.ReadReply().status == 200);
  CHECK(second.ReadReply().status == 200);
}

TEST_CASE("what a handler throws is a 500 that says nothing, and a line in the log") {
  TestServer server([](const Request& request) -> Response {
    if (request.path == "/int") throw 42;
    throw std::runtime_error("the secret\nof the handler");
  });
  RawClient client(server.port());
  const RawReply reply = client.Ask(GetRequest("/"));
  CHECK(reply.status == 500);
  CHECK(reply.Header("Content-Type") == "application/problem+json");
  CHECK(reply.body.find("secret") == std::string::npos);
  CHECK(server.log().text().find("the secret\\x0aof the handler") != std::string::npos);
  CHECK(client.Ask(GetRequest("/int")).status == 500);
}

TEST_CASE("a response that could be split is never sent") {
  TestServer server([](const Request& request) {
    Response response = Response::Text("x");
    response.Set("Location", std::string(request.QueryValue("to").value_or("")));
    return response;
  });
  RawClient client(server.port());
  CHECK(client.Ask(GetRequest("/?to=/good")).Header("Location") == "/good");
  const RawReply reply = client.Ask(GetRequest("/?to=/%0d%0aSet-Cookie:%20stolen=1"));
  CHECK(reply.status == 500);
  CHECK_FALSE(reply.headers.Has("Set-Cookie"));
  CHECK_FALSE(reply.headers.Has("Location"));
  CHECK(server.log().text().find("Location") != std::string::npos);
}

TEST_CASE("a status that is none, or a stream without a source, is a 500") {
  TestServer server([](const Request& request) {
    if (request.path == "/null") return Response::Stream(nullptr, 10, "text/plain");
    return Response(request.path == "/low" ? 101 : 700);
  });
  RawClient client(server.port());
  for (const char* path : {"/null", "/low", "/high"}) {
    CHECK(client.Ask(GetRequest(path)).status == 500);
  }
}

TEST_CASE("every response has the security headers and a date, and none has CORS") {
  TestServer server([](const Request& request) {
    Response response = Echo(request);
    if (request.path == "/own") response.Set("Content-Security-Policy", "sandbox");
    return response;
  });
  RawClient client(server.port());
  const RawReply reply = client.Ask(GetRequest("/", "Origin: http://evil.example\r\n"));
  CHECK(reply.Header("Content-Security-Policy").find("default-src 'none'") == 0);
  CHECK(reply.Header("X-Content-Type-Options") == "nosniff");
  CHECK(reply.Header("Date").ends_with(" GMT"));
  CHECK_FALSE(reply.headers.Has("Access-Control-Allow-Origin"));
  CHECK_FALSE(reply.headers.Has("Server"));
  const RawReply own = client.Ask(GetRequest("/own"));
  CHECK(own.headers.Count("Content-Security-Policy") == 1);
  CHECK(own.Header("Content-Security-Policy") == "sandbox");
  const RawReply refused = client.Ask("GET / HTTP/1.1\r\n\r\n");
  CHECK(refused.status == 400);
  CHECK(refused.headers.Has("Content-Security-Policy"));
}

TEST_CASE("date and durations come from the clock of the options") {
  StandingClock clock;
  ServerOptions options = PatientOptions();
  options.clock = &clock;
  TestServer server(Echo, options);
  RawClient client(server.port());
  CHECK(client.Ask(GetRequest("/")).Header("Date") == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(server.AwaitRecords(1)[0].duration == absl::ZeroDuration());
}

TEST_CASE("the access log tells of every answer, without the query") {
  TestServer server(Echo);
  RawClient client(server.port());
  REQUIRE(client.Ask(GetRequest("/a%20b?token=secret")).status == 200);
  REQUIRE(client.Ask(PostRequest("/post", "body")).status == 200);
  REQUIRE(client.Ask("BREW /pot?token=secret HTTP/1.1\r\nHost: a\r\n\r\n").status == 501);
  REQUIRE(RawClient(server.port()).Ask("\n").status == 400);
  const std::vector<AccessRecord> records = server.AwaitRecords(4);
  REQUIRE(records.size() == 4);
  CHECK(records[0].method == "GET");
  CHECK(records[0].path == "/a b");
  CHECK(records[0].status == 200);
  CHECK(records[0].body_bytes == std::string("GET /a b ").size());
  CHECK(records[0].peer_address == "127.0.0.1");
  CHECK(records[0].complete);
  CHECK(records[0].duration >= absl::ZeroDuration());
  CHECK(records[1].method == "POST");
  CHECK(records[2].method == "BREW");
  CHECK(records[2].status == 501);
  CHECK(records[3].method == "");
  CHECK(records[3].status == 400);
  for (const AccessRecord& record : records) {
    CHECK(record.path.find("secret") == std::string::npos);
  }
}

TEST_CASE("an access log that throws is logged itself") {
  outlive::http::KeepingLog log;
  ServerOptions options;
  options.log = &log;
  options.access_log = [](const AccessRecord&) { throw std::runtime_error("no disk"); };
  HttpServer server(options, Echo);
  REQUIRE(server.Start().ok());
  CHECK(RawClient(server.port()).Ask(GetRequest("/")).status == 200);
  server.Stop();
  CHECK(log.text().find("no disk") != std::string::npos);
}

TEST_CASE("only the hosts that are allowed are served") {
  ServerOptions options = PatientOptions();
  options.allowed_hosts = {"localhost", "127.0.0.1"};
  TestServer server(Echo, options);
  RawClient client(server.port());
  CHECK(client.Ask(GetRequest("/")).status == 200);
  CHECK(client.Ask("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").status == 421);
  CHECK(client.Ask("GET http://localhost/x HTTP/1.1\r\nHost: evil.example\r\n\r\n").status == 200);
  CHECK(client.Ask("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 421);
}
