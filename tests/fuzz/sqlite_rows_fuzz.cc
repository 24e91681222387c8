// A database of unknown origin: rows of a small store are changed at will, and then everything is
// done with it that a process does. Anything may fail, nothing may go wrong.
//
// An input is a list of changes, each: a column, which of its values, and what to put there.
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/retry_policy.h"
#include "outlive/store/sqlite_store.h"
#include "outlive/testing/virtual_clock.h"
#include "tests/fuzz/target.h"

namespace outlive::fuzz {
namespace {

namespace fs = std::filesystem;

struct Column {
  const char* table;
  const char* name;
};
constexpr std::array kColumns = {Column{"outlive_meta", "value"},
                                 Column{"outlive_name", "text"},
                                 Column{"outlive_lane", "queue"},
                                 Column{"outlive_lane", "kind"},
                                 Column{"outlive_lane", "pending"},
                                 Column{"outlive_lane", "dead"},
                                 Column{"outlive_job", "id"},
                                 Column{"outlive_job", "lane"},
                                 Column{"outlive_job", "priority"},
                                 Column{"outlive_job", "run_at"},
                                 Column{"outlive_job", "created_at"},
                                 Column{"outlive_job", "attempt_max"},
                                 Column{"outlive_job", "attempt"},
                                 Column{"outlive_job", "crashes"},
                                 Column{"outlive_job", "fence"},
                                 Column{"outlive_job", "generation"},
                                 Column{"outlive_job", "flags"},
                                 Column{"outlive_job", "transition"},
                                 Column{"outlive_job", "started_at"},
                                 Column{"outlive_job", "progress"},
                                 Column{"outlive_job", "progress_note"},
                                 Column{"outlive_job", "idempotency_key"},
                                 Column{"outlive_job", "tags"},
                                 Column{"outlive_job", "traceparent"},
                                 Column{"outlive_job", "retry_policy"},
                                 Column{"outlive_job", "args"},
                                 Column{"outlive_pending", "lane"},
                                 Column{"outlive_pending", "priority"},
                                 Column{"outlive_pending", "run_at"},
                                 Column{"outlive_pending", "job"},
                                 Column{"outlive_running", "lane"},
                                 Column{"outlive_running", "session"},
                                 Column{"outlive_running", "fence"},
                                 Column{"outlive_running", "attempt"},
                                 Column{"outlive_running", "started_at"},
                                 Column{"outlive_running", "flags"},
                                 Column{"outlive_running", "progress"},
                                 Column{"outlive_running", "cancel_requested"},
                                 Column{"outlive_ended", "lane"},
                                 Column{"outlive_ended", "state"},
                                 Column{"outlive_ended", "ended_at"},
                                 Column{"outlive_ended", "fence"},
                                 Column{"outlive_ended", "attempt"},
                                 Column{"outlive_ended", "flags"},
                                 Column{"outlive_ended", "transition"},
                                 Column{"outlive_ended", "error_group"},
                                 Column{"outlive_ended", "progress_note"},
                                 Column{"outlive_checkpoint", "bytes"},
                                 Column{"outlive_output", "bytes"},
                                 Column{"outlive_follow_up", "entries"},
                                 Column{"outlive_error", "number"},
                                 Column{"outlive_error", "attempt"},
                                 Column{"outlive_error", "at"},
                                 Column{"outlive_error", "code"},
                                 Column{"outlive_error", "message"},
                                 Column{"outlive_tag", "tag"},
                                 Column{"outlive_artifact", "size"},
                                 Column{"outlive_artifact", "created_at"},
                                 Column{"outlive_artifact", "sha256"},
                                 Column{"outlive_key", "expires_at"},
                                 Column{"outlive_key", "args"},
                                 Column{"outlive_key", "job"},
                                 Column{"outlive_session", "name"},
                                 Column{"outlive_session", "expires_at"},
                                 Column{"outlive_event_batch", "seq"},
                                 Column{"outlive_event_batch", "at"},
                                 Column{"outlive_event_batch", "count"},
                                 Column{"outlive_event_batch", "last_job"},
                                 Column{"outlive_event_batch", "entries"},
                                 Column{"outlive_queue", "paused"}};

// A folder in memory, where there is one; deleted when the program ends.
class Folder {
 public:
  Folder() {
    const fs::path base = fs::exists("/dev/shm") ? "/dev/shm" : fs::temp_directory_path();
    std::string path = (base / "outlive-fuzz-XXXXXX").string();
    Require(mkdtemp(path.data()) != nullptr, "a folder can be made");
    path_ = path;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class World {
 public:
  World() { Build(); }

  // Changes a copy of the store as `input` says, and uses it.
  void Use(std::string_view input) {
    const std::string path = folder_.File("work.db");
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(path + suffix);
    fs::copy_file(folder_.File("template.db"), path);
    clock_.SetNow(testing::VirtualClock::Start());  // The same input does the same.
    ChangeRows(path, input);
    const auto store = Open(path);
    if (!store.ok()) return Require(!store.status().message().empty(), "a refusal says why");
    Read(**store);
    Write(**store);
    Read(**store);
  }

 private:
  absl::StatusOr<std::unique_ptr<SqliteStore>> Open(const std::string& path) {
    return SqliteStore::Open(path, {.clock = &clock_,
                                    .durability = SqliteDurability::kNormal,
                                    .busy_timeout = absl::ZeroDuration(),
                                    .watch = false,
                                    .reader_count_max = 1});
  }

  static NewJob MakeJob(int number) {
    NewJob job;
    job.kind = number % 2 == 0 ? "mail.send" : "fax.send";
    job.args = R"({"number":)" + std::to_string(number) + "}";
    job.idempotency_key = "key-" + std::to_string(number);
    job.tags = {"a", "b"};
    job.retry_policy = EncodeRetryPolicy({});
    job.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    job.follow_ups.push_back({.on_cancelled = true, .kind = "tell", .data = "ann"});
    return job;
  }

  static ClaimRequest MakeClaim(const std::string& session, int job_count_max) {
    return {.session = session,
            .queues = {{"default", job_count_max}, {"other", job_count_max}},
            .kinds = {"mail.send", "fax.send", "tell"}};
  }

  // Jobs in every state, with everything that they can have.
  void Build() {
    const std::string path = folder_.File("template.db");
    const auto store = Open(path);
    Require(store.ok(), "the store can be made");
    const auto transaction = (*store)->Begin();
    Require(transaction.ok(), "and written");
    StoreTransaction& writes = **transaction;
    std::vector<NewJob> jobs;
    for (int i = 0; i < 8; ++i) jobs.push_back(MakeJob(i));
    Require(writes.Insert(jobs).ok(), "insert");
    Require(writes.OpenSession("session-1", absl::Minutes(1)).ok(), "session");
    Require(writes.SetQueue({.queue = "other", .paused = true}).ok(), "queue");
    const auto claimed = writes.Claim(MakeClaim("session-1", 5));
    Require(claimed.ok() && claimed->jobs.size() == 5, "claim");
    std::vector<WorkerWrite> progress;
    for (const ClaimedJob& job : claimed->jobs) {
      WorkerWrite& write = progress.emplace_back();
      write.lease = job.lease;
      write.progress = 0.5;
      write.progress_note = "half";
      write.checkpoint = "page 7";
      write.artifact = Artifact{.id = std::string(31, 'a') + std::to_string(job.lease.job),
                                .name = "a.pdf",
                                .media_type = "application/pdf",
                                .size = 1,
                                .sha256 = std::string(64, 'b'),
                                .created_at = clock_.Now()};
    }
    Require(writes.Write(progress).ok(), "write");
    Require(writes.Finish(EndsOf(claimed->jobs)).ok(), "finish");
    Require(writes.Apply(std::vector<Change>{{.id = 8, .reason = "not wanted"}}).ok(), "cancel");
    Require(writes.Commit().ok(), "commit");
  }

  // The first completes, the second dies, the third is tried again, the rest goes on.
  static std::vector<Finished> EndsOf(const std::vector<ClaimedJob>& jobs) {
    static constexpr std::array kEnds = {Transition::kComplete, Transition::kDie,
                                         Transition::kRetry};
    std::vector<Finished> ends;
    for (std::size_t i = 0; i < jobs.size() && i < kEnds.size(); ++i) {
      Finished& end = ends.emplace_back();
      end.lease = jobs[i].lease;
      end.transition = kEnds[i];
      end.output = "done";
      end.error = AttemptError{.code = absl::StatusCode::kInternal, .message = "row 17 of 40"};
    }
    return ends;
  }

  static void Bind(sqlite3_stmt* statement, Input& in) {
    static constexpr std::array<std::int64_t, 8> kEdges = {
        0,
        1,
        -1,
        std::numeric_limits<std::int64_t>::max(),
        std::numeric_limits<int>::max(),
        64,
        255,
        std::numeric_limits<std::int64_t>::min()};
    switch (in.Below(6)) {
      case 0:
        sqlite3_bind_int64(statement, 1, kEdges[in.Below(kEdges.size())]);
        return;
      case 1:
        sqlite3_bind_int64(statement, 1, in.Int64());
        return;
      case 2:
        sqlite3_bind_int64(statement, 1, in.Byte());
        return;
      case 3:
        sqlite3_bind_double(statement, 1, static_cast<double>(in.Int64()));
        return;
      case 4: {
        const std::string_view text = in.Line();
        sqlite3_bind_text(statement, 1, text.data(), static_cast<int>(text.size()),
                          SQLITE_TRANSIENT);
        return;
      }
      default: {
        const std::string_view blob = in.Bytes(in.Byte());
        sqlite3_bind_blob(statement, 1, blob.data(), static_cast<int>(blob.size()),
                          SQLITE_TRANSIENT);
      }
    }
  }

  static void ChangeRows(const std::string& path, std::string_view input) {
    sqlite3* database = nullptr;
    Require(sqlite3_open(path.c_str(), &database) == SQLITE_OK, "the copy can be opened");
    sqlite3_exec(database, "PRAGMA synchronous=OFF; BEGIN", nullptr, nullptr, nullptr);
    Input in(input);
    for (int i = 0; i < 16 && !in.empty(); ++i) {
      const Column& column = kColumns[in.Below(kColumns.size())];
      const std::string name = column.name;
      const std::string table = column.table;
      const std::string sql = "UPDATE OR IGNORE " + table + " SET " + name + " = ?1 WHERE " + name +
                              " IS (SELECT " + name + " FROM " + table + " LIMIT 1 OFFSET " +
                              std::to_string(in.Below(8)) + ")";
      sqlite3_stmt* statement = nullptr;
      Require(sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK,
              "a change is a statement");
      Bind(statement, in);
      sqlite3_step(statement);  // What the schema does not allow stays as it was.
      sqlite3_finalize(statement);
    }
    sqlite3_exec(database, "COMMIT", nullptr, nullptr, nullptr);
    sqlite3_close(database);
  }

  static void Read(SqliteStore& store) {
    static_cast<void>(store.Stats());
    static_cast<void>(store.LastEvent());
    static_cast<void>(store.CancelRequests("session-1"));
    for (const std::int64_t after : {std::int64_t{0}, std::int64_t{3}}) {
      const auto events = store.EventsAfter(after, 100);
      if (!events.ok()) continue;
      for (const Event& event : *events) static_cast<void>(EventTypeName(event.type));
    }
    for (const char* tag : {"", "a"}) {
      const auto jobs = store.List({.tag = tag}, {});
      if (!jobs.ok()) continue;
      for (const Job& row : *jobs) {
        const auto job = store.Get(row.id);
        if (job.ok()) static_cast<void>(JobToJson(*job));
      }
    }
    const auto groups = store.DeadLetterGroups(10);
    if (!groups.ok()) return;
    for (const DeadLetterGroup& group : *groups) {
      static_cast<void>(store.List({.error_group = group.key}, {}));
    }
  }

  // Each in a transaction of its own, so that one that fails does not hide the others.
  void Write(SqliteStore& store) {
    const auto run = [&store](auto call) {
      const auto transaction = store.Begin();
      if (!transaction.ok()) return;
      call(**transaction);
      static_cast<void>((*transaction)->Commit());
    };
    run([](StoreTransaction& writes) {
      static_cast<void>(writes.Insert(std::vector<NewJob>{MakeJob(1), MakeJob(9)}));
    });
    run([](StoreTransaction& writes) {
      std::vector<Finished> ends;
      for (const JobId id : {4, 5}) {
        Finished& end = ends.emplace_back();
        end.lease = {id, 1};
        end.transition = id == 4 ? Transition::kComplete : Transition::kRetry;
      }
      static_cast<void>(writes.Finish(ends));
    });
    run([](StoreTransaction& writes) {
      std::vector<Change> changes;
      for (JobId id = 1; id <= 8; ++id) {
        changes.push_back({.id = id, .action = Change::Action::kCancel, .reason = "stop"});
        changes.push_back({.id = id, .action = Change::Action::kRequeue, .reason = {}});
      }
      changes.push_back({.id = 2, .action = Change::Action::kDiscard, .reason = {}});
      static_cast<void>(writes.Apply(changes));
    });
    clock_.Advance(absl::Minutes(2));
    run([](StoreTransaction& writes) {
      static_cast<void>(writes.Rescue({.job_count_max = 10, .crash_count_max = 1}));
    });
    run([](StoreTransaction& writes) {
      if (!writes.OpenSession("session-2", absl::Minutes(1)).ok()) return;
      const auto claimed = writes.Claim(MakeClaim("session-2", 10));
      if (claimed.ok()) static_cast<void>(writes.Finish(EndsOf(claimed->jobs)));
    });
    run([](StoreTransaction& writes) {
      static_cast<void>(writes.Prune({.keep_completed = absl::ZeroDuration(),
                                      .keep_cancelled = absl::ZeroDuration(),
                                      .keep_dead = absl::ZeroDuration()}));
    });
  }

  const Folder folder_;
  testing::VirtualClock clock_;
};

}  // namespace

void SqliteRows(std::string_view input) {
  static World world;
  world.Use(input);
}

}  // namespace outlive::fuzz
