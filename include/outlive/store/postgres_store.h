// PostgresStore keeps jobs in a PostgreSQL database, which may be the host's own: everything of it
// is in one schema. Many processes on many machines may work on it.
//
//   absl::StatusOr<std::unique_ptr<outlive::PostgresStore>> store =
//       outlive::PostgresStore::Open("postgresql://app@db.example.com/app?sslmode=verify-full");
//   outlive::Client client(**store);
//
// In a host's own transaction, on the host's own connection to the same database:
//
//   PQexec(connection, "BEGIN");                      business rows
//   client.EnqueueIn(connection, SendInvoice{42});    the job
//   PQexec(connection, "COMMIT");                     both or neither
//
// The connection is as PQconnectdb() makes it: blocking, and not in pipeline mode. What is written
// in such a transaction is as durable as the host's connection makes it (synchronous_commit). Its
// events are in the log, and subscribers are woken, soon after its COMMIT: a store that watches
// looks, once somebody has subscribed or something was committed by it. With NewJob::backlog_max it
// keeps every other writer waiting until its end; above READ COMMITTED it counts the jobs that
// there were when it began.
//
// The conninfo is libpq's: TLS (sslmode, sslrootcert, …), several hosts, a service or a password
// file all work as its manual says. `target_session_attrs` is read-write unless it says otherwise,
// so that a replica is refused. Where it does not set them, keepalives notice a dead network within
// half a minute. The password in it is part of no error.
//
// Of several hosts each has its share of `connect_timeout`, so that a machine that is switched off
// does not keep the next one from being asked. It costs each connection its share once, and is
// asked last from then on. That does not hold for several addresses of one name, nor where libpq
// has to see the whole list: with load_balance_hosts, prefer-standby, or a service file.
//
// Other languages add jobs by a function, in whatever transaction they have; people read views:
//
//   SELECT outlive.enqueue('invoice.send', '{"invoice_id": 42}', '{"priority": 2}');
//   SELECT * FROM outlive.jobs WHERE state = 'dead';     also outlive.lanes, outlive.events
//
// Jobs lie in partitions by their ids, and Prune() drops those that are over, with as many jobs as
// there are in one, whatever PruneRequest::row_count_max is. So a job may stay for up to two days
// longer than asked for, never shorter (docs/guides/postgres.md). Prune() also makes partitions
// ahead: call it now and then where no Runner does, in a transaction that does nothing else,
// because others may be locked out from there to the commit; without it jobs are kept all the same.
// While another process prunes it does nothing.
//
// PostgreSQL 14 or newer; tested with 15. The database's encoding is UTF8 or SQL_ASCII. What was
// acknowledged is as durable as the server makes it (synchronous_commit, fsync, synchronous
// standbys: docs/guarantees.md).
//
// Thread-safety: as JobStore. Transactions of different stores, of one process or of several, run
//                side by side; only the commits of those that log events are one after the other.
// Lifetime:      the store outlives every transaction and subscription it has given out. A child
//                that was made by fork() cannot use it and must not close it: every call is
//                kFailedPrecondition there, and the destructor does nothing.
// Time:          the server's (clock_timestamp()), to the microsecond, but never earlier than the
//                newest entry of the log: a failover does not take it back.
// Errors:        as JobStore. kUnavailable: no connection, or it was lost, a deadlock, a time-out,
//                a server that is read-only: nothing was written. kUnknown: the connection was lost
//                at the commit. kFailedPrecondition: the server does not let us in, the schema is
//                newer than this library, or its tables are not there any more. kDataLoss: the
//                server says that its files are damaged.
#ifndef OUTLIVE_STORE_POSTGRES_STORE_H_
#define OUTLIVE_STORE_POSTGRES_STORE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "outlive/core/clock.h"
#include "outlive/core/job_store.h"
#include "outlive/core/payload_cipher.h"
#include "outlive/core/random.h"

namespace outlive {

// Open() checks every field and reports all faults in one kInvalidArgument.
struct PostgresStoreOptions {
  // -- Surroundings ------------------------------------------------------------------------

  // Where time comes from; borrowed. Null: the server's clock, which is one for all processes.
  // Another is for tests.
  const Clock* clock = nullptr;

  // Where StoreInfo::store_id and jitter come from; borrowed. Null: the kernel.
  RandomSource* random = nullptr;

  // -- Behaviour ---------------------------------------------------------------------------

  // Where the tables are: `[a-z_][a-z0-9_]{0,62}`. Each schema of a database is a store of its own.
  // Open() makes it where there is none.
  std::string schema = "outlive";

  // Seals what jobs carry before it gets to the server; borrowed. Null: it is kept as it is. Every
  // process that works on the schema needs the same keys (docs/guides/encryption.md).
  const PayloadCipher* cipher = nullptr;

  // A pooler that gives each transaction another connection (PgBouncer's pool_mode=transaction) is
  // between here and the server: no prepared statements, and no LISTEN, so that wake-ups from other
  // processes come with `poll_interval`. The time-outs below are set in each transaction, for it
  // alone: whoever gets its connection next finds none of them.
  bool transaction_pooling = false;

  // Tell other processes of commits, and be woken by theirs: a thread and a connection of its own.
  // Off: subscribers are only woken for commits of this store, and events of hosts' transactions
  // wait for the next transaction of any store.
  bool watch = true;

  // How often the watch looks although it was told nothing. From 10 ms to 1 h; up to a quarter more
  // or less each time.
  absl::Duration poll_interval = absl::Seconds(1);

  // How long a connection may take to be made. From 100 ms to 1 h.
  absl::Duration connect_timeout = absl::Seconds(5);

  // How long Open(), Begin() and BeginUpkeep() wait: for the transaction before, and for a
  // connection. From 0 to 1 h.
  absl::Duration begin_timeout = absl::Seconds(5);

  // How long the server may work at one statement of a transaction, and wait for one lock, before
  // it gives up. From 100 ms to 1 h.
  absl::Duration statement_timeout = absl::Seconds(20);
  absl::Duration lock_timeout = absl::Seconds(5);

  // How long a transaction that does nothing may stay open before the server ends it: a process
  // that is stopped must not hold its locks. From 100 ms to 1 h.
  absl::Duration idle_timeout = absl::Seconds(30);

  // How long one read may take before it is kDeadlineExceeded. From 100 ms to 1 h.
  absl::Duration read_timeout = absl::Seconds(5);

  // -- Performance -------------------------------------------------------------------------

  // Connections that read; more reads at the same moment wait. From 1 to 64. Beside them there are
  // one that writes, one for each Upkeep, once it is first begun, and one for the watch.
  int reader_count_max = 4;

  // How many jobs the first partition of a schema has room for that Open() makes, and every later
  // one at least; they grow until one has about the jobs of a day. Jobs that have ended are dropped
  // with their partition, and not one by one; smaller ones make the tables smaller, and work in
  // them a little slower. No more than 64 are made. Of a schema that is there it changes nothing.
  // From 16 to 2^24.
  std::int64_t partition_job_count_min = std::int64_t{1} << 20;
};

// What says whether the server keeps up with cleaning.
struct PostgresGauges {
  // Rows of the table that claims work on, and those of them that are gone but still in the way, as
  // the server's statistics know them: some seconds late.
  std::int64_t live_rows = 0;
  std::int64_t dead_rows = 0;

  // How long the oldest transaction of the server has been open: what is gone since then cannot be
  // cleaned away. Transactions of other roles count if the store's role may see them
  // (pg_read_all_stats).
  absl::Duration oldest_transaction = absl::ZeroDuration();

  // Events of hosts' transactions that are not in the log yet.
  std::int64_t inbox_rows = 0;

  // How far the server's clock is ahead of this machine's, give or take the time that the answer
  // took; negative: behind. Jobs go by the server's, but what a host works out by its own, such as
  // EnqueueOptions::run_at, is off by this. Zero where PostgresStoreOptions::clock is set.
  absl::Duration clock_ahead = absl::ZeroDuration();
};

class PostgresStore final : public JobStore {
 public:
  // Connects, makes the schema where there is none, and brings it to this library's version.
  // `conninfo` is a string of keywords or a postgresql:// address, as PQconnectdb() takes it.
  //
  // Errors: kInvalidArgument, kUnavailable, kFailedPrecondition, kDataLoss (see above).
  static absl::StatusOr<std::unique_ptr<PostgresStore>> Open(
      const std::string& conninfo, const PostgresStoreOptions& options = {});

  // Closes the connections.
  ~PostgresStore() override;
  PostgresStore(const PostgresStore&) = delete;
  PostgresStore& operator=(const PostgresStore&) = delete;

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override;

  // Each kind on a connection of its own, beside Begin(). While that cannot be made, or another of
  // its kind is open for longer than `begin_timeout`, it is Begin().
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep upkeep) override;

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Join(HostTransaction host) override;
  absl::StatusOr<Job> Get(JobId id) override;
  absl::StatusOr<std::vector<Job>> List(const JobFilter& filter, const JobPage& page) override;
  absl::StatusOr<JobStats> Stats() override;
  absl::StatusOr<std::vector<Event>> EventsAfter(std::int64_t after, int event_count_max) override;
  absl::StatusOr<std::int64_t> LastEvent() override;
  absl::StatusOr<std::vector<DeadLetterGroup>> DeadLetterGroups(int group_count_max) override;
  absl::StatusOr<std::vector<JobId>> CancelRequests(const std::string& session) override;
  absl::StatusOr<Artifact> FindArtifact(const std::string& id) override;
  absl::Status Check(absl::Duration deadline) override;
  std::unique_ptr<Subscription> Subscribe(std::function<void(WakeHint)> on_wake) override;
  const StoreInfo& info() const override;
  const Clock& clock() const override;
  StoreCopy* copy() override;

  // Errors: as the port's readers.
  absl::StatusOr<PostgresGauges> Gauges();

 private:
  class State;
  explicit PostgresStore(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace outlive

#endif  // OUTLIVE_STORE_POSTGRES_STORE_H_
