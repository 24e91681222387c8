// FollowUp is a job that its store inserts in the very transaction that ends another job: how a
// notification can be late but never lost. The follow-up's arguments carry what it has to tell, so
// it does not need the job that ended any more.
//
// Thread-safety: values and pure functions.
// Errors:        kInvalidArgument. What is out of range below is refused by ValidateNewJob(), with
//                the job that it would follow.
#ifndef OUTLIVE_CORE_FOLLOW_UP_H_
#define OUTLIVE_CORE_FOLLOW_UP_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/lifecycle.h"
#include "outlive/core/limits.h"

namespace outlive {

struct NewJob;

struct FollowUp {
  // Which ends it follows; at least one.
  bool on_completed = true;
  bool on_cancelled = false;
  bool on_dead = true;

  // As in NewJob.
  std::string kind = {};
  std::string queue = "default";
  int priority = limits::kPriorityDefault;
  int attempt_count_max = limits::kAttemptCountDefault;
  std::string retry_policy = {};  // From EncodeRetryPolicy(); empty: the worker's.

  // Handed to the follow-up as it is: whom to tell, and how. UTF-8, at most half of
  // limits::kPayloadBytesMax.
  std::string data = {};

  bool operator==(const FollowUp&) const = default;
};

// How a job ended: what a follow-up is about.
struct JobEnd {
  std::int64_t job_id = 0;
  std::string kind = {};
  std::string queue = {};
  JobState state = JobState::kCompleted;  // Terminal.
  int attempt = 0;
  int generation = 0;
  absl::Time ended_at = {};
  std::string output = {};  // Left out where it is longer than kFollowUpOutputBytesMax.
  std::string error = {};   // The last error's message, or the reason.
  std::string traceparent = {};
};
inline constexpr std::size_t kFollowUpOutputBytesMax = 16 * 1024;

// What a follow-up job finds in its arguments.
struct FollowUpArgs {
  std::string data = {};  // FollowUp::data.
  JobEnd end = {};
};

// Follow-ups as JSON, for stores. Decoding takes what encoding made; else kInvalidArgument.
std::string EncodeFollowUps(const std::vector<FollowUp>& follow_ups);
absl::StatusOr<std::vector<FollowUp>> DecodeFollowUps(std::string_view text);

// True where `follow_up` follows this end.
bool Follows(const FollowUp& follow_up, JobState end);

// The job to insert for `follow_up`. Called by stores, inside the transaction that ends the job.
NewJob MakeFollowUpJob(const FollowUp& follow_up, const JobEnd& end);

// Reads the arguments of a job made by MakeFollowUpJob().
absl::StatusOr<FollowUpArgs> DecodeFollowUpArgs(std::string_view args);

}  // namespace outlive

#endif  // OUTLIVE_CORE_FOLLOW_UP_H_
