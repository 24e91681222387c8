// A Paragraph section may hold several paragraphs, which empty lines separate.
#ifndef OUTLIVE_SRC_REPORT_PARAGRAPHS_H_
#define OUTLIVE_SRC_REPORT_PARAGRAPHS_H_

#include <string>
#include <string_view>
#include <vector>

namespace outlive::rendering {

// Clean text, without the empty ones. Single line breaks are kept, as "\n".
std::vector<std::string> SplitParagraphs(std::string_view text);

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_PARAGRAPHS_H_
