#include "outlive/http/download.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "outlive/http/problem.h"

namespace outlive::http {
namespace {

class FileSource final : public ByteSource {
 public:
  FileSource(std::FILE* file, std::int64_t size) : file_(file), size_(size) {}
  ~FileSource() override { std::fclose(file_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  absl::StatusOr<std::size_t> Read(absl::Span<char> into) override {
    const std::size_t size = std::fread(into.data(), 1, into.size(), file_);
    if (size == 0 && std::ferror(file_) != 0) return absl::UnavailableError("cannot read the file");
    return size;
  }

  absl::Status Seek(std::int64_t offset) override {
    if (offset < 0 || offset > size_) return absl::OutOfRangeError("there is no such offset");
    if (std::fseek(file_, static_cast<long>(offset), SEEK_SET) != 0) {
      return absl::UnavailableError("cannot seek in the file");
    }
    return absl::OkStatus();
  }

 private:
  std::FILE* const file_;
  const std::int64_t size_;
};

// Whether the range is meant for what we have: RFC 9110 compares strong tags only, and ours are.
bool RangeApplies(const Request& request, const Download& download) {
  if (request.method != Method::kGet || request.headers.Count("Range") != 1) return false;
  const auto condition = request.headers.Get("If-Range");
  if (!condition) return true;
  return !download.etag.empty() && *condition == fmt::format("\"{}\"", download.etag);
}

// The 200 or 206 without what every download has in common.
Response WithBody(Download& download, const RangeChoice& choice) {
  const auto size = static_cast<std::uint64_t>(download.size);
  if (choice.kind == RangeKind::kWhole) {
    return Response::Stream(std::move(download.bytes), size, download.media_type);
  }
  const auto [first, last] = choice.range;
  if (!download.bytes->Seek(static_cast<std::int64_t>(first)).ok()) {
    return ToResponse(MakeProblem(500));
  }
  Response part =
      Response::Stream(std::move(download.bytes), last - first + 1, download.media_type, 206);
  part.Set("Content-Range", fmt::format("bytes {}-{}/{}", first, last, size));
  return part;
}

}  // namespace

void SetDownloadHeaders(Response& response, std::string_view file_name) {
  response.Set("Content-Disposition", AttachmentDisposition(file_name));
  response.Set("X-Content-Type-Options", "nosniff");
  response.Set("Content-Security-Policy", "sandbox; default-src 'none'");
  response.Set("Cache-Control", "private, no-store");
  response.Set("Referrer-Policy", "no-referrer");
}

Response MakeDownload(const Request& request, Download download) {
  if (download.bytes == nullptr || download.size < 0) return ToResponse(MakeProblem(500));
  const auto size = static_cast<std::uint64_t>(download.size);
  RangeChoice choice;
  if (RangeApplies(request, download)) choice = ChooseRange(*request.headers.Get("Range"), size);
  if (choice.kind == RangeKind::kUnsatisfiable) {
    Response refused = ToResponse(MakeProblem(416, fmt::format("There are {} bytes.", size)));
    refused.Set("Content-Range", fmt::format("bytes */{}", size));
    return refused;
  }
  Response response = WithBody(download, choice);
  if (response.status() == 500) return response;
  SetDownloadHeaders(response, download.file_name);
  response.Set("Accept-Ranges", "bytes");
  if (!download.etag.empty()) response.Set("ETag", fmt::format("\"{}\"", download.etag));
  return response;
}

absl::StatusOr<OpenedFile> OpenFile(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return absl::NotFoundError("there is no such file");
  if (!std::filesystem::is_regular_file(status)) {
    return absl::InvalidArgumentError("this is not a regular file");
  }
  std::FILE* file = std::fopen(path.c_str(), "rbe");  // 'e': not for child processes.
  if (file == nullptr) {
    if (errno == ENOENT) return absl::NotFoundError("there is no such file");
    return absl::PermissionDeniedError("the file cannot be opened");
  }
  const long size = std::fseek(file, 0, SEEK_END) == 0 ? std::ftell(file) : -1;
  auto source = std::make_unique<FileSource>(file, size);
  if (!source->Seek(0).ok()) return absl::UnavailableError("cannot tell the size of the file");
  return OpenedFile{std::move(source), size};
}

}  // namespace outlive::http
