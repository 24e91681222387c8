#include "outlive/core/report.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace outlive {
namespace {

// The rows are shared by every source that is open on them, so that opening copies nothing.
class MemoryRowSource final : public RowSource {
 public:
  explicit MemoryRowSource(std::shared_ptr<const std::vector<Row>> rows) : rows_(std::move(rows)) {}

  absl::StatusOr<bool> Next(Row& row) override {
    if (next_ == rows_->size()) return false;
    row = (*rows_)[next_++];
    return true;
  }

 private:
  const std::shared_ptr<const std::vector<Row>> rows_;
  std::size_t next_ = 0;
};

// What is wrong with one section; empty where nothing is.
std::string FaultOf(const Heading& heading) {
  if (heading.level < 1 || heading.level > 3) {
    return fmt::format("level is {}, not 1 to 3", heading.level);
  }
  return {};
}

std::string FaultOf(const Paragraph&) { return {}; }

std::string FaultOf(const Table& table) {
  if (table.columns.empty()) return "it has no columns";
  if (!table.rows) return "it has no rows function";
  if (table.row_count < -1) return fmt::format("row_count is {}, less than -1", table.row_count);
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const double width = table.columns[i].width;
    if (!std::isfinite(width) || width <= 0) {
      return fmt::format("the width of column {} is {}, not a positive number", i + 1, width);
    }
  }
  return {};
}

std::string FaultOf(const Chart& chart) {
  for (const Chart::Series& series : chart.series) {
    if (series.values.size() != chart.categories.size()) {
      return fmt::format("series \"{}\" has {} values for {} categories", series.name,
                         series.values.size(), chart.categories.size());
    }
  }
  return {};
}

std::string NameOf(const Heading& heading) { return fmt::format("heading \"{}\"", heading.text); }
std::string NameOf(const Paragraph&) { return "paragraph"; }
std::string NameOf(const Table& table) { return fmt::format("table \"{}\"", table.title); }
std::string NameOf(const Chart& chart) { return fmt::format("chart \"{}\"", chart.title); }

// The tag is written into attributes and handed to text shaping, so only its letters are taken.
bool IsLanguageTag(std::string_view tag) {
  if (tag.size() > 64) return false;
  for (const char c : tag) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && c != '-') return false;
  }
  return true;
}

}  // namespace

std::function<absl::StatusOr<std::unique_ptr<RowSource>>()> RowsInMemory(std::vector<Row> rows) {
  auto shared = std::make_shared<const std::vector<Row>>(std::move(rows));
  return [shared]() -> absl::StatusOr<std::unique_ptr<RowSource>> {
    return std::make_unique<MemoryRowSource>(shared);
  };
}

absl::Status ValidateReport(const Report& report) {
  if (!IsLanguageTag(report.language)) {
    return absl::InvalidArgumentError("report: language is not a BCP 47 tag such as \"en\"");
  }
  if (report.created == absl::InfiniteFuture() || report.created == absl::InfinitePast()) {
    return absl::InvalidArgumentError("report: created is not a finite time");
  }
  for (std::size_t i = 0; i < report.sections.size(); ++i) {
    const Section& section = report.sections[i];
    const std::string fault = std::visit([](const auto& s) { return FaultOf(s); }, section);
    if (fault.empty()) continue;
    const std::string name = std::visit([](const auto& s) { return NameOf(s); }, section);
    return absl::InvalidArgumentError(
        fmt::format("report: section {} ({}): {}", i + 1, name, fault));
  }
  return absl::OkStatus();
}

}  // namespace outlive
