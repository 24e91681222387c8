#include "report_app/strikes.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <string_view>
#include <utility>

#include "report_app/csv_reader.h"
#include "report_app/schema.h"

namespace report_app {
namespace {

constexpr std::array<std::string_view, 14> kCsvHeader = {"Airport Name",
                                                         "Aircraft Make Model",
                                                         "Effect Amount of damage",
                                                         "Flight Date",
                                                         "Aircraft Airline Operator",
                                                         "Origin State",
                                                         "Phase of flight",
                                                         "Wildlife Size",
                                                         "Wildlife Species",
                                                         "Time of day",
                                                         "Cost Other",
                                                         "Cost Repair",
                                                         "Cost Total $",
                                                         "Speed IAS in knots"};
// Where in a record they stand. From kCostOther on they are numbers.
constexpr std::size_t kDate = 3, kCostOther = 10, kSpeed = 13;

constexpr std::string_view kInsert =
    "INSERT INTO strike (airport, aircraft, damage, flight_date, operator, state, phase, size,"
    " species, time_of_day, cost_other, cost_repair, cost_total, speed_knots)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";

// Which strikes a report is about; BindChosen() gives the values.
constexpr std::string_view kChosen =
    "flight_date >= ?1 AND flight_date < ?2"
    " AND (?3 = '[]' OR state IN (SELECT value FROM json_each(?3)))"
    " AND (?4 = '' OR instr(lower(species), lower(?4)) > 0)";

constexpr std::string_view kTotals =
    "count(*), coalesce(sum(damage <> 'None'), 0), coalesce(sum(cost_total), 0),"
    " min(flight_date), max(flight_date)";

void BindChosen(Statement& statement, const GenerateReport& params) {
  boost::json::array states;
  for (const std::string& state : params.states) states.emplace_back(state);
  statement.Bind(1, fmt::format("{:04}-01-01", params.year_from))
      .Bind(2, fmt::format("{:04}-01-01", params.year_to + 1))
      .Bind(3, boost::json::serialize(states))
      .Bind(4, params.species);
}

absl::Status BadRecord(const CsvReader& reader, std::size_t column, std::string_view what) {
  return absl::InvalidArgumentError(
      fmt::format("line {}, {}: {}", reader.line(), kCsvHeader[column], what));
}

absl::Status BindRecord(const CsvReader& reader, const std::vector<std::string>& fields,
                        Statement& insert) {
  if (fields.size() != kCsvHeader.size()) {
    return absl::InvalidArgumentError(fmt::format("line {}: {} fields, and not {}", reader.line(),
                                                  fields.size(), kCsvHeader.size()));
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const int parameter = static_cast<int>(i) + 1;
    if (i < kCostOther) {
      if (fields[i].empty()) return BadRecord(reader, i, "must not be empty");
      insert.Bind(parameter, fields[i]);
      continue;
    }
    std::int64_t number = 0;
    if (i == kSpeed && fields[i].empty()) {
      insert.BindNull(parameter);
    } else if (!absl::SimpleAtoi(fields[i], &number) || number < 0) {
      return BadRecord(reader, i, "must be a whole number, not negative");
    } else {
      insert.Bind(parameter, number);
    }
  }
  absl::CivilDay day;
  if (!absl::ParseCivilTime(fields[kDate], &day) || absl::FormatCivilTime(day) != fields[kDate]) {
    return BadRecord(reader, kDate, "must be a date like 1990-01-08");
  }
  return absl::OkStatus();
}

absl::Status FillTable(Database& database, const std::string& csv_path) {
  std::ifstream file(csv_path, std::ios::binary);
  if (!file) return absl::NotFoundError(fmt::format("cannot open {}", csv_path));
  CsvReader reader(file);
  std::vector<std::string> fields;
  absl::StatusOr<bool> more = reader.Next(fields);
  if (!more.ok()) return more.status();
  if (!std::equal(fields.begin(), fields.end(), kCsvHeader.begin(), kCsvHeader.end())) {
    return absl::InvalidArgumentError(fmt::format("{} has not the columns expected", csv_path));
  }
  absl::StatusOr<Statement> insert = Statement::Prepare(database, kInsert);
  if (!insert.ok()) return insert.status();
  while (true) {
    more = reader.Next(fields);
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    if (absl::Status status = BindRecord(reader, fields, *insert); !status.ok()) return status;
    absl::StatusOr<bool> inserted = insert->Step();
    if (!inserted.ok()) return inserted.status();
    insert->Reset();
  }
}

absl::StatusOr<std::int64_t> CountStrikes(const Database& database) {
  absl::StatusOr<Statement> count = Statement::Prepare(database, "SELECT count(*) FROM strike");
  if (!count.ok()) return count.status();
  absl::StatusOr<bool> row = count->Step();
  if (!row.ok()) return row.status();
  return count->Integer(0);
}

std::string_view GroupColumn(GroupBy by) {
  switch (by) {
    case GroupBy::kYear:
      return "substr(flight_date, 1, 4)";
    case GroupBy::kPhase:
      return "phase";
    case GroupBy::kState:
      return "state";
    case GroupBy::kSpecies:
      return "species";
  }
  return "";
}

// A date, which was checked when it was loaded. 1970-01-01 for NULL.
absl::CivilDay DayAt(const Statement& row, int column) {
  const std::string_view text = row.Text(column);
  absl::CivilDay day;
  (void)absl::ParseCivilTime(absl::string_view(text.data(), text.size()), &day);
  return day;
}

StrikeTotals TotalsAt(const Statement& row, int column) {
  return {.strikes = row.Integer(column),
          .damaging = row.Integer(column + 1),
          .cost = row.Integer(column + 2),
          .first = DayAt(row, column + 3),
          .last = DayAt(row, column + 4)};
}

Strike StrikeAt(const Statement& row) {
  Strike strike;
  strike.id = row.Integer(0);
  strike.date = DayAt(row, 1);
  strike.state = row.Text(2);
  strike.airport = row.Text(3);
  strike.aircraft = row.Text(4);
  strike.airline = row.Text(5);
  strike.phase = row.Text(6);
  strike.species = row.Text(7);
  strike.size = row.Text(8);
  strike.time_of_day = row.Text(9);
  strike.damage = row.Text(10);
  strike.cost = row.Integer(11);
  if (!row.IsNull(12)) strike.speed_knots = row.Integer(12);
  return strike;
}

}  // namespace

absl::StatusOr<std::int64_t> LoadStrikes(Database& database, const std::string& csv_path) {
  absl::StatusOr<Transaction> transaction = Transaction::Begin(database);
  if (!transaction.ok()) return transaction.status();
  absl::Status status = database.Execute(std::string(kSchemaSql));
  if (!status.ok()) return status;
  absl::StatusOr<std::int64_t> count = CountStrikes(database);
  if (!count.ok()) return count.status();
  if (*count == 0) {
    if (status = FillTable(database, csv_path); !status.ok()) return status;
    count = CountStrikes(database);
    if (!count.ok()) return count.status();
  }
  if (status = transaction->Commit(); !status.ok()) return status;
  return count;
}

absl::StatusOr<Choices> ReadChoices(const Database& database) {
  absl::StatusOr<Statement> states =
      Statement::Prepare(database, "SELECT DISTINCT state FROM strike ORDER BY state");
  if (!states.ok()) return states.status();
  Choices choices;
  while (true) {
    absl::StatusOr<bool> row = states->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    choices.states.emplace_back(states->Text(0));
  }
  absl::StatusOr<Statement> years =
      Statement::Prepare(database,
                         "SELECT CAST(substr(min(flight_date), 1, 4) AS INTEGER),"
                         " CAST(substr(max(flight_date), 1, 4) AS INTEGER) FROM strike");
  if (!years.ok()) return years.status();
  absl::StatusOr<bool> row = years->Step();
  if (!row.ok()) return row.status();
  choices.year_min = static_cast<int>(years->Integer(0));
  choices.year_max = static_cast<int>(years->Integer(1));
  return choices;
}

absl::StatusOr<StrikeTotals> ReadTotals(const Database& database, const GenerateReport& params) {
  absl::StatusOr<Statement> select =
      Statement::Prepare(database, fmt::format("SELECT {} FROM strike WHERE {}", kTotals, kChosen));
  if (!select.ok()) return select.status();
  BindChosen(*select, params);
  absl::StatusOr<bool> row = select->Step();
  if (!row.ok()) return row.status();
  return TotalsAt(*select, 0);
}

absl::StatusOr<std::vector<StrikeGroup>> ReadGroups(const Database& database,
                                                    const GenerateReport& params, GroupBy by) {
  absl::StatusOr<Statement> select = Statement::Prepare(
      database,
      fmt::format("SELECT {}, {} FROM strike WHERE {} GROUP BY 1 ORDER BY {}", GroupColumn(by),
                  kTotals, kChosen, by == GroupBy::kYear ? "1" : "2 DESC, 1"));
  if (!select.ok()) return select.status();
  BindChosen(*select, params);
  std::vector<StrikeGroup> groups;
  while (true) {
    absl::StatusOr<bool> row = select->Step();
    if (!row.ok()) return row.status();
    if (!*row) return groups;
    groups.push_back({std::string(select->Text(0)), TotalsAt(*select, 1)});
  }
}

absl::StatusOr<std::vector<Strike>> ReadPage(const Database& database, const GenerateReport& params,
                                             const Strike* after, int count_max) {
  absl::StatusOr<Statement> select = Statement::Prepare(
      database,
      fmt::format(
          "SELECT id, flight_date, state, airport, aircraft, operator, phase, species, size,"
          " time_of_day, damage, cost_total, speed_knots FROM strike"
          " WHERE {} AND (flight_date, id) > (?5, ?6) ORDER BY flight_date, id LIMIT ?7",
          kChosen));
  if (!select.ok()) return select.status();
  BindChosen(*select, params);
  const std::string date = after ? absl::FormatCivilTime(after->date) : std::string();
  select->Bind(5, date).Bind(6, after ? after->id : 0).Bind(7, count_max);
  std::vector<Strike> page;
  page.reserve(static_cast<std::size_t>(count_max));
  while (true) {
    absl::StatusOr<bool> row = select->Step();
    if (!row.ok()) return row.status();
    if (!*row) return page;
    page.push_back(StrikeAt(*select));
  }
}

}  // namespace report_app
