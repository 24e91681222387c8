#include "report/pdf_canvas.h"

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <cairo-pdf.h>
#include <cairo.h>
#include <fmt/format.h>
#include <pango/pangocairo.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/byte_stream.h"
#include "outlive/core/report.h"
#include "report/chart_scene.h"
#include "report/pdf_text.h"
#include "report/text.h"

namespace outlive::rendering {
namespace {

constexpr double kPi = 3.14159265358979323846;

void SetMetadata(cairo_surface_t* surface, cairo_pdf_metadata_t name, const std::string& value) {
  if (!value.empty()) cairo_pdf_surface_set_metadata(surface, name, value.c_str());
}

}  // namespace

PdfCanvas::~PdfCanvas() {
  // A document that was not finished is given up: Cairo must not write the rest of it.
  if (stream_ != nullptr) stream_->closed = true;
}

absl::Status PdfCanvas::Open(double width, double height, const Report& report, ByteSink& out) {
  stream_ = std::make_unique<Stream>(out);
  surface_.reset(cairo_pdf_surface_create_for_stream(&WriteBytes, stream_.get(), width, height));
  context_.reset(cairo_create(surface_.get()));
  SetMetadata(surface_.get(), CAIRO_PDF_METADATA_TITLE, OneLine(report.title));
  SetMetadata(surface_.get(), CAIRO_PDF_METADATA_SUBJECT, OneLine(report.subtitle));
  SetMetadata(surface_.get(), CAIRO_PDF_METADATA_AUTHOR, OneLine(report.author));
  SetMetadata(surface_.get(), CAIRO_PDF_METADATA_CREATOR, "outlive");
  // A date of PDF has four digits for the year.
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::Time created =
      std::clamp(report.created, absl::FromCivil(absl::CivilSecond(1, 1, 1), utc),
                 absl::FromCivil(absl::CivilSecond(9999, 12, 31), utc));
  const std::string date = absl::FormatTime("%E4Y-%m-%d%ET%H:%M:%SZ", created, utc);
  SetMetadata(surface_.get(), CAIRO_PDF_METADATA_CREATE_DATE, date);
  SetMetadata(surface_.get(), CAIRO_PDF_METADATA_MOD_DATE, date);
  outline_[0] = CAIRO_PDF_OUTLINE_ROOT;
  return status();
}

cairo_status_t PdfCanvas::WriteBytes(void* closure, const unsigned char* bytes, unsigned int size) {
  auto* stream = static_cast<Stream*>(closure);
  if (stream->closed) return CAIRO_STATUS_WRITE_ERROR;
  try {
    stream->sink.Append({reinterpret_cast<const char*>(bytes), size});
  } catch (const std::exception& error) {
    stream->failure = absl::InternalError(fmt::format("pdf: the sink threw: {}", error.what()));
  } catch (...) {
    stream->failure = absl::InternalError("pdf: the sink threw");
  }
  const bool good = stream->failure.ok() && stream->sink.status().ok();
  return good ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

absl::Status PdfCanvas::status() const {
  if (!stream_->failure.ok()) return stream_->failure;
  if (!stream_->sink.status().ok()) return stream_->sink.status();
  cairo_status_t code = cairo_surface_status(surface_.get());
  if (code == CAIRO_STATUS_SUCCESS) code = cairo_status(context_.get());
  if (code == CAIRO_STATUS_SUCCESS) return absl::OkStatus();
  const std::string text = fmt::format("pdf: {}", cairo_status_to_string(code));
  return code == CAIRO_STATUS_NO_MEMORY ? absl::ResourceExhaustedError(text)
                                        : absl::InternalError(text);
}

void PdfCanvas::SetColor(Rgb color) {
  cairo_set_source_rgb(context_.get(), ((color >> 16) & 0xFF) / 255.0,
                       ((color >> 8) & 0xFF) / 255.0, (color & 0xFF) / 255.0);
}

void PdfCanvas::DrawText(PangoLayout* layout, Point at, Rgb color) {
  if (!drawing()) return;
  SetColor(color);
  cairo_move_to(context_.get(), at.x, at.y);
  pango_cairo_show_layout(context_.get(), layout);
}

void PdfCanvas::DrawTextOnBaseline(PangoLayout* layout, Point at, Rgb color) {
  if (drawing()) DrawText(layout, {at.x, at.y - BaselineOf(layout)}, color);
}

void PdfCanvas::DrawTextLine(PangoLayoutLine* line, Point baseline, Rgb color) {
  if (!drawing()) return;
  SetColor(color);
  cairo_move_to(context_.get(), baseline.x, baseline.y);
  pango_cairo_show_layout_line(context_.get(), line);
}

void PdfCanvas::DrawTurnedText(PangoLayout* layout, Point at, Point offset, double degrees,
                               Rgb color) {
  if (!drawing()) return;
  cairo_save(context_.get());
  cairo_translate(context_.get(), at.x, at.y);
  cairo_rotate(context_.get(), degrees * kPi / 180);
  DrawText(layout, offset, color);
  cairo_restore(context_.get());
}

void PdfCanvas::FillRect(double x, double y, double width, double height, Rgb color) {
  if (!drawing()) return;
  SetColor(color);
  cairo_rectangle(context_.get(), x, y, width, height);
  cairo_fill(context_.get());
}

void PdfCanvas::DrawLine(const std::vector<Point>& points, double width, Rgb color) {
  if (!drawing()) return;
  SetColor(color);
  cairo_new_path(context_.get());  // Text leaves a point behind.
  cairo_set_line_width(context_.get(), width);
  cairo_set_line_join(context_.get(), CAIRO_LINE_JOIN_ROUND);
  for (const Point& point : points) cairo_line_to(context_.get(), point.x, point.y);
  cairo_stroke(context_.get());
}

void PdfCanvas::FillDot(Point at, double radius, Rgb color) {
  if (!drawing()) return;
  SetColor(color);
  cairo_new_path(context_.get());
  cairo_arc(context_.get(), at.x, at.y, radius, 0, 2 * kPi);
  cairo_fill(context_.get());
}

absl::Status PdfCanvas::EndPage() {
  if (!drawing()) return absl::OkStatus();
  cairo_show_page(context_.get());
  return status();
}

void PdfCanvas::AddOutline(std::string_view title, int level, int page, double y) {
  if (!drawing() || title.empty()) return;
  // The nearest level above that has an entry.
  int parent = level - 1;
  while (parent > 0 && outline_[static_cast<std::size_t>(parent)] == 0) --parent;
  const std::string target = fmt::format("page={} pos=[0 {}]", page, std::lround(y));
  outline_[static_cast<std::size_t>(level)] = cairo_pdf_surface_add_outline(
      surface_.get(), outline_[static_cast<std::size_t>(parent)], std::string(title).c_str(),
      target.c_str(), CAIRO_PDF_OUTLINE_FLAG_OPEN);
  for (std::size_t below = static_cast<std::size_t>(level) + 1; below < outline_.size(); ++below) {
    outline_[below] = 0;
  }
}

absl::Status PdfCanvas::Finish() {
  cairo_surface_finish(surface_.get());
  if (absl::Status drawn = status(); !drawn.ok()) return drawn;
  return stream_->sink.Flush();
}

}  // namespace outlive::rendering
