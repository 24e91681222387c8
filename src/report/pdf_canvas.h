// PdfCanvas is what is drawn on: the pages of a PDF document that streams into a ByteSink, or
// nothing, while a report is only measured.
//
// Coordinates are in points from the upper left corner of the page.
#ifndef OUTLIVE_SRC_REPORT_PDF_CANVAS_H_
#define OUTLIVE_SRC_REPORT_PDF_CANVAS_H_

#include <absl/status/status.h>
#include <cairo.h>
#include <pango/pango.h>

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "outlive/core/byte_stream.h"
#include "outlive/core/report.h"
#include "report/buffered_sink.h"
#include "report/chart_scene.h"
#include "report/pdf_handles.h"

namespace outlive::rendering {

class PdfCanvas {
 public:
  PdfCanvas() = default;
  ~PdfCanvas();
  PdfCanvas(const PdfCanvas&) = delete;
  PdfCanvas& operator=(const PdfCanvas&) = delete;

  // Starts a document. Without it nothing is drawn. `out` is borrowed.
  absl::Status Open(double width, double height, const Report& report, ByteSink& out);

  bool drawing() const { return context_ != nullptr; }

  void DrawText(PangoLayout* layout, Point at, Rgb color);
  // With the first line's baseline at `at.y`: fonts of different scripts differ in height.
  void DrawTextOnBaseline(PangoLayout* layout, Point at, Rgb color);
  void DrawTextLine(PangoLayoutLine* line, Point baseline, Rgb color);
  void FillRect(double x, double y, double width, double height, Rgb color);
  void DrawLine(const std::vector<Point>& points, double width, Rgb color);
  void FillDot(Point at, double radius, Rgb color);

  // As DrawText, turned by `degrees` clockwise about `at`, after moving by `offset`.
  void DrawTurnedText(PangoLayout* layout, Point at, Point offset, double degrees, Rgb color);

  // Ends the page. Then the sink's error, if it had one.
  absl::Status EndPage();

  // An entry of the outline for a place on the page that is drawn now. `level` is from 1.
  void AddOutline(std::string_view title, int level, int page, double y);

  // Ends the document.
  absl::Status Finish();

 private:
  static cairo_status_t WriteBytes(void* closure, const unsigned char* bytes, unsigned int size);

  absl::Status status() const;
  void SetColor(Rgb color);

  // The stream outlives the surface, which writes when it is destroyed.
  struct Stream {
    explicit Stream(ByteSink& out) : sink(out) {}
    BufferedSink sink;
    absl::Status failure;  // Of an exception in the sink, which must not pass through Cairo.
    bool closed = false;
  };
  std::unique_ptr<Stream> stream_;
  Handle<cairo_surface_t> surface_;
  Handle<cairo_t> context_;
  std::array<int, 4> outline_ = {};  // The latest entry of each level; of level 0, the root.
};

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_PDF_CANVAS_H_
