#include "outlive/report/pdf_renderer.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "outlive/core/byte_stream.h"
#include "outlive/core/log.h"
#include "outlive/core/progress.h"
#include "outlive/core/report.h"
#include "report/pdf_blocks.h"
#include "report/pdf_canvas.h"
#include "report/pdf_flow.h"
#include "report/pdf_lines.h"
#include "report/pdf_table.h"
#include "report/pdf_text.h"
#include "report/row_meter.h"
#include "report/text.h"

namespace outlive {
namespace {

using rendering::PageFrame;
using rendering::PdfCanvas;
using rendering::PdfFlow;
using rendering::PdfText;
using rendering::RowMeter;

// Where the first pass over the report ends, for progress.
constexpr double kMeasuredShare = 0.3;

// Characters that a warning names.
constexpr std::size_t kNamedCount = 8;

PageFrame FrameOf(const PdfOptions& options) {
  const bool letter = options.paper == PdfOptions::Paper::kLetter;
  PageFrame frame{letter ? 612.0 : 595.28, letter ? 792.0 : 841.89, options.margin};
  if (options.landscape) std::swap(frame.width, frame.height);
  return frame;
}

absl::Status CheckArguments(const PdfOptions& options, const Report& report) {
  if (!(options.margin >= 18 && options.margin <= 144)) {
    return absl::InvalidArgumentError(
        fmt::format("PdfOptions: margin is {}, not 18 to 144", options.margin));
  }
  if (options.cell_line_count_max < 1 || options.cell_line_count_max > 20) {
    return absl::InvalidArgumentError(fmt::format(
        "PdfOptions: cell_line_count_max is {}, not 1 to 20", options.cell_line_count_max));
  }
  const double width = FrameOf(options).width - 2 * options.margin;
  for (const Table* table : rendering::TablesOf(report)) {
    absl::Status fits = rendering::CheckTableWidth(*table, width);
    if (!fits.ok()) return fits;
  }
  return absl::OkStatus();
}

// "U+4E2D, U+6587 and 10 more".
std::string Named(const std::set<char32_t>& characters) {
  std::string names;
  std::size_t count = 0;
  for (const char32_t c : characters) {
    if (count == kNamedCount) break;
    names += fmt::format("{}U+{:04X}", count++ == 0 ? "" : ", ", static_cast<std::uint32_t>(c));
  }
  if (characters.size() > count) names += fmt::format(" (+{})", characters.size() - count);
  return names;
}

// A package of Debian that has what is missing.
std::string_view FontPackage(const std::set<char32_t>& characters) {
  const auto any = [&](char32_t low, char32_t high) {
    const auto found = characters.lower_bound(low);
    return found != characters.end() && *found <= high;
  };
  if (any(0x2E80, 0x9FFF) || any(0xAC00, 0xD7AF) || any(0xF900, 0xFAFF) || any(0xFF00, 0xFFEF) ||
      any(0x20000, 0x3FFFF)) {
    return "fonts-noto-cjk";
  }
  if (any(0x1F000, 0x1FAFF)) return "fonts-noto-color-emoji";
  return "fonts-noto-core";
}

// One pass over a report: onto pages, or only to count them.
class Pass {
 public:
  Pass(const Report& report, const PdfOptions& options, PdfText& text, RowMeter& meter,
       std::string_view note)
      : report_(report), options_(options), text_(text), meter_(meter), note_(note) {}

  // The number of pages. `page_count`: what the foot of each page says.
  absl::StatusOr<int> Run(PdfCanvas& canvas, int page_count, PdfFlow::PageHook page_hook) {
    PdfFlow flow(text_, canvas, FrameOf(options_), options_.locale,
                 rendering::TitleLine(report_.title), page_count, std::move(page_hook));
    absl::Status added = rendering::AddTitle(flow, report_, options_, note_);
    if (added.ok() && options_.title_page && !report_.sections.empty()) added = flow.BreakPage();
    if (!added.ok()) return added;
    for (std::size_t i = 0; i < report_.sections.size(); ++i) {
      if (absl::Status s = AddSection(flow, i); !s.ok()) return s;
    }
    if (absl::Status ended = flow.End(); !ended.ok()) return ended;
    return flow.page();
  }

 private:
  absl::Status AddSection(PdfFlow& flow, std::size_t index) {
    const Section& section = report_.sections[index];
    if (const auto* heading = std::get_if<Heading>(&section)) {
      return rendering::AddHeading(flow, *heading, options_, FollowerHeight(index));
    }
    if (const auto* paragraph = std::get_if<Paragraph>(&section)) {
      return rendering::AddParagraph(flow, *paragraph);
    }
    if (const auto* chart = std::get_if<Chart>(&section)) {
      return rendering::AddChart(flow, *chart, options_);
    }
    return rendering::AddTable(flow, std::get<Table>(section), options_, meter_);
  }

  // What must stand on the same page as the heading at `index`: the beginning of the next section
  // and, where that is a heading too, of the one after.
  double FollowerHeight(std::size_t index) const {
    double height = 0;
    for (std::size_t i = index + 1; i < report_.sections.size() && i <= index + 3; ++i) {
      height += rendering::LeastHeight(report_.sections[i]);
      if (!std::holds_alternative<Heading>(report_.sections[i])) break;
    }
    return height;
  }

  const Report& report_;
  const PdfOptions& options_;
  PdfText& text_;
  RowMeter& meter_;
  const std::string_view note_;
};

void Warn(const PdfOptions& options, const std::set<char32_t>& missing) {
  const std::string message =
      fmt::format("pdf: no font for {} characters such as {}; install a font such as {}",
                  missing.size(), Named(missing), FontPackage(missing));
  if (options.on_warning) {
    options.on_warning(message);
  } else {
    LogRecord record;
    record.level = LogLevel::kWarning;
    record.message = message;
    DefaultLogSink().Log(record);
  }
}

}  // namespace

absl::Status PdfRenderer::Render(const Report& report, Progress& progress, ByteSink& out) {
  if (absl::Status valid = ValidateReport(report); !valid.ok()) return valid;
  if (absl::Status valid = CheckArguments(options_, report); !valid.ok()) return valid;
  PdfText text;
  absl::Status opened = text.Open(options_.font_families, report.language);
  if (!opened.ok()) return opened;

  // The first pass learns the number of pages, and which characters have no font. If there are any
  // the note about them takes room: then it is done once more, with the note.
  const std::vector<const Table*> tables = rendering::TablesOf(report);
  std::string note;
  absl::StatusOr<int> page_count = 0;
  for (const double share : {kMeasuredShare / 2, kMeasuredShare}) {
    RowMeter meter(tables, progress, share - kMeasuredShare / 2, share);
    PdfCanvas nothing;
    Pass pass(report, options_, text, meter, note);
    page_count = pass.Run(nothing, 0, [&meter](int) { return meter.CheckCancelled(); });
    if (!page_count.ok()) return page_count.status();
    if (text.missing().empty() || !note.empty()) break;
    note = rendering::Replaced(options_.locale.missing_characters, "{characters}",
                               Named(text.missing()));
  }
  if (!text.missing().empty()) Warn(options_, text.missing());

  PdfCanvas canvas;
  const PageFrame frame = FrameOf(options_);
  opened = canvas.Open(frame.width, frame.height, report, out);
  if (!opened.ok()) return opened;
  RowMeter meter(tables, progress, kMeasuredShare, 1.0);
  meter.Mute();
  const auto page_hook = [&](int page) {
    const double share = static_cast<double>(page) / std::max(*page_count, page);
    progress.ReportProgress(kMeasuredShare + share * (0.99 - kMeasuredShare),
                            fmt::format("page {} of {}", page, *page_count));
    return meter.CheckCancelled();
  };
  Pass pass(report, options_, text, meter, note);
  const absl::StatusOr<int> drawn_count = pass.Run(canvas, *page_count, page_hook);
  if (!drawn_count.ok()) return drawn_count.status();
  if (*drawn_count != *page_count) {
    return absl::UnavailableError(
        fmt::format("pdf: {} pages became {}; the rows of a table changed while the document was "
                    "made from them",
                    *page_count, *drawn_count));
  }
  if (absl::Status finished = canvas.Finish(); !finished.ok()) return finished;
  progress.ReportProgress(1.0);
  return absl::OkStatus();
}

}  // namespace outlive
