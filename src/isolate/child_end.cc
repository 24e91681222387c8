#include "outlive/isolate/child_end.h"

#include <absl/status/status.h>
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cstddef>

#include "outlive/core/limits.h"
#include "outlive/core/log.h"

namespace outlive {
namespace {

using Reason = ChildEnd::Reason;

// Of a message, so that what comes before it is there in any case.
constexpr std::size_t kTailBytesMax = limits::kMessageBytesMax - 1'024;
constexpr std::size_t kDetailBytesMax = 512;

std::string_view SignalName(int signal) {
  switch (signal) {
    case SIGHUP:
      return "SIGHUP";
    case SIGINT:
      return "SIGINT";
    case SIGQUIT:
      return "SIGQUIT";
    case SIGILL:
      return "SIGILL";
    case SIGTRAP:
      return "SIGTRAP";
    case SIGABRT:
      return "SIGABRT";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGKILL:
      return "SIGKILL, not by its host: perhaps the machine was out of memory";
    case SIGSEGV:
      return "SIGSEGV";
    case SIGPIPE:
      return "SIGPIPE";
    case SIGTERM:
      return "SIGTERM";
    case SIGXFSZ:
      return "SIGXFSZ, over file_bytes";
    case SIGSYS:
      return "SIGSYS";
    default:
      return "no name";
  }
}

std::string WhatHappened(const ChildEnd& end) {
  switch (end.reason) {
    case Reason::kRetired:
      return "the child ended between two jobs,";
    case Reason::kExited:
      return fmt::format("the child exited with code {}, without an outcome,", end.code);
    case Reason::kSignalled:
      return fmt::format("the child was killed by signal {} ({})", end.code, SignalName(end.code));
    case Reason::kOutOfMemory:
      return "the child was out of memory";
    case Reason::kCpuTime:
      return "the child was killed for using too much processor time,";
    case Reason::kWallTime:
      return "the child was killed for taking too long,";
    case Reason::kStopped:
      return "the child was killed because it did not stop when it was asked to,";
    case Reason::kProtocol:
      return "the child was killed for breaking the protocol";
    case Reason::kLost:
      return "the child was lost";
  }
  return "the child ended";
}

std::string Cut(std::string_view text, std::size_t size_max) {
  std::string escaped = EscapeForLog(text);
  if (escaped.size() > size_max) escaped.resize(size_max);
  return escaped;
}

// The last of `text` that fits when it is escaped.
std::string EscapedTail(std::string_view text) {
  text = text.substr(text.size() - std::min(text.size(), kTailBytesMax));
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  std::string escaped = EscapeForLog(text);
  while (escaped.size() > kTailBytesMax) {
    text.remove_prefix(std::max<std::size_t>(text.size() / 8, 1));
    escaped = EscapeForLog(text);
  }
  return escaped;
}

}  // namespace

std::string_view ChildEndReasonName(Reason reason) {
  switch (reason) {
    case Reason::kRetired:
      return "retired";
    case Reason::kExited:
      return "exited";
    case Reason::kSignalled:
      return "signalled";
    case Reason::kOutOfMemory:
      return "out_of_memory";
    case Reason::kCpuTime:
      return "cpu_time";
    case Reason::kWallTime:
      return "wall_time";
    case Reason::kStopped:
      return "stopped";
    case Reason::kProtocol:
      return "protocol";
    case Reason::kLost:
      return "lost";
  }
  return "unknown";
}

std::string Describe(const ChildEnd& end) {
  // With as many digits as they have: dead letters are grouped by message, numbers apart.
  std::string text =
      fmt::format("{} after {:.2f} s (cpu {:.2f} s, memory {:.1f} MiB)", WhatHappened(end),
                  absl::ToDoubleSeconds(end.wall_time), absl::ToDoubleSeconds(end.cpu_time),
                  static_cast<double>(end.memory_peak_bytes) / (1 << 20));
  if (!end.detail.empty()) text += ": " + Cut(end.detail, kDetailBytesMax);
  const std::string tail = EscapedTail(end.output_tail);
  if (!tail.empty()) text += "; its last output: " + tail;
  return text;
}

Outcome OutcomeOf(const ChildEnd& end) {
  const std::string text = Describe(end);
  switch (end.reason) {
    case Reason::kExited:
    case Reason::kSignalled:
    case Reason::kProtocol:
      return Crashed(absl::InternalError(text));
    case Reason::kOutOfMemory:
      return Crashed(absl::ResourceExhaustedError(text));
    case Reason::kLost:
      return Crashed(absl::UnavailableError(text));
    case Reason::kCpuTime:
    case Reason::kWallTime:
      return Retry(absl::DeadlineExceededError(text));
    case Reason::kStopped:
      return Retry(absl::CancelledError(text));
    case Reason::kRetired:
      break;
  }
  return Retry(absl::UnavailableError(text));
}

}  // namespace outlive
