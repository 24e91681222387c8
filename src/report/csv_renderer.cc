#include "outlive/report/csv_renderer.h"

#include <absl/status/status.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>
#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "outlive/core/byte_stream.h"
#include "outlive/core/progress.h"
#include "outlive/core/report.h"
#include "report/buffered_sink.h"
#include "report/row_meter.h"
#include "report/table_reader.h"
#include "report/text.h"

namespace outlive {
namespace {

using rendering::BufferedSink;
using rendering::RowMeter;
using rendering::TableReader;

// Blanks that programs skip, or do not show, before they look for a formula.
bool IsBlank(char32_t c) {
  return c == ' ' || c == 0x00A0 || c == 0x3000 || c == 0xFEFF || (c >= 0x2000 && c <= 0x200F);
}

// Whether a spreadsheet program could take clean `text` for a formula.
bool LooksLikeFormula(std::string_view text) {
  while (!text.empty()) {
    const char32_t c = rendering::TakeCodePoint(text);
    switch (c) {
      case '=':
      case '+':
      case '-':
      case '@':
      case '\t':
      case '\r':
      case '\n':
      case 0xFF1D:  // Full-width = + - @.
      case 0xFF0B:
      case 0xFF0D:
      case 0xFF20:
        return true;
      default:
        if (!IsBlank(c)) return false;
    }
  }
  return false;
}

// Builds one line after another.
class LineWriter {
 public:
  LineWriter(const CsvOptions& options, BufferedSink& out) : options_(options), out_(out) {}

  void Text(std::string_view text) {
    Separate();
    const std::string_view clean = rendering::Clean(text, scratch_);
    const bool protect = options_.formula_protection && LooksLikeFormula(clean);
    if (!protect && !NeedsQuotes(clean)) {
      line_.append(clean);
      return;
    }
    line_ += '"';
    if (protect) line_ += '\'';
    for (const char c : clean) {
      if (c == '"') line_ += '"';
      line_ += c;
    }
    line_ += '"';
  }

  void Add(const Cell& cell) {
    if (const auto* text = std::get_if<std::string>(&cell)) return Text(*text);
    Separate();
    std::visit([this](const auto& value) { AppendValue(value); }, cell);
  }

  void EndLine() {
    // A line of one empty field would be an empty line, which many programs skip.
    if (line_.empty() && field_count_ == 1) line_ = "\"\"";
    line_ += "\r\n";
    out_.Append(line_);
    line_.clear();
    field_count_ = 0;
  }

 private:
  void Separate() {
    if (field_count_++ > 0) line_ += options_.delimiter;
  }

  bool NeedsQuotes(std::string_view text) const {
    if (text.empty()) return false;
    if (text.front() == ' ' || text.back() == ' ') return true;
    for (const char c : text) {
      if (c == '"' || c == '\r' || c == '\n' || c == options_.delimiter) return true;
    }
    return false;
  }

  template <typename T>
  void AppendValue(const T& value) {
    if constexpr (std::is_same_v<T, std::int64_t>) {
      fmt::format_to(std::back_inserter(line_), "{}", value);
    } else if constexpr (std::is_same_v<T, double>) {
      AppendDouble(value);
    } else if constexpr (std::is_same_v<T, bool>) {
      line_ += value ? "true" : "false";
    } else if constexpr (std::is_same_v<T, absl::CivilDay>) {
      line_ += absl::FormatCivilTime(value);
    } else if constexpr (std::is_same_v<T, absl::Time>) {
      line_ += absl::FormatTime("%Y-%m-%d%ET%H:%M:%E*SZ", value, absl::UTCTimeZone());
    }
  }

  void AppendDouble(double value) {
    if (std::isnan(value)) {
      line_ += "NaN";
    } else if (std::isinf(value)) {
      line_ += value > 0 ? "Infinity" : "-Infinity";
    } else {
      fmt::format_to(std::back_inserter(line_), "{}", value);
    }
  }

  const CsvOptions& options_;
  BufferedSink& out_;
  std::string line_;
  std::string scratch_;
  std::size_t field_count_ = 0;
};

absl::Status WriteRows(const Table& table, RowMeter& meter, LineWriter& line, BufferedSink& out) {
  for (const Column& column : table.columns) line.Text(column.title);
  line.EndLine();
  TableReader reader(table, meter);
  if (absl::Status opened = reader.Open(); !opened.ok()) return opened;
  while (reader.Next()) {
    for (const Cell& cell : reader.row()) line.Add(cell);
    line.EndLine();
    if (!out.status().ok()) return out.status();
  }
  return reader.status();
}

absl::Status CheckDelimiter(char delimiter) {
  if (std::string_view(",;|\t").find(delimiter) != std::string_view::npos) return absl::OkStatus();
  return absl::InvalidArgumentError("CsvOptions: delimiter is not one of , ; | and tab");
}

}  // namespace

absl::Status CsvRenderer::Render(const Report& report, Progress& progress, ByteSink& out) {
  if (absl::Status valid = CheckDelimiter(options_.delimiter); !valid.ok()) return valid;
  if (absl::Status valid = ValidateReport(report); !valid.ok()) return valid;
  std::vector<const Table*> tables = rendering::TablesOf(report);
  if (options_.select) {
    std::erase_if(tables, [this](const Table* table) { return !options_.select(*table); });
  }

  BufferedSink buffer(out);
  LineWriter line(options_, buffer);
  RowMeter meter(tables, progress, 0.0, 1.0);
  if (options_.byte_order_mark) buffer.Append("\xEF\xBB\xBF");
  for (std::size_t i = 0; i < tables.size(); ++i) {
    if (i > 0) line.EndLine();
    if (tables.size() > 1) {
      line.Text(tables[i]->title);
      line.EndLine();
    }
    if (absl::Status s = WriteRows(*tables[i], meter, line, buffer); !s.ok()) return s;
  }
  if (absl::Status written = buffer.Flush(); !written.ok()) return written;
  progress.ReportProgress(1.0);
  return absl::OkStatus();
}

}  // namespace outlive
