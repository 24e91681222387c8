// The words and the punctuation that renderers add of their own. English, unless a host gives
// others; the text of the report itself is never changed.
//
// Thread-safety: a value.
#ifndef OUTLIVE_REPORT_REPORT_LOCALE_H_
#define OUTLIVE_REPORT_REPORT_LOCALE_H_

#include <string>

namespace outlive {

struct ReportLocale {
  // -- Numbers in PDF and HTML. CSV is for machines and always writes 1234.5; a spreadsheet
  // -- program shows numbers by its user's own settings.

  std::string decimal_point = ".";
  std::string group_separator = ",";  // Between thousands. Empty: none.

  // Before an amount of money, also in XLSX.
  std::string currency = "$";

  // -- Words ---------------------------------------------------------------------------------

  std::string yes = "yes";
  std::string no = "no";

  // {page} and {pages} are replaced.
  std::string page_of_pages = "Page {page} of {pages}";

  // Above the rows of a table on its second and later pages or sheets. {title} is replaced.
  std::string continued = "{title} (continued)";

  std::string author = "Author";
  std::string created = "Created";
  std::string no_rows = "No rows";  // Instead of the rows of an empty table.
  std::string no_data = "No data";  // Instead of an empty chart.
  std::string figures = "Figures";  // Names the table of a chart's values.
  std::string summary = "Summary";  // Names the first sheet of a spreadsheet.

  // In a PDF some of whose characters no font has. {characters} is replaced by some of them.
  std::string missing_characters =
      "Some characters of this document could not be shown, because the machine that made it has "
      "no font for them: {characters}.";
};

}  // namespace outlive

#endif  // OUTLIVE_REPORT_REPORT_LOCALE_H_
