// Shaped text: PdfText turns strings into Pango layouts, all with the same fonts, and remembers the
// characters that no font has.
#ifndef OUTLIVE_SRC_REPORT_PDF_TEXT_H_
#define OUTLIVE_SRC_REPORT_PDF_TEXT_H_

#include <absl/status/status.h>
#include <pango/pango.h>

#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "outlive/core/report.h"
#include "report/pdf_handles.h"

namespace outlive::rendering {

struct TextStyle {
  double size = 10;
  bool bold = false;
};

struct TextBox {
  double width = -1;           // Where lines are wrapped; -1: nowhere.
  Align align = Align::kAuto;  // kAuto: where text of its script starts.
  int line_count_max = 0;      // More lines end with an ellipsis; 0: as many as it takes.
};

using Layout = Handle<PangoLayout>;

// What is known of a line of plain ASCII without laying it out. Laying text out is most of what a
// PDF costs, and of most cells a first pass only has to know that they take one line.
struct AsciiLine {
  bool usable = false;  // The fonts have all of it, in lines of one height.
  double height = 0;
  double baseline = 0;
  std::array<double, 128> advances = {};
};

class PdfText {
 public:
  // kFailedPrecondition where there is no font at all.
  absl::Status Open(const std::string& font_families, const std::string& language);

  // `text` must be clean.
  Layout Make(std::string_view text, const TextStyle& style, const TextBox& box = {});

  double Width(std::string_view text, const TextStyle& style);

  // `text`, marked as a piece that is read from left to right, as numbers and dates are in every
  // document: without a mark their parts change places.
  std::string LeftToRight(std::string text) const;

  // The width below which a word would have to be broken.
  double WidestWord(std::string_view text, const TextStyle& style);

  // Of lines in this size, not bold.
  const AsciiLine& Ascii(double size);

  // Whether the document as a whole runs from right to left.
  bool right_to_left() const { return right_to_left_; }

  // Seen so far.
  const std::set<char32_t>& missing() const { return missing_; }

 private:
  void SetStyle(PangoLayout* layout, const TextStyle& style);
  void SetBox(PangoLayout* layout, const TextBox& box);
  bool RunsRightToLeft(PangoLayout* layout) const;
  void FindMissing(PangoLayout* layout);

  Handle<PangoFontMap> font_map_;
  Handle<PangoContext> context_;
  Handle<PangoFontDescription> font_;
  Handle<PangoAttrList> attributes_;
  bool right_to_left_ = false;
  std::set<char32_t> missing_;
  std::map<double, AsciiLine> ascii_;  // By size.
};

// Whether `text` is plain ASCII that takes one line of `width` for certain.
bool FitsOnOneLine(const AsciiLine& line, std::string_view text, double width);

// In points.
double WidthOf(PangoLayout* layout);
double HeightOf(PangoLayout* layout);
double BaselineOf(PangoLayout* layout);      // Of the first line.
double LastBaselineOf(PangoLayout* layout);  // Of the last one.

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_PDF_TEXT_H_
