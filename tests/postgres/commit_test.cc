// A commit whose answer is lost is neither done nor not done for its caller: he is told so, and has
// ways to find out.
#include <absl/status/status.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

#include <future>
#include <memory>
#include <string>
#include <thread>

#include "outlive/conformance/helpers.h"
#include "outlive/core/mutex.h"
#include "outlive/core/store_copy.h"
#include "outlive/engine/client.h"
#include "outlive/store/postgres_store.h"
#include "store/postgres/schema.h"
#include "tests/postgres/connection.h"
#include "tests/postgres/proxy.h"
#include "tests/postgres/server.h"

namespace outlive::testing {
namespace {

using conformance::InsertOne;
using conformance::Value;

// A store behind a proxy, and one beside it to look.
struct Rig {
  std::unique_ptr<PostgresStore> Open(const std::string& conninfo, bool is_impatient) const {
    PostgresStoreOptions options;
    options.schema = schema.name();
    if (is_impatient) {
      // What waits for an answer that never comes is given up soon, by both sides.
      options.statement_timeout = absl::Milliseconds(500);
      options.idle_timeout = absl::Seconds(2);
    }
    options.watch = false;
    return Value(PostgresStore::Open(conninfo, options));
  }

  std::int64_t JobCount() {
    return static_cast<std::int64_t>(conformance::ListAll(*beside).size());
  }

  TestSchema schema;
  Proxy proxy{schema.server()};
  std::unique_ptr<PostgresStore> beside = Open(schema.conninfo(), false);
  std::unique_ptr<PostgresStore> store = Open(proxy.conninfo(), true);
};

// Of a transaction that has written, and so is in the log.
constexpr const char* kHasWritten = "INSERT INTO";

constexpr LostCommit::What kWhats[] = {LostCommit::What::kRequest, LostCommit::What::kReply};

// As a caller does who has a key: again, until it is known.
absl::StatusOr<Enqueued> EnqueueAgain(Client& client, const EnqueueOptions& options) {
  absl::StatusOr<Enqueued> job = client.EnqueueRaw("mail.send", "{}", options);
  for (int tries = 0; tries < 100 && absl::IsUnavailable(job.status()); ++tries) {
    job = client.EnqueueRaw("mail.send", "{}", options);
  }
  return job;
}

TEST_CASE("an enqueue in doubt is settled by its key (G03)") {
  Rig rig;
  Client client(*rig.store);
  // The first job of a queue and a kind has more to write.
  REQUIRE(client.EnqueueRaw("mail.send", "{}").ok());
  std::int64_t count = 1;
  for (const LostCommit::What what : kWhats) {
    for (const bool cut : {true, false}) {
      CAPTURE(static_cast<int>(what));
      CAPTURE(cut);
      const EnqueueOptions options{.idempotency_key = fmt::format("order-{}", ++count)};
      rig.proxy.LoseCommit({.what = what, .having = kHasWritten, .cut = cut});
      const absl::StatusOr<Enqueued> doubt = client.EnqueueRaw("mail.send", "{}", options);
      rig.proxy.WaitUntilLost();
      CHECK_MESSAGE(absl::IsUnknown(doubt.status()), doubt.status().ToString());
      const bool is_there = what == LostCommit::What::kReply;
      CHECK(rig.JobCount() == count - (is_there ? 0 : 1));
      const absl::StatusOr<Enqueued> again = EnqueueAgain(client, options);
      REQUIRE_MESSAGE(again.ok(), again.status().ToString());
      CHECK(again->duplicate == is_there);
      CHECK(rig.JobCount() == count);
    }
  }
}

TEST_CASE("the end of an attempt in doubt is settled by its fence (G03)") {
  Rig rig;
  for (const LostCommit::What what : kWhats) {
    CAPTURE(static_cast<int>(what));
    const ClaimedJob job = conformance::InsertAndClaim(
        *rig.beside, conformance::MakeJob(), fmt::format("session-{}", static_cast<int>(what)));
    const Finished end = conformance::EndOf(job.lease, Transition::kComplete);
    rig.proxy.LoseCommit({.what = what, .having = kHasWritten});
    auto transaction = Value(rig.store->Begin());
    CHECK(Value(transaction->Finish({&end, 1}))[0].ok());
    CHECK(absl::IsUnknown(transaction->Commit()));
    rig.proxy.WaitUntilLost();
    const bool is_there = what == LostCommit::What::kReply;
    CHECK(conformance::StateOf(*rig.beside, job.lease.job) ==
          (is_there ? JobState::kCompleted : JobState::kRunning));
    // The same again is no harm, and settles it.
    CHECK(conformance::FinishOne(*rig.beside, end).ok());
    CHECK(conformance::StateOf(*rig.beside, job.lease.job) == JobState::kCompleted);
    CHECK(conformance::EventsOf(*rig.beside, job.lease.job) == "enqueued claimed completed");
  }
}

// So that the store's transactions follow one another closely: the next jobs have their ids then.
void AddJobs(PostgresStore& store, int count) {
  for (int i = 0; i < count; ++i) REQUIRE(InsertOne(store, conformance::MakeJob()).ok());
}

TEST_CASE("new jobs that go along with their commit are in doubt with it (G03)") {
  Rig rig;
  Client client(*rig.store);
  std::int64_t count = 0;
  for (const LostCommit::What what : kWhats) {
    for (const bool cut : {true, false}) {
      CAPTURE(static_cast<int>(what));
      CAPTURE(cut);
      AddJobs(*rig.store, 2);
      rig.proxy.LoseCommit({.what = what, .having = kHasWritten, .cut = cut});
      const absl::Status doubt = client.EnqueueRaw("mail.send", "{}").status();
      rig.proxy.WaitUntilLost();
      CHECK_MESSAGE(absl::IsUnknown(doubt), doubt.ToString());
      count += 2 + (what == LostCommit::What::kReply ? 1 : 0);
      CHECK(rig.JobCount() == count);
      const absl::Status next = EnqueueAgain(client, {}).status();
      CHECK_MESSAGE(next.ok(), next.ToString());
      CHECK(rig.JobCount() == ++count);
    }
  }
}

TEST_CASE("new jobs of a store that is busy ask the server for nothing before their commit") {
  Rig rig;
  Connection admin(rig.schema.conninfo());
  const std::string in_transaction = fmt::format(
      "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND"
      " query LIKE '%{}%'",
      rig.schema.name());
  const auto transactions_during_insert = [&](const NewJob& job) {
    AddJobs(*rig.store, 2);
    auto transaction = Value(rig.store->Begin());
    CHECK(Value(transaction->Insert({&job, 1}))[0].ok());
    std::string count = admin.Query(in_transaction);
    CHECK(transaction->Commit().ok());
    return count;
  };
  // Ids are kept for a second, which may be over here, but not each time.
  while (transactions_during_insert(conformance::MakeJob()) != "0") {
  }
  NewJob keyed = conformance::MakeJob();
  keyed.idempotency_key = "order-1";
  CHECK(transactions_during_insert(keyed) == "1");
}

TEST_CASE("new jobs that go along with their commit are refused where the store is frozen") {
  Rig rig;
  AddJobs(*rig.store, 2);
  REQUIRE(rig.beside->copy()->Freeze(true).ok());
  Client client(*rig.store);
  CHECK(client.EnqueueRaw("mail.send", "{}").status() ==
        StoreIsOpen(/*frozen=*/true, /*filling=*/false));
  REQUIRE(rig.beside->copy()->Freeze(false).ok());
  CHECK(rig.JobCount() == 2);
  AddJobs(*rig.store, 1);
}

// Ids that are kept for the next job would be lost where none comes.
TEST_CASE("jobs that are rare are numbered without gaps") {
  Rig rig;
  JobId last = Value(InsertOne(*rig.store, conformance::MakeJob())).id;
  for (int i = 0; i < 2; ++i) {
    rig.store = rig.Open(rig.proxy.conninfo(), true);
    const JobId id = Value(InsertOne(*rig.store, conformance::MakeJob())).id;
    CHECK(id == last + 1);
    last = id;
  }
}

// A wake-up is a hint: where nobody brings it any more, the poll does.
TEST_CASE("a subscriber whose connection was ended hears of others all the same (G14)") {
  const TestSchema schema;
  PostgresStoreOptions options;
  options.schema = schema.name();
  options.poll_interval = absl::Milliseconds(50);
  const auto store = Value(PostgresStore::Open(schema.conninfo(), options));
  const auto other = Value(PostgresStore::Open(schema.conninfo(), options));
  Mutex mutex;
  CondVar changed;
  int heard = 0;
  const auto subscription = store->Subscribe([&](WakeHint hint) {
    MutexLock lock(mutex);
    if (hint.work) ++heard;
    changed.NotifyAll();
  });
  Connection admin(schema.server().admin_conninfo());
  for (int round = 0; round < 3; ++round) {
    MutexLock lock(mutex);
    heard = 0;
    CHECK(InsertOne(*other, conformance::MakeJob()).ok());
    while (heard == 0) changed.Wait(mutex);  // Whoever hears nothing waits for ever.
    admin.Query(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE query LIKE '%" +
        schema.name() + "%' AND pid <> pg_backend_pid()");
  }
}

// A signal of the host's, as a profiler or a timer sends it: whoever waits is interrupted.
class Interruptions {
 public:
  Interruptions() {
    sem_init(&handled_, 0, 0);
    struct sigaction interrupt = {};
    interrupt.sa_handler = [](int) { sem_post(&handled_); };  // Without SA_RESTART.
    REQUIRE(sigaction(SIGUSR1, &interrupt, &before_) == 0);
  }
  ~Interruptions() {
    sigaction(SIGUSR1, &before_, nullptr);
    sem_destroy(&handled_);
  }
  Interruptions(const Interruptions&) = delete;
  Interruptions& operator=(const Interruptions&) = delete;

  // Returns once `thread` has handled it.
  static void Interrupt(std::thread& thread) {
    CHECK(pthread_kill(thread.native_handle(), SIGUSR1) == 0);
    while (sem_wait(&handled_) != 0) {
    }
  }

 private:
  static inline sem_t handled_;
  struct sigaction before_ = {};
};

TEST_CASE("signals that come while a commit waits for the server do not put it in doubt") {
  const TestSchema schema;
  PostgresStoreOptions options;
  options.schema = schema.name();
  options.lock_timeout = absl::Minutes(1);
  options.statement_timeout = absl::Minutes(1);
  options.watch = false;
  const auto store = Value(PostgresStore::Open(schema.conninfo(), options));
  conformance::MustInsert(*store);
  Connection host(schema.conninfo());
  host.Query("BEGIN");
  host.Query(fmt::format("SELECT pg_advisory_xact_lock({})",
                         postgres::LockKey(schema.name(), postgres::Lock::kLog)));
  const Interruptions interruptions;
  absl::Status committed;
  std::promise<void> interrupted;
  std::thread committer([&] {
    const NewJob job = conformance::MakeJob();
    committed = conformance::InTransaction(*store, [&](StoreTransaction& transaction) {
      return transaction.Insert({&job, 1}).status();
    });
    interrupted.get_future().wait();  // What has ended takes no signals.
  });
  Connection admin(schema.conninfo());
  const std::string is_waiting = fmt::format(
      "SELECT count(*) > 0 FROM pg_stat_activity WHERE {} = ANY (pg_blocking_pids(pid))",
      host.backend_id());
  while (admin.Query(is_waiting) != "t") {
  }
  for (int i = 0; i < 5; ++i) interruptions.Interrupt(committer);
  interrupted.set_value();
  host.Query("COMMIT");
  committer.join();
  CHECK_MESSAGE(committed.ok(), committed.ToString());
  CHECK(conformance::ListAll(*store).size() == 2);
}

TEST_CASE("what was lost before the commit is refused, and was not done") {
  Rig rig;
  auto transaction = Value(rig.store->Begin());
  const NewJob job = conformance::MakeJob();
  REQUIRE(transaction->Insert({&job, 1}).ok());
  rig.proxy.Cut(Proxy::End::kReset);
  const absl::Status status = transaction->Commit();
  transaction.reset();
  // Where the job went together with the commit, nobody knows.
  CHECK_MESSAGE((absl::IsUnavailable(status) || absl::IsUnknown(status)), status.ToString());
  CHECK(rig.JobCount() == 0);
  CHECK(InsertOne(*rig.store, job).ok());
  CHECK(rig.JobCount() == 1);
}

TEST_CASE("a connection that was closed while nobody used it is made anew, and nobody notices") {
  Rig rig;
  CHECK(InsertOne(*rig.store, conformance::MakeJob()).ok());
  Connection admin(rig.schema.server().admin_conninfo());
  for (int round = 1; round <= 3; ++round) {
    rig.proxy.Cut(Proxy::End::kFin);
    CHECK(InsertOne(*rig.store, conformance::MakeJob()).ok());
    CHECK(Value(rig.store->Stats()).lanes.size() == 1);
  }
  CHECK(rig.JobCount() == 4);
}

TEST_CASE("a connection whose backend was terminated is made anew, and nobody notices") {
  Rig rig;
  Connection admin(rig.schema.server().admin_conninfo());
  for (int round = 1; round <= 3; ++round) {
    AddJobs(*rig.beside, 2);
    admin.Query(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE query LIKE '%" +
        rig.schema.name() + "%' AND pid <> pg_backend_pid()");
    CHECK(InsertOne(*rig.beside, conformance::MakeJob()).ok());
    CHECK(rig.JobCount() == 3 * round);
  }
}

}  // namespace
}  // namespace outlive::testing
