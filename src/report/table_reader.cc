#include "report/table_reader.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "outlive/core/report.h"

namespace outlive::rendering {

absl::Status TableReader::Open() {
  row_.assign(table_.columns.size(), Cell());
  if (absl::Status go_on = meter_.CheckCancelled(); !go_on.ok()) return status_ = go_on;
  absl::StatusOr<std::unique_ptr<RowSource>> source = table_.rows();
  if (!source.ok()) return status_ = source.status();
  if (*source == nullptr) {
    return status_ = absl::InternalError(
               fmt::format("the rows function of table \"{}\" gave no rows", table_.title));
  }
  source_ = *std::move(source);
  meter_.BeginTable(table_);
  return absl::OkStatus();
}

bool TableReader::Next() {
  if (source_ == nullptr) return false;
  const absl::StatusOr<bool> more = source_->Next(row_);
  if (!more.ok()) return End(more.status());
  if (!*more) {
    meter_.EndTable();
    return End(absl::OkStatus());
  }
  ++row_count_;
  if (row_.size() > table_.columns.size()) {
    return End(absl::InvalidArgumentError(
        fmt::format("table \"{}\": row {} has {} cells for {} columns", table_.title, row_count_,
                    row_.size(), table_.columns.size())));
  }
  row_.resize(table_.columns.size());
  absl::Status go_on = meter_.CountRow();
  return go_on.ok() || End(std::move(go_on));
}

bool TableReader::End(absl::Status status) {
  status_ = std::move(status);
  source_.reset();
  row_.assign(table_.columns.size(), Cell());
  return false;
}

}  // namespace outlive::rendering
