#include "outlive/testing/recording_client.h"

#include <utility>

namespace outlive::testing {

HistoryRecord EnqueueOf(const NewJob& job) {
  HistoryRecord record;
  record.op = HistoryOp::kEnqueue;
  record.kind = job.kind;
  record.args = job.args;
  record.key = job.idempotency_key;
  if (!job.idempotency_key.empty()) record.window = job.idempotency_window;
  record.run_at = job.run_at;
  record.attempt_count_max = job.attempt_count_max;
  return record;
}

namespace {

HistoryRecord ChangeOf(HistoryOp op, JobId id) {
  HistoryRecord record;
  record.op = op;
  record.job = id;
  return record;
}

template <class Ask>
absl::StatusOr<JobState> RecordChange(Recorder& recorder, HistoryOp op, JobId id, Ask ask) {
  HistoryRecord record = recorder.Begin(ChangeOf(op, id));
  absl::StatusOr<JobState> state = ask();
  if (state.ok()) record.state = *state;
  recorder.End(std::move(record), state.status());
  return state;
}

}  // namespace

absl::StatusOr<Enqueued> RecordingClient::Enqueue(std::string_view kind, std::string_view args,
                                                  const EnqueueOptions& options) {
  const absl::StatusOr<NewJob> job = client_.PrepareRaw(kind, args, options);
  if (!job.ok()) return job.status();
  HistoryRecord record = recorder_.Begin(EnqueueOf(*job));
  absl::StatusOr<Enqueued> enqueued = client_.EnqueueRaw(kind, args, options);
  if (enqueued.ok()) {
    record.job = enqueued->id;
    record.duplicate = enqueued->duplicate;
  }
  recorder_.End(std::move(record), enqueued.status());
  return enqueued;
}

absl::StatusOr<JobState> RecordingClient::Cancel(JobId id) {
  return RecordChange(recorder_, HistoryOp::kCancel, id, [&] { return client_.Cancel(id); });
}

absl::StatusOr<JobState> RecordingClient::Retry(JobId id) {
  return RecordChange(recorder_, HistoryOp::kRequeue, id, [&] { return client_.Retry(id); });
}

absl::Status RecordingClient::DiscardDeadLetter(JobId id) {
  HistoryRecord record = recorder_.Begin(ChangeOf(HistoryOp::kDiscard, id));
  absl::Status status = client_.DiscardDeadLetter(id);
  recorder_.End(std::move(record), status);
  return status;
}

}  // namespace outlive::testing
