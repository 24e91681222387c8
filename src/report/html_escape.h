// Text as HTML and SVG content or attribute value.
#ifndef OUTLIVE_SRC_REPORT_HTML_ESCAPE_H_
#define OUTLIVE_SRC_REPORT_HTML_ESCAPE_H_

#include <string>
#include <string_view>

#include "report/text.h"

namespace outlive::rendering {

// Good between tags and inside quoted attributes; bytes that are not text are replaced.
inline std::string EscapeHtml(std::string_view text) {
  std::string scratch;
  std::string out;
  for (const char c : Clean(text, scratch)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_HTML_ESCAPE_H_
