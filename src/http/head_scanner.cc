#include "http/head_scanner.h"

#include <algorithm>

#include "http/text.h"
#include "outlive/http/headers.h"

namespace outlive::http {
namespace {

// A client may send one empty line after a body by mistake (RFC 9112, 2.2), and no more.
constexpr std::size_t kEmptyLinesBytesMax = 2;

// "GET" and the version need no more than this besides the target.
constexpr std::size_t kRequestLineOverhead = 64;

bool IsVersion(std::string_view text) {
  return text.size() == 8 && text.starts_with("HTTP/") && IsDigit(text[5]) && text[6] == '.' &&
         IsDigit(text[7]);
}

}  // namespace

HeadScanner::State HeadScanner::Refuse(int status, std::string_view detail) {
  error_ = {status, std::string(detail)};
  return State::kRefused;
}

HeadScanner::State HeadScanner::Scan(std::string_view bytes) {
  for (; position_ < bytes.size(); ++position_) {
    const char c = bytes[position_];
    if (c == '\r') {
      if (position_ + 1 == bytes.size()) break;  // Look again with the next byte.
      if (bytes[position_ + 1] != '\n') return Refuse(400, "A line ends in a bare CR.");
      const std::string_view line = bytes.substr(line_start_, position_ - line_start_);
      ++position_;
      line_start_ = position_ + 1;
      if (const auto state = EndLine(line)) return *state;
      continue;
    }
    if (c == '\n') return Refuse(400, "A line ends in a bare LF.");
    if (IsControl(c) && c != '\t') return Refuse(400, "The head has a control character.");
    if (const auto state = CheckSizes(bytes.substr(0, position_ + 1))) return *state;
  }
  return State::kMore;
}

std::optional<HeadScanner::State> HeadScanner::CheckSizes(std::string_view bytes) {
  if (!has_request_line_ &&
      bytes.size() - line_start_ > limits_.target_bytes_max + kRequestLineOverhead) {
    return Refuse(414, "The request line is too long.");
  }
  // The empty line at the end has to fit, too.
  if (bytes.size() - skipped_bytes_ + 4 > limits_.head_bytes_max) {
    return Refuse(431, "The head of the request is too large.");
  }
  return std::nullopt;
}

std::optional<HeadScanner::State> HeadScanner::EndLine(std::string_view line) {
  if (!has_request_line_) {
    if (!line.empty()) return CheckRequestLine(line);
    skipped_bytes_ = line_start_;
    if (skipped_bytes_ > kEmptyLinesBytesMax) return Refuse(400, "There is no request line.");
    return std::nullopt;
  }
  if (line.empty()) return State::kComplete;
  return CheckField(line);
}

std::optional<HeadScanner::State> HeadScanner::CheckRequestLine(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t second = line.rfind(' ');
  if (first == std::string_view::npos || first == second) {
    return Refuse(400, "The request line is malformed.");
  }
  const std::string_view target = line.substr(first + 1, second - first - 1);
  const bool is_visible = std::all_of(target.begin(), target.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte < 0x7f;
  });
  if (!IsToken(line.substr(0, first)) || target.empty() || !is_visible ||
      !IsVersion(line.substr(second + 1))) {
    return Refuse(400, "The request line is malformed.");
  }
  if (target.size() > limits_.target_bytes_max) return Refuse(414, "The target is too long.");
  const std::string_view version = line.substr(second + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return Refuse(505, "This server speaks HTTP/1.1.");
  }
  has_request_line_ = true;
  return std::nullopt;
}

std::optional<HeadScanner::State> HeadScanner::CheckField(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') return Refuse(400, "A header is folded.");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) {
    return Refuse(400, "A header is malformed.");
  }
  if (++header_count_ > limits_.header_count_max) return Refuse(431, "There are too many headers.");
  return std::nullopt;
}

}  // namespace outlive::http
