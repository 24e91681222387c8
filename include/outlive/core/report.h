// The report model: what a renderer turns into a PDF, a spreadsheet, CSV or HTML. It says what is
// there, not how it looks.
//
// Rows are streamed. A table holds a function that opens its rows, which a renderer may call more
// than once (a PDF is laid out twice, to know its number of pages) and must give the same rows
// each time.
//
// Thread-safety: a report is a value; one thread at a time.
#ifndef OUTLIVE_CORE_REPORT_H_
#define OUTLIVE_CORE_REPORT_H_

#include <absl/status/statusor.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace outlive {

// One cell. monostate is an empty cell. Text is UTF-8; what is not is replaced by U+FFFD.
using Cell = std::variant<std::monostate, std::string, std::int64_t, double, bool, absl::CivilDay,
                          absl::Time>;
using Row = std::vector<Cell>;

class RowSource {
 public:
  virtual ~RowSource() = default;

  // Puts the next row in `row`, whose memory it may reuse; false at the end.
  virtual absl::StatusOr<bool> Next(Row& row) = 0;
};

// How the numbers of a column are written. Text, dates and times need no format.
enum class NumberFormat {
  kPlain,    // 1234.5
  kInteger,  // 1,234
  kDecimal,  // 1,234.50
  kMoney,    // $1,234
  kPercent,  // 0.125 is 12.5 %
};

enum class Align { kAuto, kLeft, kRight, kCenter };  // kAuto: numbers right, the rest left.

struct Column {
  std::string title = {};
  NumberFormat format = NumberFormat::kPlain;
  Align align = Align::kAuto;
  double width = 1.0;  // Relative to the other columns of the table. Positive.
};

struct Heading {
  std::string text = {};
  int level = 1;  // 1 to 3.
};

struct Paragraph {
  std::string text = {};  // Empty lines separate paragraphs.
};

struct Table {
  std::string title = {};  // Also the name of the sheet, shortened where a format must.
  std::vector<Column> columns = {};
  std::function<absl::StatusOr<std::unique_ptr<RowSource>>()> rows = {};

  // How many rows will come, for progress; -1: not known.
  std::int64_t row_count = -1;
};

struct Chart {
  enum class Type { kBar, kLine };
  struct Series {
    std::string name = {};
    std::vector<double> values = {};  // As many as there are categories.
  };
  Type type = Type::kBar;
  std::string title;
  std::string x_title;
  std::string y_title;
  NumberFormat format = NumberFormat::kInteger;
  std::vector<std::string> categories;
  std::vector<Series> series;
};

using Section = std::variant<Heading, Paragraph, Table, Chart>;

struct Report {
  std::string title = {};
  std::string subtitle = {};
  std::string author = {};
  absl::Time created = {};      // Shown on the title page, and the document's date. UTC.
  std::string language = "en";  // A BCP 47 tag, for shaping and for the document's properties.

  // Lines of the title page: ("Records", "1,204").
  std::vector<std::pair<std::string, std::string>> facts = {};

  std::vector<Section> sections = {};
};

// Rows that are already in memory.
std::function<absl::StatusOr<std::unique_ptr<RowSource>>()> RowsInMemory(std::vector<Row> rows);

// OK, or kInvalidArgument that names the section and what is wrong with it: a chart whose series
// and categories differ in number, a table without columns or rows, a level out of range.
absl::Status ValidateReport(const Report& report);

}  // namespace outlive

#endif  // OUTLIVE_CORE_REPORT_H_
