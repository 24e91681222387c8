#include "outlive/core/migrate_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "core/return_if_error.h"
#include "outlive/core/idempotency.h"
#include "outlive/core/limits.h"
#include "outlive/core/store_copy.h"

namespace outlive {
namespace {

std::string Hex(const Fingerprint& bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

// A checksum over fields, each with its length. Pages fold into it, so that it needs no memory for
// a whole store.
class Checksum {
 public:
  void Add(std::string_view field) { page_ += fmt::format("{}:{},", field.size(), field); }
  void Add(const std::string& field) { Add(std::string_view(field)); }
  void Add(std::int64_t number) { page_ += fmt::format("{},", number); }
  void Add(int number) { Add(std::int64_t{number}); }
  void Add(double number) { page_ += fmt::format("{:a},", number); }
  void Add(absl::Time time) { Add(absl::ToUnixMicros(time)); }
  void Add(const std::optional<absl::Time>& time) {
    Add(time ? absl::ToUnixMicros(*time) : std::numeric_limits<std::int64_t>::min());
  }

  void FoldPage() {
    page_ += Hex(sum_);
    sum_ = ArgsFingerprint(page_);
    page_.clear();
  }

  std::string ToHex() const { return Hex(sum_); }

 private:
  std::string page_;
  Fingerprint sum_ = {};
};

void AddJob(const StoredJob& stored, Checksum& sum) {
  const Job& job = stored.job;
  for (const std::string* const text :
       {&job.kind, &job.queue, &job.args, &job.session, &job.progress_note, &job.checkpoint,
        &job.output, &job.idempotency_key, &job.partition_key, &job.traceparent, &job.retry_policy,
        &stored.follow_ups}) {
    sum.Add(*text);
  }
  for (const std::int64_t number :
       {job.id, static_cast<std::int64_t>(job.state), std::int64_t{job.priority},
        std::int64_t{job.attempt}, std::int64_t{job.attempt_count_max}, std::int64_t{job.crashes},
        std::int64_t{job.generation}, job.fence, std::int64_t{job.cancel_requested},
        stored.last_end ? static_cast<std::int64_t>(*stored.last_end) : std::int64_t{-1}}) {
    sum.Add(number);
  }
  sum.Add(job.created_at);
  sum.Add(job.run_at);
  sum.Add(job.started_at);
  sum.Add(job.ended_at);
  sum.Add(job.progress);
  for (const std::string& tag : job.tags) sum.Add(tag);
  for (const AttemptError& error : job.errors) {
    sum.Add(error.attempt);
    sum.Add(error.at);
    sum.Add(static_cast<int>(error.code));
    sum.Add(error.message);
  }
  for (const Artifact& artifact : job.artifacts) {
    for (const std::string* const text :
         {&artifact.id, &artifact.name, &artifact.media_type, &artifact.sha256}) {
      sum.Add(*text);
    }
    sum.Add(artifact.fence);
    sum.Add(artifact.size);
    sum.Add(artifact.created_at);
  }
}

// A store that is moved, or moved to.
struct Side {
  JobStore& store;
  StoreCopy& copy;
};

// Reads a store to its end.
class Reading {
 public:
  Reading(Side side, int page) : side_(side), page_(page) {}

  absl::StatusOr<MigrationReport> Run() {
    OUTLIVE_RETURN_IF_ERROR(ReadSessions());
    OUTLIVE_RETURN_IF_ERROR(ReadJobs());
    OUTLIVE_RETURN_IF_ERROR(ReadKeys());
    OUTLIVE_RETURN_IF_ERROR(ReadEvents());
    report_.checksum = sum_.ToHex();
    return report_;
  }

 private:
  absl::Status ReadSessions() {
    const absl::StatusOr<std::vector<StoredSession>> sessions = side_.copy.Sessions();
    OUTLIVE_RETURN_IF_ERROR(sessions.status());
    for (const StoredSession& session : *sessions) {
      sum_.Add(session.name);
      sum_.Add(session.expires_at);
    }
    report_.session_count = static_cast<std::int64_t>(sessions->size());
    sum_.FoldPage();
    return absl::OkStatus();
  }

  // What a page has is nobody's business but the rows': each folds in alone.
  absl::Status ReadJobs() {
    for (JobId after = 0;;) {
      const absl::StatusOr<std::vector<StoredJob>> jobs = side_.copy.Jobs(after, page_);
      OUTLIVE_RETURN_IF_ERROR(jobs.status());
      if (jobs->empty()) return absl::OkStatus();
      for (const StoredJob& job : *jobs) {
        AddJob(job, sum_);
        sum_.FoldPage();
      }
      report_.job_count += static_cast<std::int64_t>(jobs->size());
      after = jobs->back().job.id;
    }
  }

  absl::Status ReadKeys() {
    for (std::optional<Fingerprint> after;;) {
      const absl::StatusOr<std::vector<StoredKey>> keys = side_.copy.Keys(after, page_);
      OUTLIVE_RETURN_IF_ERROR(keys.status());
      if (keys->empty()) return absl::OkStatus();
      for (const StoredKey& key : *keys) {
        sum_.Add(Hex(key.key));
        sum_.Add(Hex(key.args));
        sum_.Add(key.job);
        sum_.Add(key.expires_at);
        sum_.FoldPage();
      }
      report_.key_count += static_cast<std::int64_t>(keys->size());
      after = keys->back().key;
    }
  }

  absl::Status ReadEvents() {
    for (std::int64_t after = 0;;) {
      const absl::StatusOr<std::vector<Event>> events = side_.store.EventsAfter(after, page_);
      OUTLIVE_RETURN_IF_ERROR(events.status());
      if (events->empty()) return absl::OkStatus();
      for (const Event& event : *events) {
        sum_.Add(event.seq);
        sum_.Add(event.at);
        sum_.Add(static_cast<int>(event.type));
        sum_.Add(event.job_id);
        sum_.Add(event.fence);
        sum_.FoldPage();
      }
      report_.event_count += static_cast<std::int64_t>(events->size());
      after = events->back().seq;
    }
  }

  const Side side_;
  const int page_;
  Checksum sum_;
  MigrationReport report_;
};

absl::Status Compare(const MigrationReport& source, const MigrationReport& target) {
  if (source == target) return absl::OkStatus();
  return absl::DataLossError(fmt::format(
      "the target is not as the source: {} jobs, {} keys, {} sessions, {} events, checksum {}, "
      "and there {}, {}, {}, {}, {}",
      source.job_count, source.key_count, source.session_count, source.event_count, source.checksum,
      target.job_count, target.key_count, target.session_count, target.event_count,
      target.checksum));
}

class Migration {
 public:
  Migration(Side from, Side to, const MigrationOptions& options)
      : from_(from), to_(to), options_(options) {}

  absl::StatusOr<MigrationReport> Run() {
    const absl::StatusOr<bool> done = IsDone();
    OUTLIVE_RETURN_IF_ERROR(done.status());
    OUTLIVE_RETURN_IF_ERROR(FreezeSource());
    const absl::StatusOr<StoreState> source = from_.copy.State();
    OUTLIVE_RETURN_IF_ERROR(source.status());
    if (!*done) OUTLIVE_RETURN_IF_ERROR(FillTarget(source->store_id));
    absl::StatusOr<MigrationReport> report = Reading(from_, options_.row_count_max).Run();
    OUTLIVE_RETURN_IF_ERROR(report.status());
    const absl::StatusOr<MigrationReport> copy = Reading(to_, options_.row_count_max).Run();
    OUTLIVE_RETURN_IF_ERROR(copy.status());
    OUTLIVE_RETURN_IF_ERROR(Compare(*report, *copy));
    if (!*done) OUTLIVE_RETURN_IF_ERROR(to_.copy.FinishFilling(*source));
    report->already_done = *done;
    return report;
  }

 private:
  // Whether the target was filled before. What it may not be is refused here, before anything is
  // written.
  absl::StatusOr<bool> IsDone() {
    const absl::StatusOr<StoreState> source = from_.copy.State();
    OUTLIVE_RETURN_IF_ERROR(source.status());
    const absl::StatusOr<std::optional<Filling>> source_filling = from_.copy.FindFilling();
    OUTLIVE_RETURN_IF_ERROR(source_filling.status());
    if (source_filling->has_value()) {
      return absl::FailedPreconditionError("the source is itself not yet filled");
    }
    const absl::StatusOr<std::optional<Filling>> filling = to_.copy.FindFilling();
    OUTLIVE_RETURN_IF_ERROR(filling.status());
    if (filling->has_value()) {
      if ((*filling)->store_id == source->store_id) return false;
      return absl::FailedPreconditionError("the target is being filled from another store");
    }
    const absl::StatusOr<StoreState> target = to_.copy.State();
    OUTLIVE_RETURN_IF_ERROR(target.status());
    if (target->store_id == source->store_id) {
      if (target->last_event == source->last_event) return true;
      return absl::FailedPreconditionError(
          "the source was moved to the target before, and the target has been at work since");
    }
    if (target->last_job == 0 && target->last_event == 0) return false;
    return absl::FailedPreconditionError("the target has, or had, jobs of its own");
  }

  // Who is at work now is known for certain only when nobody can begin any more.
  absl::Status FreezeSource() {
    OUTLIVE_RETURN_IF_ERROR(RequireNoRunner());
    OUTLIVE_RETURN_IF_ERROR(from_.copy.Freeze(true));
    absl::Status idle = RequireNoRunner();
    if (!idle.ok()) idle.Update(from_.copy.Freeze(false));
    return idle;
  }

  absl::Status RequireNoRunner() {
    const absl::StatusOr<StoreState> state = from_.copy.State();
    OUTLIVE_RETURN_IF_ERROR(state.status());
    const absl::StatusOr<std::vector<StoredSession>> sessions = from_.copy.Sessions();
    OUTLIVE_RETURN_IF_ERROR(sessions.status());
    for (const StoredSession& session : *sessions) {
      if (session.expires_at <= state->now) continue;
      return absl::FailedPreconditionError(
          fmt::format("a runner is at work on the source: stop it; if it is gone, its session "
                      "expires in {}",
                      absl::FormatDuration(session.expires_at - state->now)));
    }
    return absl::OkStatus();
  }

  absl::Status FillTarget(const std::string& source_id) {
    absl::StatusOr<std::optional<Filling>> filling = to_.copy.FindFilling();
    OUTLIVE_RETURN_IF_ERROR(filling.status());
    if (!filling->has_value()) {
      OUTLIVE_RETURN_IF_ERROR(to_.copy.StartFilling(source_id));
      filling = Filling{.store_id = source_id};
    }
    absl::StatusOr<std::vector<StoredSession>> sessions = from_.copy.Sessions();
    OUTLIVE_RETURN_IF_ERROR(sessions.status());
    OUTLIVE_RETURN_IF_ERROR(to_.copy.Fill({.sessions = *std::move(sessions)}));
    OUTLIVE_RETURN_IF_ERROR(FillJobs((*filling)->last_job));
    OUTLIVE_RETURN_IF_ERROR(FillKeys((*filling)->last_key));
    return FillEvents((*filling)->last_event);
  }

  absl::Status FillJobs(JobId after) {
    for (std::int64_t count = 0;;) {
      absl::StatusOr<std::vector<StoredJob>> jobs = from_.copy.Jobs(after, options_.row_count_max);
      OUTLIVE_RETURN_IF_ERROR(jobs.status());
      if (jobs->empty()) return absl::OkStatus();
      after = jobs->back().job.id;
      count += static_cast<std::int64_t>(jobs->size());
      OUTLIVE_RETURN_IF_ERROR(to_.copy.Fill({.jobs = *std::move(jobs)}));
      if (options_.on_progress) options_.on_progress(count);
    }
  }

  absl::Status FillKeys(std::optional<Fingerprint> after) {
    for (;;) {
      absl::StatusOr<std::vector<StoredKey>> keys = from_.copy.Keys(after, options_.row_count_max);
      OUTLIVE_RETURN_IF_ERROR(keys.status());
      if (keys->empty()) return absl::OkStatus();
      after = keys->back().key;
      OUTLIVE_RETURN_IF_ERROR(to_.copy.Fill({.keys = *std::move(keys)}));
    }
  }

  absl::Status FillEvents(std::int64_t after) {
    for (;;) {
      absl::StatusOr<std::vector<Event>> events =
          from_.store.EventsAfter(after, options_.row_count_max);
      OUTLIVE_RETURN_IF_ERROR(events.status());
      if (events->empty()) return absl::OkStatus();
      after = events->back().seq;
      OUTLIVE_RETURN_IF_ERROR(to_.copy.Fill({.events = *std::move(events)}));
    }
  }

  const Side from_;
  const Side to_;
  const MigrationOptions& options_;
};

absl::Status NoCopy(const JobStore& store) {
  return absl::UnimplementedError(
      fmt::format("the {} store cannot be moved: it offers no StoreCopy", store.info().name));
}

}  // namespace

absl::Status StoreIsOpen(bool frozen, bool filling) {
  if (frozen) {
    return absl::FailedPreconditionError(
        "the store is frozen: its jobs have been moved to another one, or are being moved");
  }
  if (filling) {
    return absl::FailedPreconditionError(
        "the store is not yet filled: jobs are being moved to it; run the migration to its end");
  }
  return absl::OkStatus();
}

absl::StatusOr<MigrationReport> MigrateStore(JobStore& from, JobStore& to,
                                             const MigrationOptions& options) {
  if (options.row_count_max < 1 ||
      options.row_count_max > static_cast<int>(limits::kInsertJobCountMax)) {
    return absl::InvalidArgumentError(
        fmt::format("row_count_max must be from 1 to {}", limits::kInsertJobCountMax));
  }
  if (&from == &to) return absl::InvalidArgumentError("source and target are the same store");
  StoreCopy* const source = from.copy();
  StoreCopy* const target = to.copy();
  if (source == nullptr) return NoCopy(from);
  if (target == nullptr) return NoCopy(to);
  return Migration({from, *source}, {to, *target}, options).Run();
}

}  // namespace outlive
