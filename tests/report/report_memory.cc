// Renders a table of many rows into nothing and prints how much memory that took at its peak, in
// KiB, and how many bytes it made. A process of its own, so that nothing else counts.
//
//   outlive_report_memory <csv|html|pdf|xlsx> <rows>
#include <absl/status/status.h>

#include <sys/resource.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "outlive/core/byte_stream.h"
#include "outlive/core/progress.h"
#include "outlive/core/report.h"
#include "outlive/report/csv_renderer.h"
#include "outlive/report/html_renderer.h"
#ifdef OUTLIVE_WITH_PDF
#include "outlive/report/pdf_renderer.h"
#endif
#ifdef OUTLIVE_WITH_XLSX
#include "outlive/report/xlsx_renderer.h"
#endif

namespace {

class CountingSink final : public outlive::ByteSink {
 public:
  absl::Status Write(std::string_view bytes) override {
    byte_count_ += bytes.size();
    return absl::OkStatus();
  }
  std::size_t byte_count() const { return byte_count_; }

 private:
  std::size_t byte_count_ = 0;
};

class NoProgress final : public outlive::Progress {
 public:
  void ReportProgress(double, std::string_view) override {}
  bool cancelled() const override { return false; }
};

// No two rows alike, so that nothing can be kept for the next one.
class DifferentRows final : public outlive::RowSource {
 public:
  explicit DifferentRows(std::int64_t count) : count_(count) {}

  absl::StatusOr<bool> Next(outlive::Row& row) override {
    if (next_ == count_) return false;
    row.resize(4);
    row[0] = next_;
    row[1] = "Record number " + std::to_string(next_);
    row[2] = static_cast<double>(next_) * 1.25;
    row[3] = absl::CivilDay(1990, 1, 1) + next_ % 10'000;
    ++next_;
    return true;
  }

 private:
  const std::int64_t count_;
  std::int64_t next_ = 0;
};

std::unique_ptr<outlive::Renderer> MakeRenderer(std::string_view format) {
  if (format == "csv") return std::make_unique<outlive::CsvRenderer>();
  if (format == "html") return std::make_unique<outlive::HtmlRenderer>();
#ifdef OUTLIVE_WITH_PDF
  if (format == "pdf") return std::make_unique<outlive::PdfRenderer>();
#endif
#ifdef OUTLIVE_WITH_XLSX
  if (format == "xlsx") return std::make_unique<outlive::XlsxRenderer>();
#endif
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::unique_ptr<outlive::Renderer> renderer = MakeRenderer(argv[1]);
  if (renderer == nullptr) return 2;
  const std::int64_t count = std::atoll(argv[2]);

  outlive::Table table;
  table.title = "Records";
  table.columns = {{.title = "Number"}, {.title = "Name"}, {.title = "Cost"}, {.title = "Day"}};
  table.row_count = count;
  table.rows = [count]() -> absl::StatusOr<std::unique_ptr<outlive::RowSource>> {
    return std::make_unique<DifferentRows>(count);
  };
  outlive::Report report;
  report.title = "Many rows";
  report.sections.emplace_back(table);

  CountingSink sink;
  NoProgress progress;
  const absl::Status status = renderer->Render(report, progress, sink);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    return 1;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%ld %zu\n", usage.ru_maxrss, sink.byte_count());
  return 0;
}
