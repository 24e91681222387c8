// HeadScanner looks at the raw bytes of a request's head as they arrive, before Beast's parser
// does, and refuses what that one would let through or wait for:
//   - a bare LF or CR, which others may take for the end of a line (Beast waits for more);
//   - a folded line, and any line of fields that starts with a blank (Beast joins it);
//   - a control character anywhere, and white space before a colon;
//   - a request line that is not exactly `token SP visible SP HTTP/d.d`;
//   - a start line, a head or a number of fields over the limit, as soon as it goes over.
//
// Thread-safety: one thread at a time.
#ifndef OUTLIVE_SRC_HTTP_HEAD_SCANNER_H_
#define OUTLIVE_SRC_HTTP_HEAD_SCANNER_H_

#include <cstddef>
#include <optional>
#include <string_view>

#include "http/http_error.h"

namespace outlive::http {

struct HeadLimits {
  std::size_t head_bytes_max = 0;
  std::size_t target_bytes_max = 0;
  int header_count_max = 0;
};

class HeadScanner {
 public:
  explicit HeadScanner(const HeadLimits& limits) : limits_(limits) {}

  enum class State { kMore, kComplete, kRefused };

  // `bytes` is everything received of this request so far, and starts each time at the same byte.
  // Looks only at what is new.
  State Scan(std::string_view bytes);

  // After kComplete: bytes of the head, with the empty line; and how many empty lines stand before
  // the request line, which are to be skipped.
  std::size_t head_bytes() const { return line_start_; }
  std::size_t skipped_bytes() const { return skipped_bytes_; }

  // After kRefused.
  const HttpError& error() const { return error_; }

 private:
  State Refuse(int status, std::string_view detail);
  std::optional<State> EndLine(std::string_view line);
  std::optional<State> CheckRequestLine(std::string_view line);
  std::optional<State> CheckField(std::string_view line);
  std::optional<State> CheckSizes(std::string_view bytes);

  const HeadLimits limits_;
  std::size_t position_ = 0;    // First byte not looked at.
  std::size_t line_start_ = 0;  // Of the line position_ is in.
  std::size_t skipped_bytes_ = 0;
  bool has_request_line_ = false;
  int header_count_ = 0;
  HttpError error_;
};

}  // namespace outlive::http

#endif  // OUTLIVE_SRC_HTTP_HEAD_SCANNER_H_
