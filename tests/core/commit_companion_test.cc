// Who goes along with commits that add jobs, in GroupCommit.
#include "outlive/core/commit_companion.h"

#include <absl/status/status.h>
#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "outlive/core/forwarding_job_store.h"
#include "outlive/core/group_commit.h"
#include "outlive/core/store_rules.h"
#include "outlive/store/memory_store.h"

namespace outlive {
namespace {

NewJob JobOf(std::string kind) {
  NewJob job;
  job.kind = std::move(kind);
  return job;
}

absl::Status Insert(StoreTransaction& transaction, const NewJob& job) {
  const auto inserted = transaction.Insert(absl::MakeConstSpan(&job, 1));
  return inserted.ok() ? inserted->front().status() : inserted.status();
}

// Comes along with everything, and adds a job of its own.
class Traveller final : public CommitCompanion {
 public:
  explicit Traveller(std::string kind = "companion") : job_(JobOf(std::move(kind))) {}

  bool Join(absl::Span<const NewJob> added) override {
    for (const NewJob& job : added) asked_for.push_back(job.kind);
    return joins;
  }
  absl::Status Work(StoreTransaction& transaction) override {
    absl::Status status = Insert(transaction, job_);
    if (status.ok() && work) status = work();
    return status;
  }
  void End(const absl::Status& status) noexcept override { ends.push_back(status); }

  bool joins = true;
  std::function<absl::Status()> work;
  std::vector<std::string> asked_for;
  std::vector<absl::Status> ends;

 private:
  const NewJob job_;
};

// A memory store whose commits do what they are told to before they begin.
class Store final : public ForwardingJobStore {
 public:
  Store() : ForwardingJobStore(memory_) {}

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    auto begun = inner().Begin();
    if (!begun.ok()) return begun.status();
    return std::make_unique<Transaction>(*std::move(begun), *this);
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep) override { return Begin(); }

  // The kinds of all jobs, in the order in which they were added.
  std::vector<std::string> Kinds() {
    std::vector<std::string> kinds;
    const std::vector<Job> jobs = *List(JobFilter(), JobPage());
    for (auto job = jobs.rbegin(); job != jobs.rend(); ++job) kinds.push_back(job->kind);
    return kinds;
  }

  std::function<absl::Status()> commit;
  int commit_count = 0;

 private:
  class Transaction final : public ForwardingStoreTransaction {
   public:
    Transaction(std::unique_ptr<StoreTransaction> inner, Store& store)
        : ForwardingStoreTransaction(std::move(inner)), store_(store) {}
    absl::Status Commit() override {
      ++store_.commit_count;
      const absl::Status status = store_.commit ? store_.commit() : absl::OkStatus();
      return status.ok() ? ForwardingStoreTransaction::Commit() : status;
    }

   private:
    Store& store_;
  };

  MemoryStore memory_;
};

struct Rig {
  absl::Status Add(const NewJob& job) {
    return commits.Run(
        1, [&](StoreTransaction& transaction) { return Insert(transaction, job); },
        absl::MakeConstSpan(&job, 1));
  }

  Store store;
  GroupCommit commits{store};
};

using Kinds = std::vector<std::string>;
using Ends = std::vector<absl::Status>;

TEST_CASE("a companion works last in a commit that adds jobs, and hears how it ended") {
  Rig rig;
  Traveller companion;
  rig.commits.Accompany(companion);
  CHECK(rig.Add(JobOf("a")).ok());
  CHECK(rig.store.Kinds() == Kinds{"a", "companion"});
  CHECK(rig.store.commit_count == 1);
  CHECK(companion.asked_for == Kinds{"a"});
  CHECK(companion.ends == Ends{absl::OkStatus()});
}

TEST_CASE("a companion comes along with what was submitted, too") {
  Rig rig;
  Traveller companion;
  rig.commits.Accompany(companion);
  const NewJob job = JobOf("a");
  std::promise<absl::Status> told;
  rig.commits.Submit(
      1, [&](StoreTransaction& transaction) { return Insert(transaction, job); },
      [&](absl::Status status) { told.set_value(std::move(status)); },
      absl::MakeConstSpan(&job, 1));
  CHECK(told.get_future().get().ok());
  CHECK(rig.store.Kinds() == Kinds{"a", "companion"});
}

TEST_CASE("a companion is not asked for commits that add nothing") {
  Rig rig;
  Traveller companion;
  rig.commits.Accompany(companion);
  CHECK(rig.commits.Run(1, [](StoreTransaction&) { return absl::OkStatus(); }).ok());
  CHECK(companion.asked_for.empty());
  CHECK(companion.ends.empty());
}

TEST_CASE("a companion is not asked where somebody counts a backlog") {
  Rig rig;
  Traveller companion;
  rig.commits.Accompany(companion);
  NewJob job = JobOf("a");
  job.backlog_max = 10;
  CHECK(rig.Add(job).ok());
  CHECK(companion.asked_for.empty());
}

TEST_CASE("the first companion that joins is the only one") {
  Rig rig;
  Traveller absent;
  Traveller first("first");
  Traveller second("second");
  absent.joins = false;
  for (Traveller* each : {&absent, &first, &second}) rig.commits.Accompany(*each);
  CHECK(rig.Add(JobOf("a")).ok());
  CHECK(rig.store.Kinds() == Kinds{"a", "first"});
  CHECK(absent.asked_for == Kinds{"a"});
  CHECK(absent.ends.empty());
  CHECK(second.asked_for.empty());
  rig.commits.Leave(first);
  CHECK(rig.Add(JobOf("b")).ok());
  CHECK(rig.store.Kinds() == Kinds{"a", "first", "b", "second"});
}

TEST_CASE("where a companion fails, the others are done without it, and all of it is undone") {
  for (const absl::Status& failure :
       {absl::AbortedError("no session"), absl::UnavailableError("the server is gone"),
        ConflictError("a deadlock")}) {
    Rig rig;
    Traveller companion;
    companion.work = [&] { return failure; };
    rig.commits.Accompany(companion);
    CHECK(rig.Add(JobOf("a")).ok());
    CHECK(rig.store.Kinds() == Kinds{"a"});
    CHECK(companion.ends == Ends{failure});
    CHECK(rig.store.commit_count == 1);
  }
}

TEST_CASE("what the store says of the commit is told to the companion, too") {
  Rig rig;
  Traveller companion;
  rig.commits.Accompany(companion);
  rig.store.commit = [] { return absl::UnknownError("in doubt"); };
  CHECK(absl::IsUnknown(rig.Add(JobOf("a"))));
  CHECK(companion.ends == Ends{absl::UnknownError("in doubt")});
}

TEST_CASE("after a conflict a companion may come along again") {
  Rig rig;
  Traveller companion;
  rig.commits.Accompany(companion);
  bool conflicts = true;
  rig.store.commit = [&] {
    return std::exchange(conflicts, false) ? ConflictError("a deadlock") : absl::OkStatus();
  };
  CHECK(rig.Add(JobOf("a")).ok());
  CHECK(rig.store.Kinds() == Kinds{"a", "companion"});
  REQUIRE(companion.ends.size() == 2);
  CHECK(IsConflict(companion.ends[0]));
  CHECK(companion.ends[1].ok());
}

TEST_CASE("a companion hears of exceptions, in its work and in the commit") {
  Rig rig;
  Traveller companion;
  rig.commits.Accompany(companion);
  companion.work = []() -> absl::Status { throw std::bad_alloc(); };
  CHECK(rig.Add(JobOf("a")).ok());
  companion.work = nullptr;
  rig.store.commit = []() -> absl::Status { throw std::runtime_error("commit"); };
  CHECK(absl::IsUnknown(rig.Add(JobOf("b"))));
  REQUIRE(companion.ends.size() == 2);
  CHECK(absl::IsUnavailable(companion.ends[0]));
  CHECK(absl::IsUnknown(companion.ends[1]));
  CHECK(rig.store.Kinds() == Kinds{"a"});
}

TEST_CASE("whoever leaves waits for a companion that is on its way") {
  Rig rig;
  Traveller companion;
  std::promise<void> working;
  std::promise<void> go_on;
  companion.work = [&] {
    working.set_value();
    go_on.get_future().wait();
    return absl::OkStatus();
  };
  rig.commits.Accompany(companion);
  std::future<absl::Status> added =
      std::async(std::launch::async, [&] { return rig.Add(JobOf("a")); });
  working.get_future().wait();
  std::future<std::size_t> left = std::async(std::launch::async, [&] {
    rig.commits.Leave(companion);
    return companion.ends.size();
  });
  CHECK(left.wait_for(std::chrono::milliseconds(20)) == std::future_status::timeout);
  go_on.set_value();
  CHECK(left.get() == 1);
  CHECK(added.get().ok());
  CHECK(rig.Add(JobOf("b")).ok());
  CHECK(companion.asked_for == Kinds{"a"});
}

}  // namespace
}  // namespace outlive
