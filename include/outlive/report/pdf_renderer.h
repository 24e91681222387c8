// PdfRenderer writes a report as a PDF document, with Pango and Cairo.
//
//   title, facts ──► sections in their order ──► "Page 2 of 9" at the foot of each page
//
// Headings become the document's outline and stay with what follows them. Tables break over pages
// between rows and repeat their head; numbers go to the right; text that is too wide for its column
// is wrapped to a few lines, then ends with an ellipsis; a number is never cut, it is written
// smaller until it fits. Charts stay whole.
//
// Text in any script is shaped and ordered as it should be, from right to left too, provided that
// the machine has a font for it. Where it has none, the characters are shown as boxes with their
// numbers, a note on the first page says so, and so does PdfOptions::on_warning.
//
// A report is laid out twice, first to learn the number of pages: the rows of its tables are opened
// twice, or three times where characters are missing, and must be the same each time.
//
// The same report gives the same bytes on a machine with the same fonts. Report::created is the
// document's date.
//
// Memory:        constant over rows, but for some hundred bytes a page.
// Thread-safety: one renderer may render several reports at once on several threads.
// Cancellation:  see Renderer.
// Errors:        see Renderer. kInvalidArgument: a table has more columns than a page has room
//                for, or the options are wrong. kFailedPrecondition: the machine has no font.
//                kUnavailable: the rows were others the second time.
#ifndef OUTLIVE_REPORT_PDF_RENDERER_H_
#define OUTLIVE_REPORT_PDF_RENDERER_H_

#include <absl/status/status.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "outlive/core/byte_stream.h"
#include "outlive/core/progress.h"
#include "outlive/core/renderer.h"
#include "outlive/core/report.h"
#include "outlive/report/report_locale.h"

namespace outlive {

struct PdfOptions {
  enum class Paper { kA4, kLetter };

  Paper paper = Paper::kA4;
  bool landscape = false;

  // White space around the page, in points (1/72 inch). From 18 to 144.
  double margin = 54;

  // Puts the title and the facts on a page of their own.
  bool title_page = false;

  // Families in the order of preference, with commas between them. Characters that none of them
  // has are looked for in every other font of the machine.
  std::string font_families = "Noto Sans, DejaVu Sans, sans-serif";

  // The color of headings and of the first series of a chart, 0xRRGGBB.
  std::uint32_t accent_rgb = 0x1F4E79;

  // Words and number punctuation.
  ReportLocale locale;

  // Lines of a table's cell, after which an ellipsis stands for the rest. From 1 to 20. The rest
  // can still be found by a search and copied, up to 2,000 characters of the cell.
  int cell_line_count_max = 3;

  // Is told, at most once for each document and on the thread that renders it, that there is no
  // font for some characters. Null: a line in DefaultLogSink().
  std::function<void(std::string_view message)> on_warning;
};

class PdfRenderer final : public Renderer {
 public:
  explicit PdfRenderer(PdfOptions options = {}) : options_(std::move(options)) {}

  absl::Status Render(const Report& report, Progress& progress, ByteSink& out) override;
  std::string_view media_type() const override { return "application/pdf"; }
  std::string_view file_extension() const override { return ".pdf"; }

 private:
  const PdfOptions options_;
};

}  // namespace outlive

#endif  // OUTLIVE_REPORT_PDF_RENDERER_H_
