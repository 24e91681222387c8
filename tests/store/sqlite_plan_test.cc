// How SQLite runs the statements that every job needs, and those that may meet a large table: by
// which index, and never by going through a table or sorting it.
#include <string>
#include <string_view>
#include <vector>

#include "store/sqlite/sql_text.h"
#include "store/sqlite_sql.h"
#include "tests/store/sqlite_helpers.h"

namespace outlive {
namespace {

using testing::HostConnection;
using testing::OpenStore;
using testing::SqliteFolder;

struct Expected {
  std::string_view sql;
  std::vector<std::string> plan;  // What each step must contain, in order.
};

// Steps of the plan, but for the tables that json_each makes.
std::vector<std::string> PlanOf(const HostConnection& host, std::string_view sql) {
  std::vector<std::string> steps;
  for (const std::string& row : host.Query("EXPLAIN QUERY PLAN " + std::string(sql))) {
    steps.push_back(row.substr(row.rfind('|') + 1));
  }
  return steps;
}

void CheckPlans(const HostConnection& host, const std::vector<Expected>& all) {
  for (const Expected& expected : all) {
    const std::vector<std::string> plan = PlanOf(host, expected.sql);
    std::string whole;
    for (const std::string& step : plan) whole += step + "\n";
    CAPTURE(expected.sql);
    CAPTURE(whole);
    REQUIRE(plan.size() == expected.plan.size());
    for (std::size_t i = 0; i < plan.size(); ++i) {
      CAPTURE(plan[i]);
      CHECK(plan[i].find(expected.plan[i]) != std::string::npos);
    }
  }
}

#define SQL(file, name) sqlite::SqlText(sqlite::file, name)

const std::string kPendingKey = "SEARCH outlive_pending USING PRIMARY KEY ";
const std::string kTakenRange =
    "SEARCH p USING PRIMARY KEY (lane=? AND priority=? AND (run_at,job)<(?,?))";
const std::string kItsJob = "SEARCH j USING INTEGER PRIMARY KEY (rowid=?)";
const std::string kItsRunning = "SEARCH r USING INTEGER PRIMARY KEY (rowid=?)";

TEST_CASE("claims and finishes go by the intended index, with and without statistics") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File());
  const HostConnection host(folder.File());
  const std::vector<Expected> hot = {
      {SQL(kClaimSql, "first_of_next_priority"), {kPendingKey + "(lane=? AND priority>?)"}},
      {SQL(kClaimSql, "next_pending"),
       {kPendingKey + "(lane=? AND priority=? AND (run_at,job)>(?,?))"}},
      {SQL(kClaimSql, "jobs_to_run"), {kTakenRange, kItsJob}},
      {SQL(kClaimSql, "add_running"), {kTakenRange, kItsJob}},
      {SQL(kClaimSql, "delete_claimed"),
       {kPendingKey + "(lane=? AND priority=? AND (run_at,job)<(?,?))"}},
      {SQL(kJobRowsSql, "running_of"), {"SCAN entry", kItsRunning}},
      {SQL(kJobRowsSql, "add_completed"), {"SCAN entry", kItsRunning}},
      {SQL(kJobRowsSql, "delete_completed"),
       {"SEARCH outlive_running USING INTEGER PRIMARY KEY (rowid=?)", "LIST SUBQUERY",
        "SCAN json_each"}},
      {SQL(kInsertSql, "add_all_pending"),
       {"SEARCH outlive_job USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"}},
      {SQL(kClaimSql, "session"), {"SEARCH outlive_session USING INDEX"}},
      {SQL(kJobRowsSql, "delete_pending"),
       {kPendingKey + "(lane=? AND priority=? AND run_at=? AND job=?)"}},
      {SQL(kJobRowsSql, "running"), {"SEARCH outlive_running USING INTEGER PRIMARY KEY (rowid=?)"}},
      {SQL(kJobRowsSql, "delete_running"),
       {"SEARCH outlive_running USING INTEGER PRIMARY KEY (rowid=?)"}},
      {SQL(kJobRowsSql, "rest_job"), {"SEARCH outlive_job USING INTEGER PRIMARY KEY (rowid=?)"}},
      {SQL(kInsertSql, "find_key"), {"SEARCH outlive_key USING INDEX outlive_key_by_hash"}},
      {SQL(kContextSql, "newest_batch"), {"SCAN outlive_event_batch"}},  // Backwards, one row.
      {SQL(kContextSql, "count"), {"SEARCH outlive_lane USING INTEGER PRIMARY KEY (rowid=?)"}},
  };
  CheckPlans(host, hot);
  // ANALYZE of the host's, while the tables were empty or full, must not change anything.
  host.Exec("ANALYZE");
  CheckPlans(HostConnection(folder.File()), hot);
  for (int i = 0; i < 20; ++i)
    conformance::InsertAll(*store, std::vector<NewJob>(50, conformance::MakeJob()));
  host.Exec("ANALYZE");
  CheckPlans(HostConnection(folder.File()), hot);
}

TEST_CASE("maintenance and readers go by an index where a table may be large") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File());
  const HostConnection host(folder.File());
  CheckPlans(
      host,
      {
          {SQL(kMaintenanceSql, "oldest_ended"),
           {"SEARCH outlive_ended USING INDEX outlive_ended_by_time (state=? AND ended_at<?)"}},
          {SQL(kMaintenanceSql, "next_completed_batch"),
           {"SEARCH outlive_completed_batch USING INTEGER PRIMARY KEY (rowid>?)"}},
          {SQL(kMaintenanceSql, "still_completed"),
           {"SCAN entry", "SEARCH e USING INTEGER PRIMARY KEY (rowid=?)"}},
          {SQL(kMaintenanceSql, "oldest_batch"), {"SCAN outlive_event_batch"}},  // Two rows.
          {SQL(kReadSql, "cancel_requests"),
           {"SEARCH outlive_running USING INDEX outlive_running_cancel (session=?)",
            "SCALAR SUBQUERY", "SEARCH outlive_session"}},
          {SQL(kReadSql, "error_groups"),
           {"SEARCH outlive_ended USING COVERING INDEX outlive_ended_by_error",
            "USE TEMP B-TREE FOR ORDER BY"}},  // Of the groups, not of the jobs.
          {SQL(kReadSql, "artifact"), {"SEARCH outlive_artifact USING INDEX"}},
          {SQL(kReadSql, "artifacts"),
           {"SEARCH outlive_artifact USING INDEX outlive_artifact_by_job (job=?)"}},
          {SQL(kReadSql, "first_of_next_priority"), {kPendingKey + "(lane=? AND priority>?)"}},
      });
}

TEST_CASE("no page of a listing sorts more than what it shows, but for pending jobs of few") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File());
  const HostConnection host(folder.File());
  for (const std::string_view sql :
       {SQL(kListSql, "all"), SQL(kListSql, "running"), SQL(kListSql, "blocked"),
        SQL(kListSql, "ended"), SQL(kListSql, "completed"), SQL(kListSql, "rare"),
        SQL(kListSql, "pending_by_job"), SQL(kListSql, "by_error"), SQL(kListSql, "by_tag")}) {
    CAPTURE(sql);
    for (const std::string& step : PlanOf(host, sql)) {
      CAPTURE(step);
      CHECK(step.find("TEMP B-TREE") == std::string::npos);
      CHECK(step.find("AUTOMATIC") == std::string::npos);
    }
  }
}

#undef SQL

}  // namespace
}  // namespace outlive
