// BufferedSink gathers the small pieces that a text renderer makes into writes worth their cost.
#ifndef OUTLIVE_SRC_REPORT_BUFFERED_SINK_H_
#define OUTLIVE_SRC_REPORT_BUFFERED_SINK_H_

#include <absl/status/status.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "outlive/core/byte_stream.h"

namespace outlive::rendering {

class BufferedSink {
 public:
  // `out` is borrowed.
  explicit BufferedSink(ByteSink& out) : out_(out) { buffer_.reserve(2 * kFlushBytes); }

  void Append(std::string_view bytes) {
    if (bytes.size() > kFlushBytes) Flush().IgnoreError();  // Kept in status_.
    buffer_.append(bytes);
    if (buffer_.size() >= kFlushBytes) Flush().IgnoreError();
  }

  // The sink's first error. After it nothing more is written.
  const absl::Status& status() const { return status_; }

  // Hands on what is there. Needed once, at the end.
  const absl::Status& Flush() {
    if (status_.ok() && !buffer_.empty()) status_ = out_.Write(buffer_);
    buffer_.clear();
    return status_;
  }

 private:
  static constexpr std::size_t kFlushBytes = std::size_t{64} << 10;

  ByteSink& out_;
  std::string buffer_;
  absl::Status status_;
};

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_BUFFERED_SINK_H_
