#include "outlive/store/sqlite_store.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "core/faults.h"
#include "core/return_if_error.h"
#include "core/store_time.h"
#include "outlive/core/payloads.h"
#include "outlive/core/wake_hub.h"
#include "store/sqlite/database.h"
#include "store/sqlite/file.h"
#include "store/sqlite/reader_pool.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/store_copy.h"
#include "store/sqlite/transaction.h"
#include "store/sqlite/watcher.h"
#include "store/sqlite/writer.h"

namespace outlive {
namespace {

using sqlite::Database;
using sqlite::DatabaseOptions;

constexpr int kOldestVersion = 3'038'000;

absl::Status ValidateOptions(const SqliteStoreOptions& options) {
  internal::Faults faults("SQLite store");
  faults.Require(
      options.busy_timeout >= absl::ZeroDuration() && options.busy_timeout <= absl::Hours(1),
      "busy_timeout must be from 0 to 1 h");
  faults.Require(
      options.read_timeout > absl::ZeroDuration() && options.read_timeout <= absl::Hours(1),
      "read_timeout must be more than 0 and at most 1 h");
  faults.Require(
      options.poll_interval >= absl::Milliseconds(10) && options.poll_interval <= absl::Hours(1),
      "poll_interval must be from 10 ms to 1 h");
  faults.Require(options.checkpoint_page_count >= 100 && options.checkpoint_page_count <= 1'000'000,
                 "checkpoint_page_count must be from 100 to 1000000");
  faults.Require(options.journal_bytes_max >= 0, "journal_bytes_max must not be negative");
  faults.Require(options.cache_bytes >= 65'536, "cache_bytes must be at least 65536");
  faults.Require(options.reader_cache_bytes >= 65'536, "reader_cache_bytes must be at least 65536");
  faults.Require(options.reader_count_max >= 1 && options.reader_count_max <= 64,
                 "reader_count_max must be from 1 to 64");
  if (!options.vfs.empty() && sqlite3_vfs_find(options.vfs.c_str()) == nullptr) {
    faults.Add(fmt::format("vfs \"{}\" is not registered with SQLite", options.vfs));
  }
  return faults.ToStatus();
}

absl::Status CheckLibrary() {
  if (sqlite3_libversion_number() < kOldestVersion) {
    return absl::FailedPreconditionError(
        fmt::format("the SQLite library is {}, and 3.38.0 is needed", sqlite3_libversion()));
  }
  if (sqlite3_threadsafe() == 0) {
    return absl::FailedPreconditionError("the SQLite library was built without threads");
  }
  return absl::OkStatus();
}

absl::Status CheckFileSystem(const std::string& path) {
  const std::string network = sqlite::NetworkFileSystem(path);
  if (network.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("{} is on {}, a network file system, where SQLite's WAL can corrupt it; see "
                  "SqliteStoreOptions::allow_network_file_system",
                  path, network));
}

DatabaseOptions WriterOptions(const SqliteStoreOptions& options) {
  return {.clock = options.clock,
          .random = options.random,
          .sync_each_commit = options.durability == SqliteDurability::kFull,
          .cache_bytes = options.cache_bytes,
          .journal_bytes_max = options.journal_bytes_max,
          .vfs = options.vfs};
}

DatabaseOptions ReaderOptions(const SqliteStoreOptions& options) {
  DatabaseOptions reader = WriterOptions(options);
  reader.cache_bytes = options.reader_cache_bytes;
  return reader;
}

// The path as SQLite gets it. Without a VFS of the host's there is a file at it, and only its owner
// may read it.
absl::StatusOr<std::string> PrepareFile(const std::string& path,
                                        const SqliteStoreOptions& options) {
  OUTLIVE_RETURN_IF_ERROR(sqlite::ValidatePath(path));
  if (!options.vfs.empty()) return path;
  absl::StatusOr<std::string> file = sqlite::AbsolutePath(path);
  OUTLIVE_RETURN_IF_ERROR(file.status());
  OUTLIVE_RETURN_IF_ERROR(sqlite::CreatePrivateFile(*file, *options.random));
  if (!options.allow_network_file_system) OUTLIVE_RETURN_IF_ERROR(CheckFileSystem(*file));
  return file;
}

// Which file a connection is on. `by_name`: the VFS of the connection is not the machine's.
absl::StatusOr<sqlite::FileIdentity> IdentifyFileOf(sqlite3* connection, bool by_name) {
  const char* const path = sqlite3_db_filename(connection, "main");
  if (!by_name) return sqlite::IdentifyFile(path == nullptr ? "" : path);
  const sqlite3_vfs* vfs = nullptr;
  sqlite3_file_control(connection, "main", SQLITE_FCNTL_VFS_POINTER, &vfs);
  if (path == nullptr || vfs == nullptr) return absl::NotFoundError("there is no file");
  return sqlite::FileIdentity{.name = fmt::format("{} {}", vfs->zName, path)};
}

// Makes the connection of the host leave checkpoints to us, where its version makes them dangerous.
absl::Status StopAutomaticCheckpoints(sqlite3* host) {
  if (sqlite3_libversion_number() >= sqlite::kWalResetFixedVersion) return absl::OkStatus();
  bool automatic = false;
  {
    sqlite::Statement pragma(host, "PRAGMA wal_autocheckpoint");
    sqlite::Rows rows = pragma.Query();
    automatic = rows.Next() && rows.Int(0) > 0;
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  // Not where it is off: the call would also take away a hook of the host's.
  if (automatic) sqlite3_wal_autocheckpoint(host, 0);
  return absl::OkStatus();
}

// Keeps the watch going as long as there is somebody to wake.
class WatchedSubscription final : public Subscription {
 public:
  WatchedSubscription(sqlite::Watcher& watcher, std::unique_ptr<Subscription> subscription)
      : watcher_(watcher), subscription_(std::move(subscription)) {
    watcher_.AddSubscriber();
  }
  ~WatchedSubscription() override { watcher_.RemoveSubscriber(); }

 private:
  sqlite::Watcher& watcher_;
  const std::unique_ptr<Subscription> subscription_;
};

}  // namespace

class SqliteStore::State {
 public:
  State(const std::string& path, const SqliteStoreOptions& with, std::unique_ptr<Database> database,
        StoreInfo about, sqlite::FileIdentity file)
      : options(with),
        info(std::move(about)),
        identity(file),
        process(getpid()),
        time(*options.clock),
        payloads(options.cipher, info.store_id),
        writer(std::move(database), time, payloads,
               sqlite::Checkpointer(path, WriterOptions(options), options.checkpoint_page_count)),
        readers(path, ReaderOptions(options), payloads,
                static_cast<std::size_t>(options.reader_count_max)),
        watcher(writer, hub, path, options.poll_interval) {}

  bool forked() const { return getpid() != process; }

  absl::Status CheckProcess() const {
    if (!forked()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        "the store was opened before fork(): the child has to open its own");
  }

  // A move has given the file another id than this store has sealed for.
  absl::Status CheckFresh() const {
    if (!stale) return absl::OkStatus();
    return absl::FailedPreconditionError("jobs were moved to the store: open it anew");
  }

  // Runs `read` with a reader and gives its result.
  template <class Result, class Call>
  absl::StatusOr<Result> Read(Call call) {
    OUTLIVE_RETURN_IF_ERROR(CheckProcess());
    absl::StatusOr<Result> result = absl::InternalError("nothing was read");
    OUTLIVE_RETURN_IF_ERROR(readers.Read(options.read_timeout, [&](sqlite::Reader& reader) {
      result = call(reader);
      return result.status();
    }));
    return result;
  }

  const SqliteStoreOptions options;  // Clock and random are not null.
  const StoreInfo info;
  const sqlite::FileIdentity identity;
  const pid_t process;
  internal::StoreTime time;
  const Payloads payloads;
  sqlite::Writer writer;
  sqlite::ReaderPool readers;
  WakeHub hub;
  sqlite::Watcher watcher;
  std::atomic<bool> stale = false;
  sqlite::SqliteCopy copy{writer, options.busy_timeout, stale};
};

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(const std::string& path,
                                                               const SqliteStoreOptions& given) {
  OUTLIVE_RETURN_IF_ERROR(ValidateOptions(given));
  OUTLIVE_RETURN_IF_ERROR(CheckLibrary());
  SqliteStoreOptions options = given;
  if (options.clock == nullptr) options.clock = &SystemClockInstance();
  if (options.random == nullptr) options.random = &SystemRandomInstance();
  const absl::StatusOr<std::string> file = PrepareFile(path, options);
  OUTLIVE_RETURN_IF_ERROR(file.status());
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(
      *file, sqlite::ConnectionUse::kWriter, WriterOptions(options), options.busy_timeout);
  OUTLIVE_RETURN_IF_ERROR(database.status());
  OUTLIVE_RETURN_IF_ERROR(sqlite::Migrate(**database, *options.random));
  OUTLIVE_RETURN_IF_ERROR(sqlite::ForgetStatistics(**database));
  absl::StatusOr<std::string> store_id = sqlite::ReadStoreId(**database);
  OUTLIVE_RETURN_IF_ERROR(store_id.status());
  const absl::StatusOr<sqlite::FileIdentity> identity =
      IdentifyFileOf((*database)->handle(), !options.vfs.empty());
  OUTLIVE_RETURN_IF_ERROR(identity.status());
  StoreInfo info{.name = "sqlite",
                 .version = fmt::format("SQLite {}", sqlite3_libversion()),
                 .store_id = *std::move(store_id),
                 .schema_version = sqlite::SchemaVersion(),
                 .durable = true,
                 .shared = true,
                 .can_join = true,
                 .sealing = options.cipher != nullptr};
  auto state =
      std::make_unique<State>(*file, options, *std::move(database), std::move(info), *identity);
  OUTLIVE_RETURN_IF_ERROR(state->readers.OpenFirst(options.busy_timeout));
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(state)));
}

SqliteStore::SqliteStore(std::unique_ptr<State> state) : state_(std::move(state)) {}

SqliteStore::~SqliteStore() {
  // In a forked child the connections and the thread are the parent's: closing them would harm it.
  if (state_->forked()) static_cast<void>(state_.release());
}

absl::StatusOr<std::unique_ptr<StoreTransaction>> SqliteStore::Begin() {
  OUTLIVE_RETURN_IF_ERROR(state_->CheckProcess());
  OUTLIVE_RETURN_IF_ERROR(state_->CheckFresh());
  OUTLIVE_RETURN_IF_ERROR(state_->writer.Begin(state_->options.busy_timeout));
  auto transaction = std::make_unique<sqlite::OwnTransaction>(state_->writer, state_->hub);
  OUTLIVE_RETURN_IF_ERROR(state_->writer.session().context.CheckOpen());
  return transaction;
}

absl::StatusOr<std::unique_ptr<StoreTransaction>> SqliteStore::Join(HostTransaction host) {
  OUTLIVE_RETURN_IF_ERROR(state_->CheckProcess());
  OUTLIVE_RETURN_IF_ERROR(state_->CheckFresh());
  sqlite3* const connection = host.sqlite();
  if (connection == nullptr) {
    return absl::FailedPreconditionError("the transaction is not one of SQLite's");
  }
  const absl::StatusOr<sqlite::FileIdentity> identity =
      IdentifyFileOf(connection, !state_->options.vfs.empty());
  if (!identity.ok() || *identity != state_->identity) {
    return absl::FailedPreconditionError("the transaction is on another database than the store");
  }
  if (sqlite3_get_autocommit(connection) != 0) {
    return absl::FailedPreconditionError(
        "no transaction is open on the connection: begin one with BEGIN IMMEDIATE");
  }
  OUTLIVE_RETURN_IF_ERROR(StopAutomaticCheckpoints(connection));
  return std::make_unique<sqlite::JoinedTransaction>(connection, state_->time, state_->payloads);
}

absl::StatusOr<Job> SqliteStore::Get(JobId id) {
  return state_->Read<Job>([&](sqlite::Reader& reader) { return reader.Get(id); });
}

absl::StatusOr<std::vector<Job>> SqliteStore::List(const JobFilter& filter, const JobPage& page) {
  return state_->Read<std::vector<Job>>(
      [&](sqlite::Reader& reader) { return reader.List(filter, page); });
}

absl::StatusOr<JobStats> SqliteStore::Stats() {
  return state_->Read<JobStats>(
      [&](sqlite::Reader& reader) { return reader.Stats(state_->time.Now()); });
}

absl::StatusOr<std::vector<Event>> SqliteStore::EventsAfter(std::int64_t after,
                                                            int event_count_max) {
  return state_->Read<std::vector<Event>>(
      [&](sqlite::Reader& reader) { return reader.EventsAfter(after, event_count_max); });
}

absl::StatusOr<std::int64_t> SqliteStore::LastEvent() {
  return state_->Read<std::int64_t>([](sqlite::Reader& reader) { return reader.LastEvent(); });
}

absl::StatusOr<std::vector<DeadLetterGroup>> SqliteStore::DeadLetterGroups(int group_count_max) {
  return state_->Read<std::vector<DeadLetterGroup>>(
      [&](sqlite::Reader& reader) { return reader.DeadLetterGroups(group_count_max); });
}

absl::StatusOr<std::vector<JobId>> SqliteStore::CancelRequests(const std::string& session) {
  return state_->Read<std::vector<JobId>>(
      [&](sqlite::Reader& reader) { return reader.CancelRequests(session); });
}

absl::StatusOr<Artifact> SqliteStore::FindArtifact(const std::string& id) {
  return state_->Read<Artifact>([&](sqlite::Reader& reader) { return reader.FindArtifact(id); });
}

absl::Status SqliteStore::Check(absl::Duration deadline) {
  OUTLIVE_RETURN_IF_ERROR(state_->CheckProcess());
  OUTLIVE_RETURN_IF_ERROR(
      state_->readers.Read(deadline, [](sqlite::Reader& reader) { return reader.Probe(); }));
  return state_->writer.Probe(deadline);
}

std::unique_ptr<Subscription> SqliteStore::Subscribe(std::function<void(WakeHint)> on_wake) {
  std::unique_ptr<Subscription> subscription = state_->hub.Subscribe(std::move(on_wake));
  if (!state_->options.watch) return subscription;
  return std::make_unique<WatchedSubscription>(state_->watcher, std::move(subscription));
}

const StoreInfo& SqliteStore::info() const { return state_->info; }

const Clock& SqliteStore::clock() const { return *state_->options.clock; }

StoreCopy* SqliteStore::copy() { return state_->forked() ? nullptr : &state_->copy; }

}  // namespace outlive
