#include "testing/run_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace outlive::testing::internal {

RunIndex::RunIndex(const RunRecord& record, const CheckOptions& check, Verdict& verdict)
    : run(record), options(check) {
  JoinRecords(verdict);
  for (const Operation& operation : operations) Place(operation);
  for (const Event& event : run.events) {
    events.push_back(&event);
    last_at = std::max(last_at, event.at);
  }
  std::sort(events.begin(), events.end(), [](const Event* a, const Event* b) {
    return std::tie(a->seq, a) < std::tie(b->seq, b);
  });
  for (const Event* const event : events) jobs[event->job_id].events.push_back(event);
  for (const Job& job : run.jobs) {
    const Job*& place = jobs[job.id].job;
    if (place != nullptr) {
      verdict.Add("I17", fmt::format("job {} is there twice", job.id), {*place, job});
    }
    place = &job;
  }
  for (const Effect& effect : run.sink) jobs[effect.job].sink.push_back(&effect);
  for (const Effect& row : run.completed_rows) jobs[row.job].rows.push_back(&row);
  for (auto& [id, trace] : jobs) trace.id = id;
}

void RunIndex::JoinRecords(Verdict& verdict) {
  std::vector<const HistoryRecord*> records;
  records.reserve(run.history.size());
  for (const HistoryRecord& record : run.history) {
    records.push_back(&record);
    LastSeen& seen = processes[record.process];
    seen.at = std::max(seen.at, record.at);
    last_at = std::max(last_at, record.at);
  }
  std::sort(records.begin(), records.end(), [](const auto* a, const auto* b) {
    return std::tie(a->process, a->call, a->phase, a) < std::tie(b->process, b->call, b->phase, b);
  });
  for (std::size_t i = 0; i < records.size(); ++i) {
    const HistoryRecord& first = *records[i];
    const bool noted = first.op == HistoryOp::kStart || first.op == HistoryOp::kReturn;
    Operation operation{&first, noted ? &first : nullptr};
    const auto belongs = [&](std::size_t at) {
      return at < records.size() && records[at]->process == first.process &&
             records[at]->call == first.call;
    };
    if (!noted && first.phase == HistoryPhase::kInvoke && belongs(i + 1) &&
        records[i + 1]->phase != HistoryPhase::kInvoke && records[i + 1]->op == first.op) {
      operation.result = records[++i];
    }
    if (belongs(i + 1) || noted == (first.phase == HistoryPhase::kInvoke)) {
      verdict.Add("history", "these records are not an invoke and one result",
                  {first, *records[std::min(i + 1, records.size() - 1)]});
      while (belongs(i + 1)) ++i;
      continue;
    }
    operations.push_back(operation);
  }
  // Where processes share a clock, two can begin at one moment.
  std::sort(operations.begin(), operations.end(), [](const Operation& a, const Operation& b) {
    return std::pair(a.begun(), a.invoke) < std::pair(b.begun(), b.invoke);
  });
}

void RunIndex::Place(const Operation& operation) {
  const HistoryRecord& asked = *operation.invoke;
  switch (operation.op()) {
    case HistoryOp::kEnqueue:
      enqueues.push_back(&operation);
      if (operation.ok()) jobs[operation.result->job].enqueues.push_back(&operation);
      return;
    case HistoryOp::kOpenSession:
    case HistoryOp::kRenewSession:
    case HistoryOp::kCloseSession:
      sessions[asked.session].push_back(&operation);
      return;
    case HistoryOp::kReturn:
      return;  // Only shows that its process was alive.
    default:
      break;
  }
  JobTrace& trace = jobs[asked.job];
  switch (operation.op()) {
    case HistoryOp::kClaim:
      port_recorded = true;
      trace.claims.push_back(&operation);
      break;
    case HistoryOp::kFinish:
      trace.finishes.push_back(&operation);
      break;
    case HistoryOp::kProgress:
    case HistoryOp::kCheckpoint:
    case HistoryOp::kPublish:
      trace.writes.push_back(&operation);
      break;
    case HistoryOp::kStart:
      trace.starts.push_back(&operation);
      break;
    case HistoryOp::kEffect:
      trace.effects.push_back(&operation);
      break;
    default:
      trace.changes.push_back(&operation);
      break;
  }
}

}  // namespace outlive::testing::internal
