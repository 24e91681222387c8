// TableReader goes through the rows of one table: counts them, checks their width and looks whether
// the work should stop.
//
//   TableReader reader(table, meter);
//   if (absl::Status status = reader.Open(); !status.ok()) return status;
//   while (reader.Next()) use(reader.row());
//   return reader.status();
#ifndef OUTLIVE_SRC_REPORT_TABLE_READER_H_
#define OUTLIVE_SRC_REPORT_TABLE_READER_H_

#include <absl/status/status.h>

#include <cstdint>
#include <memory>

#include "outlive/core/report.h"
#include "report/row_meter.h"

namespace outlive::rendering {

class TableReader {
 public:
  // Both are borrowed.
  TableReader(const Table& table, RowMeter& meter) : table_(table), meter_(meter) {}

  absl::Status Open();

  // False at the end and after an error; see status().
  bool Next();

  // Has as many cells as there are columns: a shorter row is filled up with empty cells. Before
  // the first Next() and after the last one every cell is empty.
  const Row& row() const { return row_; }

  // Of the row, from 0.
  std::int64_t index() const { return row_count_ - 1; }
  std::int64_t row_count() const { return row_count_; }

  // kInvalidArgument: a row has more cells than there are columns. kCancelled. Otherwise what the
  // rows themselves said.
  const absl::Status& status() const { return status_; }

 private:
  bool End(absl::Status status);

  const Table& table_;
  RowMeter& meter_;
  std::unique_ptr<RowSource> source_;
  Row row_;
  std::int64_t row_count_ = 0;
  absl::Status status_;
};

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_TABLE_READER_H_
