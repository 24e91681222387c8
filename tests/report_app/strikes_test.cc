#include "report_app/strikes.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "report_app/csv_reader.h"
#include "tests/report_app/temporary_folder.h"

namespace {

using report_app::Database;
using report_app::GenerateReport;
using report_app::Strike;

constexpr const char* kCsv = OUTLIVE_REPORT_APP_CSV;
// Columns of the file, by place.
constexpr std::size_t kDamage = 2, kDate = 3, kState = 5, kSpecies = 8, kCost = 12;

std::vector<std::vector<std::string>> CsvRecords() {
  std::ifstream file(kCsv, std::ios::binary);
  report_app::CsvReader reader(file);
  std::vector<std::vector<std::string>> records;
  std::vector<std::string> record;
  while (reader.Next(record).value()) records.push_back(record);
  records.erase(records.begin());  // The header.
  return records;
}

class Loaded {
 public:
  Loaded() : database_(Database::Open(folder_.path() / "app.db").value()) {
    REQUIRE(report_app::LoadStrikes(database_, kCsv).value() == 10'000);
  }
  Database& database() { return database_; }
  const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  report_app_tests::TemporaryFolder folder_;
  Database database_;
};

GenerateReport Everything() {
  GenerateReport params;
  params.year_from = 1990;
  params.year_to = 2002;
  return params;
}

}  // namespace

TEST_CASE("strikes are loaded once") {
  Loaded loaded;
  CHECK(report_app::LoadStrikes(loaded.database(), "/no/such/file").value() == 10'000);
  const report_app::Choices choices = report_app::ReadChoices(loaded.database()).value();
  CHECK(choices.states.size() == 29);
  CHECK(choices.states.front() == "Arizona");
  CHECK(choices.year_min == 1990);
  CHECK(choices.year_max == 2002);
}

TEST_CASE("a file that is not the data leaves nothing behind") {
  report_app_tests::TemporaryFolder folder;
  Database database = Database::Open(folder.path() / "app.db").value();
  CHECK(absl::IsNotFound(report_app::LoadStrikes(database, folder.path() / "none.csv").status()));
  std::ifstream good(kCsv);
  std::string header, record;
  std::getline(good, header);
  std::getline(good, record);
  for (const std::string& bad :
       {std::string("a,b,c\n"), header + "\n" + record + ",more\n",
        header + "\n" + record + "\n" + std::string("a,b,c,1990-13-01,e,f,g,h,i,j,0,0,0,\n"),
        header + "\n" + std::string("a,b,c,1990-01-01,e,f,g,h,i,j,0,0,-1,\n")}) {
    std::ofstream(folder.path() / "bad.csv") << bad;
    const absl::Status status =
        report_app::LoadStrikes(database, folder.path() / "bad.csv").status();
    CHECK(absl::IsInvalidArgument(status));
  }
  // The good record of the third file is not there either.
  CHECK(report_app::LoadStrikes(database, kCsv).value() == 10'000);
}

TEST_CASE("totals are those of the file") {
  Loaded loaded;
  GenerateReport params = Everything();
  params.states = {"DC", "Texas"};
  params.year_from = 1994;
  params.year_to = 1999;
  params.species = "STARLING";
  report_app::StrikeTotals expected;
  std::map<std::string, std::int64_t> by_state;
  for (const std::vector<std::string>& record : CsvRecords()) {
    const std::string year = record[kDate].substr(0, 4);
    if (year < "1994" || year > "1999") continue;
    if (record[kState] != "DC" && record[kState] != "Texas") continue;
    if (record[kSpecies] != "European starling") continue;
    ++expected.strikes;
    expected.damaging += record[kDamage] == "None" ? 0 : 1;
    expected.cost += std::stoll(record[kCost]);
    ++by_state[record[kState]];
  }
  REQUIRE(expected.strikes > 10);
  const report_app::StrikeTotals totals = report_app::ReadTotals(loaded.database(), params).value();
  CHECK(totals.strikes == expected.strikes);
  CHECK(totals.damaging == expected.damaging);
  CHECK(totals.cost == expected.cost);
  const auto groups =
      report_app::ReadGroups(loaded.database(), params, report_app::GroupBy::kState).value();
  REQUIRE(groups.size() == by_state.size());
  for (const report_app::StrikeGroup& group : groups) {
    CHECK(group.totals.strikes == by_state[group.name]);
  }
}

TEST_CASE("pages give every chosen strike once and in order") {
  Loaded loaded;
  GenerateReport params = Everything();
  params.states = {"Louisiana"};
  std::int64_t expected = 0;
  for (const auto& record : CsvRecords()) expected += record[kState] == "Louisiana" ? 1 : 0;

  std::int64_t count = 0;
  std::optional<Strike> last;
  while (true) {
    const std::vector<Strike> page =
        report_app::ReadPage(loaded.database(), params, last ? &*last : nullptr, 100).value();
    if (page.empty()) break;
    for (const Strike& strike : page) {
      CHECK(strike.state == "Louisiana");
      if (last) CHECK(std::pair(last->date, last->id) < std::pair(strike.date, strike.id));
      last = strike;
      ++count;
    }
  }
  CHECK(count == expected);
}

TEST_CASE("text of a user is text and not SQL") {
  Loaded loaded;
  GenerateReport params = Everything();
  for (const std::string species : {"' OR 1=1 --", "%", "_", "\"; DROP TABLE strike", "\\"}) {
    params.species = species;
    CHECK(report_app::ReadTotals(loaded.database(), params).value().strikes == 0);
  }
}
