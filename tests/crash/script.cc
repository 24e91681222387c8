#include "tests/crash/script.h"

#include <utility>

#include "outlive/conformance/helpers.h"

namespace outlive::crash {
namespace {

using conformance::KeyedJob;
using conformance::MakeJob;

constexpr absl::Duration kStep = absl::Seconds(1);
constexpr absl::Duration kShortLease = absl::Seconds(20);

// More than a page of SQLite's.
constexpr std::size_t kLong = 6'000;

NewJob Rich() {
  NewJob job = KeyedJob("key-1", R"({"rich":true})");
  job.priority = 1;
  job.tags = {"a", "b"};
  job.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  job.follow_ups = {{.kind = "notify", .data = "whom"}};
  return job;
}

NewJob Later() {
  NewJob job = MakeJob();
  job.run_at = testing::VirtualClock::Start() + absl::Hours(1);
  return job;
}

template <class T>
absl::Status FirstError(const absl::StatusOr<std::vector<T>>& results) {
  if (!results.ok()) return results.status();
  for (const T& result : *results) {
    if constexpr (std::is_same_v<T, absl::Status>) {
      if (!result.ok()) return result;
    } else {
      if (!result.ok()) return result.status();
    }
  }
  return absl::OkStatus();
}

}  // namespace

Script::Script(testing::VirtualClock& clock) : clock_(clock) {
  AddInserts();
  AddWork();
  AddLoss();
  AddUpkeep();
}

absl::Status Script::Run(std::size_t index, JobStore& store) {
  clock_.Advance(index == rescue_ ? kShortLease : kStep);
  absl::StatusOr<std::unique_ptr<StoreTransaction>> transaction = store.Begin();
  if (!transaction.ok()) return transaction.status();
  if (absl::Status status = steps_.at(index)(**transaction); !status.ok()) return status;
  return (*transaction)->Commit();
}

void Script::AddInserts() {
  steps_.push_back([](StoreTransaction& transaction) {
    absl::Status status = transaction.OpenSession("long", absl::Hours(1));
    if (status.ok()) status = transaction.OpenSession("short", kShortLease);
    return status;
  });
  steps_.push_back([this](StoreTransaction& transaction) {
    return Insert(transaction, {Rich(), MakeJob("mail.send", std::string(kLong, 'x')), MakeJob()});
  });
  steps_.push_back([this](StoreTransaction& transaction) {
    std::vector<NewJob> jobs(4, MakeJob());
    jobs.push_back(Later());
    jobs.push_back(Rich());  // A repeat of its key.
    return Insert(transaction, jobs);
  });
}

void Script::AddWork() {
  steps_.push_back([this](StoreTransaction& transaction) { return Claim(transaction, "long", 3); });
  steps_.push_back([this](StoreTransaction& transaction) { return Write(transaction); });
  // The rich one: a follow-up comes with its end. What ends and what is claimed share a commit.
  steps_.push_back([this](StoreTransaction& transaction) {
    absl::Status status = Finish(transaction, Transition::kComplete);
    if (status.ok()) status = Finish(transaction, Transition::kRetry);
    if (status.ok()) status = Claim(transaction, "long", 1);
    return status;
  });
  steps_.push_back(
      [this](StoreTransaction& transaction) { return Finish(transaction, Transition::kDie); });
}

void Script::AddLoss() {
  steps_.push_back(
      [this](StoreTransaction& transaction) { return Claim(transaction, "short", 2); });
  steps_.push_back([this](StoreTransaction& transaction) {
    // One that is running, and one that is not.
    absl::Status status = Apply(transaction, held_.back().lease.job, Change::Action::kCancel);
    if (status.ok()) status = Apply(transaction, ids_[7], Change::Action::kCancel);
    return status;
  });
  steps_.push_back([](StoreTransaction& transaction) {
    return transaction.RenewSession("long", absl::Hours(1));
  });
  rescue_ = steps_.size();
  steps_.push_back([](StoreTransaction& transaction) {
    return transaction.Rescue({.job_count_max = 10, .crash_count_max = 3, .delay = kStep}).status();
  });
}

void Script::AddUpkeep() {
  // The dead one.
  steps_.push_back([this](StoreTransaction& transaction) {
    return Apply(transaction, ids_[2], Change::Action::kRequeue);
  });
  steps_.push_back([](StoreTransaction& transaction) {
    return transaction.SetQueue({.queue = "default", .paused = true});
  });
  steps_.push_back([](StoreTransaction& transaction) {
    return transaction
        .Prune({.keep_completed = absl::Seconds(2), .keep_cancelled = absl::ZeroDuration()})
        .status();
  });
  steps_.push_back([](StoreTransaction& transaction) { return transaction.CloseSession("long"); });
  steps_.push_back([this](StoreTransaction& transaction) {
    return Insert(transaction, std::vector<NewJob>(20, MakeJob("bulk", std::string(100, 'y'))));
  });
  // Many at once, in their own way.
  steps_.push_back([this](StoreTransaction& transaction) {
    absl::Status status = transaction.SetQueue({.queue = "default", .paused = false});
    if (status.ok()) status = transaction.OpenSession("bulk", absl::Hours(1));
    if (status.ok()) status = Claim(transaction, "bulk", 10, "bulk");
    return status;
  });
  steps_.push_back([this](StoreTransaction& transaction) { return FinishMany(transaction); });
}

absl::Status Script::Insert(StoreTransaction& transaction, const std::vector<NewJob>& jobs) {
  const auto results = transaction.Insert(jobs);
  if (absl::Status status = FirstError(results); !status.ok()) return status;
  for (const absl::StatusOr<Inserted>& result : *results) ids_.push_back(result->id);
  return absl::OkStatus();
}

absl::Status Script::Claim(StoreTransaction& transaction, const std::string& session, int count,
                           const std::string& kind) {
  absl::StatusOr<ClaimResult> claimed =
      transaction.Claim(conformance::RequestOf(session, {kind}, {{"default", count}}));
  if (!claimed.ok()) return claimed.status();
  if (claimed->jobs.size() != static_cast<std::size_t>(count)) {
    return absl::InternalError("the script expected more jobs to be due");
  }
  held_.insert(held_.end(), claimed->jobs.begin(), claimed->jobs.end());
  return absl::OkStatus();
}

// Of the oldest that is held.
absl::Status Script::Finish(StoreTransaction& transaction, Transition transition) {
  Finished finished = conformance::Failed(held_.front().lease, transition, "what went wrong");
  finished.output = "what came of it";
  finished.delay = kStep;
  held_.erase(held_.begin());
  return FirstError(transaction.Finish({&finished, 1}));
}

// Of the latest ten that are held.
absl::Status Script::FinishMany(StoreTransaction& transaction) {
  std::vector<Finished> finished;
  for (std::size_t i = held_.size() - 10; i < held_.size(); ++i) {
    const Transition transition = i % 5 == 0 ? Transition::kRetry : Transition::kComplete;
    finished.push_back(conformance::EndOf(held_[i].lease, transition, kStep));
  }
  return FirstError(transaction.Finish(finished));
}

absl::Status Script::Write(StoreTransaction& transaction) {
  WorkerWrite write;
  write.lease = held_.front().lease;
  write.progress = 0.5;
  write.progress_note = "half way";
  write.checkpoint = std::string(kLong, 'c');
  write.artifact = conformance::MakeArtifact('a');
  return FirstError(transaction.Write({&write, 1}));
}

absl::Status Script::Apply(StoreTransaction& transaction, JobId id, Change::Action action) {
  const Change change{.id = id, .action = action, .reason = "as was asked for"};
  return FirstError(transaction.Apply({&change, 1}));
}

}  // namespace outlive::crash
