#include "report_app/strike_rows.h"

#include <optional>
#include <utility>

#include "report_app/database.h"
#include "report_app/strikes.h"

namespace report_app {
namespace {

constexpr int kRowsInPage = 500;
constexpr int kRowsBetweenPauses = 50;

class StrikeRows final : public outlive::RowSource {
 public:
  StrikeRows(Database database, GenerateReport params, Pacer& pacer)
      : database_(std::move(database)), params_(std::move(params)), pacer_(pacer) {}

  absl::StatusOr<bool> Next(outlive::Row& row) override {
    if (next_ == page_.size()) {
      if (absl::Status status = ReadNextPage(); !status.ok()) return status;
      if (page_.empty()) return false;
    }
    if (row_count_++ % kRowsBetweenPauses == 0 && !pacer_.Pause()) {
      return absl::CancelledError("the report was stopped");
    }
    FillRow(page_[next_++], row);
    return true;
  }

 private:
  absl::Status ReadNextPage() {
    std::optional<Strike> last;
    if (!page_.empty()) last = std::move(page_.back());
    absl::StatusOr<std::vector<Strike>> page =
        ReadPage(database_, params_, last ? &*last : nullptr, kRowsInPage);
    if (!page.ok()) return page.status();
    page_ = *std::move(page);
    next_ = 0;
    return absl::OkStatus();
  }

  // In the order of StrikeColumns().
  static void FillRow(const Strike& strike, outlive::Row& row) {
    outlive::Cell knots;
    if (strike.speed_knots) knots = *strike.speed_knots;
    row = {strike.date,  strike.state,   strike.airport, strike.airline, strike.aircraft,
           strike.phase, strike.species, strike.damage,  strike.cost,    knots};
  }

  Database database_;
  const GenerateReport params_;
  Pacer& pacer_;
  std::vector<Strike> page_;
  std::size_t next_ = 0;
  std::int64_t row_count_ = 0;
};

}  // namespace

std::vector<outlive::Column> StrikeColumns() {
  using outlive::NumberFormat;
  // In a page across, most airports stand on one line.
  return {{.title = "Date", .width = 1.0},
          {.title = "State", .width = 1.2},
          {.title = "Airport", .width = 2.6},
          {.title = "Airline", .width = 1.8},
          {.title = "Aircraft", .width = 1.1},
          {.title = "Phase", .width = 1.1},
          {.title = "Species", .width = 1.9},
          {.title = "Damage", .width = 0.95},
          {.title = "Cost", .format = NumberFormat::kMoney, .width = 0.95},
          {.title = "Knots", .format = NumberFormat::kInteger, .width = 0.7}};
}

absl::StatusOr<std::unique_ptr<outlive::RowSource>> OpenStrikeRows(const std::string& database_path,
                                                                   const GenerateReport& params,
                                                                   Pacer& pacer) {
  absl::StatusOr<Database> database = Database::Open(database_path);
  if (!database.ok()) return database.status();
  return std::make_unique<StrikeRows>(*std::move(database), params, pacer);
}

}  // namespace report_app
