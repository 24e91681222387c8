// CsvReader reads the records of a CSV file (RFC 4180) one by one: fields in quotes may hold
// commas, quotes (doubled) and line breaks; lines end with CRLF or LF; the last one may lack its
// end.
//
// Thread-safety: for one thread.
// Lifetime:      the stream outlives the reader.
// Errors:        kInvalidArgument: not CSV, with the line. kDataLoss: the stream failed.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_CSV_READER_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_CSV_READER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <istream>
#include <string>
#include <string_view>
#include <vector>

namespace report_app {

class CsvReader {
 public:
  explicit CsvReader(std::istream& in) : in_(in) {}

  // Puts the next record in `fields`; false at the end. An empty line is a record of one empty
  // field, as in the RFC.
  absl::StatusOr<bool> Next(std::vector<std::string>& fields);

  // The line, from 1, on which the latest record ended.
  int line() const { return line_; }

 private:
  // What ended a field.
  enum class End { kComma, kLine, kFile };

  absl::StatusOr<End> ReadField(std::string& field);
  absl::StatusOr<End> ReadQuoted(std::string& field);
  absl::StatusOr<End> AfterQuote();
  absl::Status Fault(std::string_view what) const;

  std::istream& in_;
  int line_ = 0;
};

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_CSV_READER_H_
