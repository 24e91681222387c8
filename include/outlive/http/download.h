// Downloads: bytes that somebody made, given to a browser as a file and as nothing else.
//
//   Request (Range) + Download ──► MakeDownload() ──► 200, 206 or 416, with headers to make it safe
//
// Thread-safety: pure functions; a Download is a value.
// Errors:        each function says.
#ifndef OUTLIVE_HTTP_DOWNLOAD_H_
#define OUTLIVE_HTTP_DOWNLOAD_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "outlive/core/byte_stream.h"
#include "outlive/http/message.h"

namespace outlive::http {

// Bytes first to last, both included.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  bool operator==(const ByteRange&) const = default;
};

enum class RangeKind {
  kWhole,          // No range, or one that RFC 9110 lets us ignore: send 200 and everything.
  kPart,           // Send 206 and `range`.
  kUnsatisfiable,  // Send 416.
};

struct RangeChoice {
  RangeKind kind = RangeKind::kWhole;
  ByteRange range;

  bool operator==(const RangeChoice&) const = default;
};

// What a `Range` header asks of `size` bytes. Only one range of bytes is ever served: several in
// one header, other units and malformed values are ignored. Bounds of any length are understood.
RangeChoice ChooseRange(std::string_view range_header, std::uint64_t size);

// `attachment; filename="…"; filename*=UTF-8''…` (RFC 6266, RFC 8187) for a name from anywhere.
// Control characters, path separators, quotes, characters that turn the direction of text, and
// bytes that are not UTF-8 become '_'; a leading dot, too; at most 200 bytes are kept, with the
// extension. The result is ASCII and has nothing that could split a header.
std::string AttachmentDisposition(std::string_view file_name);

// Sets what keeps a downloaded file from acting as a page of this site: attachment, `nosniff`, a
// sandboxing Content-Security-Policy, no caching by others and no referrer.
void SetDownloadHeaders(Response& response, std::string_view file_name);

struct Download {
  std::unique_ptr<ByteSource> bytes;  // At its start; Seek() is used for ranges.
  std::int64_t size = 0;              // Bytes in all.
  std::string file_name;              // For people; any text.
  std::string media_type = "application/octet-stream";

  // A strong entity tag without quotes, such as the SHA-256 in hexadecimal. Empty: none, and a
  // range under `If-Range` is ignored.
  std::string etag;
};

// The response to GET or HEAD. Its range is honoured for GET only, as RFC 9110 has it. A source
// that cannot seek to the range is a 500.
Response MakeDownload(const Request& request, Download download);

// A regular file as a source. Errors: kNotFound, kPermissionDenied, kInvalidArgument (not a file).
struct OpenedFile {
  std::unique_ptr<ByteSource> bytes;
  std::int64_t size = 0;
};
absl::StatusOr<OpenedFile> OpenFile(const std::string& path);

}  // namespace outlive::http

#endif  // OUTLIVE_HTTP_DOWNLOAD_H_
