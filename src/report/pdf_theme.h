// How a PDF report looks: sizes and distances in points, colors as 0xRRGGBB.
#ifndef OUTLIVE_SRC_REPORT_PDF_THEME_H_
#define OUTLIVE_SRC_REPORT_PDF_THEME_H_

#include "report/chart_scene.h"

namespace outlive::rendering::theme {

inline constexpr Rgb kInk = 0x1F2933;
inline constexpr Rgb kMuted = 0x5B6472;
inline constexpr Rgb kRule = 0xD5DAE1;
inline constexpr Rgb kStripe = 0xF5F7FA;
inline constexpr Rgb kNote = 0xFFF8E6;
inline constexpr Rgb kNoteEdge = 0xE0A800;

inline constexpr double kTitleSize = 22;
inline constexpr double kSubtitleSize = 12;
inline constexpr double kFactSize = 15;
inline constexpr double kHeadingSizes[] = {15, 12, 10};
inline constexpr double kBodySize = 9.5;
inline constexpr double kBlockTitleSize = 10;  // Of tables and charts.
inline constexpr double kSmallSize = 8;
inline constexpr double kFooterSize = 7.5;

inline constexpr double kChartHeight = 200;
inline constexpr double kChartHeightMin = 140;  // Rather lower than on the next page.
inline constexpr double kEmptyChartHeight = 40;
inline constexpr double kFooterHeight = 24;  // Kept free above the lower margin.
inline constexpr double kBlockGap = 16;      // Below tables and charts.
inline constexpr double kParagraphGap = 6;

// The narrowest column in which something can be read.
inline constexpr double kColumnWidthMin = 14;

}  // namespace outlive::rendering::theme

#endif  // OUTLIVE_SRC_REPORT_PDF_THEME_H_
