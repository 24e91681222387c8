// XlsxWorkbook owns a libxlsxwriter workbook: its formats, its temporary files, and the way from
// there to a ByteSink. Every call into the library is made in the C locale.
#ifndef OUTLIVE_SRC_REPORT_XLSX_WORKBOOK_H_
#define OUTLIVE_SRC_REPORT_XLSX_WORKBOOK_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <xlsxwriter.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/byte_stream.h"
#include "outlive/core/report.h"
#include "report/c_locale.h"
#include "report/private_temp_dir.h"
#include "report/xlsx_sheet_names.h"

namespace outlive::rendering {

// How cells look. Owned by the workbook.
struct XlsxFormats {
  lxw_format* title = nullptr;
  lxw_format* subtitle = nullptr;
  std::array<lxw_format*, 3> headings = {};  // By level, from 1.
  lxw_format* label = nullptr;
  lxw_format* value = nullptr;
  lxw_format* paragraph = nullptr;
  lxw_format* link = nullptr;

  // Heads of columns over what goes left, right and to the middle.
  std::array<lxw_format*, 3> heads = {};

  // Cells by alignment (left, right, center; none: nullptr) and kind.
  struct Cells {
    lxw_format* text = nullptr;
    lxw_format* date = nullptr;
    lxw_format* time = nullptr;
    std::array<lxw_format*, 5> doubles = {};  // By NumberFormat.
    std::array<lxw_format*, 5> wholes = {};
  };
  std::array<Cells, 4> cells = {};  // By Align.
};

class XlsxWorkbook {
 public:
  XlsxWorkbook() = default;
  ~XlsxWorkbook();
  XlsxWorkbook(const XlsxWorkbook&) = delete;
  XlsxWorkbook& operator=(const XlsxWorkbook&) = delete;

  absl::Status Open(const std::string& temp_dir, std::uint32_t accent_rgb,
                    std::string_view currency);

  // `streamed`: the rows of the sheet go to a temporary file and must be written in order.
  absl::StatusOr<lxw_worksheet*> AddSheet(std::string_view title, std::string_view fallback,
                                          bool streamed);

  lxw_chart* AddChart(Chart::Type type);

  // Title, author and date.
  void SetProperties(const Report& report);

  // kUnavailable where a sheet's temporary file could not be written. Cheap.
  absl::Status CheckSheet(const lxw_worksheet* sheet) const;

  // Puts the file together and closes the workbook.
  absl::Status Assemble();

  // Hands the file on. `go_on` is asked before each block, with the share that is done.
  absl::Status Stream(ByteSink& out, const std::function<absl::Status(double)>& go_on);

  const XlsxFormats& formats() const { return formats_; }
  const CLocale& locale() const { return locale_; }

 private:
  lxw_format* NewFormat();
  void MakeFormats(std::uint32_t accent_rgb, std::string_view currency);
  void MakeCellFormats(std::string_view currency);

  CLocale locale_;
  PrivateTempDir dir_;
  std::string dir_path_;  // libxlsxwriter keeps a pointer to it.
  std::string file_path_;
  lxw_workbook* workbook_ = nullptr;
  std::vector<lxw_worksheet*> streamed_;
  SheetNames names_;
  XlsxFormats formats_;
};

// kOk, or the error as a status: what more room or another try may mend is kUnavailable.
absl::Status FromXlsxError(lxw_error error);

// 0xRRGGBB as the library takes it, to whom 0 means no color.
lxw_color_t XlsxColor(std::uint32_t rgb);

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_XLSX_WORKBOOK_H_
