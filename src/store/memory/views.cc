#include "store/memory/views.h"

#include <string>
#include <utility>

namespace outlive::internal {

Job JobRow(const MemoryRecord& record, const JobLive& live) {
  const JobFixed& fixed = record.fixed;
  Job job;
  job.id = record.id;
  job.kind = fixed.lane->kind;
  job.queue = fixed.lane->queue->name;
  job.state = live.state;
  job.priority = fixed.priority;
  job.attempt = live.attempt;
  job.attempt_count_max = fixed.attempt_count_max;
  job.crashes = live.crashes;
  job.generation = live.generation;
  job.fence = live.fence;
  if (live.session != nullptr) job.session = live.session->name;
  job.cancel_requested = live.cancel_requested;
  job.created_at = absl::FromUnixMicros(fixed.created_at);
  job.run_at = absl::FromUnixMicros(live.run_at);
  if (live.started_at) job.started_at = absl::FromUnixMicros(*live.started_at);
  if (live.ended_at) job.ended_at = absl::FromUnixMicros(*live.ended_at);
  job.progress = live.progress;
  job.progress_note = TextOf(live.progress_note);
  job.idempotency_key = fixed.idempotency_key;
  job.partition_key = fixed.partition_key;
  job.traceparent = fixed.traceparent;
  job.tags = fixed.tags;
  job.retry_policy = fixed.retry_policy;
  return job;
}

Job WholeJob(const MemoryRecord& record, const JobLive& live, const Payloads& payloads) {
  Job job = JobRow(record, live);
  job.errors = ListOf(live.errors);
  job.artifacts = ListOf(live.artifacts);
  const auto open = [&](PayloadField field, std::string kept, std::string& to) {
    job.sealed = job.sealed || ReadSealed(kept).has_value();
    job.payload_status.Update(payloads.Open(record.id, field, kept));
    to = std::move(kept);
  };
  open(PayloadField::kArgs, record.fixed.args, job.args);
  if (live.checkpoint != nullptr) open(PayloadField::kCheckpoint, *live.checkpoint, job.checkpoint);
  if (live.output != nullptr) open(PayloadField::kOutput, *live.output, job.output);
  return job;
}

}  // namespace outlive::internal
