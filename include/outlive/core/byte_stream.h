// Bytes that flow: what renderers write to and downloads read from, so that no file has to fit in
// memory.
//
// Thread-safety: one stream is for one thread at a time.
#ifndef OUTLIVE_CORE_BYTE_STREAM_H_
#define OUTLIVE_CORE_BYTE_STREAM_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace outlive {

class ByteSink {
 public:
  virtual ~ByteSink() = default;

  // Takes all of `bytes`. After an error the sink stays failed and repeats it.
  virtual absl::Status Write(std::string_view bytes) = 0;
};

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Reads up to `into.size()` bytes and returns how many; 0 is the end.
  virtual absl::StatusOr<std::size_t> Read(absl::Span<char> into) = 0;

  // Goes to `offset` bytes from the start. kOutOfRange beyond the end.
  virtual absl::Status Seek(std::int64_t offset) = 0;
};

// Keeps everything in memory. For tests and small documents.
class StringSink final : public ByteSink {
 public:
  absl::Status Write(std::string_view bytes) override {
    bytes_.append(bytes);
    return absl::OkStatus();
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_BYTE_STREAM_H_
