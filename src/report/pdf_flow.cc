#include "report/pdf_flow.h"

#include <absl/status/status.h>
#include <fmt/format.h>

#include <string>
#include <utility>

#include "outlive/core/report.h"
#include "outlive/report/report_locale.h"
#include "report/pdf_canvas.h"
#include "report/pdf_text.h"
#include "report/pdf_theme.h"
#include "report/text.h"

namespace outlive::rendering {

PdfFlow::PdfFlow(PdfText& text, PdfCanvas& canvas, const PageFrame& frame,
                 const ReportLocale& locale, std::string footer, int page_count, PageHook page_hook)
    : text_(text),
      canvas_(canvas),
      frame_(frame),
      locale_(locale),
      footer_(std::move(footer)),
      page_count_(page_count),
      page_hook_(std::move(page_hook)),
      y_(frame.margin) {}

absl::Status PdfFlow::Need(double height) {
  if (room() >= height || at_top()) return absl::OkStatus();
  return BreakPage();
}

absl::Status PdfFlow::BreakPage() {
  if (absl::Status ended = End(); !ended.ok()) return ended;
  ++page_;
  y_ = top();
  return absl::OkStatus();
}

absl::Status PdfFlow::End() {
  DrawFooter();
  if (absl::Status drawn = canvas_.EndPage(); !drawn.ok()) return drawn;
  return page_hook_(page_);
}

void PdfFlow::DrawFooter() {
  const double rule = frame_.height - frame_.margin - 12;
  canvas_.DrawLine({{left(), rule}, {right(), rule}}, 0.5, theme::kRule);
  const TextStyle style{.size = theme::kFooterSize};
  const std::string number =
      Replaced(Replaced(OneLine(locale_.page_of_pages), "{pages}", fmt::format("{}", page_count_)),
               "{page}", fmt::format("{}", page_));
  const bool mirrored = text_.right_to_left();
  const Layout page = text_.Make(
      number, style, {.width = width(), .align = mirrored ? Align::kLeft : Align::kRight});
  canvas_.DrawTextOnBaseline(page.get(), {left(), rule + 12}, theme::kMuted);
  const double title_width = width() * 0.7;
  const Layout title = text_.Make(footer_, style,
                                  {.width = title_width,
                                   .align = mirrored ? Align::kRight : Align::kLeft,
                                   .line_count_max = 1});
  canvas_.DrawTextOnBaseline(title.get(), {mirrored ? right() - title_width : left(), rule + 12},
                             theme::kMuted);
}

}  // namespace outlive::rendering
