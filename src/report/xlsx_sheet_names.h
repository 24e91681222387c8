// Names of sheets as Excel takes them.
#ifndef OUTLIVE_SRC_REPORT_XLSX_SHEET_NAMES_H_
#define OUTLIVE_SRC_REPORT_XLSX_SHEET_NAMES_H_

#include <set>
#include <string>
#include <string_view>

namespace outlive::rendering {

class SheetNames {
 public:
  // A name made of `title`: valid, and different from every one before even to a program that
  // does not tell capitals from small letters. `fallback` where nothing of the title is left.
  std::string Add(std::string_view title, std::string_view fallback);

 private:
  std::set<std::string> taken_;  // In small letters.
};

// The name as it stands in a formula: in apostrophes where it needs them, as "2024" and "A1" do.
std::string QuotedSheetName(std::string_view name);

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_XLSX_SHEET_NAMES_H_
