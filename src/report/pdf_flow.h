// PdfFlow is where the next block of a document goes: a place on a page, which moves down and on to
// the next page. It draws what stands at the foot of each page.
#ifndef OUTLIVE_SRC_REPORT_PDF_FLOW_H_
#define OUTLIVE_SRC_REPORT_PDF_FLOW_H_

#include <absl/status/status.h>

#include <functional>
#include <string>

#include "outlive/report/report_locale.h"
#include "report/pdf_canvas.h"
#include "report/pdf_text.h"
#include "report/pdf_theme.h"

namespace outlive::rendering {

// In points.
struct PageFrame {
  double width = 0;
  double height = 0;
  double margin = 0;
};

class PdfFlow {
 public:
  // Called at the end of each page with its number.
  using PageHook = std::function<absl::Status(int page)>;

  // All is borrowed. `page_count` is for the foot of the pages; 0 while it is not known.
  PdfFlow(PdfText& text, PdfCanvas& canvas, const PageFrame& frame, const ReportLocale& locale,
          std::string footer, int page_count, PageHook page_hook);

  PdfText& text() { return text_; }
  PdfCanvas& canvas() { return canvas_; }

  double left() const { return frame_.margin; }
  double right() const { return frame_.width - frame_.margin; }
  double width() const { return right() - left(); }
  double top() const { return frame_.margin; }
  double bottom() const { return frame_.height - frame_.margin - theme::kFooterHeight; }

  int page() const { return page_; }  // From 1.
  double y() const { return y_; }
  double room() const { return bottom() - y_; }
  bool at_top() const { return y_ <= top(); }

  void Advance(double height) { y_ += height; }

  // White space between blocks; none at the top of a page.
  void Space(double height) {
    if (!at_top()) y_ += height;
  }

  // Goes on to the next page unless so much fits on this one.
  absl::Status Need(double height);

  absl::Status BreakPage();

  // Draws the last page's foot.
  absl::Status End();

 private:
  void DrawFooter();

  PdfText& text_;
  PdfCanvas& canvas_;
  const PageFrame frame_;
  const ReportLocale& locale_;
  const std::string footer_;
  const int page_count_;
  const PageHook page_hook_;
  int page_ = 1;
  double y_;
};

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_PDF_FLOW_H_
