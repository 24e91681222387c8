#include "report/paragraphs.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "report/text.h"

namespace outlive::rendering {

std::vector<std::string> SplitParagraphs(std::string_view text) {
  std::vector<std::string> paragraphs;
  std::string scratch;
  std::string_view rest = Clean(text, scratch);
  std::string current;
  while (true) {
    const std::size_t end = rest.find_first_of("\r\n");
    const std::string_view line = rest.substr(0, end);
    if (line.find_first_not_of(" \t") != std::string_view::npos) {
      if (!current.empty()) current += '\n';
      current += line;
    } else if (!current.empty()) {
      paragraphs.push_back(std::move(current));
      current.clear();
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + (rest.substr(end, 2) == "\r\n" ? 2 : 1));
  }
  if (!current.empty()) paragraphs.push_back(std::move(current));
  return paragraphs;
}

}  // namespace outlive::rendering
