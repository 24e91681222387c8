// A table in a PDF report: streamed, broken over pages between rows, with its head on each of them.
#ifndef OUTLIVE_SRC_REPORT_PDF_TABLE_H_
#define OUTLIVE_SRC_REPORT_PDF_TABLE_H_

#include <absl/status/status.h>

#include "outlive/core/report.h"
#include "outlive/report/pdf_renderer.h"
#include "report/pdf_flow.h"
#include "report/row_meter.h"

namespace outlive::rendering {

// kInvalidArgument where `width` points are not enough for the columns.
absl::Status CheckTableWidth(const Table& table, double width);

absl::Status AddTable(PdfFlow& flow, const Table& table, const PdfOptions& options,
                      RowMeter& meter);

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_PDF_TABLE_H_
