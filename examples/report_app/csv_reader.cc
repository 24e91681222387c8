#include "report_app/csv_reader.h"

#include <fmt/format.h>

namespace report_app {
namespace {

constexpr int kEnd = std::istream::traits_type::eof();

}  // namespace

absl::StatusOr<bool> CsvReader::Next(std::vector<std::string>& fields) {
  if (in_.peek() == kEnd) {
    if (in_.bad()) return absl::DataLossError("the CSV file cannot be read");
    return false;
  }
  ++line_;
  fields.clear();
  while (true) {
    absl::StatusOr<End> end = ReadField(fields.emplace_back());
    if (!end.ok()) return end.status();
    if (*end != End::kComma) return true;
  }
}

absl::StatusOr<CsvReader::End> CsvReader::ReadField(std::string& field) {
  if (in_.peek() == '"') {
    in_.get();
    return ReadQuoted(field);
  }
  while (true) {
    const int next = in_.get();
    if (next == kEnd) return End::kFile;
    if (next == ',') return End::kComma;
    if (next == '\n') return End::kLine;
    if (next == '\r' && in_.peek() == '\n') continue;
    if (next == '"') return Fault("a quote inside of a field that does not start with one");
    field.push_back(static_cast<char>(next));
  }
}

absl::StatusOr<CsvReader::End> CsvReader::ReadQuoted(std::string& field) {
  while (true) {
    const int next = in_.get();
    if (next == kEnd) return Fault("the file ends inside of a field in quotes");
    if (next == '"') {
      if (in_.peek() != '"') return AfterQuote();
      in_.get();
    }
    if (next == '\n') ++line_;
    field.push_back(static_cast<char>(next));
  }
}

absl::StatusOr<CsvReader::End> CsvReader::AfterQuote() {
  int next = in_.get();
  if (next == '\r') next = in_.get();
  if (next == kEnd) return End::kFile;
  if (next == ',') return End::kComma;
  if (next == '\n') return End::kLine;
  return Fault("text after the closing quote of a field");
}

absl::Status CsvReader::Fault(std::string_view what) const {
  return absl::InvalidArgumentError(fmt::format("line {}: {}", line_, what));
}

}  // namespace report_app
