#include "report_app/csv_reader.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

namespace {

using Record = std::vector<std::string>;

// All records of `text`, or the first error.
absl::StatusOr<std::vector<Record>> ReadAll(const std::string& text) {
  std::istringstream in(text);
  report_app::CsvReader reader(in);
  std::vector<Record> records;
  Record record;
  while (true) {
    const absl::StatusOr<bool> more = reader.Next(record);
    if (!more.ok()) return more.status();
    if (!*more) return records;
    records.push_back(record);
  }
}

void CheckFault(const std::string& text, const std::string& message) {
  const absl::Status status = ReadAll(text).status();
  CHECK(status == absl::InvalidArgumentError(message));
}

}  // namespace

TEST_CASE("CSV records end with LF, CRLF or the file") {
  const std::vector<Record> expected = {{"a", "b"}, {"c", "d"}};
  CHECK(ReadAll("a,b\nc,d").value() == expected);
  CHECK(ReadAll("a,b\nc,d\n").value() == expected);
  CHECK(ReadAll("a,b\r\nc,d\r\n").value() == expected);
  CHECK(ReadAll("").value().empty());
}

TEST_CASE("CSV fields may be empty") {
  CHECK(ReadAll(",\n").value() == std::vector<Record>{{"", ""}});
  CHECK(ReadAll("a,,c\n").value() == std::vector<Record>{{"a", "", "c"}});
  CHECK(ReadAll("\n").value() == std::vector<Record>{{""}});
  CHECK(ReadAll("a,").value() == std::vector<Record>{{"a", ""}});
}

TEST_CASE("CSV fields in quotes hold commas, quotes and line breaks") {
  CHECK(ReadAll("\"a,b\",\"say \"\"hi\"\"\"\r\n\"two\nlines\",x").value() ==
        std::vector<Record>{{"a,b", "say \"hi\""}, {"two\nlines", "x"}});
  CHECK(ReadAll("\"\"\n").value() == std::vector<Record>{{""}});
}

TEST_CASE("a carriage return alone belongs to the field") {
  CHECK(ReadAll("a\rb,c\n").value() == std::vector<Record>{{"a\rb", "c"}});
}

TEST_CASE("what is not CSV is refused with its line") {
  CheckFault("a,b\nc\"d,e\n", "line 2: a quote inside of a field that does not start with one");
  CheckFault("\"a\nb", "line 2: the file ends inside of a field in quotes");
  CheckFault("a\n\"b\"c\n", "line 2: text after the closing quote of a field");
  CheckFault("\"b\"\rc\n", "line 1: text after the closing quote of a field");
}
