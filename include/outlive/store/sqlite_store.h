// SqliteStore keeps jobs in one SQLite file, which may be the host's own database: its tables all
// begin with outlive_. Several processes may work on one file, on one machine.
//
//   absl::StatusOr<std::unique_ptr<outlive::SqliteStore>> store =
//       outlive::SqliteStore::Open("app.db");
//   outlive::Client client(**store);
//
// In a host's own transaction, on the host's own connection to the same file:
//
//   sqlite3_exec(db, "BEGIN IMMEDIATE", …);   business rows
//   client.EnqueueIn(db, SendInvoice{42});    the job
//   sqlite3_exec(db, "COMMIT", …);            both or neither
//
// Such a transaction is begun with BEGIN IMMEDIATE, because one that has read before others wrote
// cannot write any more. It is as durable as the host's connection makes it (PRAGMA synchronous).
// Begin() waits for it like for any other writer, so the host's thread must not call anything that
// writes to the store in between. Subscribers in this process and in others are woken by the watch.
//
// The file is in WAL mode, made readable and writable for its owner only. On versions of SQLite
// before 3.51.3 checkpoints that run beside a writer can corrupt a file: this store checkpoints
// only under the write lock, and Join() switches automatic checkpoints off on the host's
// connection. Other connections of the host should do PRAGMA wal_autocheckpoint = 0 themselves
// (docs/adr/0009-sqlite-wal-reset-and-checkpoints.md).
//
// The host may run ANALYZE. What that finds out about tables of outlive is deleted by Open(): their
// statements go by the intended index without (docs/adr/0013-no-statistics.md).
//
// Thread-safety: as JobStore. Two stores on one file, in one process or in several, are fine.
// Lifetime:      the store outlives every transaction and subscription it has given out. A child
//                that was made by fork() cannot use it and must not close it: every call is
//                kFailedPrecondition there, and the destructor does nothing.
// Time:          the clock's, to the microsecond, but never earlier than the newest time in the
//                file. All processes are on one machine, and so on one clock.
// Errors:        as JobStore. kUnavailable: the file is locked for too long, the disk is full or
//                failing, the file cannot be written. kUnknown: an I/O error at the commit that
//                could not be settled. kDataLoss: the file is damaged or no database.
//                kFailedPrecondition: its schema is newer than this library.
#ifndef OUTLIVE_STORE_SQLITE_STORE_H_
#define OUTLIVE_STORE_SQLITE_STORE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "outlive/core/clock.h"
#include "outlive/core/job_store.h"
#include "outlive/core/payload_cipher.h"
#include "outlive/core/random.h"

namespace outlive {

// What a power cut can take. A process that dies takes nothing that was committed, with either.
enum class SqliteDurability {
  kFull,    // Nothing that was committed: each commit waits for the disk (synchronous=FULL).
  kNormal,  // The latest commits, never one of them without those after it (synchronous=NORMAL).
};

// Open() checks every field and reports all faults in one kInvalidArgument.
struct SqliteStoreOptions {
  // -- Surroundings ------------------------------------------------------------------------

  // Where time comes from; borrowed. Null: the machine's clock.
  const Clock* clock = nullptr;

  // Where StoreInfo::store_id and jitter come from; borrowed. Null: the kernel.
  RandomSource* random = nullptr;

  // -- Behaviour ---------------------------------------------------------------------------

  // Seals what jobs carry before it gets into the file; borrowed. Null: it is kept as it is. Every
  // process that works on the file needs the same keys (docs/guides/encryption.md).
  const PayloadCipher* cipher = nullptr;

  // For kNormal an acknowledged job may be lost in a power cut.
  SqliteDurability durability = SqliteDurability::kFull;

  // How long Open() and Begin() wait for other writers, of this process and of others. Zero: not
  // at all. At most 1 h.
  absl::Duration busy_timeout = absl::Seconds(5);

  // How long one read may take before it is kDeadlineExceeded. It also bounds how long a read of
  // ours can keep the WAL from being moved into the file. More than 0, at most 1 h.
  absl::Duration read_timeout = absl::Seconds(5);

  // Wake subscribers for commits of other processes and of host transactions, by a watch on the
  // file and a thread that has it. Off: they are only woken for commits of this store.
  bool watch = true;

  // How often the watch looks although it has seen nothing, in case it has missed something. From
  // 10 ms to 1 h.
  absl::Duration poll_interval = absl::Seconds(1);

  // SQLite's WAL needs memory that all processes share, so on a network file system it can corrupt
  // the file: Open() refuses one it knows. True: it does not look.
  bool allow_network_file_system = false;

  // The SQLite VFS that opens every file of this store, by the name under which the host has
  // registered it (sqlite3_vfs_register). For files that are encrypted, counted or simulated. It
  // must offer shared memory, as WAL needs it. Empty: SQLite's default.
  //
  // With a name the path is the VFS's business: it is handed on as it is, the VFS makes the file,
  // with whatever rights it gives it, and the file system is not looked at. Join() takes
  // connections of the same VFS. `watch` looks at that path on the machine's file system all the
  // same; switch it off where the files are elsewhere.
  std::string vfs = {};

  // -- Performance -------------------------------------------------------------------------

  // Pages (of 4096 bytes, unless the file has others) that the WAL may have before it is moved into
  // the file. More: fewer, longer pauses. From 100 to 1,000,000.
  int checkpoint_page_count = 4'000;

  // To how many bytes the WAL is cut where a burst or a long reader has made it longer. From 0.
  std::int64_t journal_bytes_max = std::int64_t{64} << 20;

  // Memory for pages of the connection that writes, and of each of those that read. From 64 KiB.
  std::int64_t cache_bytes = std::int64_t{8} << 20;
  std::int64_t reader_cache_bytes = std::int64_t{1} << 20;

  // Reads at the same moment; more wait. From 1 to 64.
  int reader_count_max = 4;
};

class SqliteStore final : public JobStore {
 public:
  // Opens the file, makes it where there is none, and brings its tables to this library's schema.
  // The folder must exist. SQLite puts files of its own beside it, PATH-wal and PATH-shm: they are
  // part of the database while it is open.
  //
  // Errors: kInvalidArgument, kUnavailable, kDataLoss, kFailedPrecondition (see above).
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Open(const std::string& path,
                                                           const SqliteStoreOptions& options = {});

  // Closes the file. What is in the WAL stays there where other processes have the file open; else
  // it is moved.
  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override;
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

 private:
  class State;
  explicit SqliteStore(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace outlive

#endif  // OUTLIVE_STORE_SQLITE_STORE_H_
