// A chart as inline SVG.
#ifndef OUTLIVE_SRC_REPORT_HTML_CHART_H_
#define OUTLIVE_SRC_REPORT_HTML_CHART_H_

#include <cstdint>
#include <string>

#include "outlive/core/report.h"
#include "outlive/report/report_locale.h"

namespace outlive::rendering {

// The <svg> element. It is one picture to a screen reader, named by the chart's title.
std::string ChartSvg(const Chart& chart, const ReportLocale& locale, std::uint32_t accent_rgb);

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_HTML_CHART_H_
