// The blocks of a PDF report other than tables. Each is laid out from where the flow is, breaks
// pages where it must, and leaves the flow below itself.
#ifndef OUTLIVE_SRC_REPORT_PDF_BLOCKS_H_
#define OUTLIVE_SRC_REPORT_PDF_BLOCKS_H_

#include <absl/status/status.h>

#include <string_view>

#include "outlive/core/report.h"
#include "outlive/report/pdf_renderer.h"
#include "report/pdf_flow.h"

namespace outlive::rendering {

// Title, author, date and facts. `note` is shown below them in a box; empty: none.
absl::Status AddTitle(PdfFlow& flow, const Report& report, const PdfOptions& options,
                      std::string_view note);

// `follower_height`: of what must not be parted from the heading.
absl::Status AddHeading(PdfFlow& flow, const Heading& heading, const PdfOptions& options,
                        double follower_height);

absl::Status AddParagraph(PdfFlow& flow, const Paragraph& paragraph);

absl::Status AddChart(PdfFlow& flow, const Chart& chart, const PdfOptions& options);

// The least room that the section's beginning takes.
double LeastHeight(const Section& section);

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_PDF_BLOCKS_H_
