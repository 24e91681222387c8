#include "report/xlsx_workbook.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>
#include <fmt/format.h>
#include <xlsxwriter.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/byte_stream.h"
#include "outlive/core/mutex.h"
#include "outlive/core/report.h"
#include "report/text.h"
#include "report/xlsx_package.h"
#include "report/xlsx_sheet_names.h"

namespace outlive::rendering {
namespace {

// Sheets above this size need the long form of ZIP, which some programs cannot read.
constexpr std::uint64_t kShortZipBytesMax = 3'900'000'000;

// libxlsxwriter writes the document's date with gmtime(), whose result all threads share.
Mutex& AssemblyMutex() {
  static Mutex mutex;
  return mutex;
}

// A time within the years that document properties can hold. 0 would mean the current time.
std::time_t PropertyTime(absl::Time time) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::Time first = absl::FromCivil(absl::CivilSecond(1601, 1, 1), utc);
  const absl::Time last = absl::FromCivil(absl::CivilSecond(9999, 12, 31), utc);
  const std::time_t clamped = absl::ToTimeT(std::clamp(time, first, last));
  return clamped == 0 ? 1 : clamped;
}

// The library quotes names in formulas that hold blanks, but not those that look like a number or
// like a cell ("2024", "A1"), and Excel cannot open the file. Its own string is replaced by ours.
void QuoteName(lxw_worksheet* sheet) {
  const std::string quoted = QuotedSheetName(sheet->name);
  auto* copy = static_cast<char*>(std::malloc(quoted.size() + 1));
  if (copy == nullptr) return;
  std::memcpy(copy, quoted.c_str(), quoted.size() + 1);
  std::free(sheet->quoted_name);
  sheet->quoted_name = copy;
}

std::array<std::string, 5> DoubleFormats(std::string_view currency) {
  const std::string quoted = "\"" + Replaced(OneLine(currency), "\"", "") + "\"";
  return {"General", "#,##0", "#,##0.00", fmt::format("{0}#,##0;-{0}#,##0", quoted), "0.0 %"};
}

}  // namespace

absl::Status FromXlsxError(lxw_error error) {
  switch (error) {
    case LXW_NO_ERROR:
      return absl::OkStatus();
    case LXW_ERROR_MEMORY_MALLOC_FAILED:
      return absl::ResourceExhaustedError("xlsx: out of memory");
    case LXW_ERROR_CREATING_XLSX_FILE:
    case LXW_ERROR_CREATING_TMPFILE:
    case LXW_ERROR_READING_TMPFILE:
    case LXW_ERROR_ZIP_FILE_OPERATION:
    case LXW_ERROR_ZIP_FILE_ADD:
    case LXW_ERROR_ZIP_CLOSE:
      return absl::UnavailableError(
          fmt::format("xlsx: a temporary file could not be written: {}", lxw_strerror(error)));
    default:
      return absl::InternalError(fmt::format("xlsx: {}", lxw_strerror(error)));
  }
}

lxw_color_t XlsxColor(std::uint32_t rgb) {
  return rgb == 0 ? static_cast<lxw_color_t>(LXW_COLOR_BLACK) : rgb & 0xFFFFFF;
}

XlsxWorkbook::~XlsxWorkbook() {
  if (workbook_ == nullptr) return;
  // The library closes these files only where it reads them back.
  for (lxw_worksheet* sheet : streamed_) {
    std::fclose(sheet->optimize_tmpfile);
    sheet->optimize_tmpfile = nullptr;
  }
  lxw_workbook_free(workbook_);
}

absl::Status XlsxWorkbook::Open(const std::string& temp_dir, std::uint32_t accent_rgb,
                                std::string_view currency) {
  if (absl::Status made = dir_.Create(temp_dir); !made.ok()) return made;
  dir_path_ = dir_.path();
  file_path_ = dir_path_ + "/report.xlsx";
  const CLocale::Scope scope(locale_);
  lxw_workbook_options options{};
  options.constant_memory = LXW_TRUE;
  options.tmpdir = dir_path_.data();
  workbook_ = workbook_new_opt(file_path_.c_str(), &options);
  if (workbook_ == nullptr) return FromXlsxError(LXW_ERROR_MEMORY_MALLOC_FAILED);
  MakeFormats(accent_rgb, currency);
  return absl::OkStatus();
}

absl::StatusOr<lxw_worksheet*> XlsxWorkbook::AddSheet(std::string_view title,
                                                      std::string_view fallback, bool streamed) {
  const CLocale::Scope scope(locale_);
  // Read by the library whenever a sheet is added.
  workbook_->options.constant_memory = streamed ? LXW_TRUE : LXW_FALSE;
  const std::string name = names_.Add(title, fallback);
  lxw_worksheet* sheet = workbook_add_worksheet(workbook_, name.c_str());
  if (sheet == nullptr || (streamed && sheet->optimize_tmpfile == nullptr)) {
    return absl::UnavailableError(fmt::format("xlsx: sheet \"{}\" could not be added", name));
  }
  QuoteName(sheet);
  if (streamed) streamed_.push_back(sheet);
  return sheet;
}

lxw_chart* XlsxWorkbook::AddChart(Chart::Type type) {
  return workbook_add_chart(workbook_,
                            type == Chart::Type::kBar ? LXW_CHART_COLUMN : LXW_CHART_LINE);
}

void XlsxWorkbook::SetProperties(const Report& report) {
  std::string title = OneLine(report.title);
  std::string subject = OneLine(report.subtitle);
  std::string author = OneLine(report.author);
  lxw_doc_properties properties{};
  properties.title = title.data();
  properties.subject = subject.data();
  properties.author = author.data();
  properties.created = PropertyTime(report.created);
  workbook_set_properties(workbook_, &properties);
}

absl::Status XlsxWorkbook::CheckSheet(const lxw_worksheet* sheet) const {
  if (sheet->optimize_tmpfile == nullptr || std::ferror(sheet->optimize_tmpfile) == 0) {
    return absl::OkStatus();
  }
  return FromXlsxError(LXW_ERROR_CREATING_TMPFILE);
}

absl::Status XlsxWorkbook::Assemble() {
  // The library does not look whether its temporary files are whole: we do, before and after.
  std::vector<SheetSize> sizes;
  std::uint64_t largest = 0;
  std::uint64_t total = 0;
  for (const lxw_worksheet* sheet : streamed_) {
    std::fflush(sheet->optimize_tmpfile);
    if (absl::Status whole = CheckSheet(sheet); !whole.ok()) return whole;
    const auto size = static_cast<std::uint64_t>(std::ftell(sheet->optimize_tmpfile));
    sizes.push_back({static_cast<std::size_t>(sheet->index), size});
    largest = std::max(largest, size);
    total += size;
  }
  // One sheet at a time is copied once more, and the document itself is a small part of them all.
  constexpr std::uint64_t kFrameBytesMax = std::uint64_t{64} << 10;
  const std::uint64_t needed = largest + total / 4 + 16 * kFrameBytesMax;
  if (absl::Status room = dir_.CheckRoom(needed, largest + kFrameBytesMax); !room.ok()) return room;
  workbook_->options.use_zip64 = total > kShortZipBytesMax ? LXW_TRUE : LXW_FALSE;

  lxw_workbook* workbook = workbook_;
  workbook_ = nullptr;  // It is freed whether that works or not.
  streamed_.clear();
  lxw_error error = LXW_NO_ERROR;
  {
    const MutexLock lock(AssemblyMutex());
    const CLocale::Scope scope(locale_);
    error = workbook_close(workbook);
  }
  if (error != LXW_NO_ERROR) return FromXlsxError(error);
  return CheckPackage(file_path_, sizes);
}

absl::Status XlsxWorkbook::Stream(ByteSink& out, const std::function<absl::Status(double)>& go_on) {
  constexpr std::size_t kBlockBytes = std::size_t{64} << 10;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(file_path_.c_str(), "rb"),
                                                             &std::fclose);
  if (file == nullptr) return FromXlsxError(LXW_ERROR_CREATING_XLSX_FILE);
  std::fseek(file.get(), 0, SEEK_END);
  const auto size = static_cast<double>(std::ftell(file.get()));
  std::rewind(file.get());
  std::string block(kBlockBytes, '\0');
  double done = 0;
  while (true) {
    const std::size_t got = std::fread(block.data(), 1, block.size(), file.get());
    if (std::ferror(file.get()) != 0) return FromXlsxError(LXW_ERROR_READING_TMPFILE);
    if (got == 0) return absl::OkStatus();
    if (absl::Status s = go_on(done / size); !s.ok()) return s;
    if (absl::Status s = out.Write({block.data(), got}); !s.ok()) return s;
    done += static_cast<double>(got);
  }
}

lxw_format* XlsxWorkbook::NewFormat() {
  lxw_format* format = workbook_add_format(workbook_);
  format_set_align(format, LXW_ALIGN_VERTICAL_TOP);
  return format;
}

void XlsxWorkbook::MakeFormats(std::uint32_t accent_rgb, std::string_view currency) {
  constexpr lxw_color_t kMuted = 0x5B6472;
  const lxw_color_t accent = XlsxColor(accent_rgb);
  const auto text = [this](double size, bool bold, lxw_color_t color) {
    lxw_format* format = NewFormat();
    format_set_font_size(format, size);
    if (bold) format_set_bold(format);
    format_set_font_color(format, color);
    return format;
  };
  formats_.title = text(20, true, accent);
  formats_.subtitle = text(12, false, kMuted);
  formats_.headings = {text(15, true, accent), text(12.5, true, accent), text(11, true, kMuted)};
  formats_.label = text(11, false, kMuted);
  formats_.value = text(11, true, LXW_COLOR_BLACK);
  formats_.paragraph = text(11, false, LXW_COLOR_BLACK);
  formats_.link = text(11, false, accent);
  format_set_underline(formats_.link, LXW_UNDERLINE_SINGLE);
  for (lxw_format* wrapped : {formats_.value, formats_.paragraph}) format_set_text_wrap(wrapped);

  constexpr std::array<std::uint8_t, 3> kAligns = {LXW_ALIGN_LEFT, LXW_ALIGN_RIGHT,
                                                   LXW_ALIGN_CENTER};
  for (std::size_t i = 0; i < kAligns.size(); ++i) {
    lxw_format* head = text(11, true, LXW_COLOR_WHITE);
    format_set_bg_color(head, accent);
    format_set_align(head, LXW_ALIGN_VERTICAL_CENTER);
    format_set_align(head, kAligns[i]);
    format_set_text_wrap(head);
    formats_.heads[i] = head;
  }
  MakeCellFormats(currency);
}

void XlsxWorkbook::MakeCellFormats(std::string_view currency) {
  const std::array<std::string, 5> doubles = DoubleFormats(currency);
  constexpr std::array<std::uint8_t, 4> kAligns = {LXW_ALIGN_NONE, LXW_ALIGN_LEFT, LXW_ALIGN_RIGHT,
                                                   LXW_ALIGN_CENTER};
  for (std::size_t a = 0; a < kAligns.size(); ++a) {
    const auto cell = [&](const char* number_format) -> lxw_format* {
      // No format at all makes files smaller than the format of always.
      if (kAligns[a] == LXW_ALIGN_NONE && number_format == nullptr) return nullptr;
      lxw_format* format = workbook_add_format(workbook_);
      if (kAligns[a] != LXW_ALIGN_NONE) format_set_align(format, kAligns[a]);
      if (number_format != nullptr) format_set_num_format(format, number_format);
      return format;
    };
    XlsxFormats::Cells& cells = formats_.cells[a];
    cells.text = cell(nullptr);
    cells.date = cell("yyyy-mm-dd");
    cells.time = cell("yyyy-mm-dd hh:mm:ss");
    for (std::size_t n = 0; n < doubles.size(); ++n) {
      cells.doubles[n] = cell(n == 0 ? nullptr : doubles[n].c_str());
      // Twelve digits and more of a plain whole number would be shown as 1.23E+11.
      cells.wholes[n] = cell(n == 0 ? "0" : doubles[n].c_str());
    }
  }
}

}  // namespace outlive::rendering
