// The strikes: loading them once, and what reports ask of them.
//
//   CSV file ──► LoadStrikes() ──► strike table ──► totals, groups, rows in pages
//
// Thread-safety: functions work on the database they are given, which is for one thread at a time.
// Errors:        kInvalidArgument, kNotFound: the CSV file. Else those of the database.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_STRIKES_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_STRIKES_H_

#include <absl/status/statusor.h>
#include <absl/time/civil_time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report_app/database.h"
#include "report_app/report_params.h"

namespace report_app {

// Makes the app's tables and, where the strike table is empty, fills it from the file, all in one
// transaction. Returns how many strikes there are.
absl::StatusOr<std::int64_t> LoadStrikes(Database& database, const std::string& csv_path);

// The states and years that occur.
absl::StatusOr<Choices> ReadChoices(const Database& database);

struct StrikeTotals {
  std::int64_t strikes = 0;
  std::int64_t damaging = 0;   // Whose damage is not "None".
  std::int64_t cost = 0;       // US dollars.
  absl::CivilDay first, last;  // Where there are any.
};
absl::StatusOr<StrikeTotals> ReadTotals(const Database& database, const GenerateReport& params);

// Totals of the strikes that have something in common: a year, a state.
struct StrikeGroup {
  std::string name;
  StrikeTotals totals;
};
enum class GroupBy { kYear, kPhase, kState, kSpecies };

// Years in their order, the rest from the largest number of strikes to the smallest.
absl::StatusOr<std::vector<StrikeGroup>> ReadGroups(const Database& database,
                                                    const GenerateReport& params, GroupBy by);

struct Strike {
  std::int64_t id = 0;
  absl::CivilDay date;
  std::string state, airport, aircraft, airline, phase, species, size, time_of_day, damage;
  std::int64_t cost = 0;  // US dollars.
  std::optional<std::int64_t> speed_knots;
};

// The next strikes by date and id, at most `count_max`, after the one given (null: from the first).
// Each call is a short read of its own, so that a slow report never keeps the write-ahead log from
// being checkpointed.
absl::StatusOr<std::vector<Strike>> ReadPage(const Database& database, const GenerateReport& params,
                                             const Strike* after, int count_max);

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_STRIKES_H_
