#include "outlive/http/download.h"

#include <absl/status/status.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace {

using outlive::http::AttachmentDisposition;
using outlive::http::ByteRange;
using outlive::http::ChooseRange;
using outlive::http::Download;
using outlive::http::MakeDownload;
using outlive::http::Method;
using outlive::http::OpenFile;
using outlive::http::RangeKind;
using outlive::http::Request;
using outlive::http::Response;
using outlive::http::StreamBody;

class TextSource final : public outlive::ByteSource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}

  absl::StatusOr<std::size_t> Read(absl::Span<char> into) override {
    const std::size_t size = std::min(into.size(), text_.size() - position_);
    text_.copy(into.data(), size, position_);
    position_ += size;
    return size;
  }

  absl::Status Seek(std::int64_t offset) override {
    if (offset > static_cast<std::int64_t>(text_.size())) return absl::OutOfRangeError("beyond");
    position_ = static_cast<std::size_t>(offset);
    return absl::OkStatus();
  }

 private:
  const std::string text_;
  std::size_t position_ = 0;
};

Download TenDigits() {
  Download download;
  download.bytes = std::make_unique<TextSource>("0123456789");
  download.size = 10;
  download.file_name = "digits.txt";
  download.media_type = "text/plain";
  download.etag = "abc";
  return download;
}

// What the server would send of a stream.
std::string BodyOf(Response& response) {
  auto& stream = std::get<StreamBody>(response.body());
  std::string bytes(static_cast<std::size_t>(stream.size.value()), '\0');
  bytes.resize(stream.source->Read(absl::MakeSpan(bytes.data(), bytes.size())).value());
  return bytes;
}

Request RangeRequest(std::string_view range, Method method = Method::kGet) {
  Request request;
  request.method = method;
  REQUIRE(request.headers.Set("Range", range).ok());
  return request;
}

std::string DispositionOf(std::string_view name) { return AttachmentDisposition(name); }

}  // namespace

TEST_CASE("one range of bytes is chosen within the size") {
  const auto part = [](std::uint64_t first, std::uint64_t last) {
    return outlive::http::RangeChoice{RangeKind::kPart, {first, last}};
  };
  CHECK(ChooseRange("bytes=0-0", 10) == part(0, 0));
  CHECK(ChooseRange("bytes=2-5", 10) == part(2, 5));
  CHECK(ChooseRange("bytes=2-", 10) == part(2, 9));
  CHECK(ChooseRange("bytes=-3", 10) == part(7, 9));
  CHECK(ChooseRange("bytes=-30", 10) == part(0, 9));
  CHECK(ChooseRange("bytes=9-9", 10) == part(9, 9));
  CHECK(ChooseRange("bytes=0-99", 10) == part(0, 9));
  CHECK(ChooseRange("BYTES= 0-1 ", 10) == part(0, 1));
  CHECK(ChooseRange("bytes=0-99999999999999999999999999", 10) == part(0, 9));
  CHECK(ChooseRange("bytes=-99999999999999999999999999", 10) == part(0, 9));
}

TEST_CASE("a range that starts beyond the end cannot be satisfied") {
  for (const char* range :
       {"bytes=10-", "bytes=10-20", "bytes=99999999999999999999999-", "bytes=-0"}) {
    CAPTURE(range);
    CHECK(ChooseRange(range, 10).kind == RangeKind::kUnsatisfiable);
  }
  CHECK(ChooseRange("bytes=0-", 0).kind == RangeKind::kUnsatisfiable);
  CHECK(ChooseRange("bytes=-1", 0).kind == RangeKind::kUnsatisfiable);
}

TEST_CASE("several, foreign and malformed ranges are ignored") {
  std::string many = "bytes=0-0";
  for (int i = 0; i < 1000; ++i) many += ",0-9";
  for (const std::string& range :
       {std::string(), std::string("bytes"), std::string("bytes="), std::string("bytes=-"),
        std::string("bytes=5"), std::string("bytes=5-2"), std::string("bytes=a-b"),
        std::string("bytes=1-2,3-4"), std::string("bytes=1-2,"), std::string("items=0-1"),
        std::string("bytes = 0-1"), std::string("bytes=--1"), std::string("bytes=0-1-2"),
        std::string("bytes=+1-2"), std::string("bytes=0x1-2"), many}) {
    CAPTURE(range);
    CHECK(ChooseRange(range, 10).kind == RangeKind::kWhole);
  }
}

TEST_CASE("a plain name stands in a plain disposition") {
  CHECK(DispositionOf("report.pdf") == "attachment; filename=\"report.pdf\"");
  CHECK(DispositionOf("my report (1).pdf") == "attachment; filename=\"my report (1).pdf\"");
  CHECK(DispositionOf("") == "attachment; filename=\"download\"");
}

TEST_CASE("a name beyond ASCII is given in both forms") {
  CHECK(DispositionOf("Отчёт.pdf") ==
        "attachment; filename=\"_____.pdf\"; "
        "filename*=UTF-8''%D0%9E%D1%82%D1%87%D1%91%D1%82.pdf");
  CHECK(DispositionOf("100%.txt") ==
        "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt");
  CHECK(DispositionOf("€ rates") ==
        "attachment; filename=\"_ rates\"; filename*=UTF-8''%E2%82%AC%20rates");
}

TEST_CASE("a hostile name cannot leave its quotes, its header or its folder") {
  const std::string_view names[] = {"a\r\nSet-Cookie: x=y.pdf",
                                    "a\".exe\"; filename=\"b",
                                    std::string_view("a\0b.pdf", 7),
                                    "../../etc/passwd",
                                    "C:\\Windows\\x.exe",
                                    "a\x7f.pdf",
                                    "\xff\xfe.pdf",
                                    "\xc2\x85.pdf",
                                    "\u202egpj.exe",
                                    "a\u2028b",
                                    "a;b=c,d.pdf"};
  for (const std::string_view name : names) {
    CAPTURE(name);
    const std::string header = DispositionOf(name);
    CHECK(header.find_first_of(std::string_view("\r\n\0\x7f\\/", 6)) == std::string::npos);
    CHECK(std::count(header.begin(), header.end(), '"') == 2);
    CHECK(std::all_of(header.begin(), header.end(), [](char c) { return c >= 0x20 && c < 0x7f; }));
    CHECK(header.find("%E2%80%AE") == std::string::npos);
    Response response;
    CHECK(response.Set("Content-Disposition", header).fault().ok());
  }
  CHECK(DispositionOf("../../etc/passwd") == "attachment; filename=\"_._.._etc_passwd\"");
  CHECK(DispositionOf(".bashrc") == "attachment; filename=\"_bashrc\"");
  CHECK(DispositionOf("CON") == "attachment; filename=\"_CON\"");
  CHECK(DispositionOf("com1.txt") == "attachment; filename=\"_com1.txt\"");
  CHECK(DispositionOf("console.txt") == "attachment; filename=\"console.txt\"");
  CHECK(DispositionOf("name. ") == "attachment; filename=\"name._\"");
}

TEST_CASE("a long name is cut before its extension and between characters") {
  CHECK(DispositionOf(std::string(4096, 'a') + ".xlsx") ==
        "attachment; filename=\"" + std::string(195, 'a') + ".xlsx\"");
  std::string umlauts;
  for (int i = 0; i < 300; ++i) umlauts += "ä";
  const std::string header = DispositionOf(umlauts + ".pdf");
  CHECK(header.find("filename=\"" + std::string(98, '_') + ".pdf\"") != std::string::npos);
  CHECK(header.size() < 1000);
}

TEST_CASE("a download is whole without a range") {
  Response response = MakeDownload(Request(), TenDigits());
  CHECK(response.status() == 200);
  CHECK(BodyOf(response) == "0123456789");
  const auto& headers = response.headers();
  CHECK(headers.Get("Content-Type") == "text/plain");
  CHECK(headers.Get("Content-Disposition") == "attachment; filename=\"digits.txt\"");
  CHECK(headers.Get("X-Content-Type-Options") == "nosniff");
  CHECK(headers.Get("Content-Security-Policy") == "sandbox; default-src 'none'");
  CHECK(headers.Get("Cache-Control") == "private, no-store");
  CHECK(headers.Get("Referrer-Policy") == "no-referrer");
  CHECK(headers.Get("Accept-Ranges") == "bytes");
  CHECK(headers.Get("ETag") == "\"abc\"");
  CHECK(response.fault().ok());
}

TEST_CASE("a range is answered with 206 and its place") {
  Response response = MakeDownload(RangeRequest("bytes=2-5"), TenDigits());
  CHECK(response.status() == 206);
  CHECK(BodyOf(response) == "2345");
  CHECK(response.headers().Get("Content-Range") == "bytes 2-5/10");
  CHECK(response.headers().Get("Content-Disposition").has_value());
}

TEST_CASE("a range beyond the end is 416 with the size") {
  const Response response = MakeDownload(RangeRequest("bytes=10-"), TenDigits());
  CHECK(response.status() == 416);
  CHECK(response.headers().Get("Content-Range") == "bytes */10");
}

TEST_CASE("ranges are for GET, for one header, and for what If-Range names") {
  CHECK(MakeDownload(RangeRequest("bytes=2-5", Method::kHead), TenDigits()).status() == 200);
  Request twice = RangeRequest("bytes=2-5");
  REQUIRE(twice.headers.Add("Range", "bytes=0-1").ok());
  CHECK(MakeDownload(twice, TenDigits()).status() == 200);

  const auto with_condition = [](std::string_view condition) {
    Request request = RangeRequest("bytes=2-5");
    REQUIRE(request.headers.Set("If-Range", condition).ok());
    return request;
  };
  CHECK(MakeDownload(with_condition("\"abc\""), TenDigits()).status() == 206);
  CHECK(MakeDownload(with_condition("\"abd\""), TenDigits()).status() == 200);
  CHECK(MakeDownload(with_condition("W/\"abc\""), TenDigits()).status() == 200);
  CHECK(MakeDownload(with_condition("Sun, 06 Nov 1994 08:49:37 GMT"), TenDigits()).status() == 200);
  Download untagged = TenDigits();
  untagged.etag = "";
  CHECK(MakeDownload(with_condition("\"\""), std::move(untagged)).status() == 200);
}

TEST_CASE("a download without bytes, or one that cannot seek, is a 500") {
  CHECK(MakeDownload(Request(), Download()).status() == 500);
  Download lying = TenDigits();
  lying.size = 100;
  CHECK(MakeDownload(RangeRequest("bytes=50-60"), std::move(lying)).status() == 500);
}

TEST_CASE("a file is a source that reads and seeks") {
  std::string folder = (std::filesystem::temp_directory_path() / "outlive-http-XXXXXX").string();
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  const std::string path = folder + "/file.txt";
  std::ofstream(path) << "0123456789";
  {
    auto file = OpenFile(path);
    REQUIRE(file.ok());
    CHECK(file->size == 10);
    char buffer[4];
    CHECK(file->bytes->Read(absl::MakeSpan(buffer)).value() == 4);
    CHECK(std::string(buffer, 4) == "0123");
    REQUIRE(file->bytes->Seek(8).ok());
    CHECK(file->bytes->Read(absl::MakeSpan(buffer)).value() == 2);
    CHECK(std::string(buffer, 2) == "89");
    CHECK(file->bytes->Read(absl::MakeSpan(buffer)).value() == 0);
    CHECK(absl::IsOutOfRange(file->bytes->Seek(-1)));
    CHECK(absl::IsOutOfRange(file->bytes->Seek(11)));
  }
  CHECK(absl::IsNotFound(OpenFile(folder + "/none").status()));
  CHECK(absl::IsInvalidArgument(OpenFile(folder).status()));
  std::filesystem::remove_all(folder);
}
