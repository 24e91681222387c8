#include "outlive/testing/recording_worker.h"

#include <absl/cleanup/cleanup.h>

#include <string>

namespace outlive::testing {
namespace {

HistoryRecord OfAttempt(HistoryOp op, JobId job, std::int64_t fence) {
  HistoryRecord record;
  record.op = op;
  record.job = job;
  record.fence = fence;
  return record;
}

}  // namespace

Outcome RecordingWorker::Run(JobContext& job, std::string_view args) {
  HistoryRecord start = OfAttempt(HistoryOp::kStart, job.id(), job.fence());
  start.kind = job.kind();
  start.args = args;
  start.attempt = job.attempt();
  start.value = job.checkpoint();
  recorder_.Note(std::move(start));
  // However it returns: an exception is an end, too.
  const absl::Cleanup returned = [this, id = job.id(), fence = job.fence()] {
    recorder_.Note(OfAttempt(HistoryOp::kReturn, id, fence));
  };
  return function_(job, args);
}

bool RecordEffect(Recorder& recorder, JobId job, std::int64_t fence,
                  const std::function<bool()>& accept) {
  HistoryRecord effect = recorder.Begin(OfAttempt(HistoryOp::kEffect, job, fence));
  const bool accepted = accept();
  recorder.End(std::move(effect), accepted ? HistoryPhase::kOk : HistoryPhase::kFail);
  return accepted;
}

}  // namespace outlive::testing
