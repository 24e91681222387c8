// What a move is tested with: a file, a store that has everything a store can have, and a store
// whose filling can be made to fail.
#ifndef OUTLIVE_TESTS_STORE_MIGRATE_RIG_H_
#define OUTLIVE_TESTS_STORE_MIGRATE_RIG_H_

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/core/forwarding_job_store.h"
#include "outlive/core/retry_policy.h"
#include "outlive/core/store_copy.h"
#include "outlive/store/sqlite_store.h"
#include "outlive/testing/virtual_clock.h"
#include "tests/store/sqlite_folder.h"

namespace outlive::testing {

// A file, as a process that opens it finds it.
class SqliteFile {
 public:
  explicit SqliteFile(const VirtualClock& clock, const PayloadCipher* cipher = nullptr)
      : clock_(clock), cipher_(cipher) {
    Open();
  }

  JobStore& store() { return *store_; }
  void Open() {
    store_.reset();
    store_ = conformance::Value(
        SqliteStore::Open(folder_.File(), {.clock = &clock_, .cipher = cipher_, .watch = false}));
  }

 private:
  const SqliteFolder folder_;
  const VirtualClock& clock_;
  const PayloadCipher* const cipher_;
  std::unique_ptr<SqliteStore> store_;
};

// A job that has been through everything and is done, and one whose process is gone.
inline void FillWithReports(JobStore& store, VirtualClock& clock) {
  namespace suite = outlive::conformance;
  NewJob rich = suite::MakeJob("report.make", R"({"of":"May"})");
  rich.queue = "reports";
  rich.priority = 2;
  rich.attempt_count_max = 3;
  rich.idempotency_key = "of-May";
  rich.partition_key = "customer 7";
  rich.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  rich.tags = {"monthly", "customer:7"};
  rich.retry_policy = EncodeRetryPolicy(RetryPolicy{});
  rich.follow_ups = {{.kind = "mail.send", .data = "secret address"}};
  suite::MustInsert(store, rich);
  const auto claim = [&store](const std::string& session) {
    suite::RequireOk(suite::OpenSession(store, session));
    return suite::Claim(store, {.session = session,
                                .queues = {{.queue = "reports", .job_count_max = 1}},
                                .kinds = {"report.make"}})
        .jobs.at(0);
  };

  // It has failed, has gone on from a checkpoint, and has ended with an output and an artifact.
  ClaimedJob attempt = claim("session-2");
  suite::RequireOk(suite::WriteOne(store, {.lease = attempt.lease,
                                           .progress = 0.25,
                                           .progress_note = "a quarter",
                                           .checkpoint = "up to May 7"}));
  suite::RequireOk(
      suite::FinishOne(store, suite::Failed(attempt.lease, Transition::kRetry, "out of paper")));
  clock.Advance(absl::Hours(1));
  attempt = claim("session-3");
  suite::RequireOk(
      suite::WriteOne(store, {.lease = attempt.lease, .artifact = suite::MakeArtifact('a')}));
  Finished done = suite::EndOf(attempt.lease, Transition::kComplete);
  done.output = "31 pages";
  suite::RequireOk(suite::FinishOne(store, done));

  // It runs, was asked to stop, and its process is gone.
  rich.idempotency_key = "of-June";
  const JobId running = suite::MustInsert(store, rich);
  attempt = claim("session-4");
  REQUIRE(attempt.lease.job == running);
  suite::RequireOk(suite::WriteOne(store, {.lease = attempt.lease, .checkpoint = "up to June 1"}));
  REQUIRE(suite::Value(suite::CancelJob(store, running, "not needed any more")) ==
          JobState::kRunning);
}

// Jobs in every state, with all that a job can have. The last session has expired and holds jobs.
inline void FillWithEverything(JobStore& store, VirtualClock& clock) {
  namespace suite = outlive::conformance;
  for (const JobState state : {JobState::kCompleted, JobState::kCancelled, JobState::kDead}) {
    suite::JobIn(store, state);
  }
  // A key whose job is gone, and a dead job that was sent back to work.
  const JobId gone = suite::JobIn(store, JobState::kDead, suite::KeyedJob("gone"));
  suite::RequireOk(suite::DiscardJob(store, gone).status());
  suite::RequireOk(suite::RequeueJob(store, suite::JobIn(store, JobState::kDead)).status());
  clock.Advance(absl::Seconds(1));
  suite::RequireOk(suite::SetQueue(store, "reports", false));
  suite::RequireOk(suite::SetQueue(store, "empty", true));
  FillWithReports(store, clock);

  suite::MustInsert(store, suite::MakeJob("mail.send", std::string("\x00\xff{}", 4)));
  NewJob later = suite::MakeJob();
  later.run_at = clock.Now() + absl::Hours(5);
  suite::MustInsert(store, later);
  clock.Advance(absl::Hours(2));
}

// Everything that can be read, with the numbers that Snapshot() leaves out.
inline std::string Everything(JobStore& store) {
  namespace suite = outlive::conformance;
  std::string text = suite::Snapshot(store);
  for (const Event& event : suite::AllEvents(store)) text += fmt::format("{} ", event.seq);
  return text + fmt::format("{}", suite::Value(store.LastEvent()));
}

inline bool IsClosed(JobStore& store) {
  const auto transaction = store.Begin();
  if (!transaction.ok()) return absl::IsFailedPrecondition(transaction.status());
  return absl::IsFailedPrecondition((*transaction)->CloseSession("nobody's"));
}

// Lets a call of Fill() do something else first.
class TamperedStore final : public ForwardingJobStore, private StoreCopy {
 public:
  // Not OK: the call fails without having done anything.
  using Before = std::function<absl::Status(StoreRows& rows)>;
  TamperedStore(JobStore& inner, Before before)
      : ForwardingJobStore(inner), before_(std::move(before)) {}

  StoreCopy* copy() override { return this; }

 private:
  StoreCopy& real() { return *inner().copy(); }
  absl::Status Freeze(bool frozen) override { return real().Freeze(frozen); }
  absl::StatusOr<StoreState> State() override { return real().State(); }
  absl::StatusOr<std::vector<StoredJob>> Jobs(JobId after, int count_max) override {
    return real().Jobs(after, count_max);
  }
  absl::StatusOr<std::vector<StoredKey>> Keys(const std::optional<Fingerprint>& after,
                                              int count_max) override {
    return real().Keys(after, count_max);
  }
  absl::StatusOr<std::vector<StoredSession>> Sessions() override { return real().Sessions(); }
  absl::StatusOr<std::optional<Filling>> FindFilling() override { return real().FindFilling(); }
  absl::Status StartFilling(const std::string& source_id) override {
    return real().StartFilling(source_id);
  }
  absl::Status Fill(const StoreRows& rows) override {
    StoreRows changed = rows;
    if (absl::Status status = before_(changed); !status.ok()) return status;
    return real().Fill(changed);
  }
  absl::Status FinishFilling(const StoreState& source) override {
    return real().FinishFilling(source);
  }

  const Before before_;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_STORE_MIGRATE_RIG_H_
