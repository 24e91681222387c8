// Looks at a finished workbook whether all of its sheets are in it. libxlsxwriter copies each sheet
// through a temporary file without looking whether the copy was written: on a full disk a cut
// sheet would pass for a good one.
#ifndef OUTLIVE_SRC_REPORT_XLSX_PACKAGE_H_
#define OUTLIVE_SRC_REPORT_XLSX_PACKAGE_H_

#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace outlive::rendering {

struct SheetSize {
  std::size_t index = 0;         // From 0, in the order of the workbook.
  std::uint64_t byte_count = 0;  // Of its rows. The sheet is larger than that.
};

// kUnavailable where a sheet is missing or too short, or the directory of the ZIP file is.
absl::Status CheckPackage(const std::string& path, const std::vector<SheetSize>& sheets);

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_XLSX_PACKAGE_H_
