#include "store/memory/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "outlive/core/idempotency.h"
#include "outlive/core/limits.h"
#include "outlive/core/log.h"
#include "outlive/core/store_rules.h"
#include "store/memory/views.h"

namespace outlive::internal {
namespace {

absl::Status NoSuchJob(JobId id) {
  return absl::NotFoundError(fmt::format("there is no job {}", id));
}

absl::Status LeaseLost(const Lease& lease, std::int64_t fence) {
  return absl::AbortedError(fmt::format("the lease of job {} is lost: fence {} is now {}",
                                        lease.job, lease.fence, fence));
}

absl::Status NotPossible(JobId id, std::string_view what, JobState state) {
  return absl::FailedPreconditionError(
      fmt::format("job {} cannot be {}: it is {}", id, what, JobStateName(state)));
}

void KeepError(JobLive& live, AttemptError error) {
  std::vector<AttemptError> errors = ListOf(live.errors);
  AddError(errors, std::move(error));
  live.errors = std::make_shared<const std::vector<AttemptError>>(std::move(errors));
}

// Ends an attempt; `to` is the state after it.
void EndAttempt(JobLive& live, JobState to, Micros now) {
  live.state = to;
  live.session = nullptr;
  if (IsTerminal(to)) live.ended_at = now;
}

// Runs `one` for each element.
template <class Result, class Element, class One>
absl::StatusOr<std::vector<Result>> ForEach(absl::Span<const Element> elements, One one) {
  if (absl::Status valid = ValidateBatch(elements.size()); !valid.ok()) return valid;
  std::vector<Result> results;
  results.reserve(elements.size());
  for (const Element& element : elements) results.push_back(one(element));
  return results;
}

}  // namespace

// -- Insert -----------------------------------------------------------------------------------

absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> MemoryWriter::Insert(
    absl::Span<const NewJob> jobs) {
  return Sealed(ForEach<absl::StatusOr<Inserted>>(
      jobs, [this](const NewJob& job) { return InsertOne(job); }));
}

absl::StatusOr<Inserted> MemoryWriter::InsertOne(const NewJob& job) {
  if (absl::Status valid = ValidateNewJob(job); !valid.ok()) return valid;
  const bool keyed = !job.idempotency_key.empty();
  MemoryKey key;
  if (keyed) {
    const Fingerprint name = KeyFingerprint(job.kind, job.idempotency_key);
    key.name = name;
    if (const MemoryKey* const used = tables_.FindKey(name); used != nullptr) {
      if (payloads_.IsArgsFingerprint(used->args, name, job.args)) return Inserted{used->job, true};
      return absl::AlreadyExistsError(
          fmt::format("the idempotency key was used with other arguments, for job {}", used->job));
    }
    const absl::StatusOr<Fingerprint> args = payloads_.ArgsFingerprint(name, job.args);
    sealing_.Update(args.status());
    if (args.ok()) key.args = *args;
  }
  if (job.backlog_max > 0) {
    const MemoryQueue* const queue = tables_.FindQueue(job.queue);
    if (queue != nullptr && queue->pending_count >= job.backlog_max) {
      return absl::ResourceExhaustedError(
          fmt::format("queue {} has {} pending jobs, and at most {} are allowed", job.queue,
                      queue->pending_count, job.backlog_max));
    }
  }
  const MemoryRecord& record = AddJob(job);
  if (keyed) {
    key.job = record.id;
    key.expires = In(job.idempotency_window);
    tables_.PutKey(std::move(key));
  }
  hint_.work = true;
  return Inserted{record.id, false};
}

// -- Claim ------------------------------------------------------------------------------------

absl::StatusOr<ClaimResult> MemoryWriter::Claim(const ClaimRequest& request) {
  if (absl::Status valid = ValidateClaimRequest(request); !valid.ok()) return valid;
  MemorySession* const session = tables_.FindSession(request.session);
  if (session == nullptr || session->expires <= tables_.now()) {
    return absl::AbortedError("the session is not open, or has expired");
  }
  ClaimResult result;
  for (std::size_t i = 0; i < request.queues.size(); ++i) {
    const Lanes lanes = LanesOf(request.queues[i], request.kinds);
    const std::size_t count_max =
        std::min(static_cast<std::size_t>(request.queues[i].job_count_max),
                 static_cast<std::size_t>(limits::kClaimJobCountMax) - result.jobs.size());
    for (const Due& due : FindDue(lanes, count_max)) {
      result.jobs.push_back(ClaimOne(*due.record, *session));
      result.jobs.back().queue = i;
      result.jobs.back().kind = due.kind;
    }
    result.next_run_at = std::min(result.next_run_at, NextRunAt(lanes));
  }
  return result;
}

MemoryWriter::Lanes MemoryWriter::LanesOf(const QueueClaim& queue,
                                          const std::vector<std::string>& kinds) {
  Lanes lanes;
  const MemoryQueue* const found = tables_.FindQueue(queue.queue);
  if (found == nullptr || found->settings.paused || queue.job_count_max == 0) return lanes;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const auto lane = found->lanes.find(kinds[i]);
    if (lane != found->lanes.end()) lanes.emplace_back(lane->second.get(), i);
  }
  return lanes;
}

// Merges the lanes' due jobs, one priority after the other.
std::vector<MemoryWriter::Due> MemoryWriter::FindDue(const Lanes& lanes,
                                                     std::size_t count_max) const {
  struct Head {
    absl::btree_set<MemoryDue>::const_iterator next;
    absl::btree_set<MemoryDue>::const_iterator end;
    std::size_t kind = 0;
  };
  const auto later = [](const Head& a, const Head& b) { return *b.next < *a.next; };
  const auto has_due = [this](const Head& head) {
    return head.next != head.end && head.next->run_at <= tables_.now();
  };
  std::vector<Due> due;
  std::vector<Head> heads;
  for (std::size_t priority = 0; priority <= limits::kPriorityMax; ++priority) {
    heads.clear();
    for (const auto& [lane, kind] : lanes) {
      const absl::btree_set<MemoryDue>& pending = lane->pending[priority];
      const Head head{pending.begin(), pending.end(), kind};
      if (has_due(head)) heads.push_back(head);
    }
    std::make_heap(heads.begin(), heads.end(), later);
    while (!heads.empty() && due.size() < count_max) {
      std::pop_heap(heads.begin(), heads.end(), later);
      Head& head = heads.back();
      due.push_back({head.next->record, head.kind});
      ++head.next;
      if (has_due(head)) {
        std::push_heap(heads.begin(), heads.end(), later);
      } else {
        heads.pop_back();
      }
    }
  }
  return due;
}

absl::Time MemoryWriter::NextRunAt(const Lanes& lanes) const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [lane, kind] : lanes) {
    for (const absl::btree_set<MemoryDue>& pending : lane->pending) {
      if (pending.empty()) continue;
      if (pending.begin()->run_at <= tables_.now()) return absl::InfinitePast();
      next = std::min(next, absl::FromUnixMicros(pending.begin()->run_at));
    }
  }
  return next;
}

ClaimedJob MemoryWriter::ClaimOne(MemoryRecord& record, MemorySession& session) {
  tables_.Change(record, [&](JobLive& live) {
    live.state = JobState::kRunning;
    live.session = &session;
    live.started_at = tables_.now();
    live.last_end.reset();
    ++live.attempt;
    ++live.fence;
  });
  tables_.LogEvent(EventType::kClaimed, record);
  const JobFixed& fixed = record.fixed;
  const JobLive& live = record.live;
  std::string args = fixed.args;
  std::string checkpoint = TextOf(live.checkpoint);
  absl::Status payload_status = payloads_.Open(record.id, PayloadField::kArgs, args);
  if (live.checkpoint != nullptr) {
    payload_status.Update(payloads_.Open(record.id, PayloadField::kCheckpoint, checkpoint));
  }
  return {.lease = {record.id, live.fence},
          .priority = fixed.priority,
          .attempt = live.attempt,
          .attempt_count_max = fixed.attempt_count_max,
          .crashes = live.crashes,
          .run_at = absl::FromUnixMicros(live.run_at),
          .started_at = now(),
          .args = std::move(args),
          .checkpoint = std::move(checkpoint),
          .retry_policy = fixed.retry_policy,
          .traceparent = fixed.traceparent,
          .payload_status = std::move(payload_status)};
}

// -- Finish, Write ----------------------------------------------------------------------------

absl::StatusOr<std::vector<absl::Status>> MemoryWriter::Finish(
    absl::Span<const Finished> finished) {
  return Sealed(
      ForEach<absl::Status>(finished, [this](const Finished& one) { return FinishOne(one); }));
}

absl::Status MemoryWriter::FinishOne(const Finished& finished) {
  if (absl::Status valid = ValidateFinished(finished); !valid.ok()) return valid;
  MemoryRecord* const record = tables_.FindJob(finished.lease.job);
  if (record == nullptr) return NoSuchJob(finished.lease.job);
  if (record->live.fence != finished.lease.fence) {
    return LeaseLost(finished.lease, record->live.fence);
  }
  if (record->live.last_end == finished.transition) return absl::OkStatus();  // A repeat.
  const bool crash = finished.transition == Transition::kCrash;
  const Transition end =
      crash ? LossTransition(Transition::kCrash, record->live.crashes + 1, finished.crash_count_max,
                             record->live.cancel_requested)
            : EndTransition(finished.transition, record->live.cancel_requested);
  const std::optional<JobState> to = NextState(record->live.state, end);
  if (record->live.state != JobState::kRunning || !to) {
    return LeaseLost(finished.lease, record->live.fence);
  }
  const bool has_output = end == Transition::kComplete && !finished.output.empty();
  tables_.Change(*record, [&](JobLive& live) {
    EndAttempt(live, *to, tables_.now());
    live.last_end = finished.transition;
    if (finished.error && KeepsError(finished.transition)) {
      KeepError(live, {live.attempt, now(), finished.error->code, finished.error->message});
    }
    if (crash) ++live.crashes;
    if (*to == JobState::kPending && end != Transition::kRelease) live.run_at = In(finished.delay);
    if (end == Transition::kSnooze || end == Transition::kRelease) --live.attempt;
    if (has_output) live.output = Share(Keep(record->id, PayloadField::kOutput, finished.output));
  });
  AfterMove(*record, EventOf(end), has_output ? finished.output : std::string());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<absl::Status>> MemoryWriter::Write(
    absl::Span<const WorkerWrite> writes) {
  return Sealed(
      ForEach<absl::Status>(writes, [this](const WorkerWrite& one) { return WriteOne(one); }));
}

absl::Status MemoryWriter::WriteOne(const WorkerWrite& write) {
  if (absl::Status valid = ValidateWorkerWrite(write); !valid.ok()) return valid;
  MemoryRecord* const record = tables_.FindJob(write.lease.job);
  if (record == nullptr) return NoSuchJob(write.lease.job);
  if (record->live.state != JobState::kRunning || record->live.fence != write.lease.fence) {
    return LeaseLost(write.lease, record->live.fence);
  }
  if (write.artifact) {
    if (absl::Status added = AddArtifact(*record, *write.artifact); !added.ok()) return added;
  }
  bool progressed = false;
  tables_.Edit(*record, [&](JobLive& live) {
    if (write.progress && *write.progress > live.progress) {
      live.progress = *write.progress;
      progressed = true;
    }
    if (write.progress_note) {
      std::string note = EscapeForLog(*write.progress_note);
      progressed = progressed || note != TextOf(live.progress_note);
      live.progress_note = Share(std::move(note));
    }
    if (write.checkpoint) {
      live.checkpoint = Share(Keep(record->id, PayloadField::kCheckpoint, *write.checkpoint));
    }
  });
  if (progressed) tables_.LogEvent(EventType::kProgressed, *record);
  return absl::OkStatus();
}

absl::Status MemoryWriter::AddArtifact(MemoryRecord& record, Artifact artifact) {
  artifact.job_id = record.id;
  artifact.fence = record.live.fence;
  artifact.created_at = ToStoreTime(artifact.created_at);
  std::vector<Artifact> artifacts = ListOf(record.live.artifacts);
  if (std::find(artifacts.begin(), artifacts.end(), artifact) != artifacts.end()) {
    return absl::OkStatus();  // A repeat.
  }
  if (tables_.FindArtifactOwner(artifact.id) != nullptr) {
    return absl::AlreadyExistsError(
        fmt::format("the id {} is that of another artifact", artifact.id));
  }
  tables_.IndexArtifact(artifact.id, record);
  tables_.Edit(record, [&](JobLive& live) {
    artifacts.push_back(std::move(artifact));
    live.artifacts = std::make_shared<const std::vector<Artifact>>(std::move(artifacts));
  });
  return absl::OkStatus();
}

// -- Apply ------------------------------------------------------------------------------------

absl::StatusOr<std::vector<absl::StatusOr<JobState>>> MemoryWriter::Apply(
    absl::Span<const Change> changes) {
  return Sealed(ForEach<absl::StatusOr<JobState>>(
      changes, [this](const Change& one) { return ApplyOne(one); }));
}

absl::StatusOr<JobState> MemoryWriter::ApplyOne(const Change& change) {
  if (absl::Status valid = ValidateChange(change); !valid.ok()) return valid;
  MemoryRecord* const record = tables_.FindJob(change.id);
  if (record == nullptr) return NoSuchJob(change.id);
  switch (change.action) {
    case Change::Action::kCancel:
      return Cancel(*record, change.reason);
    case Change::Action::kRequeue:
      return Requeue(*record, change.delay);
    case Change::Action::kDiscard:
      break;
  }
  return Discard(*record);
}

absl::StatusOr<JobState> MemoryWriter::Cancel(MemoryRecord& record, const std::string& reason) {
  const JobState from = record.live.state;
  const bool asked = from == JobState::kRunning && record.live.cancel_requested;
  if (asked || from == JobState::kCancelled) return from;
  const std::optional<JobState> to = NextState(from, Transition::kCancel);
  if (!to) return NotPossible(record.id, "cancelled", from);
  const bool ask = from == JobState::kRunning;
  tables_.Change(record, [&](JobLive& live) {
    if (!reason.empty()) {
      KeepError(live, {live.attempt, now(), absl::StatusCode::kCancelled, reason});
    }
    if (ask) {
      live.cancel_requested = true;
    } else {
      EndAttempt(live, *to, tables_.now());
    }
  });
  AfterMove(record, ask ? EventType::kCancelRequested : EventType::kCancelled);
  return record.live.state;
}

absl::StatusOr<JobState> MemoryWriter::Requeue(MemoryRecord& record, absl::Duration delay) {
  const JobState from = record.live.state;
  const std::optional<JobState> to = NextState(from, Transition::kRequeue);
  if (!to) return NotPossible(record.id, "requeued", from);
  tables_.Change(record, [&](JobLive& live) {
    live.state = *to;
    live.cancel_requested = false;
    live.last_end.reset();
    live.attempt = 0;
    live.crashes = 0;
    ++live.generation;
    ++live.fence;
    live.run_at = In(delay);
    live.ended_at.reset();
    live.progress = 0;
    live.progress_note.reset();
    live.output.reset();
  });
  AfterMove(record, EventType::kRequeued);
  return record.live.state;
}

absl::StatusOr<JobState> MemoryWriter::Discard(MemoryRecord& record) {
  const JobState from = record.live.state;
  if (from != JobState::kDead) return NotPossible(record.id, "discarded", from);
  tables_.LogEvent(EventType::kDiscarded, record);
  tables_.DeleteJob(record);
  return from;
}

void MemoryWriter::AfterMove(MemoryRecord& record, EventType event, const std::string& output) {
  tables_.LogEvent(event, record);
  if (event == EventType::kCancelRequested) hint_.cancel = true;
  if (record.live.state == JobState::kPending) hint_.work = true;
  if (IsTerminal(record.live.state) && !record.fixed.follow_ups.empty()) {
    InsertFollowUps(record, output);
  }
}

void MemoryWriter::InsertFollowUps(MemoryRecord& record, const std::string& output) {
  const absl::StatusOr<std::vector<FollowUp>> follow_ups =
      payloads_.OpenFollowUps(record.id, record.fixed.follow_ups);
  if (!follow_ups.ok()) {
    tables_.Edit(record, [&](JobLive& live) {
      KeepError(live, FollowUpsLost(live.attempt, now(), follow_ups.status()));
    });
    return;
  }
  Job ended = JobRow(record, record.live);
  ended.errors = ListOf(record.live.errors);
  ended.output = output;
  for (const NewJob& job : FollowUpJobs(*follow_ups, ended)) {
    AddJob(job);
    hint_.work = true;
  }
}

// -- Payloads ---------------------------------------------------------------------------------

std::string MemoryWriter::Keep(JobId job, PayloadField field, std::string_view plain) {
  const absl::StatusOr<KeptPayload> kept = payloads_.Keep(job, field, plain);
  sealing_.Update(kept.status());
  return kept.ok() ? std::string(kept->bytes()) : std::string();
}

std::string MemoryWriter::KeepFollowUps(JobId job, const std::vector<FollowUp>& follow_ups) {
  if (follow_ups.empty()) return {};
  absl::StatusOr<std::string> kept = payloads_.KeepFollowUps(job, follow_ups);
  sealing_.Update(kept.status());
  return std::move(kept).value_or("");
}

MemoryRecord& MemoryWriter::AddJob(const NewJob& job) {
  const JobId id = tables_.next_job();
  return tables_.AddJob(job, Keep(id, PayloadField::kArgs, job.args),
                        KeepFollowUps(id, job.follow_ups));
}

absl::StatusOr<ReencryptResult> MemoryWriter::Reencrypt(const ReencryptRequest& request) {
  if (absl::Status valid = ValidateReencryptRequest(request); !valid.ok()) return valid;
  if (!payloads_.sealing()) {
    return absl::FailedPreconditionError("the store was made without a cipher");
  }
  ReencryptResult result;
  result.last = request.after;
  std::size_t bytes = 0;
  auto next = tables_.records().upper_bound(request.after);
  for (; next != tables_.records().end(); ++next) {
    if (next->second->deleted) continue;
    if (result.job_count == request.job_count_max || bytes >= kReencryptBytesMax) break;
    if (absl::Status done = RenewOne(*next->second, result, bytes); !done.ok()) return done;
    result.last = next->first;
    ++result.job_count;
  }
  result.more = next != tables_.records().end();
  return result;
}

absl::Status MemoryWriter::RenewOne(MemoryRecord& record, ReencryptResult& result,
                                    std::size_t& bytes) {
  absl::Status failed;
  bool unreadable = false;
  // Nothing: it stays as it is.
  const auto take = [&](absl::StatusOr<std::optional<std::string>> renewed) {
    if (renewed.ok()) return *std::move(renewed);
    unreadable = unreadable || IsUnreadable(renewed.status());
    if (!IsUnreadable(renewed.status())) failed.Update(renewed.status());
    return std::optional<std::string>();
  };
  const auto renew = [&](PayloadField field, const std::string& kept) {
    bytes += kept.size();
    return take(payloads_.Renew(record.id, field, kept));
  };
  const JobLive& live = record.live;
  const JobFixed& fixed = record.fixed;
  bytes += fixed.follow_ups.size();
  std::optional<std::string> checkpoint;
  std::optional<std::string> output;
  std::optional<std::string> follow_ups;
  std::optional<std::string> args = renew(PayloadField::kArgs, fixed.args);
  if (live.checkpoint) checkpoint = renew(PayloadField::kCheckpoint, *live.checkpoint);
  if (live.output) output = renew(PayloadField::kOutput, *live.output);
  if (!fixed.follow_ups.empty()) {
    follow_ups = take(payloads_.RenewFollowUps(record.id, fixed.follow_ups));
  }
  if (!failed.ok()) return failed;
  if (args || follow_ups) {
    tables_.SetFixedPayloads(record, args.value_or(fixed.args),
                             follow_ups.value_or(fixed.follow_ups));
  }
  if (checkpoint || output) {
    tables_.Edit(record, [&](JobLive& changed) {
      if (checkpoint) changed.checkpoint = Share(*std::move(checkpoint));
      if (output) changed.output = Share(*std::move(output));
    });
  }
  result.renewed_count += args || checkpoint || output || follow_ups ? 1 : 0;
  result.unreadable_count += unreadable ? 1 : 0;
  return absl::OkStatus();
}

// -- Sessions ---------------------------------------------------------------------------------

absl::Status MemoryWriter::OpenSession(const std::string& session, absl::Duration lease) {
  if (absl::Status valid = ValidateSession(session, lease); !valid.ok()) return valid;
  if (tables_.FindSession(session) != nullptr) {
    return absl::AlreadyExistsError("a session of this name is there already");
  }
  tables_.AddSession(session, In(lease));
  return absl::OkStatus();
}

absl::Status MemoryWriter::RenewSession(const std::string& session, absl::Duration lease) {
  if (absl::Status valid = ValidateSession(session, lease); !valid.ok()) return valid;
  MemorySession* const found = tables_.FindSession(session);
  if (found == nullptr || found->expires <= tables_.now()) {
    return absl::AbortedError("the session is not open, or has expired");
  }
  tables_.SetExpiry(*found, In(lease));
  return absl::OkStatus();
}

absl::Status MemoryWriter::CloseSession(const std::string& session) {
  MemorySession* const found = tables_.FindSession(session);
  if (found != nullptr) {
    tables_.SetExpiry(*found, std::min(found->expires, tables_.now()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Rescued>> MemoryWriter::Rescue(const RescueRequest& request) {
  if (absl::Status valid = ValidateRescueRequest(request); !valid.ok()) return valid;
  const auto count_max = static_cast<std::size_t>(request.job_count_max);
  std::vector<MemoryRecord*> lost;
  for (const MemorySession* const session : tables_.ExpiredSessions()) {
    std::size_t count = 0;
    for (const auto& [id, record] : session->running) {
      if (count++ == count_max) break;
      lost.push_back(record);
    }
  }
  std::sort(lost.begin(), lost.end(),
            [](const MemoryRecord* a, const MemoryRecord* b) { return a->id < b->id; });
  if (lost.size() > count_max) lost.resize(count_max);
  std::vector<Rescued> rescued;
  for (MemoryRecord* const record : lost) rescued.push_back(RescueOne(*record, request));
  return Sealed<absl::StatusOr<std::vector<Rescued>>>(std::move(rescued));
}

Rescued MemoryWriter::RescueOne(MemoryRecord& record, const RescueRequest& request) {
  const Transition transition =
      LossTransition(Transition::kRescue, record.live.crashes + 1, request.crash_count_max,
                     record.live.cancel_requested);
  tables_.Change(record, [&](JobLive& live) {
    EndAttempt(live, *NextState(live.state, transition), tables_.now());
    KeepError(live, LostError(live.attempt, now()));
    ++live.crashes;
    ++live.fence;
    if (transition == Transition::kRescue) live.run_at = In(request.delay);
  });
  AfterMove(record, EventOf(transition));
  return {record.id, record.fixed.lane->kind, record.fixed.lane->queue->name, record.live.attempt,
          record.live.state};
}

// -- Prune, SetQueue --------------------------------------------------------------------------

absl::StatusOr<PruneResult> MemoryWriter::Prune(const PruneRequest& request) {
  if (absl::Status valid = ValidatePruneRequest(request); !valid.ok()) return valid;
  PruneResult result;
  result.job_count = PruneJobs(request);
  result.key_count = tables_.DeleteExpiredKeys(request.row_count_max);
  result.event_count =
      tables_.DeleteEventsUntil(now() - request.keep_completed, request.row_count_max);
  result.more =
      std::max({result.job_count, result.key_count, result.event_count}) == request.row_count_max;
  return result;
}

int MemoryWriter::PruneJobs(const PruneRequest& request) {
  const std::array kept = {std::pair(JobState::kCompleted, request.keep_completed),
                           std::pair(JobState::kCancelled, request.keep_cancelled),
                           std::pair(JobState::kDead, request.keep_dead)};
  int count = 0;
  for (; count < request.row_count_max; ++count) {
    const MemoryTables::Ended::value_type* oldest = nullptr;
    for (const auto& [state, keep] : kept) {
      const MemoryTables::Ended& ended = tables_.ended(state);
      if (ended.empty()) continue;
      const MemoryTables::Ended::value_type& first = *ended.begin();
      if (absl::FromUnixMicros(first.first.first) > now() - keep) continue;
      if (oldest == nullptr || first.first < oldest->first) oldest = &first;
    }
    if (oldest == nullptr) break;
    tables_.DeleteJob(*oldest->second);
  }
  return count;
}

absl::Status MemoryWriter::SetQueue(const QueueSettings& settings) {
  if (absl::Status valid = ValidateName("queue", settings.queue); !valid.ok()) return valid;
  tables_.SetQueue(settings.queue, settings.paused);
  if (!settings.paused) hint_.work = true;
  return absl::OkStatus();
}

}  // namespace outlive::internal
