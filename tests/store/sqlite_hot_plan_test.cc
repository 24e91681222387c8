// How SQLite runs the statements of claims, finishes and enqueues: by the intended index, whatever
// the tables hold and whatever the host's ANALYZE has seen in them, and with the same work for a
// million jobs as for a thousand.
#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/follow_up.h"
#include "store/sqlite_sql.h"
#include "tests/store/sqlite_helpers.h"
#include "tests/store/sqlite_plans.h"
#include "tests/store/sqlite_probe.h"

namespace outlive {
namespace {

using conformance::MakeJob;
using conformance::MustInsert;
using conformance::Value;
using testing::HostConnection;
using testing::OpenStore;
using testing::SqliteFolder;
using testing::SqliteProbe;

// -- Every statement ----------------------------------------------------------------------------

struct Statement {
  std::string_view name;
  std::string_view sql;
};

// Those of a *.sql file, as src/store/sqlite/sql_text.h says.
std::vector<Statement> StatementsOf(std::string_view file) {
  constexpr std::string_view kMark = "-- @";
  std::vector<Statement> statements;
  for (std::size_t at = file.find(kMark); at != std::string_view::npos;
       at = file.find(kMark, at + 1)) {
    const std::size_t line = file.find('\n', at);
    const std::size_t end = std::min(file.find("\n--", line), file.size());
    statements.push_back({file.substr(at + kMark.size(), line - at - kMark.size()),
                          file.substr(line + 1, end - line - 1)});
  }
  return statements;
}

using Plan = std::vector<std::string>;

struct ExpectedFile {
  std::string_view file;
  std::vector<std::pair<std::string_view, Plan>> plans;  // By the statement's name.
};

// "SEARCH outlive_job USING INTEGER PRIMARY KEY (rowid=?)": one row, by its id.
std::string ById(const std::string& table) {
  return "SEARCH " + table + " USING INTEGER PRIMARY KEY (rowid=?)";
}

// By its key, of which these are equal, or more.
std::string ByKey(const std::string& table, const std::string& terms) {
  return "SEARCH " + table + " USING PRIMARY KEY (" + terms + ")";
}

std::string ByIndex(const std::string& table, const std::string& index, const std::string& terms) {
  return "SEARCH " + table + " USING INDEX " + index + " (" + terms + ")";
}

std::string ByWholeIndex(const std::string& table, const std::string& index,
                         const std::string& terms) {
  return "SEARCH " + table + " USING COVERING INDEX " + index + " (" + terms + ")";
}

// The first jobs of a lane and priority.
const std::string kTakenRange = ByKey("p", "lane=? AND priority=? AND (run_at,job)<(?,?)");

const Plan kAddsRow = {};  // An INSERT of values looks nothing up.

// Tables that stay small: as many rows as there are lanes, names or queues that were ever paused.
// There it does not matter how they are gone through.
Plan AnyWay(const std::string& table) { return {table}; }

std::vector<ExpectedFile> ExpectedOfClaimsAndFinishes() {
  return {
      {sqlite::kClaimSql,
       {{"first_of_next_priority", {ByKey("outlive_pending", "lane=? AND priority>?")}},
        {"next_pending",
         {ByKey("outlive_pending", "lane=? AND priority=? AND (run_at,job)>(?,?)")}},
        {"jobs_to_run", {kTakenRange, ById("j")}},
        {"add_running", {kTakenRange, ById("j")}},
        {"delete_claimed",
         {ByKey("outlive_pending", "lane=? AND priority=? AND (run_at,job)<(?,?)")}},
        {"checkpoint", {ById("outlive_checkpoint")}},
        {"session", {ByIndex("outlive_session", "sqlite_autoindex_outlive_session_1", "name=?")}}}},
      {sqlite::kJobRowsSql,
       {{"running", {ById("outlive_running")}},
        {"running_of", {"SCAN entry", ById("r")}},
        {"add_completed", {"SCAN entry", ById("r")}},
        {"delete_completed", {ById("outlive_running"), "LIST SUBQUERY", "SCAN json_each"}},
        {"delete_running", {ById("outlive_running")}},
        {"add_pending", kAddsRow},
        {"delete_pending",
         {ByKey("outlive_pending", "lane=? AND priority=? AND run_at=? AND job=?")}},
        {"add_ended", kAddsRow},
        {"delete_ended", {ById("outlive_ended")}},
        {"delete_blocked", {ById("outlive_blocked")}},
        {"rest_job", {ById("outlive_job")}},
        {"requeue_job", {ById("outlive_job")}},
        {"add_crash", {ById("outlive_job")}},
        {"put_output", kAddsRow},
        {"delete_output", {ById("outlive_output")}},
        {"last_error", {ByKey("outlive_error", "job=?")}},
        {"add_error", kAddsRow},
        {"trim_errors",
         {ByKey("outlive_error", "job=? AND number=?"), "SCALAR SUBQUERY",
          ByKey("outlive_error", "job=?")}},
        {"error_count", {ByKey("outlive_error", "job=?")}},
        {"follow_ups",
         {ById("outlive_follow_up"), "SCALAR SUBQUERY", ById("outlive_job"), "SCALAR SUBQUERY",
          ById("outlive_job")}},
        {"job_tags", {ById("outlive_job")}},
        {"delete_job", {ById("outlive_job")}},
        {"delete_tag", {ByKey("outlive_tag", "tag=? AND job=?")}},
        {"delete_follow_ups", {ById("outlive_follow_up")}},
        {"delete_errors", {ByKey("outlive_error", "job=?")}},
        {"delete_checkpoint", {ById("outlive_checkpoint")}},
        {"delete_artifacts", {ByIndex("outlive_artifact", "outlive_artifact_by_job", "job=?")}}}},
  };
}

std::vector<ExpectedFile> ExpectedOfTheRest() {
  return {
      {sqlite::kContextSql,
       {{"foreign_version", {}},
        {"take_write_lock", {ByKey("outlive_meta", "name=?")}},
        {"newest_batch", {"SCAN outlive_event_batch"}},  // Backwards, one row.
        {"add_batch", kAddsRow},
        {"add_completed_batch", kAddsRow},
        {"meta", {ByKey("outlive_meta", "name=?")}},
        {"set_meta", kAddsRow},
        {"find_name", {ByWholeIndex("outlive_name", "sqlite_autoindex_outlive_name_1", "text=?")}},
        {"name_text", {ById("outlive_name")}},
        {"add_name", kAddsRow},
        {"find_lane",
         {ByWholeIndex("outlive_lane", "sqlite_autoindex_outlive_lane_1", "queue=? AND kind=?")}},
        {"lane_names", {ById("outlive_lane")}},
        {"add_lane", kAddsRow},
        {"new_lanes",
         {"outlive_lane", "SCALAR SUBQUERY", ById("outlive_name"), "SCALAR SUBQUERY",
          ById("outlive_name")}},
        {"count", {ById("outlive_lane")}},
        {"paused_queues", AnyWay("outlive_queue")},
        {"set_queue", kAddsRow}}},
      {sqlite::kInsertSql,
       {{"add_job", kAddsRow},
        {"add_all_pending", {"SEARCH outlive_job USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"}},
        {"add_tag", kAddsRow},
        {"add_follow_ups", kAddsRow},
        {"add_key", kAddsRow},
        {"find_key", {ByIndex("outlive_key", "outlive_key_by_hash", "hash=?")}},
        {"delete_key", {ByWholeIndex("outlive_key", "outlive_key_by_hash", "hash=?")}},
        {"queue_backlog", AnyWay("outlive_lane")}}},
      {sqlite::kChangeSql,
       {{"whereabouts",
         {ById("outlive_job"), "SCALAR SUBQUERY", ById("outlive_running"), "SCALAR SUBQUERY",
          ById("outlive_ended"), "SCALAR SUBQUERY", ById("outlive_ended"), "SCALAR SUBQUERY",
          ById("outlive_ended"), "SCALAR SUBQUERY", ById("outlive_ended"), "SCALAR SUBQUERY",
          ById("outlive_ended"), "SCALAR SUBQUERY", ById("outlive_blocked")}},
        {"set_flags", {ById("outlive_running")}},
        {"request_cancel", {ById("outlive_running")}},
        {"set_progress", {ById("outlive_running")}},
        {"put_checkpoint", kAddsRow},
        {"artifact", {ByIndex("outlive_artifact", "sqlite_autoindex_outlive_artifact_1", "id=?")}},
        {"add_artifact", kAddsRow}}},
  };
}

// About many jobs at once.
bool IsOfMany(std::string_view name) {
  constexpr std::array<std::string_view, 6> kOfMany = {"jobs_to_run",      "add_running",
                                                       "running_of",       "add_completed",
                                                       "delete_completed", "add_all_pending"};
  return std::find(kOfMany.begin(), kOfMany.end(), name) != kOfMany.end();
}

// Of a new connection, which reads what ANALYZE has left.
void CheckAllPlans(const SqliteFolder& folder, bool of_many = true) {
  const HostConnection host(folder.File());
  std::vector<ExpectedFile> files = ExpectedOfClaimsAndFinishes();
  for (const ExpectedFile& file : ExpectedOfTheRest()) files.push_back(file);
  for (const ExpectedFile& expected : files) {
    const std::vector<Statement> statements = StatementsOf(expected.file);
    CHECK(statements.size() == expected.plans.size());
    for (const Statement& statement : statements) {
      CAPTURE(statement.name);
      if (!of_many && IsOfMany(statement.name)) continue;
      const auto plan =
          std::find_if(expected.plans.begin(), expected.plans.end(),
                       [&](const auto& each) { return each.first == statement.name; });
      REQUIRE_MESSAGE(plan != expected.plans.end(), "say here how it is to be run");
      testing::CheckPlan(host, statement.sql, plan->second);
    }
  }
}

TEST_CASE("every statement of a claim, a finish and an enqueue goes by the intended index") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File());
  CheckAllPlans(folder);
}

TEST_CASE("no plan of them changes by what the host's ANALYZE has seen") {
  for (const int row_count : {0, 1, 2, 50}) {
    CAPTURE(row_count);
    const SqliteFolder folder;
    const auto store = OpenStore(folder.File());
    testing::AnalyzeWithRows(HostConnection(folder.File()), row_count);
    // Of one row SQLite thinks that going through the table is as good as looking it up. What is
    // about one job at a time leaves it no choice; for the rest the store forgets statistics when
    // it is opened, as the test below shows.
    CheckAllPlans(folder, row_count == 0);
  }
}

// -- What they do -------------------------------------------------------------------------------

// In memory where there is such a file system: a million rows are to be written.
std::filesystem::path FastFolder() {
  const std::filesystem::path shared_memory = "/dev/shm";
  std::error_code ignored;
  return std::filesystem::is_directory(shared_memory, ignored)
             ? shared_memory
             : std::filesystem::temp_directory_path();
}

// The first to be claimed, and one that brings a follow-up.
NewJob FirstJob() {
  NewJob job = MakeJob();
  job.priority = 0;
  FollowUp follow_up;
  follow_up.kind = "notify";
  job.follow_ups.push_back(std::move(follow_up));
  return job;
}

// Adds pending jobs of the same lane, as many.
void AddJobs(const std::string& path, int count) {
  const HostConnection host(path);
  const std::string number = std::to_string(count);
  host.Exec("PRAGMA synchronous = OFF");
  host.Exec("BEGIN");
  host.Exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + number +
            ") INSERT INTO outlive_job (id, lane, priority, run_at, created_at, attempt_max, args)"
            " SELECT j.id + n.i, j.lane, 5, j.run_at + n.i, j.created_at, 5, CAST('{}' AS BLOB)"
            " FROM n, (SELECT * FROM outlive_job) j");
  host.Exec(
      "INSERT INTO outlive_pending (lane, priority, run_at, job)"
      " SELECT lane, priority, run_at, id FROM outlive_job WHERE priority = 5");
  host.Exec("UPDATE outlive_lane SET pending = pending + " + number);
  host.Exec("UPDATE outlive_event_batch SET last_job = last_job + " + number);
  host.Exec("COMMIT");
}

// Claims 64 jobs and ends them in every way; then one again, with a lease that is lost.
void ClaimAndFinish(SqliteStore& store, const std::string& session) {
  const std::vector<ClaimedJob> claimed = conformance::ClaimDue(store, session, 64);
  REQUIRE(claimed.size() == 64);
  std::vector<Finished> finished;
  for (const ClaimedJob& job : claimed) {
    finished.push_back(conformance::EndOf(job.lease, Transition::kComplete));
  }
  finished[1] = conformance::Failed(claimed[1].lease, Transition::kRetry, "no answer");
  finished[2] = conformance::Failed(claimed[2].lease, Transition::kDie, "no such address");
  finished[3].transition = Transition::kSnooze;
  finished[4].transition = Transition::kRelease;
  finished[5].output = "sent";
  for (const absl::Status& status : conformance::FinishAll(store, finished)) CHECK(status.ok());
  CHECK(absl::IsAborted(conformance::FinishOne(store, claimed[1], Transition::kComplete)));
}

// Lanes are looked at one by one; there are two, with that of the follow-up.
constexpr int kLaneCount = 2;

// What that costs in a file with so many more jobs, whose host analysed it while one job was there
// and, where it is told to, again when all were.
SqliteProbe::Counts CostWith(int job_count, bool analysed_again) {
  SqliteProbe probe;
  const SqliteFolder folder(FastFolder());
  MustInsert(*OpenStore(folder.File()), FirstJob());
  HostConnection(folder.File()).Exec("ANALYZE");
  AddJobs(folder.File(), job_count);
  if (analysed_again) HostConnection(folder.File()).Exec("ANALYZE");
  const auto store = OpenStore(folder.File());
  conformance::RequireOk(conformance::OpenSession(*store, "session"));
  probe.Reset();
  ClaimAndFinish(*store, "session");
  return probe.counts();
}

TEST_CASE("claims and finishes do the same work with 1,000,000 jobs as with 1,000") {
  for (const bool analysed_again : {false, true}) {
    CAPTURE(analysed_again);
    const SqliteProbe::Counts few = CostWith(1'000, analysed_again);
    const SqliteProbe::Counts many = CostWith(1'000'000, analysed_again);
    REQUIRE(few.statements > 0);
    CHECK(many.statements == few.statements);
    CHECK(many.steps == few.steps);
    for (const SqliteProbe::Counts& cost : {few, many}) {
      CHECK(cost.scanned_rows <= kLaneCount);
      CHECK(cost.sorts == 0);
      CHECK(cost.automatic_index_rows == 0);
    }
  }
}

}  // namespace
}  // namespace outlive
