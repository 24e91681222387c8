// How SQLite means to run a statement, step by step (EXPLAIN QUERY PLAN).
#ifndef OUTLIVE_TESTS_STORE_SQLITE_PLANS_H_
#define OUTLIVE_TESTS_STORE_SQLITE_PLANS_H_

#include <string>
#include <string_view>
#include <vector>

#include "tests/store/sqlite_helpers.h"

namespace outlive::testing {

inline std::vector<std::string> PlanOf(const HostConnection& host, std::string_view sql) {
  std::vector<std::string> steps;
  for (const std::string& row : host.Query("EXPLAIN QUERY PLAN " + std::string(sql))) {
    steps.push_back(row.substr(row.rfind('|') + 1));
  }
  return steps;
}

// Each step contains what is expected of it, in order, and there are no more.
inline void CheckPlan(const HostConnection& host, std::string_view sql,
                      const std::vector<std::string>& expected) {
  const std::vector<std::string> plan = PlanOf(host, sql);
  std::string whole;
  for (const std::string& step : plan) whole += step + "\n";
  CAPTURE(sql);
  CAPTURE(whole);
  REQUIRE(plan.size() == expected.size());
  for (std::size_t i = 0; i < plan.size(); ++i) {
    CAPTURE(plan[i]);
    CHECK(plan[i].find(expected[i]) != std::string::npos);
  }
}

// Leaves the statistics of tables that have so many rows each, with values that mean nothing.
inline void AnalyzeWithRows(const HostConnection& host, int row_count) {
  for (const std::string& table : host.Query(
           "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'outlive_*'")) {
    const std::string columns =
        host.Query("SELECT group_concat(name) FROM pragma_table_info('" + table + "')")[0];
    const std::string values = host.Query(
        "SELECT group_concat(CASE type WHEN 'TEXT' THEN '''t'' || i' WHEN 'REAL' THEN '1.0'"
        " WHEN 'BLOB' THEN 'CAST(''b'' || i AS BLOB)' ELSE 'i' END)"
        " FROM pragma_table_info('" +
        table + "')")[0];
    for (int i = 1; i <= row_count; ++i) {
      host.Exec("WITH n(i) AS (SELECT " + std::to_string(i) + ") INSERT INTO " + table + " (" +
                columns + ") SELECT " + values + " FROM n");
    }
  }
  host.Exec("ANALYZE");
}

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_STORE_SQLITE_PLANS_H_
