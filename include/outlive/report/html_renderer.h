// HtmlRenderer writes a report as one HTML document that needs nothing else: no script, no image,
// no font, no link. Charts are inline SVG with their figures in a table beneath.
//
//   Report ──► <header> title, facts </header> <main> sections in their order </main>
//
// Everything from the report is escaped. The document carries a Content-Security-Policy of its own
// that allows its one style sheet by hash and nothing else, so that a fault in escaping would still
// not run a script. A host that sends a policy of its own adds HtmlRenderer::StyleSource() to it.
//
// Column widths are left to the browser, which fits them to the content.
//
// Thread-safety: one renderer may render several reports at once on several threads.
// Memory, Cancellation, Errors: see Renderer.
#ifndef OUTLIVE_REPORT_HTML_RENDERER_H_
#define OUTLIVE_REPORT_HTML_RENDERER_H_

#include <absl/status/status.h>

#include <cstdint>
#include <string_view>
#include <utility>

#include "outlive/core/byte_stream.h"
#include "outlive/core/progress.h"
#include "outlive/core/renderer.h"
#include "outlive/core/report.h"
#include "outlive/report/report_locale.h"

namespace outlive {

struct HtmlOptions {
  // Words and number punctuation.
  ReportLocale locale;

  // The color of the first series of a chart, 0xRRGGBB.
  std::uint32_t accent_rgb = 0x1F4E79;
};

class HtmlRenderer final : public Renderer {
 public:
  explicit HtmlRenderer(HtmlOptions options = {}) : options_(std::move(options)) {}

  absl::Status Render(const Report& report, Progress& progress, ByteSink& out) override;
  std::string_view media_type() const override { return "text/html; charset=utf-8"; }
  std::string_view file_extension() const override { return ".html"; }

  // The source expression for style-src that admits the style sheet: 'sha256-…', quotes included.
  static std::string_view StyleSource();

 private:
  const HtmlOptions options_;
};

}  // namespace outlive

#endif  // OUTLIVE_REPORT_HTML_RENDERER_H_
