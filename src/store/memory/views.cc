#include "store/memory/views.h"

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

Job WholeJob(const MemoryRecord& record, const JobLive& live) {
  Job job = JobRow(record, live);
  job.args = record.fixed.args;
  job.checkpoint = TextOf(live.checkpoint);
  job.output = TextOf(live.output);
  job.errors = ListOf(live.errors);
  job.artifacts = ListOf(live.artifacts);
  return job;
}

}  // namespace outlive::internal
