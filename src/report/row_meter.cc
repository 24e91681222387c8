#include "report/row_meter.h"

#include <absl/status/status.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <variant>
#include <vector>

#include "outlive/core/progress.h"
#include "outlive/core/report.h"

namespace outlive::rendering {
namespace {

constexpr std::int64_t kRowsBetweenChecks = 64;
constexpr std::int64_t kRowsBetweenReports = 256;

// What a table counts for where it does not say how many rows it has.
constexpr double kUnknownRowCount = 10'000;

double WeightOf(const Table& table) {
  return table.row_count < 0 ? kUnknownRowCount
                             : static_cast<double>(std::max<std::int64_t>(table.row_count, 1));
}

}  // namespace

std::vector<const Table*> TablesOf(const Report& report) {
  std::vector<const Table*> tables;
  for (const Section& section : report.sections) {
    if (const auto* table = std::get_if<Table>(&section)) tables.push_back(table);
  }
  return tables;
}

RowMeter::RowMeter(const std::vector<const Table*>& tables, Progress& progress, double from,
                   double to)
    : progress_(progress), from_(from), to_(to) {
  for (const Table* table : tables) {
    weight_total_ += WeightOf(*table);
    const bool known = row_total_ >= 0 && table->row_count >= 0 &&
                       table->row_count <= std::numeric_limits<std::int64_t>::max() - row_total_;
    row_total_ = known ? row_total_ + table->row_count : -1;
  }
}

void RowMeter::BeginTable(const Table& table) {
  table_weight_ = WeightOf(table);
  table_count_known_ = table.row_count >= 0;
  table_row_count_ = 0;
}

void RowMeter::EndTable() {
  weight_done_ += table_weight_;
  table_weight_ = 0;
  table_row_count_ = 0;
  ReportFraction();
}

absl::Status RowMeter::CountRow() {
  ++row_count_;
  ++table_row_count_;
  if (row_count_ % kRowsBetweenReports == 0) ReportFraction();
  if (row_count_ % kRowsBetweenChecks == 0) return CheckCancelled();
  return absl::OkStatus();
}

absl::Status RowMeter::CheckCancelled() const {
  if (progress_.cancelled()) return absl::CancelledError("rendering was stopped");
  return absl::OkStatus();
}

void RowMeter::ReportFraction() {
  if (muted_ || weight_total_ <= 0) return;
  const auto rows = static_cast<double>(table_row_count_);
  const double table_share = table_count_known_ ? std::min(rows / std::max(table_weight_, 1.0), 1.0)
                                                : rows / (rows + kUnknownRowCount);
  const double done = (weight_done_ + table_share * table_weight_) / weight_total_;
  progress_.ReportProgress(from_ + std::min(done, 1.0) * (to_ - from_),
                           row_count_ <= row_total_
                               ? fmt::format("{} of {} rows", row_count_, row_total_)
                               : fmt::format("{} rows", row_count_));
}

}  // namespace outlive::rendering
