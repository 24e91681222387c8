#include "report/pdf_text.h"

#include <absl/status/status.h>
#include <cairo.h>
#include <pango/pangocairo.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "outlive/core/report.h"
#include "report/pdf_handles.h"
#include "report/text.h"

namespace outlive::rendering {
namespace {

int ToPango(double points) { return static_cast<int>(std::lround(points * PANGO_SCALE)); }
double FromPango(int units) { return static_cast<double>(units) / PANGO_SCALE; }

}  // namespace

absl::Status PdfText::Open(const std::string& font_families, const std::string& language) {
  // A map of our own: the default one belongs to the host, who may have changed it.
  font_map_.reset(pango_cairo_font_map_new());
  context_.reset(pango_font_map_create_context(font_map_.get()));
  // One point of a font is one unit of the page.
  pango_cairo_context_set_resolution(context_.get(), 72);
  const Handle<cairo_font_options_t> options(cairo_font_options_create());
  cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_OFF);
  pango_cairo_context_set_font_options(context_.get(), options.get());
  pango_context_set_round_glyph_positions(context_.get(), FALSE);

  right_to_left_ = IsRightToLeft(language);
  pango_context_set_base_dir(context_.get(),
                             right_to_left_ ? PANGO_DIRECTION_RTL : PANGO_DIRECTION_LTR);
  pango_context_set_language(
      context_.get(), pango_language_from_string(language.empty() ? "en" : language.c_str()));
  font_.reset(pango_font_description_from_string(font_families.c_str()));
  const Handle<PangoFont> any(pango_context_load_font(context_.get(), font_.get()));
  if (any == nullptr) {
    return absl::FailedPreconditionError(
        "pdf: this machine has no fonts; install some, such as fonts-dejavu-core");
  }
  // A hyphen where a long number or name is broken would be taken for a part of it.
  attributes_.reset(pango_attr_list_new());
  pango_attr_list_insert(attributes_.get(), pango_attr_insert_hyphens_new(FALSE));
  return absl::OkStatus();
}

Layout PdfText::Make(std::string_view text, const TextStyle& style, const TextBox& box) {
  Layout layout(pango_layout_new(context_.get()));
  SetStyle(layout.get(), style);
  pango_layout_set_text(layout.get(), text.data(), static_cast<int>(text.size()));
  SetBox(layout.get(), box);
  if (pango_layout_get_unknown_glyphs_count(layout.get()) > 0) FindMissing(layout.get());
  return layout;
}

void PdfText::SetStyle(PangoLayout* layout, const TextStyle& style) {
  pango_font_description_set_size(font_.get(), ToPango(style.size));
  pango_font_description_set_weight(font_.get(),
                                    style.bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
  pango_layout_set_font_description(layout, font_.get());
  pango_layout_set_attributes(layout, attributes_.get());
}

// Whether the first line does. Asked of Pango only where the answer is not plain, for the line has
// to be laid out once more when its alignment changes.
bool PdfText::RunsRightToLeft(PangoLayout* layout) const {
  const std::string_view text = pango_layout_get_text(layout);
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (!right_to_left_ && std::all_of(text.begin(), text.end(), is_ascii)) return false;
  PangoLayoutLine* line = pango_layout_get_line_readonly(layout, 0);
  return pango_layout_line_get_resolved_direction(line) == PANGO_DIRECTION_RTL;
}

void PdfText::SetBox(PangoLayout* layout, const TextBox& box) {
  if (box.width >= 0) pango_layout_set_width(layout, ToPango(box.width));
  pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
  if (box.line_count_max > 0) {
    pango_layout_set_height(layout, -box.line_count_max);
    pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
  }
  // Pango swaps left and right for text that does not run as the document does. To where text
  // starts that leads by itself; our left and right are those of the page.
  bool right = right_to_left_;
  if (box.align != Align::kAuto) {
    const bool text_right_to_left = RunsRightToLeft(layout);
    right = (box.align == Align::kRight) != (text_right_to_left != right_to_left_);
  }
  const PangoAlignment align = box.align == Align::kCenter ? PANGO_ALIGN_CENTER
                               : right                     ? PANGO_ALIGN_RIGHT
                                                           : PANGO_ALIGN_LEFT;
  pango_layout_set_alignment(layout, align);
}

std::string PdfText::LeftToRight(std::string text) const {
  constexpr std::string_view kMark = "\u200E";
  if (right_to_left_ && !text.empty()) text.insert(0, kMark).append(kMark);
  return text;
}

double PdfText::Width(std::string_view text, const TextStyle& style) {
  return WidthOf(Make(text, style).get());
}

double PdfText::WidestWord(std::string_view text, const TextStyle& style) {
  const Layout layout = Make(text, style);
  pango_layout_set_wrap(layout.get(), PANGO_WRAP_WORD);
  pango_layout_set_width(layout.get(), 0);
  return WidthOf(layout.get());
}

const AsciiLine& PdfText::Ascii(double size) {
  const auto [found, is_new] = ascii_.try_emplace(size);
  AsciiLine& line = found->second;
  if (!is_new) return line;
  line.usable = true;
  for (char c = ' '; c < '\x7F'; ++c) {
    const Layout layout = Make({&c, 1}, {.size = size});
    line.advances[static_cast<std::size_t>(c)] = WidthOf(layout.get());
    if (c == ' ') {
      line.height = HeightOf(layout.get());
      line.baseline = BaselineOf(layout.get());
    }
    line.usable = line.usable && pango_layout_get_unknown_glyphs_count(layout.get()) == 0 &&
                  line.height == HeightOf(layout.get()) &&
                  line.baseline == BaselineOf(layout.get());
  }
  return line;
}

void PdfText::FindMissing(PangoLayout* layout) {
  const Handle<PangoLayoutIter> iterator(pango_layout_get_iter(layout));
  do {
    const PangoLayoutRun* run = pango_layout_iter_get_run_readonly(iterator.get());
    if (run == nullptr) continue;
    for (int i = 0; i < run->glyphs->num_glyphs; ++i) {
      const PangoGlyph glyph = run->glyphs->glyphs[i].glyph;
      if ((glyph & PANGO_GLYPH_UNKNOWN_FLAG) == 0 || glyph == PANGO_GLYPH_INVALID_INPUT) continue;
      missing_.insert(static_cast<char32_t>(glyph & ~PANGO_GLYPH_UNKNOWN_FLAG));
    }
  } while (pango_layout_iter_next_run(iterator.get()) != FALSE);
}

bool FitsOnOneLine(const AsciiLine& line, std::string_view text, double width) {
  // Kerning and ligatures make lines shorter, or longer by less than this.
  constexpr double kTolerance = 1.04;
  if (!line.usable) return false;
  double sum = 0;
  for (const char c : text) {
    if (c < ' ' || c > '~') return false;
    sum += line.advances[static_cast<std::size_t>(c)];
  }
  return sum * kTolerance < width;
}

double WidthOf(PangoLayout* layout) {
  int width = 0;
  pango_layout_get_size(layout, &width, nullptr);
  return FromPango(width);
}

double HeightOf(PangoLayout* layout) {
  int height = 0;
  pango_layout_get_size(layout, nullptr, &height);
  return FromPango(height);
}

double BaselineOf(PangoLayout* layout) { return FromPango(pango_layout_get_baseline(layout)); }

double LastBaselineOf(PangoLayout* layout) {
  const Handle<PangoLayoutIter> iterator(pango_layout_get_iter(layout));
  while (pango_layout_iter_next_line(iterator.get()) != FALSE) {
  }
  return FromPango(pango_layout_iter_get_baseline(iterator.get()));
}

}  // namespace outlive::rendering
