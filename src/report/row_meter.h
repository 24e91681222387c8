// RowMeter tells a Progress how far through its report a renderer is, and stops it where it should
// stop. One for each pass over the report.
#ifndef OUTLIVE_SRC_REPORT_ROW_METER_H_
#define OUTLIVE_SRC_REPORT_ROW_METER_H_

#include <absl/status/status.h>

#include <cstdint>
#include <vector>

#include "outlive/core/progress.h"
#include "outlive/core/report.h"

namespace outlive::rendering {

std::vector<const Table*> TablesOf(const Report& report);

class RowMeter {
 public:
  // For a pass over `tables`. Reports fractions between `from` and `to`. `progress` is borrowed.
  RowMeter(const std::vector<const Table*>& tables, Progress& progress, double from, double to);

  // Says that fractions are somebody else's; rows are still counted and cancellation is looked for.
  void Mute() { muted_ = true; }

  // Bracket the rows of each table. Where the number of rows is not known, the fraction comes
  // closer and closer to the end of the table's share.
  void BeginTable(const Table& table);
  void EndTable();

  // After each row. kCancelled where the progress says so, which is asked every few rows.
  absl::Status CountRow();

  // kCancelled, asked at once.
  absl::Status CheckCancelled() const;

  // Rows so far, in all tables.
  std::int64_t row_count() const { return row_count_; }

 private:
  void ReportFraction();

  Progress& progress_;
  const double from_;
  const double to_;
  bool muted_ = false;

  std::int64_t row_total_ = 0;  // In all tables; negative: one does not say.

  // In rows, or what rows of unknown number are taken for.
  double weight_total_ = 0;
  double weight_done_ = 0;  // By the tables before this one.
  double table_weight_ = 0;
  bool table_count_known_ = false;
  std::int64_t table_row_count_ = 0;
  std::int64_t row_count_ = 0;
};

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_ROW_METER_H_
