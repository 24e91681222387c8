#include "outlive/report/xlsx_renderer.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>
#include <xlsxwriter.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "outlive/core/byte_stream.h"
#include "outlive/core/progress.h"
#include "outlive/core/report.h"
#include "report/row_meter.h"
#include "report/xlsx_summary.h"
#include "report/xlsx_table.h"
#include "report/xlsx_workbook.h"

namespace outlive {
namespace {

using rendering::RowMeter;
using rendering::XlsxWorkbook;

constexpr std::int64_t kSheetRowCountMax = 1'048'576;
constexpr std::size_t kColumnCountMax = 16'384;

// Shares of the work, for progress.
constexpr double kRowsShare = 0.8;
constexpr double kAssembledShare = 0.9;

absl::Status CheckArguments(const XlsxOptions& options, const std::vector<const Table*>& tables) {
  if (options.sheet_row_count_max < 2 || options.sheet_row_count_max > kSheetRowCountMax) {
    return absl::InvalidArgumentError(
        fmt::format("XlsxOptions: sheet_row_count_max is {}, not 2 to {}",
                    options.sheet_row_count_max, kSheetRowCountMax));
  }
  for (const Table* table : tables) {
    if (table->columns.size() > kColumnCountMax) {
      return absl::InvalidArgumentError(fmt::format("table \"{}\" has {} columns; a sheet holds {}",
                                                    table->title, table->columns.size(),
                                                    kColumnCountMax));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status XlsxRenderer::Render(const Report& report, Progress& progress, ByteSink& out) {
  if (absl::Status valid = ValidateReport(report); !valid.ok()) return valid;
  const std::vector<const Table*> tables = rendering::TablesOf(report);
  if (absl::Status valid = CheckArguments(options_, tables); !valid.ok()) return valid;
  RowMeter meter(tables, progress, 0.0, kRowsShare);
  if (absl::Status go_on = meter.CheckCancelled(); !go_on.ok()) return go_on;

  XlsxWorkbook workbook;
  absl::Status status =
      workbook.Open(options_.temp_dir, options_.accent_rgb, options_.locale.currency);
  if (!status.ok()) return status;
  workbook.SetProperties(report);

  rendering::XlsxSummary summary(workbook, options_.locale, options_.accent_rgb);
  if (status = summary.Open(report); !status.ok()) return status;
  for (const Section& section : report.sections) {
    const auto* table = std::get_if<Table>(&section);
    if (table == nullptr) {
      summary.Add(section);
      continue;
    }
    absl::StatusOr<rendering::XlsxTableResult> written = rendering::WriteXlsxTable(
        *table, options_.locale, options_.sheet_row_count_max, workbook, meter);
    if (!written.ok()) return written.status();
    summary.AddTable(*table, *written);
  }
  if (status = summary.WriteFigures(); !status.ok()) return status;

  if (status = workbook.Assemble(); !status.ok()) return status;
  const auto go_on = [&](double share) {
    progress.ReportProgress(kAssembledShare + share * (1.0 - kAssembledShare));
    return meter.CheckCancelled();
  };
  if (status = workbook.Stream(out, go_on); !status.ok()) return status;
  progress.ReportProgress(1.0);
  return absl::OkStatus();
}

}  // namespace outlive
