// Events of hosts' own transactions reach the log by way of an inbox: however those transactions
// look at the database, and whoever waits for the log meanwhile, each event is in it once.
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/store/postgres_store.h"
#include "store/postgres/schema.h"
#include "tests/postgres/connection.h"
#include "tests/postgres/server.h"

namespace outlive::testing {
namespace {

using conformance::MakeJob;
using conformance::MustInsert;
using conformance::Value;

// Two stores that do not watch: nothing gets into the log but by a transaction of a test.
class Site {
 public:
  Site() {
    for (std::unique_ptr<PostgresStore>& each : stores_) {
      each = Value(
          PostgresStore::Open(schema_.conninfo(), {.schema = schema_.name(), .watch = false}));
      Note(MustInsert(*each));
    }
  }

  PostgresStore& store() { return *stores_[0]; }
  PostgresStore& other() { return *stores_[1]; }
  Connection& host() { return host_; }

  // Somebody else's transaction, committed.
  void EnqueueBySql() { Note(std::stoll(beside_.Query(Sql(kEnqueue)))); }

  // In the host's transaction.
  absl::StatusOr<JobId> EnqueueIn(const NewJob& job) {
    const std::unique_ptr<StoreTransaction> joined = Value(store().Join(host_.get()));
    const absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> results = joined->Insert({&job, 1});
    if (!results.ok()) return results.status();
    if (!results->front().ok()) return results->front().status();
    return results->front()->id;
  }

  // That a job is there for good, so that there has to be an event of it.
  void Note(JobId job) { jobs_.push_back(job); }

  // No gap, nothing twice. `in_inbox`: how many have not come yet.
  void CheckLog(std::size_t in_inbox) {
    const std::vector<Event> events = conformance::AllEvents(store());
    std::vector<JobId> logged;
    for (std::size_t i = 0; i < events.size(); ++i) {
      CHECK(events[i].seq == static_cast<std::int64_t>(i) + 1);
      CHECK(events[i].type == EventType::kEnqueued);
      logged.push_back(events[i].job_id);
    }
    const std::string inbox =
        "SELECT job FROM {0}.event_inbox WHERE job NOT IN (SELECT job FROM {0}.events)";
    const std::vector<std::string> waiting = beside_.Column(Sql(inbox));
    CHECK(waiting.size() == in_inbox);
    CHECK(beside_.Query(Sql("SELECT count(*) FROM {0}.event_inbox")) == std::to_string(in_inbox));
    for (const std::string& job : waiting) logged.push_back(std::stoll(job));
    std::sort(logged.begin(), logged.end());
    std::sort(jobs_.begin(), jobs_.end());
    CHECK(logged == jobs_);
  }

  // The next transaction takes what is left into the log.
  void CheckLogAfterNext() {
    Note(MustInsert(store()));
    CheckLog(0);
  }

  std::int64_t log_lock() const { return postgres::LockKey(schema_.name(), postgres::Lock::kLog); }

  // How many wait for the lock of the log.
  int Waiting() {
    return std::stoi(beside_.Query(
        fmt::format("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                    " AND (classid::bigint << 32) + objid::bigint = {}",
                    log_lock())));
  }

 private:
  static constexpr std::string_view kEnqueue = "SELECT {0}.enqueue('mail.send', '{{}}')";

  std::string Sql(std::string_view text) const {
    return fmt::format(fmt::runtime(text), schema_.name());
  }

  TestSchema schema_;
  std::unique_ptr<PostgresStore> stores_[2];
  Connection host_{schema_.conninfo()};
  Connection beside_{schema_.conninfo()};
  std::vector<JobId> jobs_;
};

// A host's transaction looks at what there was when it began. Where it counts a backlog it has the
// lock of the log, and must not write into it all the same: the log has grown since.
void EnqueueAroundOthers(std::string_view begin, bool commits) {
  Site site;
  site.host().Query(std::string(begin));
  const JobId first = Value(site.EnqueueIn(MakeJob()));
  site.Note(MustInsert(site.store()));
  site.EnqueueBySql();
  NewJob limited = MakeJob();
  limited.backlog_max = 100;
  const absl::StatusOr<JobId> second = site.EnqueueIn(limited);
  REQUIRE_MESSAGE(second.ok(), second.status().ToString());
  site.host().Query(commits ? "COMMIT" : "ROLLBACK");
  if (commits) {
    site.Note(first);
    site.Note(*second);
  }
  site.CheckLog(commits ? 3 : 1);
  site.CheckLogAfterNext();
}

TEST_CASE("a host's transaction that looks at the past adds nothing to the log of today") {
  EnqueueAroundOthers("BEGIN ISOLATION LEVEL REPEATABLE READ", true);
  EnqueueAroundOthers("BEGIN ISOLATION LEVEL REPEATABLE READ", false);
}

TEST_CASE("a host's transaction that looks at the present adds nothing to the log either") {
  EnqueueAroundOthers("BEGIN ISOLATION LEVEL READ COMMITTED", true);
  EnqueueAroundOthers("BEGIN ISOLATION LEVEL READ COMMITTED", false);
}

// Without a word of the test: it is on another thread.
absl::StatusOr<JobId> InsertQuietly(JobStore& store) {
  const NewJob job = MakeJob();
  absl::StatusOr<std::unique_ptr<StoreTransaction>> transaction = store.Begin();
  if (!transaction.ok()) return transaction.status();
  const auto results = (*transaction)->Insert({&job, 1});
  if (!results.ok()) return results.status();
  if (absl::Status status = (*transaction)->Commit(); !status.ok()) return status;
  if (!results->front().ok()) return results->front().status();
  return results->front()->id;
}

// Two, so that the second one writes into a log that has grown while it waited.
TEST_CASE("events that hosts commit while stores wait for the log are in it once") {
  for (const bool had_inbox : {true, false}) {
    CAPTURE(had_inbox);
    Site site;
    if (had_inbox) site.EnqueueBySql();
    site.host().Query(fmt::format("SELECT pg_advisory_lock({})", site.log_lock()));
    PostgresStore* const stores[2] = {&site.store(), &site.other()};
    absl::StatusOr<JobId> inserted[2];
    std::atomic<int> ended = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&, i] {
        inserted[i] = InsertQuietly(*stores[i]);
        ++ended;
      });
    }
    while (ended == 0 && site.Waiting() < 2) {
    }
    site.EnqueueBySql();
    site.host().Query(fmt::format("SELECT pg_advisory_unlock({})", site.log_lock()));
    for (std::thread& thread : threads) thread.join();
    for (const absl::StatusOr<JobId>& job : inserted) site.Note(Value(job));
    // Who had something to take took all; else nobody knew of it.
    site.CheckLog(had_inbox ? 0 : 1);
    site.CheckLogAfterNext();
  }
}

}  // namespace
}  // namespace outlive::testing
