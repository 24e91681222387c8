// The deadlines of a request's head. Not on a server: its count begins when it takes the
// connection, and on a busy machine might be over before the client has come to send anything.
#include "http/request_reader.h"

#include <doctest/doctest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "tests/http/raw_client.h"
#include "tests/http/test_server.h"

namespace {

namespace asio = boost::asio;
using namespace outlive::http;
using asio::ip::tcp;
using Kind = ReadOutcome::Kind;

// Short enough to wait for.
constexpr absl::Duration kShort = absl::Milliseconds(50);

// A reader at one end of a connection of which the test has the other end, too. What was sent is
// there when Read() begins to count.
class Rig {
 public:
  Rig() {
    options_.header_timeout = kShort;
    options_.header_bytes_max = std::size_t{1} << 20;  // Not reached within the deadline.
    const tcp::endpoint loopback(asio::ip::make_address("127.0.0.1"), 0);
    tcp::acceptor acceptor(io_, loopback);
    client_.connect(acceptor.local_endpoint());
    acceptor.accept(server_);
    reader_ = RequestReader::Create(io_, server_, options_);
  }

  void Send(std::string_view bytes) {
    asio::write(client_, asio::buffer(bytes.data(), bytes.size()));
  }

  // Reads a request. `meanwhile` is called again and again until there is an outcome.
  template <class Function>
  ReadOutcome Read(Function meanwhile) {
    std::optional<ReadOutcome> outcome;
    reader_->Read([&](ReadOutcome read) { outcome = std::move(read); });
    while (!outcome) {
      meanwhile();
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds(1));
    }
    return *std::move(outcome);
  }
  ReadOutcome Read() {
    return Read([] {});
  }

 private:
  ServerOptions options_ = PatientOptions();
  asio::io_context io_;
  tcp::socket client_{io_};
  tcp::socket server_{io_};
  std::unique_ptr<RequestReader> reader_;
};

}  // namespace

TEST_CASE("a head that does not come in time is 408") {
  Rig rig;
  rig.Send("GET / HTTP/1.1\r\nHost:");
  const ReadOutcome outcome = rig.Read();
  CHECK(outcome.kind == Kind::kRefused);
  CHECK(outcome.error.status == 408);
}

TEST_CASE("bytes that drip in do not move the deadline of the head") {
  Rig rig;
  rig.Send("GET / HTTP/1.1\r\nX: ");
  // If they did, this would go on to the limit of the head, which is another status.
  const ReadOutcome outcome = rig.Read([&] { rig.Send("a"); });
  CHECK(outcome.kind == Kind::kRefused);
  CHECK(outcome.error.status == 408);
}

TEST_CASE("the deadline of the head holds for later requests, too") {
  Rig rig;
  rig.Send(GetRequest("/") + "GET / HT");
  CHECK(rig.Read().kind == Kind::kRequest);
  const ReadOutcome outcome = rig.Read();
  CHECK(outcome.kind == Kind::kRefused);
  CHECK(outcome.error.status == 408);
}

TEST_CASE("where nothing came at all the connection is closed, and nobody is answered") {
  Rig rig;
  CHECK(rig.Read().kind == Kind::kClosed);
}
