// Heads of requests as they arrive: however they are cut into pieces, the scanner says the same.
#include <algorithm>
#include <string_view>

#include "http/head_scanner.h"
#include "tests/fuzz/target.h"

namespace outlive::fuzz {
namespace {

using http::HeadScanner;

struct Verdict {
  HeadScanner::State state = HeadScanner::State::kMore;
  std::size_t head_bytes = 0;
  std::size_t skipped_bytes = 0;
  int status = 0;

  bool operator==(const Verdict&) const = default;
};

Verdict Scan(std::string_view bytes, std::size_t piece, const http::HeadLimits& limits) {
  HeadScanner scanner(limits);
  Verdict verdict;
  for (std::size_t end = std::min(piece, bytes.size());;
       end = std::min(end + piece, bytes.size())) {
    verdict.state = scanner.Scan(bytes.substr(0, end));
    if (verdict.state != HeadScanner::State::kMore || end == bytes.size()) break;
  }
  if (verdict.state == HeadScanner::State::kComplete) {
    verdict.head_bytes = scanner.head_bytes();
    verdict.skipped_bytes = scanner.skipped_bytes();
  }
  if (verdict.state == HeadScanner::State::kRefused) verdict.status = scanner.error().status;
  return verdict;
}

}  // namespace

void HttpHead(std::string_view input) {
  Input in(input);
  const std::size_t piece = 1 + in.Below(64);
  http::HeadLimits limits;
  limits.head_bytes_max = 64 * (1 + in.Below(16));
  limits.target_bytes_max = 8 * (1 + in.Below(32));
  limits.header_count_max = 1 + static_cast<int>(in.Below(8));
  const std::string_view bytes = in.Rest();
  const Verdict whole = Scan(bytes, bytes.size() + 1, limits);
  Require(whole == Scan(bytes, piece, limits), "pieces make no difference");
  Require(whole == Scan(bytes, 1, limits), "nor do single bytes");
  if (whole.state != HeadScanner::State::kComplete) return;
  Require(whole.head_bytes <= bytes.size(), "the head is in the bytes");
  Require(whole.head_bytes - whole.skipped_bytes <= limits.head_bytes_max, "and within its limit");
  const std::string_view head = bytes.substr(0, whole.head_bytes);
  Require(head.substr(head.size() - 4) == "\r\n\r\n", "it ends in an empty line");
  for (std::size_t i = 0; i < head.size(); ++i) {
    if (head[i] == '\r') Require(head[i + 1] == '\n', "no CR stands alone");
    if (head[i] == '\n') Require(i > 0 && head[i - 1] == '\r', "no LF stands alone");
    Require(head[i] != '\0', "there is no NUL");
  }
}

}  // namespace outlive::fuzz
