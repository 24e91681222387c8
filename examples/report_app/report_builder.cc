#include "report_app/report_builder.h"

#include <absl/time/civil_time.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "report_app/database.h"
#include "report_app/strike_rows.h"
#include "report_app/strikes.h"

namespace report_app {
namespace {

constexpr std::size_t kStatesInChart = 12;
constexpr std::size_t kSpeciesInTable = 10;

// 1234567 is "1,234,567".
std::string WithCommas(std::int64_t number) {
  std::string text = fmt::format("{}", number);
  for (std::ptrdiff_t i = static_cast<std::ptrdiff_t>(text.size()) - 3; i > 0; i -= 3) {
    text.insert(static_cast<std::size_t>(i), ",");
  }
  return text;
}

std::string Sentence(const StrikeTotals& totals) {
  if (totals.strikes == 0) return "No strike in the data matches these choices.";
  if (totals.strikes == 1) {
    return fmt::format("One strike was reported, on {}. It {} the aircraft, at a cost of ${}.",
                       absl::FormatCivilTime(totals.first),
                       totals.damaging == 1 ? "damaged" : "did not damage",
                       WithCommas(totals.cost));
  }
  return fmt::format(
      "{} strikes were reported, from {} to {}; {} of them damaged the aircraft. The reported "
      "costs "
      "add up to ${}; a strike for which nobody reported a cost counts as $0.",
      WithCommas(totals.strikes), absl::FormatCivilTime(totals.first),
      absl::FormatCivilTime(totals.last), WithCommas(totals.damaging), WithCommas(totals.cost));
}

// Years without a strike are shown as zero, not left out. A line needs some points.
outlive::Chart YearChart(const std::vector<StrikeGroup>& years, const GenerateReport& params) {
  const bool has_line = params.year_to - params.year_from >= 2;
  outlive::Chart chart{.type = has_line ? outlive::Chart::Type::kLine : outlive::Chart::Type::kBar,
                       .title = "Strikes by year",
                       .x_title = "Year",
                       .y_title = "Strikes",
                       .categories = {},
                       .series = {}};
  outlive::Chart::Series strikes{.name = "Strikes"};
  for (int year = params.year_from; year <= params.year_to; ++year) {
    const std::string name = fmt::format("{}", year);
    const auto found = std::find_if(years.begin(), years.end(),
                                    [&](const StrikeGroup& group) { return group.name == name; });
    chart.categories.push_back(name);
    strikes.values.push_back(found == years.end() ? 0 : static_cast<double>(found->totals.strikes));
  }
  chart.series.push_back(std::move(strikes));
  return chart;
}

outlive::Chart PhaseChart(const std::vector<StrikeGroup>& phases) {
  outlive::Chart chart{.title = "Strikes by phase of flight",
                       .x_title = "Phase of flight",
                       .y_title = "Strikes",
                       .categories = {},
                       .series = {}};
  outlive::Chart::Series strikes{.name = "Strikes"};
  for (const StrikeGroup& phase : phases) {
    chart.categories.push_back(phase.name);
    strikes.values.push_back(static_cast<double>(phase.totals.strikes));
  }
  chart.series.push_back(std::move(strikes));
  return chart;
}

// The most expensive states first, those of one cost by name; a chart of all could not be read.
outlive::Chart CostChart(std::vector<StrikeGroup> states) {
  std::sort(states.begin(), states.end(), [](const StrikeGroup& a, const StrikeGroup& b) {
    return a.totals.cost != b.totals.cost ? a.totals.cost > b.totals.cost : a.name < b.name;
  });
  outlive::Chart chart{.title = "Cost by state",
                       .x_title = "State",
                       .y_title = "US dollars",
                       .format = outlive::NumberFormat::kMoney,
                       .categories = {},
                       .series = {}};
  if (states.size() > kStatesInChart) {
    states.resize(kStatesInChart);
    chart.title = fmt::format("Cost by state: the {} highest", kStatesInChart);
  }
  outlive::Chart::Series cost{.name = "Cost"};
  for (const StrikeGroup& state : states) {
    chart.categories.push_back(state.name);
    cost.values.push_back(static_cast<double>(state.totals.cost));
  }
  chart.series.push_back(std::move(cost));
  return chart;
}

outlive::Table GroupTable(std::string title, std::string name,
                          const std::vector<StrikeGroup>& groups) {
  using outlive::NumberFormat;
  std::vector<outlive::Row> rows;
  for (const StrikeGroup& group : groups) {
    rows.push_back({group.name, group.totals.strikes, group.totals.damaging, group.totals.cost});
  }
  outlive::Table table;
  table.title = std::move(title);
  table.columns = {{.title = std::move(name), .width = 3},
                   {.title = "Strikes", .format = NumberFormat::kInteger},
                   {.title = "Damaging", .format = NumberFormat::kInteger},
                   {.title = "Cost", .format = NumberFormat::kMoney, .width = 1.5}};
  table.row_count = static_cast<std::int64_t>(rows.size());
  table.rows = outlive::RowsInMemory(std::move(rows));
  return table;
}

outlive::Table StrikeTable(const std::string& database_path, const GenerateReport& params,
                           const StrikeTotals& totals, Pacer& pacer) {
  outlive::Table table;
  table.title = kStrikesTitle;
  table.columns = StrikeColumns();
  table.row_count = totals.strikes;
  table.rows = [database_path, params, &pacer] {
    return OpenStrikeRows(database_path, params, pacer);
  };
  return table;
}

// What the summary is made of.
struct Figures {
  StrikeTotals totals;
  std::vector<StrikeGroup> years, phases, states, species;
};

absl::StatusOr<Figures> ReadFigures(const Database& database, const GenerateReport& params,
                                    Pacer& pacer) {
  Figures figures;
  absl::StatusOr<StrikeTotals> totals = ReadTotals(database, params);
  if (!totals.ok()) return totals.status();
  figures.totals = *totals;
  const std::pair<GroupBy, std::vector<StrikeGroup>*> groups[] = {
      {GroupBy::kYear, &figures.years},
      {GroupBy::kPhase, &figures.phases},
      {GroupBy::kState, &figures.states},
      {GroupBy::kSpecies, &figures.species}};
  for (const auto& [by, into] : groups) {
    if (!pacer.Pause()) return absl::CancelledError("the report was stopped");
    absl::StatusOr<std::vector<StrikeGroup>> read = ReadGroups(database, params, by);
    if (!read.ok()) return read.status();
    *into = *std::move(read);
  }
  return figures;
}

}  // namespace

absl::StatusOr<outlive::Report> BuildReport(const std::string& database_path,
                                            const GenerateReport& params, absl::Time created,
                                            Pacer& pacer) {
  absl::StatusOr<Database> database = Database::Open(database_path);
  if (!database.ok()) return database.status();
  absl::StatusOr<Figures> figures = ReadFigures(*database, params, pacer);
  if (!figures.ok()) return figures.status();
  const StrikeTotals& totals = figures->totals;

  outlive::Report report;
  report.title = "Wildlife strikes";
  report.subtitle = DescribeReport(params);
  report.created = created;
  report.facts = {{"Strikes", WithCommas(totals.strikes)},
                  {"Damaging strikes", WithCommas(totals.damaging)},
                  {"Reported cost", "$" + WithCommas(totals.cost)},
                  {"States", fmt::format("{}", figures->states.size())},
                  {"Source", "FAA Wildlife Strike Database (extract)"}};
  report.sections = {outlive::Heading{.text = "Summary"},
                     outlive::Paragraph{.text = Sentence(totals)}};
  if (totals.strikes > 0) {  // Pictures of nothing say nothing.
    report.sections.emplace_back(YearChart(figures->years, params));
    report.sections.emplace_back(PhaseChart(figures->phases));
    report.sections.emplace_back(CostChart(figures->states));
  }
  report.sections.emplace_back(GroupTable("By state", "State", figures->states));
  std::vector<StrikeGroup>& species = figures->species;
  if (species.size() > kSpeciesInTable) species.resize(kSpeciesInTable);
  report.sections.emplace_back(GroupTable("Most frequent species", "Species", species));
  if (params.content == Content::detail) {
    report.sections.emplace_back(outlive::Heading{.text = std::string(kStrikesTitle)});
    report.sections.emplace_back(StrikeTable(database_path, params, totals, pacer));
  }
  return report;
}

}  // namespace report_app
