// What a job is: as it is handed in (NewJob) and as it is kept (Job). Values without behaviour.
//
// Thread-safety: values and pure functions.
// Errors:        Validate…() give OK, or one kInvalidArgument that names every fault.
#ifndef OUTLIVE_CORE_JOB_H_
#define OUTLIVE_CORE_JOB_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/artifact.h"
#include "outlive/core/follow_up.h"
#include "outlive/core/lifecycle.h"
#include "outlive/core/limits.h"

namespace outlive {

// Positive; never reused within one store. In JSON it is written as a string, because JavaScript
// numbers end at 2^53.
using JobId = std::int64_t;

// One failed attempt in a job's history.
struct AttemptError {
  int attempt = 0;
  absl::Time at = {};
  absl::StatusCode code = absl::StatusCode::kUnknown;
  std::string message = {};  // Escaped for logs, at most limits::kMessageBytesMax.

  bool operator==(const AttemptError&) const = default;
};

// A job to be inserted. ValidateNewJob() holds each field to what is said here.
struct NewJob {
  std::string kind = {};          // A name: see ValidateName().
  std::string args = {};          // Bytes, at most limits::kPayloadBytesMax; JSON by default.
  std::string queue = "default";  // A name.
  int priority = limits::kPriorityDefault;               // 0, which is first, to kPriorityMax.
  int attempt_count_max = limits::kAttemptCountDefault;  // 1 to limits::kAttemptCountMax.

  // Not before this, and not after the year 9999. InfinitePast: at once.
  absl::Time run_at = absl::InfinitePast();

  // Any bytes but NUL, at most limits::kKeyBytesMax. Empty: none. Scoped by kind. The window starts
  // when the key is used first; more than 0, at most 366 days.
  std::string idempotency_key = {};
  absl::Duration idempotency_window = absl::Hours(24);

  // As the key. Empty: none. Stored for partitions, which come later.
  std::string partition_key = {};

  std::string traceparent = {};        // W3C Trace Context, version 00; empty: none.
  std::vector<std::string> tags = {};  // Names, at most limits::kTagCountMax.
  std::string retry_policy = {};       // From EncodeRetryPolicy(); empty: the worker's.

  // Jobs that are inserted in the transaction that ends this one, at most
  // limits::kFollowUpCountMax.
  std::vector<FollowUp> follow_ups = {};

  // Refused with kResourceExhausted where the queue already has this many pending jobs. 0: no
  // limit.
  int backlog_max = 0;
};

// OK, or one kInvalidArgument that names every fault. Stores check again what they are given.
absl::Status ValidateNewJob(const NewJob& job);

// `[A-Za-z0-9._:/-]{1,128}`, or kInvalidArgument. `what` names it: "queue".
absl::Status ValidateName(std::string_view what, std::string_view name);

// A job as its store holds it, at one moment.
struct Job {
  JobId id = 0;
  std::string kind = {};
  std::string queue = {};
  std::string args = {};
  JobState state = JobState::kPending;
  int priority = 0;
  int attempt = 0;  // Attempts so far, the running one included.
  int attempt_count_max = 0;
  int crashes = 0;     // Attempts that ended with their process.
  int generation = 0;  // How often a person sent it back to work.
  std::int64_t fence = 0;
  std::string session = {};  // While running.
  bool cancel_requested = false;

  absl::Time created_at = {};
  absl::Time run_at = {};                     // When it is, or was last, due.
  std::optional<absl::Time> started_at = {};  // Of the latest attempt.
  std::optional<absl::Time> ended_at = {};    // When it became terminal.

  double progress = 0;  // 0 to 1.
  std::string progress_note = {};
  std::string checkpoint = {};
  std::string output = {};

  std::string idempotency_key = {};
  std::string partition_key = {};
  std::string traceparent = {};
  std::vector<std::string> tags = {};
  std::string retry_policy = {};
  std::vector<AttemptError> errors = {};  // Oldest first.
  std::vector<Artifact> artifacts = {};   // Oldest first.

  // args, checkpoint or output are kept sealed (core/payload_cipher.h): not for everybody's eyes.
  bool sealed = false;

  // Not OK: why one of them, or all, could not be opened, and are empty here. kFailedPrecondition
  // or kDataLoss, as PayloadCipher says.
  absl::Status payload_status = {};
};

struct JobJsonOptions {
  // Writes args, checkpoint and output in plain although they are kept sealed.
  bool show_sealed = false;
};

// `job` as one JSON object on one line, for exports: everything but what is only true while it
// runs. Bytes that are not UTF-8 are written in base64 under another name, such as args_base64;
// empty ones are left out, and so are args, checkpoint and output of a sealed job, in whose place
// stands `"sealed":true`.
std::string JobToJson(const Job& job, const JobJsonOptions& options = {});

}  // namespace outlive

#endif  // OUTLIVE_CORE_JOB_H_
