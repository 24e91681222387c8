// Responses that are pulled from a source.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "outlive/http/download.h"
#include "tests/http/raw_client.h"
#include "tests/http/test_server.h"

namespace {

using namespace outlive::http;

// Counts what is asked of a PatternSource.
struct SourceLog {
  std::atomic<std::uint64_t> read_bytes = 0;
  std::atomic<std::size_t> largest_read = 0;
  Signal destroyed;
};

// `size` bytes, of which each can be told from its place; made on the fly.
class PatternSource final : public outlive::ByteSource {
 public:
  PatternSource(std::uint64_t size, SourceLog& log) : size_(size), log_(log) {}
  ~PatternSource() override { log_.destroyed.Set(); }

  static char At(std::uint64_t place) {
    return static_cast<char>('a' + (place * 7 + place / 26) % 26);
  }

  absl::StatusOr<std::size_t> Read(absl::Span<char> into) override {
    const std::size_t size = std::min<std::uint64_t>(into.size(), size_ - position_);
    for (std::size_t i = 0; i < size; ++i) into[i] = At(position_ + i);
    position_ += size;
    log_.read_bytes += size;
    log_.largest_read = std::max<std::size_t>(log_.largest_read, into.size());
    return size;
  }

  absl::Status Seek(std::int64_t offset) override {
    position_ = static_cast<std::uint64_t>(offset);
    return absl::OkStatus();
  }

 private:
  const std::uint64_t size_;
  SourceLog& log_;
  std::uint64_t position_ = 0;
};

// Fails, or throws, after `good_reads` reads of 1000 bytes.
class FailingSource final : public outlive::ByteSource {
 public:
  FailingSource(int good_reads, bool throws) : good_reads_(good_reads), throws_(throws) {}

  absl::StatusOr<std::size_t> Read(absl::Span<char> into) override {
    if (good_reads_-- > 0) {
      std::fill_n(into.begin(), 1000, 'x');
      return 1000;
    }
    if (throws_) throw std::runtime_error("the disk is gone");
    return absl::DataLossError("the disk is gone");
  }

  absl::Status Seek(std::int64_t) override { return absl::UnimplementedError("no seeking"); }

 private:
  int good_reads_;
  const bool throws_;
};

std::string Pattern(std::uint64_t first, std::uint64_t last) {
  std::string bytes;
  for (std::uint64_t place = first; place <= last; ++place) bytes += PatternSource::At(place);
  return bytes;
}

}  // namespace

TEST_CASE("a stream of known size is sent with its length") {
  SourceLog log;
  TestServer server([&](const Request&) {
    return Response::Stream(std::make_unique<PatternSource>(1'000'000, log), 1'000'000,
                            "text/plain");
  });
  RawClient client(server.port());
  const RawReply reply = client.Ask(GetRequest("/"));
  CHECK(reply.Header("Content-Length") == "1000000");
  CHECK(reply.body == Pattern(0, 999'999));
  CHECK(log.largest_read <= 65536);
  CHECK(client.Ask(GetRequest("/")).is_whole);  // The connection is kept.
}

TEST_CASE("a stream of unknown size is chunked, or ends with the connection for HTTP/1.0") {
  SourceLog log;
  TestServer server([&](const Request&) {
    return Response::Stream(std::make_unique<PatternSource>(200'000, log), std::nullopt,
                            "text/plain");
  });
  RawClient client(server.port());
  for (int i = 0; i < 2; ++i) {
    const RawReply reply = client.Ask(GetRequest("/"));
    CHECK(reply.Header("Transfer-Encoding") == "chunked");
    CHECK(reply.is_whole);
    CHECK(reply.body == Pattern(0, 199'999));
  }
  RawClient old(server.port());
  const RawReply reply = old.Ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK_FALSE(reply.headers.Has("Transfer-Encoding"));
  CHECK(reply.Header("Connection") == "close");
  CHECK(reply.body == Pattern(0, 199'999));
}

TEST_CASE("an empty stream is an empty body") {
  SourceLog log;
  TestServer server([&](const Request& request) {
    const auto size = request.path == "/known" ? std::optional<std::uint64_t>(0) : std::nullopt;
    return Response::Stream(std::make_unique<PatternSource>(0, log), size, "text/plain");
  });
  RawClient client(server.port());
  CHECK(client.Ask(GetRequest("/known")).Header("Content-Length") == "0");
  const RawReply unknown = client.Ask(GetRequest("/unknown"));
  CHECK(unknown.is_whole);
  CHECK(unknown.body == "");
}

TEST_CASE("HEAD tells the length and does not read the source") {
  SourceLog log;
  TestServer server([&](const Request&) {
    return Response::Stream(std::make_unique<PatternSource>(1000, log), 1000, "text/plain");
  });
  RawClient client(server.port());
  REQUIRE(client.Send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"));
  CHECK(client.ReadReply(true).Header("Content-Length") == "1000");
  log.destroyed.Await();
  CHECK(log.read_bytes == 0);
}

TEST_CASE("a range of a download is read from its place, and nothing else is") {
  SourceLog log;
  constexpr std::int64_t kSize = std::int64_t{10} << 30;
  TestServer server([&](const Request& request) {
    Download download;
    download.bytes = std::make_unique<PatternSource>(kSize, log);
    download.size = kSize;
    download.file_name = "r\xc3\xa9sum\xc3\xa9.bin";
    return MakeDownload(request, std::move(download));
  });
  RawClient client(server.port());
  const RawReply reply = client.Ask(GetRequest("/", "Range: bytes=9000000000-9000099999\r\n"));
  CHECK(reply.status == 206);
  CHECK(reply.Header("Content-Range") == "bytes 9000000000-9000099999/10737418240");
  CHECK(reply.Header("Content-Length") == "100000");
  CHECK(reply.body == Pattern(9'000'000'000, 9'000'099'999));
  CHECK(log.read_bytes == 100'000);
  CHECK(reply.Header("Content-Disposition") ==
        "attachment; filename=\"r_sum_.bin\"; filename*=UTF-8''r%C3%A9sum%C3%A9.bin");
  CHECK(reply.Header("X-Content-Type-Options") == "nosniff");
  CHECK(reply.Header("Content-Security-Policy") == "sandbox; default-src 'none'");
  const RawReply beyond = client.Ask(GetRequest("/", "Range: bytes=10737418240-\r\n"));
  CHECK(beyond.status == 416);
  CHECK(beyond.Header("Content-Range") == "bytes */10737418240");
}

TEST_CASE("several overlapping ranges are one whole download") {
  SourceLog log;
  TestServer server([&](const Request& request) {
    Download download;
    download.bytes = std::make_unique<PatternSource>(1000, log);
    download.size = 1000;
    return MakeDownload(request, std::move(download));
  });
  std::string ranges = "0-";
  for (int i = 0; i < 1000; ++i) ranges += ",0-";
  const RawReply reply =
      RawClient(server.port()).Ask(GetRequest("/", fmt::format("Range: bytes={}\r\n", ranges)));
  CHECK(reply.status == 200);
  CHECK(reply.body == Pattern(0, 999));
  CHECK(log.read_bytes == 1000);
}

TEST_CASE("a source that fails before its first byte is a 500") {
  TestServer server([](const Request& request) {
    return Response::Stream(std::make_unique<FailingSource>(0, request.path == "/throws"), 5000,
                            "text/plain");
  });
  RawClient client(server.port());
  for (const char* path : {"/", "/throws"}) {
    const RawReply reply = client.Ask(GetRequest(path));
    CHECK(reply.status == 500);
    CHECK(reply.body.find("disk") == std::string::npos);
  }
  CHECK(server.log().text().find("the disk is gone") != std::string::npos);
}

TEST_CASE("a source that fails later never looks whole") {
  TestServer server([](const Request& request) {
    const auto size = request.path == "/known" ? std::optional<std::uint64_t>(5000) : std::nullopt;
    return Response::Stream(
        std::make_unique<FailingSource>(2, request.QueryValue("throws").has_value()), size,
        "text/plain");
  });
  for (const char* target : {"/known", "/unknown", "/known?throws", "/unknown?throws"}) {
    CAPTURE(target);
    RawClient client(server.port());
    const RawReply reply = client.Ask(GetRequest(target));
    CHECK(reply.status == 200);
    CHECK_FALSE(reply.is_whole);
    CHECK(client.IsClosedByServer());
  }
  for (const AccessRecord& record : server.AwaitRecords(4)) CHECK_FALSE(record.complete);
}

TEST_CASE("a source shorter than its size never looks whole, a longer one is cut") {
  SourceLog log;
  TestServer server([&](const Request& request) {
    const std::uint64_t size = request.path == "/short" ? 500 : 2000;
    return Response::Stream(std::make_unique<PatternSource>(size, log), 1000, "text/plain");
  });
  CHECK_FALSE(RawClient(server.port()).Ask(GetRequest("/short")).is_whole);
  RawClient client(server.port());
  CHECK(client.Ask(GetRequest("/long")).body == Pattern(0, 999));
  CHECK(client.Ask(GetRequest("/long")).body == Pattern(0, 999));
}

TEST_CASE("a reader that stalls is cut off, and its source let go of, in constant memory") {
  SourceLog log;
  ServerOptions options = PatientOptions();
  options.write_timeout = absl::Milliseconds(100);
  constexpr std::uint64_t kSize = std::uint64_t{10} << 30;
  TestServer server(
      [&](const Request& request) {
        if (request.path == "/") return Echo(request);
        return Response::Stream(std::make_unique<PatternSource>(kSize, log), kSize, "text/plain");
      },
      options);
  RawClient stalled(server.port(), {.receive_buffer_bytes = 4096});
  REQUIRE(stalled.Send(GetRequest("/large")));
  log.destroyed.Await();
  CHECK(log.read_bytes < (std::uint64_t{64} << 20));  // What the system's buffers took.
  const std::vector<AccessRecord> records = server.AwaitRecords(1);
  CHECK_FALSE(records[0].complete);
  CHECK(records[0].body_bytes <= log.read_bytes);
  CHECK(RawClient(server.port()).Ask(GetRequest("/")).status == 200);
}

TEST_CASE("a large body in memory is sent to a stalled reader in pieces, too") {
  ServerOptions options = PatientOptions();
  options.write_timeout = absl::Milliseconds(100);
  TestServer server(
      [](const Request&) { return Response::Text(std::string(std::size_t{64} << 20, 'x')); },
      options);
  RawClient stalled(server.port(), {.receive_buffer_bytes = 4096});
  REQUIRE(stalled.Send(GetRequest("/")));
  CHECK_FALSE(server.AwaitRecords(1)[0].complete);
}

TEST_CASE("a client that leaves during a download ends it") {
  SourceLog log;
  constexpr std::uint64_t kSize = std::uint64_t{10} << 30;
  TestServer server([&](const Request&) {
    return Response::Stream(std::make_unique<PatternSource>(kSize, log), kSize, "text/plain");
  });
  {
    RawClient client(server.port());
    REQUIRE(client.Send(GetRequest("/")));
    CHECK(client.ReadUntil("\r\n\r\n").starts_with("HTTP/1.1 200"));
  }
  log.destroyed.Await();
  server.AwaitConnections(0);
}

TEST_CASE("stopping cuts a download once its time to drain is over") {
  SourceLog log;
  ServerOptions options = PatientOptions();
  options.drain_timeout = absl::Milliseconds(50);
  constexpr std::uint64_t kSize = std::uint64_t{10} << 30;
  TestServer server(
      [&](const Request&) {
        return Response::Stream(std::make_unique<PatternSource>(kSize, log), kSize, "text/plain");
      },
      options);
  RawClient client(server.port(), {.receive_buffer_bytes = 4096});
  REQUIRE(client.Send(GetRequest("/")));
  CHECK(client.ReadUntil("\r\n\r\n").starts_with("HTTP/1.1 200"));
  server->Stop();
  CHECK(log.destroyed.count() == 1);
  CHECK(server->connection_count() == 0);
}
