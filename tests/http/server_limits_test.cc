// What is too much, too slow or too many. Heads that are too slow: request_reader_test.cc.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/http/raw_client.h"
#include "tests/http/test_server.h"

namespace {

using namespace outlive::http;

// Short enough to wait for. Whether it has passed shows in what the server does, not on a clock.
constexpr absl::Duration kShort = absl::Milliseconds(50);

}  // namespace

TEST_CASE("a connection on which nothing comes is closed without a word") {
  ServerOptions options = PatientOptions();
  options.header_timeout = kShort;
  TestServer server(Echo, options);
  CHECK(RawClient(server.port()).ReadToEnd() == "");
}

TEST_CASE("a body that does not come in time is 408") {
  ServerOptions options = PatientOptions();
  options.body_timeout = kShort;
  TestServer server(Echo, options);
  RawClient client(server.port());
  REQUIRE(client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n123"));
  CHECK(client.ReadReply().status == 408);
  CHECK(client.IsClosedByServer());
}

TEST_CASE("an idle connection is closed, but not while its request is handled") {
  ServerOptions options = PatientOptions();
  options.idle_timeout = kShort;
  TestServer server(Echo, options);
  RawClient client(server.port());
  CHECK(client.Ask(GetRequest("/")).status == 200);
  CHECK(client.ReadToEnd() == "");
}

TEST_CASE("a head without end is refused before it is kept") {
  TestServer server(Echo);
  RawClient line(server.port());
  const std::string megabyte(1 << 20, 'a');
  for (int i = 0; i < 100 && line.Send(megabyte); ++i) {
  }
  const int status = line.ReadReply().status;
  CHECK((status == 414 || status == 0));  // 0: closed on what was still on its way.
  RawClient field(server.port());
  REQUIRE(field.Send("GET / HTTP/1.1\r\nX: " + std::string(17 * 1024, 'a')));
  CHECK(field.ReadReply().status == 431);
  RawClient fields(server.port());
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 100; ++i) many += "X: y\r\n";
  REQUIRE(fields.Send(many));
  CHECK(fields.ReadReply().status == 431);
  RawClient target(server.port());
  REQUIRE(target.Send("GET /" + std::string(9 * 1024, 'a')));
  CHECK(target.ReadReply().status == 414);
}

TEST_CASE("a body over the limit is refused by its length, before any of it comes") {
  ServerOptions options = PatientOptions();
  options.body_bytes_max = 1000;
  TestServer server(Echo, options);
  CHECK(RawClient(server.port()).Ask(PostRequest("/", std::string(1000, 'a'))).status == 200);
  RawClient client(server.port());
  REQUIRE(client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n"));
  CHECK(client.ReadReply().status == 413);
  CHECK(client.IsClosedByServer());
}

TEST_CASE("a refusal reaches a client that goes on sending") {
  TestServer server(Echo);
  RawClient client(server.port());
  REQUIRE(client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n"));
  CHECK(client.Send(std::string(2'000'000, 'a')));
  CHECK(client.ReadReply().status == 413);
}

TEST_CASE("a chunked body without end is refused at the limit") {
  std::atomic<int> handled = 0;
  TestServer server([&](const Request& request) {
    ++handled;
    return Echo(request);
  });
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  RawClient client(server.port());
  REQUIRE(client.Send(head));
  const std::string chunk = "10000\r\n" + std::string(65536, 'a') + "\r\n";
  for (int i = 0; i < 16; ++i) REQUIRE(client.Send(chunk));  // Exactly the limit.
  REQUIRE(client.Send("1\r\na\r\n"));
  CHECK(client.ReadReply().status == 413);

  RawClient huge(server.port());
  CHECK(huge.Ask(head + "7fffffffffffffff\r\n").status == 413);
  CHECK(handled == 0);

  RawClient whole(server.port());
  REQUIRE(whole.Send(head));
  for (int i = 0; i < 16; ++i) REQUIRE(whole.Send(chunk));
  CHECK(whole.Ask("0\r\n\r\n").status == 200);
}

TEST_CASE("extensions and trailers of chunks have an end") {
  TestServer server(Echo);
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  RawClient line(server.port());
  line.Send(head + "1;" + std::string(100'000, 'a'));
  CHECK(line.ReadReply().status == 400);
  RawClient many(server.port());
  REQUIRE(many.Send(head));
  const std::string chunk = "1;" + std::string(100, 'a') + "\r\na\r\n";
  for (int i = 0; i < 50; ++i) many.Send(chunk);
  CHECK(many.ReadReply().status == 400);
  RawClient trailer(server.port());
  trailer.Send(head + "0\r\nX: " + std::string(100'000, 'a'));
  CHECK(trailer.ReadReply().status == 400);
}

TEST_CASE("compressed bodies are not unpacked") {
  TestServer server(Echo);
  CHECK(
      RawClient(server.port()).Ask(PostRequest("/", "bomb", "Content-Encoding: gzip\r\n")).status ==
      415);
}

TEST_CASE("connections over the limit get 503, and places come back") {
  ServerOptions options = PatientOptions();
  options.connection_count_max = 3;
  options.event_stream_count_max = 1;
  TestServer server(Echo, options);
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 3; ++i) idle.push_back(std::make_unique<RawClient>(server.port()));
  server.AwaitConnections(3);
  RawClient refused(server.port());
  CHECK(refused.ReadReply().status == 503);
  CHECK(refused.IsClosedByServer());
  CHECK(idle[0]->Ask(GetRequest("/")).status == 200);
  idle.clear();
  server.AwaitConnections(0);
  CHECK(RawClient(server.port()).Ask(GetRequest("/")).status == 200);
}

TEST_CASE("connections of one address over its limit get 503, others do not") {
  ServerOptions options = PatientOptions();
  options.connection_count_per_address_max = 2;
  TestServer server(Echo, options);
  RawClient first(server.port());
  RawClient second(server.port());
  server.AwaitConnections(2);
  CHECK(RawClient(server.port()).ReadReply().status == 503);
  RawClient other(server.port(), {.from = "127.0.0.2"});
  CHECK(other.Ask(GetRequest("/")).status == 200);
}

TEST_CASE("many idle connections do not keep others from being served") {
  TestServer server(Echo);
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 200; ++i) idle.push_back(std::make_unique<RawClient>(server.port()));
  server.AwaitConnections(200);
  CHECK(RawClient(server.port()).Ask(GetRequest("/")).status == 200);
}
