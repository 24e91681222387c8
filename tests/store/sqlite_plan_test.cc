// How SQLite runs the statements of maintenance and readers that may meet a large table: by which
// index, and never by going through a table or sorting it. (Those that every job needs are in
// sqlite_hot_plan_test.cc.)
#include <string>
#include <string_view>
#include <vector>

#include "store/sqlite/sql_text.h"
#include "store/sqlite_sql.h"
#include "tests/store/sqlite_helpers.h"
#include "tests/store/sqlite_plans.h"

namespace outlive {
namespace {

using testing::HostConnection;
using testing::OpenStore;
using testing::SqliteFolder;

struct Expected {
  std::string_view sql;
  std::vector<std::string> plan;  // What each step must contain, in order.
};

void CheckPlans(const HostConnection& host, const std::vector<Expected>& all) {
  for (const Expected& expected : all) testing::CheckPlan(host, expected.sql, expected.plan);
}

#define SQL(file, name) sqlite::SqlText(sqlite::file, name)

const std::string kPendingKey = "SEARCH outlive_pending USING PRIMARY KEY ";

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

TEST_CASE("a job is looked up by its id, and events by their number, whatever ANALYZE has seen") {
  const std::string by_id = "USING INTEGER PRIMARY KEY (rowid=?)";
  const std::vector<Expected> lookups = {
      {SQL(kReadSql, "job"),
       {"SEARCH outlive_job " + by_id, "SUBQUERY", "SEARCH outlive_name " + by_id, "SUBQUERY",
        "SEARCH outlive_lane " + by_id, "SUBQUERY", "SEARCH outlive_name " + by_id, "SUBQUERY",
        "SEARCH outlive_lane " + by_id}},
      {SQL(kReadSql, "running"),
       {"SEARCH outlive_running " + by_id, "SUBQUERY", "SEARCH outlive_session " + by_id}},
      {SQL(kReadSql, "ended"), {"SEARCH outlive_ended " + by_id}},
      {SQL(kReadSql, "blocked"), {"SEARCH outlive_blocked " + by_id}},
      {SQL(kReadSql, "batch_of"),  // From one end of the table.
       {"SCAN CONSTANT ROW", "SUBQUERY", "SEARCH outlive_event_batch", "SUBQUERY",
        "SEARCH outlive_event_batch"}},
      {SQL(kReadSql, "batch"), {"SEARCH outlive_event_batch " + by_id}},
      {SQL(kReadSql, "group_job"),
       {"SEARCH outlive_ended " + by_id, "SUBQUERY", "SEARCH outlive_name " + by_id, "SUBQUERY",
        "SEARCH outlive_lane " + by_id, "SUBQUERY",
        "SEARCH outlive_error USING PRIMARY KEY (job=?)", "SUBQUERY",
        "SEARCH outlive_error USING PRIMARY KEY (job=?)"}},
      {SQL(kListSql, "by_tag"),
       {"SEARCH outlive_tag USING PRIMARY KEY (tag=? AND job<?)", "SUBQUERY", "json_each",
        "SUBQUERY", "SEARCH outlive_job " + by_id, "SUBQUERY", "SEARCH outlive_running " + by_id,
        "SUBQUERY", "SEARCH outlive_blocked " + by_id, "SUBQUERY", "SEARCH outlive_ended " + by_id,
        "SUBQUERY", "SEARCH outlive_ended " + by_id}},
  };
  for (const int row_count : {0, 1, 2, 50}) {
    CAPTURE(row_count);
    const SqliteFolder folder;
    const auto store = OpenStore(folder.File());
    testing::AnalyzeWithRows(HostConnection(folder.File()), row_count);
    CheckPlans(HostConnection(folder.File()), lookups);
  }
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
    for (const std::string& step : testing::PlanOf(host, sql)) {
      CAPTURE(step);
      CHECK(step.find("TEMP B-TREE") == std::string::npos);
      CHECK(step.find("AUTOMATIC") == std::string::npos);
    }
  }
}

#undef SQL

}  // namespace
}  // namespace outlive
