#include "store/memory/tables.h"

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <utility>

#include "outlive/core/store_rules.h"
#include "store/memory/views.h"

namespace outlive::internal {
namespace {

std::size_t Index(JobState state) { return static_cast<std::size_t>(state); }

bool IsEmpty(const MemoryLane& lane) {
  return std::all_of(lane.counts.begin(), lane.counts.end(),
                     [](std::int64_t count) { return count == 0; });
}

}  // namespace

// -- The transaction --------------------------------------------------------------------------

void MemoryTables::BeginTransaction(Micros now) {
  now_ = std::max(now_, now);
  now_time_ = absl::FromUnixMicros(now_);
  last_id_before_ = last_id_;
}

void MemoryTables::Commit() {
  for (const Touched& touched : touched_) {
    touched.record->touched = MemoryRecord::kUntouched;
    if (touched.record->deleted) EraseJob(*touched.record);
  }
  for (MemoryLane* const lane : touched_lanes_) lane->committed_counts = lane->counts;
  for (MemoryQueue* const queue : touched_queues_) queue->committed_settings = queue->settings;
  committed_seq_ = first_seq_ + static_cast<std::int64_t>(events_.size()) - 1;
  events_.erase(events_.begin(),
                events_.begin() + static_cast<std::ptrdiff_t>(pruned_event_count_));
  first_seq_ += static_cast<std::int64_t>(pruned_event_count_);
  EraseEmptySessions();
  EndTransaction();
}

void MemoryTables::Rollback() {
  for (auto undo = fixed_undo_.rbegin(); undo != fixed_undo_.rend(); ++undo) {
    undo->record->fixed.args = std::move(undo->args);
    undo->record->fixed.follow_ups = std::move(undo->follow_ups);
  }
  for (auto touched = touched_.rbegin(); touched != touched_.rend(); ++touched) UndoJob(*touched);
  UndoKeys();
  UndoSessions();
  for (MemoryQueue* const queue : touched_queues_) queue->settings = queue->committed_settings;
  events_.resize(static_cast<std::size_t>(committed_seq_ - first_seq_ + 1));
  last_id_ = last_id_before_;
  EndTransaction();
}

void MemoryTables::EndTransaction() {
  EraseEmptyLanes();
  pruned_event_count_ = 0;
  touched_.clear();
  touched_lanes_.clear();
  touched_queues_.clear();
  fixed_undo_.clear();
  key_undo_.clear();
  session_undo_.clear();
  sessions_to_check_.clear();
}

void MemoryTables::UndoJob(Touched& touched) {
  MemoryRecord& record = *touched.record;
  if (!record.deleted) Unlink(record);
  // Artifacts are only ever added.
  const std::size_t kept =
      touched.before && touched.before->artifacts ? touched.before->artifacts->size() : 0;
  const std::size_t now = record.live.artifacts ? record.live.artifacts->size() : 0;
  for (std::size_t i = kept; i < now; ++i) artifacts_.erase((*record.live.artifacts)[i].id);
  record.touched = MemoryRecord::kUntouched;
  if (!touched.before) {
    jobs_.erase(record.id);
    return;
  }
  record.deleted = false;
  record.live = *std::move(touched.before);
  Link(record);
}

void MemoryTables::UndoKeys() {
  for (auto undo = key_undo_.rbegin(); undo != key_undo_.rend(); ++undo) {
    if (undo->added != nullptr) TakeKey(*undo->added);
    if (undo->removed != nullptr) GiveKey(std::move(undo->removed));
  }
}

// After the jobs: a session that goes away holds none.
void MemoryTables::UndoSessions() {
  for (auto undo = session_undo_.rbegin(); undo != session_undo_.rend(); ++undo) {
    MemorySession& session = *undo->session;
    sessions_by_expiry_.erase({session.expires, &session});
    if (undo->expires) {
      session.expires = *undo->expires;
      sessions_by_expiry_.insert({session.expires, &session});
    } else {
      sessions_.erase(std::string(session.name));
    }
  }
}

void MemoryTables::EraseEmptySessions() {
  for (MemorySession* const session :
       absl::flat_hash_set<MemorySession*>(sessions_to_check_.begin(), sessions_to_check_.end())) {
    if (session->expires > now_ || !session->running.empty()) continue;
    sessions_by_expiry_.erase({session->expires, session});
    sessions_.erase(std::string(session->name));
  }
}

void MemoryTables::EraseEmptyLanes() {
  absl::flat_hash_set<MemoryQueue*> queues(touched_queues_.begin(), touched_queues_.end());
  for (MemoryLane* const lane : touched_lanes_) {
    lane->touched = false;
    if (!IsEmpty(*lane)) continue;
    queues.insert(lane->queue);
    lane->queue->lanes.erase(std::string(lane->kind));
  }
  for (MemoryQueue* const queue : queues) {
    if (queue->lanes.empty() && !queue->settings.ever_set) queues_.erase(std::string(queue->name));
  }
}

// -- Jobs -------------------------------------------------------------------------------------

MemoryRecord* MemoryTables::FindJob(JobId id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() || found->second->deleted ? nullptr : found->second.get();
}

MemoryRecord& MemoryTables::AddJob(const NewJob& job, std::string args, std::string follow_ups) {
  auto owned = std::make_unique<MemoryRecord>();
  MemoryRecord& record = *owned;
  record.id = ++last_id_;
  record.fixed = {.lane = &LaneOf(job.queue, job.kind),
                  .priority = job.priority,
                  .attempt_count_max = job.attempt_count_max,
                  .created_at = now_,
                  .args = std::move(args),
                  .idempotency_key = job.idempotency_key,
                  .partition_key = job.partition_key,
                  .traceparent = job.traceparent,
                  .retry_policy = job.retry_policy,
                  .tags = job.tags,
                  .follow_ups = std::move(follow_ups)};
  record.live.run_at = absl::ToUnixMicros(DueTime(job.run_at, now_time_));
  jobs_.emplace_hint(jobs_.end(), record.id, std::move(owned));
  record.touched = touched_.size();
  touched_.push_back({&record, std::nullopt});
  TouchLane(*record.fixed.lane);
  Link(record);
  LogEvent(EventType::kEnqueued, record);
  return record;
}

void MemoryTables::SetFixedPayloads(MemoryRecord& record, std::string args,
                                    std::string follow_ups) {
  fixed_undo_.push_back({&record, std::exchange(record.fixed.args, std::move(args)),
                         std::exchange(record.fixed.follow_ups, std::move(follow_ups))});
}

void MemoryTables::DeleteJob(MemoryRecord& record) {
  Touch(record);
  Unlink(record);
  record.deleted = true;
}

void MemoryTables::EraseJob(MemoryRecord& record) {
  if (record.live.artifacts != nullptr) {
    for (const Artifact& artifact : *record.live.artifacts) artifacts_.erase(artifact.id);
  }
  jobs_.erase(record.id);
}

MemoryRecord* MemoryTables::FindArtifactOwner(const std::string& id) {
  const auto found = artifacts_.find(id);
  return found == artifacts_.end() ? nullptr : found->second;
}

void MemoryTables::IndexArtifact(const std::string& id, MemoryRecord& record) {
  artifacts_.emplace(id, &record);
}

void MemoryTables::LogEvent(EventType type, const MemoryRecord& record) {
  events_.push_back({.seq = first_seq_ + static_cast<std::int64_t>(events_.size()),
                     .at = now_time_,
                     .type = type,
                     .job_id = record.id,
                     .fence = record.live.fence});
}

void MemoryTables::Touch(MemoryRecord& record) {
  if (record.touched != MemoryRecord::kUntouched) return;
  record.touched = touched_.size();
  touched_.push_back({&record, record.live});
  TouchLane(*record.fixed.lane);
}

void MemoryTables::TouchLane(MemoryLane& lane) {
  if (lane.touched) return;
  lane.touched = true;
  touched_lanes_.push_back(&lane);
}

void MemoryTables::Link(MemoryRecord& record) {
  const JobLive& live = record.live;
  MemoryLane& lane = *record.fixed.lane;
  ++lane.counts[Index(live.state)];
  if (live.state == JobState::kPending) {
    lane.pending[static_cast<std::size_t>(record.fixed.priority)].insert(
        {live.run_at, record.id, &record});
    ++lane.queue->pending_count;
  } else if (live.state == JobState::kRunning) {
    live.session->running.emplace(record.id, &record);
    if (live.cancel_requested) live.session->cancels.emplace(record.id, &record);
  } else if (IsTerminal(live.state)) {
    ended_[Index(live.state)].emplace(std::pair(*live.ended_at, record.id), &record);
  }
}

void MemoryTables::Unlink(MemoryRecord& record) {
  const JobLive& live = record.live;
  MemoryLane& lane = *record.fixed.lane;
  --lane.counts[Index(live.state)];
  if (live.state == JobState::kPending) {
    lane.pending[static_cast<std::size_t>(record.fixed.priority)].erase(
        MemoryDue{live.run_at, record.id, &record});
    --lane.queue->pending_count;
  } else if (live.state == JobState::kRunning) {
    live.session->running.erase(record.id);
    if (live.cancel_requested) live.session->cancels.erase(record.id);
  } else if (IsTerminal(live.state)) {
    ended_[Index(live.state)].erase(std::pair(*live.ended_at, record.id));
  }
}

// -- Queues, sessions, keys -------------------------------------------------------------------

MemoryQueue& MemoryTables::QueueOf(const std::string& name) {
  std::unique_ptr<MemoryQueue>& queue = queues_[name];
  if (queue == nullptr) {
    queue = std::make_unique<MemoryQueue>();
    queue->name = name;
  }
  return *queue;
}

MemoryLane& MemoryTables::LaneOf(const std::string& queue_name, const std::string& kind) {
  MemoryQueue& queue = QueueOf(queue_name);
  std::unique_ptr<MemoryLane>& lane = queue.lanes[kind];
  if (lane == nullptr) {
    lane = std::make_unique<MemoryLane>();
    lane->queue = &queue;
    lane->kind = kind;
  }
  return *lane;
}

MemoryQueue* MemoryTables::FindQueue(const std::string& name) {
  const auto found = queues_.find(name);
  return found == queues_.end() ? nullptr : found->second.get();
}

void MemoryTables::SetQueue(const std::string& name, bool paused) {
  MemoryQueue& queue = QueueOf(name);
  queue.settings = {.paused = paused, .ever_set = true};
  touched_queues_.push_back(&queue);
}

MemorySession* MemoryTables::FindSession(const std::string& name) {
  const auto found = sessions_.find(name);
  return found == sessions_.end() ? nullptr : found->second.get();
}

void MemoryTables::AddSession(const std::string& name, Micros expires) {
  auto session = std::make_unique<MemorySession>();
  session->name = name;
  session->expires = expires;
  sessions_by_expiry_.insert({expires, session.get()});
  session_undo_.push_back({session.get(), std::nullopt});
  sessions_.emplace(name, std::move(session));
}

void MemoryTables::SetExpiry(MemorySession& session, Micros expires) {
  session_undo_.push_back({&session, session.expires});
  sessions_by_expiry_.erase({session.expires, &session});
  session.expires = expires;
  sessions_by_expiry_.insert({expires, &session});
  sessions_to_check_.push_back(&session);
}

std::vector<MemorySession*> MemoryTables::ExpiredSessions() {
  std::vector<MemorySession*> expired;
  for (const auto& [expires, session] : sessions_by_expiry_) {
    if (expires > now_) break;
    expired.push_back(session);
    sessions_to_check_.push_back(session);
  }
  return expired;
}

const MemoryKey* MemoryTables::FindKey(const Fingerprint& name) const {
  const auto found = keys_.find(name);
  if (found == keys_.end() || found->second->expires <= now_) return nullptr;
  return found->second.get();
}

void MemoryTables::PutKey(MemoryKey key) {
  if (const auto old = keys_.find(key.name); old != keys_.end()) {
    key_undo_.push_back({nullptr, TakeKey(*old->second)});
  }
  auto owned = std::make_unique<MemoryKey>(std::move(key));
  key_undo_.push_back({owned.get(), nullptr});
  GiveKey(std::move(owned));
}

std::unique_ptr<MemoryKey> MemoryTables::TakeKey(MemoryKey& key) {
  keys_by_expiry_.erase({key.expires, &key});
  const auto found = keys_.find(key.name);
  std::unique_ptr<MemoryKey> taken = std::move(found->second);
  keys_.erase(found);
  return taken;
}

void MemoryTables::GiveKey(std::unique_ptr<MemoryKey> key) {
  keys_by_expiry_.insert({key->expires, key.get()});
  const Fingerprint name = key->name;
  keys_.emplace(name, std::move(key));
}

// -- What Prune() deletes ---------------------------------------------------------------------

int MemoryTables::DeleteExpiredKeys(int count_max) {
  int count = 0;
  while (count < count_max && !keys_by_expiry_.empty()) {
    const auto [expires, key] = *keys_by_expiry_.begin();
    if (expires > now_) break;
    key_undo_.push_back({nullptr, TakeKey(*key)});
    ++count;
  }
  return count;
}

int MemoryTables::DeleteEventsUntil(absl::Time at, int count_max) {
  int count = 0;
  while (count < count_max && pruned_event_count_ < events_.size() &&
         events_[pruned_event_count_].at <= at) {
    ++pruned_event_count_;
    ++count;
  }
  return count;
}

// -- What a copy brings -----------------------------------------------------------------------

void MemoryTables::AddStoredJob(const StoredJob& stored) {
  const Job& job = stored.job;
  auto owned = std::make_unique<MemoryRecord>();
  MemoryRecord& record = *owned;
  record.id = job.id;
  record.fixed = {.lane = &LaneOf(job.queue, job.kind),
                  .priority = job.priority,
                  .attempt_count_max = job.attempt_count_max,
                  .created_at = absl::ToUnixMicros(job.created_at),
                  .args = job.args,
                  .idempotency_key = job.idempotency_key,
                  .partition_key = job.partition_key,
                  .traceparent = job.traceparent,
                  .retry_policy = job.retry_policy,
                  .tags = job.tags,
                  .follow_ups = stored.follow_ups};
  JobLive& live = record.live;
  live.state = job.state;
  live.cancel_requested = job.cancel_requested;
  live.last_end = stored.last_end;
  live.attempt = job.attempt;
  live.crashes = job.crashes;
  live.generation = job.generation;
  live.fence = job.fence;
  if (job.state == JobState::kRunning) live.session = FindSession(job.session);
  live.run_at = absl::ToUnixMicros(job.run_at);
  if (job.started_at) live.started_at = absl::ToUnixMicros(*job.started_at);
  if (job.ended_at) live.ended_at = absl::ToUnixMicros(*job.ended_at);
  live.progress = job.progress;
  live.progress_note = Share(job.progress_note);
  live.checkpoint = Share(job.checkpoint);
  live.output = Share(job.output);
  if (!job.errors.empty()) {
    live.errors = std::make_shared<const std::vector<AttemptError>>(job.errors);
  }
  if (!job.artifacts.empty()) {
    live.artifacts = std::make_shared<const std::vector<Artifact>>(job.artifacts);
  }
  jobs_.emplace(record.id, std::move(owned));
  for (const Artifact& artifact : job.artifacts) IndexArtifact(artifact.id, record);
  record.touched = touched_.size();
  touched_.push_back({&record, std::nullopt});
  TouchLane(*record.fixed.lane);
  Link(record);
  AdoptLastJob(record.id);
}

void MemoryTables::AdoptLastEvent(std::int64_t seq) {
  first_seq_ = seq + 1;
  committed_seq_ = seq;
}

// -- What is committed ------------------------------------------------------------------------

const JobLive* MemoryTables::Committed(const MemoryRecord& record) const {
  if (record.touched == MemoryRecord::kUntouched) return &record.live;
  const std::optional<JobLive>& before = touched_[record.touched].before;
  return before ? &*before : nullptr;
}

const MemoryRecord* MemoryTables::FindRecord(JobId id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : found->second.get();
}

const MemoryRecord* MemoryTables::FindArtifactRecord(const std::string& id) const {
  const auto found = artifacts_.find(id);
  return found == artifacts_.end() ? nullptr : found->second;
}

const MemorySession* MemoryTables::FindCommittedSession(const std::string& name) const {
  const auto found = sessions_.find(name);
  return found == sessions_.end() ? nullptr : found->second.get();
}

}  // namespace outlive::internal
