// ChildEnd says how a child process ended and what it had used. What becomes of the job's attempt
// follows from it: see OutcomeOf().
//
//   child dies ──► ChildEnd ──► OutcomeOf() ──► Crashed(status) or Retry(status) ──► history
//
// Thread-safety: values and pure functions.
#ifndef OUTLIVE_ISOLATE_CHILD_END_H_
#define OUTLIVE_ISOLATE_CHILD_END_H_

#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "outlive/core/outcome.h"

namespace outlive {

struct ChildEnd {
  enum class Reason {
    kRetired,      // Between two jobs: it had done its share, or was not needed any more.
    kExited,       // It called exit() in the middle of a job; `code` is the exit code.
    kSignalled,    // By a signal that its host did not send: `code`.
    kOutOfMemory,  // An allocation had failed: IsolateOptions::memory_bytes.
    kCpuTime,      // Killed for IsolateOptions::cpu_time.
    kWallTime,     // Killed for IsolateOptions::wall_time.
    kStopped,      // Killed because it had not stopped within the grace.
    kProtocol,     // Killed because it said what no child says: `detail`.
    kLost,         // Gone, and nobody knows how.
  };

  Reason reason = Reason::kLost;
  int code = 0;
  std::string detail = {};

  // Of the attempt that it ended with; kRetired: of its whole life.
  absl::Duration wall_time = absl::ZeroDuration();
  absl::Duration cpu_time = absl::ZeroDuration();  // Its own, and that of processes it waited for.

  std::int64_t memory_peak_bytes = 0;  // Largest resident set of its whole life; 0: not known.
  int job_count = 0;                   // Jobs that it had begun.

  // The last bytes that it wrote to stdout and stderr during the attempt, as they are.
  std::string output_tail = {};
};

// "retired", "exited", … Stable: for metrics.
std::string_view ChildEndReasonName(ChildEnd::Reason reason);

// "killed by signal 11 (SIGSEGV) after 0.21 s (cpu 0.20 s, memory 12.3 MiB); its last output: …",
// on one line, fit for logs, at most limits::kMessageBytesMax. Of a long output the end is kept.
std::string Describe(const ChildEnd& end);

// What the attempt came to that was running in it.
//
//   kExited, kSignalled, kProtocol   Crashed, kInternal
//   kOutOfMemory                     Crashed, kResourceExhausted
//   kLost                            Crashed, kUnavailable
//   kCpuTime, kWallTime              Retry, kDeadlineExceeded: a time-out is a failure
//   kStopped                         Retry, kCancelled: why it was to stop decides
//   kRetired                         Retry, kUnavailable
Outcome OutcomeOf(const ChildEnd& end);

}  // namespace outlive

#endif  // OUTLIVE_ISOLATE_CHILD_END_H_
