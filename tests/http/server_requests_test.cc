// What the server makes of the bytes of a request.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/http/raw_client.h"
#include "tests/http/test_server.h"

namespace {

using namespace outlive::http;

// Sends `bytes` on a connection of their own, which the server has to refuse and close.
int Refusal(TestServer& server, std::string_view bytes) {
  RawClient client(server.port());
  client.Send(bytes);
  const RawReply reply = client.ReadReply();
  CHECK(reply.Header("Connection") == "close");
  CHECK(reply.Header("Content-Type") == "application/problem+json");
  CHECK(client.IsClosedByServer());
  return reply.status;
}

std::string Chunked(std::string_view chunks) {
  return fmt::format("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{}", chunks);
}

}  // namespace

TEST_CASE("a connection is kept for further requests") {
  TestServer server(Echo);
  RawClient client(server.port());
  for (int i = 0; i < 20; ++i) {
    const RawReply reply = client.Ask(PostRequest(fmt::format("/{}", i), "body"));
    CHECK(reply.body == fmt::format("POST /{} body", i));
    CHECK_FALSE(reply.headers.Has("Connection"));
  }
  const RawReply last = client.Ask(GetRequest("/", "Connection: close\r\n"));
  CHECK(last.status == 200);
  CHECK(last.Header("Connection") == "close");
  CHECK(client.IsClosedByServer());
}

TEST_CASE("pipelined requests are answered one by one, in order") {
  std::atomic<int> at_once = 0;
  std::atomic<int> at_once_max = 0;
  TestServer server([&](const Request& request) {
    if (++at_once > at_once_max) at_once_max = at_once.load();
    Response response = Echo(request);
    --at_once;
    return response;
  });
  RawClient client(server.port());
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += PostRequest(fmt::format("/{}", i), "b");
  REQUIRE(client.Send(requests));
  for (int i = 0; i < 50; ++i) CHECK(client.ReadReply().body == fmt::format("POST /{} b", i));
  CHECK(at_once_max == 1);
}

TEST_CASE("nothing that was sent behind a refused request is answered") {
  std::atomic<int> handled = 0;
  TestServer server([&](const Request& request) {
    ++handled;
    return Echo(request);
  });
  RawClient client(server.port());
  REQUIRE(client.Send(GetRequest("/1") +
                      "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
                      GetRequest("/smuggled")));
  CHECK(client.ReadReply().status == 200);
  CHECK(client.ReadReply().status == 400);
  CHECK(client.ReadReply().status == 0);
  CHECK(handled == 1);
}

TEST_CASE("a request may come byte by byte") {
  TestServer server(Echo);
  RawClient client(server.port());
  for (const char byte : PostRequest("/slow", "body") + Chunked("3\r\nabc\r\n0\r\n\r\n")) {
    REQUIRE(client.Send(std::string_view(&byte, 1)));
  }
  CHECK(client.ReadReply().body == "POST /slow body");
  CHECK(client.ReadReply().body == "POST / abc");
}

TEST_CASE("malformed heads are refused and the connection closed") {
  TestServer server(Echo);
  const std::pair<std::string_view, int> table[] = {
      {"\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX\t: y\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"GET /\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"get / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501},
      {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /%2e%2e/etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: ,(\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417},
      {"\x16\x03\x01\x02", 400},
  };
  for (const auto& [bytes, status] : table) {
    CAPTURE(bytes);
    CHECK(Refusal(server, bytes) == status);
  }
}

TEST_CASE("ambiguous lengths are refused and the connection closed") {
  TestServer server(Echo);
  for (const std::string_view fields :
       {"Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 3", "Content-Length: 3\r\nContent-Length: 3",
        "Content-Length: 3\r\nContent-Length: 4", "Content-Length: 3, 3", "Content-Length: +3",
        "Content-Length: -3", "Content-Length: 0x3", "Content-Length:", "Content-Length: 3 3",
        "Transfer-Encoding: xchunked", "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, identity", "Transfer-Encoding: identity",
        "Transfer-Encoding:\x0b"
        "chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: x\r\nTransfer-Encoding: chunked", "Transfer-Encoding : chunked",
        "Transfer-Encoding:\r\n chunked"}) {
    CAPTURE(fields);
    CHECK(Refusal(server,
                  fmt::format("POST / HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n0\r\n\r\n", fields)) == 400);
  }
  CHECK(Refusal(server, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400);
}

TEST_CASE("chunked bodies are put together") {
  TestServer server(Echo);
  RawClient client(server.port());
  const auto body = [&](std::string_view chunks) { return client.Ask(Chunked(chunks)).body; };
  CHECK(body("0\r\n\r\n") == "POST / ");
  CHECK(body("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") == "POST / abcde");
  CHECK(body("A\r\n0123456789\r\n00\r\n\r\n") == "POST / 0123456789");
  CHECK(body("3;ext=1;q=\"x\"\r\nabc\r\n0;last\r\n\r\n") == "POST / abc");
  CHECK(body("3\r\na\r\n\r\n0\r\n\r\n") == "POST / a\r\n");
}

TEST_CASE("fields behind a chunked body never reach the handler") {
  TestServer server([](const Request& request) {
    return Response::Text(fmt::format("{}", request.headers.Has("X-Admin")));
  });
  RawClient client(server.port());
  CHECK(client.Ask(Chunked("1\r\na\r\n0\r\nX-Admin: yes\r\n\r\n")).body == "false");
}

TEST_CASE("malformed chunks are refused and the connection closed") {
  TestServer server(Echo);
  for (const std::string_view chunks :
       {"x\r\n", "-1\r\n", "\r\n", "3\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n", "0x3\r\nabc\r\n0\r\n\r\n", "3 \x01\r\nabc\r\n",
        "3 abc\r\nabc\r\n0\r\n\r\n", "+3\r\nabc\r\n", "3\rX\nabc\r\n0\r\n\r\n",
        "0\r\nno colon\r\n\r\n", "0\r\nContent-Length: 3\r\n\r\n"}) {
    CAPTURE(chunks);
    CHECK(Refusal(server, Chunked(chunks)) == 400);
  }
  CHECK(Refusal(server, Chunked("fffffffffffffffff\r\nabc\r\n")) == 400);
  CHECK(Refusal(server, Chunked("ffffffffffffffff\r\nabc\r\n")) == 413);
}

TEST_CASE("HTTP/1.0 needs no Host, is closed by default and kept when asked") {
  TestServer server(Echo);
  RawClient closing(server.port());
  const RawReply reply = closing.Ask("GET /old HTTP/1.0\r\n\r\n");
  CHECK(reply.body == "GET /old ");
  CHECK(reply.Header("Connection") == "close");
  CHECK(closing.IsClosedByServer());
  RawClient kept(server.port());
  for (int i = 0; i < 2; ++i) {
    const RawReply again = kept.Ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(again.status == 200);
    CHECK(again.Header("Connection") == "keep-alive");
  }
}

TEST_CASE("HEAD has the length of GET and no body") {
  TestServer server(Echo);
  RawClient client(server.port());
  REQUIRE(client.Send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n" + GetRequest("/y")));
  const RawReply head = client.ReadReply(true);
  CHECK(head.status == 200);
  CHECK(head.Header("Content-Length") == "8");
  CHECK(client.ReadReply().body == "GET /y ");
}

TEST_CASE("absolute targets and OPTIONS follow the RFC") {
  TestServer server([](const Request& request) {
    return Response::Text(fmt::format("{} {}", request.path, *request.headers.Get("Host")));
  });
  RawClient client(server.port());
  CHECK(client.Ask("GET http://b.example:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n").body ==
        "/x b.example:81");
  CHECK(client.Ask("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").body == "* a");
  CHECK(Refusal(server, "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(Refusal(server, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
}

TEST_CASE("a client that waits for 100 Continue gets it, unless it is refused") {
  TestServer server(Echo);
  RawClient client(server.port());
  REQUIRE(
      client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                  "Expect: 100-continue\r\n\r\n"));
  CHECK(client.ReadUntil("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(client.Ask("body").body == "POST / body");
  CHECK(Refusal(server,
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n"
                "Expect: 100-continue\r\n\r\n") == 413);
}

TEST_CASE("a handler sees what was sent, decoded") {
  TestServer server([](const Request& request) {
    return Response::Text(
        fmt::format("{}|{}|{}|{}|{}", request.path, request.QueryValue("q").value_or("-"),
                    request.Cookie("user").value_or("-"),
                    request.headers.Get("x-many").value_or("-"), request.peer_address));
  });
  RawClient client(server.port());
  CHECK(client.Ask(GetRequest("/a%20b?q=x+y", "Cookie: user=ann\r\nX-MANY: 1\r\nX-Many: 2\r\n"))
            .body == "/a b|x y|ann|1|127.0.0.1");
}

TEST_CASE("a client that goes away in mid-request disturbs nobody") {
  TestServer server(Echo);
  const std::string request = PostRequest("/", "body");
  for (std::size_t size = 0; size < request.size(); size += 7) {
    RawClient client(server.port());
    REQUIRE(client.Send(request.substr(0, size)));
  }
  server.AwaitConnections(0);
  CHECK(RawClient(server.port()).Ask(GetRequest("/")).status == 200);
}

TEST_CASE("a client that has said all it will still gets its answer") {
  TestServer server(Echo);
  RawClient client(server.port());
  REQUIRE(client.Send(GetRequest("/")));
  client.CloseWrite();
  CHECK(client.ReadReply().status == 200);
  CHECK(client.IsClosedByServer());
}
