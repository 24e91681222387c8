#include "outlive/core/follow_up.h"

#include <boost/describe/class.hpp>
#include <utility>

#include "outlive/core/args.h"
#include "outlive/core/job.h"

namespace outlive {

BOOST_DESCRIBE_ENUM(JobState, kPending, kBlocked, kRunning, kCompleted, kCancelled, kDead)
BOOST_DESCRIBE_STRUCT(FollowUp, (),
                      (on_completed, on_cancelled, on_dead, kind, queue, priority,
                       attempt_count_max, retry_policy, data))
BOOST_DESCRIBE_STRUCT(JobEnd, (),
                      (job_id, kind, queue, state, attempt, generation, ended_at, output, error,
                       traceparent))
BOOST_DESCRIBE_STRUCT(FollowUpArgs, (), (data, end))

std::string EncodeFollowUps(const std::vector<FollowUp>& follow_ups) {
  // ValidateNewJob() has made sure that all of it is text.
  return EncodeArgs(follow_ups).value_or("[]");
}

absl::StatusOr<std::vector<FollowUp>> DecodeFollowUps(std::string_view text) {
  return DecodeArgs<std::vector<FollowUp>>(text);
}

bool Follows(const FollowUp& follow_up, JobState end) {
  switch (end) {
    case JobState::kCompleted:
      return follow_up.on_completed;
    case JobState::kCancelled:
      return follow_up.on_cancelled;
    case JobState::kDead:
      return follow_up.on_dead;
    case JobState::kPending:
    case JobState::kBlocked:
    case JobState::kRunning:
      return false;
  }
  return false;
}

NewJob MakeFollowUpJob(const FollowUp& follow_up, const JobEnd& end) {
  FollowUpArgs args{follow_up.data, end};
  if (args.end.output.size() > kFollowUpOutputBytesMax) args.end.output.clear();
  absl::StatusOr<std::string> encoded = EncodeArgs(args);
  if (!encoded.ok()) {  // An output that is not text cannot be told in JSON.
    args.end.output.clear();
    encoded = EncodeArgs(args);
  }
  NewJob job;
  job.kind = follow_up.kind;
  job.queue = follow_up.queue;
  job.priority = follow_up.priority;
  job.attempt_count_max = follow_up.attempt_count_max;
  job.retry_policy = follow_up.retry_policy;
  job.traceparent = end.traceparent;
  job.args = std::move(encoded).value_or("{}");
  return job;
}

absl::StatusOr<FollowUpArgs> DecodeFollowUpArgs(std::string_view args) {
  return DecodeArgs<FollowUpArgs>(args);
}

}  // namespace outlive
