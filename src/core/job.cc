#include "outlive/core/job.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "core/base64.h"
#include "core/faults.h"
#include "core/time_text.h"
#include "core/utf8.h"
#include "outlive/core/log.h"
#include "outlive/core/retry_policy.h"
#include "outlive/core/trace_context.h"

namespace outlive {
namespace {

// Far enough for any schedule, near enough that microseconds since 1970 cannot overflow.
const absl::Time kRunAtMax = absl::FromUnixSeconds(253'402'300'799);  // 9999-12-31T23:59:59Z.

bool IsNameChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == ':' || c == '/' || c == '-';
}

bool IsKey(std::string_view key) {
  return key.size() <= limits::kKeyBytesMax && key.find('\0') == std::string_view::npos;
}

absl::Status ValidateFollowUp(const FollowUp& follow_up) {
  internal::Faults faults("follow-up");
  faults.AddIfError(ValidateName("kind", follow_up.kind));
  faults.AddIfError(ValidateName("queue", follow_up.queue));
  faults.Require(follow_up.on_completed || follow_up.on_cancelled || follow_up.on_dead,
                 "it must follow at least one end");
  faults.Require(follow_up.priority >= 0 && follow_up.priority <= limits::kPriorityMax,
                 "priority must be from 0 to 9");
  faults.Require(
      follow_up.attempt_count_max >= 1 && follow_up.attempt_count_max <= limits::kAttemptCountMax,
      "attempt_count_max must be from 1 to 10000");
  faults.Require(follow_up.data.size() <= limits::kPayloadBytesMax / 2,
                 "data must have at most 524288 bytes");
  faults.Require(internal::IsUtf8(follow_up.data), "data must be UTF-8");
  if (!follow_up.retry_policy.empty()) {
    faults.AddIfError(DecodeRetryPolicy(follow_up.retry_policy).status());
  }
  return faults.ToStatus();
}

void CheckLabels(const NewJob& job, internal::Faults& faults) {
  faults.Require(IsKey(job.idempotency_key),
                 "idempotency_key must have at most 512 bytes and no NUL");
  faults.Require(IsKey(job.partition_key), "partition_key must have at most 512 bytes and no NUL");
  faults.Require(job.idempotency_window > absl::ZeroDuration() &&
                     job.idempotency_window <= absl::Hours(24 * 366),
                 "idempotency_window must be more than 0 and at most 366 days");
  faults.Require(job.tags.size() <= limits::kTagCountMax, "tags must be at most 16");
  for (const std::string& tag : job.tags) faults.AddIfError(ValidateName("tag", tag));
  faults.Require(job.traceparent.empty() || IsTraceparent(job.traceparent),
                 "traceparent must be a W3C traceparent of version 00");
}

// Nothing where there are no bytes.
void PutBytes(boost::json::object& object, std::string_view name, const std::string& bytes) {
  if (bytes.empty()) return;
  if (internal::IsUtf8(bytes)) {
    object[boost::json::string_view(name.data(), name.size())] = bytes;
  } else {
    object[fmt::format("{}_base64", name)] = internal::Base64(bytes);
  }
}

void PutPayloads(boost::json::object& object, const Job& job, const JobJsonOptions& options) {
  if (job.sealed) object["sealed"] = true;
  if (!job.payload_status.ok()) {
    PutBytes(object, "payload_error", std::string(job.payload_status.message()));
  }
  if (job.sealed && !options.show_sealed) return;
  PutBytes(object, "args", job.args);
  PutBytes(object, "checkpoint", job.checkpoint);
  PutBytes(object, "output", job.output);
}

boost::json::array ErrorsToJson(const std::vector<AttemptError>& errors) {
  boost::json::array array;
  for (const AttemptError& error : errors) {
    boost::json::object& object = array.emplace_back(boost::json::object()).get_object();
    object["attempt"] = error.attempt;
    object["at"] = internal::TimeToText(error.at);
    object["code"] = absl::StatusCodeToString(error.code);
    PutBytes(object, "message", error.message);
  }
  return array;
}

boost::json::array ArtifactsToJson(const std::vector<Artifact>& artifacts) {
  boost::json::array array;
  for (const Artifact& artifact : artifacts) {
    boost::json::object& object = array.emplace_back(boost::json::object()).get_object();
    object["id"] = artifact.id;
    PutBytes(object, "name", artifact.name);
    PutBytes(object, "media_type", artifact.media_type);
    object["size"] = artifact.size;
    object["sha256"] = artifact.sha256;
    object["created_at"] = internal::TimeToText(artifact.created_at);
  }
  return array;
}

}  // namespace

absl::Status ValidateName(std::string_view what, std::string_view name) {
  if (!name.empty() && name.size() <= limits::kNameBytesMax &&
      std::all_of(name.begin(), name.end(), IsNameChar)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      fmt::format("{} must have 1 to {} characters out of A-Z a-z 0-9 . _ : / -, and is \"{}\"",
                  what, limits::kNameBytesMax, EscapeForLog(name.substr(0, 160))));
}

absl::Status ValidateNewJob(const NewJob& job) {
  internal::Faults faults("job");
  faults.AddIfError(ValidateName("kind", job.kind));
  faults.AddIfError(ValidateName("queue", job.queue));
  if (job.args.size() > limits::kPayloadBytesMax) {
    faults.Add(fmt::format("args must have at most {} bytes, and have {}", limits::kPayloadBytesMax,
                           job.args.size()));
  }
  if (job.priority < 0 || job.priority > limits::kPriorityMax) {
    faults.Add(fmt::format("priority must be from 0 to 9, and is {}", job.priority));
  }
  if (job.attempt_count_max < 1 || job.attempt_count_max > limits::kAttemptCountMax) {
    faults.Add(fmt::format("attempt_count_max must be from 1 to {}, and is {}",
                           limits::kAttemptCountMax, job.attempt_count_max));
  }
  faults.Require(job.run_at <= kRunAtMax, "run_at must not be after the year 9999");
  faults.Require(job.backlog_max >= 0, "backlog_max must not be negative");
  CheckLabels(job, faults);
  if (!job.retry_policy.empty()) faults.AddIfError(DecodeRetryPolicy(job.retry_policy).status());
  faults.Require(job.follow_ups.size() <= limits::kFollowUpCountMax,
                 "follow_ups must be at most 8");
  for (const FollowUp& follow_up : job.follow_ups) faults.AddIfError(ValidateFollowUp(follow_up));
  return faults.ToStatus();
}

std::string JobToJson(const Job& job, const JobJsonOptions& options) {
  boost::json::object object;
  object["id"] = std::to_string(job.id);
  object["kind"] = job.kind;
  object["queue"] = job.queue;
  const std::string_view state = JobStateName(job.state);
  object["state"] = boost::json::string_view(state.data(), state.size());
  object["priority"] = job.priority;
  object["attempt"] = job.attempt;
  object["attempt_count_max"] = job.attempt_count_max;
  object["crashes"] = job.crashes;
  object["generation"] = job.generation;
  object["created_at"] = internal::TimeToText(job.created_at);
  object["run_at"] = internal::TimeToText(job.run_at);
  if (job.started_at) object["started_at"] = internal::TimeToText(*job.started_at);
  if (job.ended_at) object["ended_at"] = internal::TimeToText(*job.ended_at);
  object["progress"] = job.progress;
  PutBytes(object, "progress_note", job.progress_note);
  PutPayloads(object, job, options);
  PutBytes(object, "idempotency_key", job.idempotency_key);
  PutBytes(object, "partition_key", job.partition_key);
  PutBytes(object, "traceparent", job.traceparent);
  PutBytes(object, "retry_policy", job.retry_policy);
  boost::json::array tags;
  for (const std::string& tag : job.tags) tags.emplace_back(tag);
  object["tags"] = std::move(tags);
  object["errors"] = ErrorsToJson(job.errors);
  object["artifacts"] = ArtifactsToJson(job.artifacts);
  return boost::json::serialize(object);
}

}  // namespace outlive
