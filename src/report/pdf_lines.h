// Running text in a PDF report: lines that go on over pages.
#ifndef OUTLIVE_SRC_REPORT_PDF_LINES_H_
#define OUTLIVE_SRC_REPORT_PDF_LINES_H_

#include <absl/status/status.h>

#include <string>
#include <string_view>

#include "report/chart_scene.h"
#include "report/pdf_flow.h"
#include "report/pdf_text.h"

namespace outlive::rendering {

// Draws clean `text` in the flow's width and leaves the flow below it. A line of several is never
// left alone at the foot or at the head of a page. Text of any length costs time in proportion to
// its length.
absl::Status AddLines(PdfFlow& flow, std::string_view text, const TextStyle& style, Rgb color);

// What stands on one line: a title, a label. Clean, without line breaks, and with an ellipsis where
// it was longer than anybody reads.
std::string TitleLine(std::string_view text);

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_PDF_LINES_H_
