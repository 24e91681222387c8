// Renders one paragraph as a PDF and prints the status and the warnings. A process of its own,
// because the fonts of a process are chosen once, by its environment (FONTCONFIG_FILE).
//
//   outlive_report_pdf_fonts <text> <file>
#include <absl/status/status.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

#include "outlive/core/byte_stream.h"
#include "outlive/core/progress.h"
#include "outlive/core/report.h"
#include "outlive/report/pdf_renderer.h"

namespace {

class NoProgress final : public outlive::Progress {
 public:
  void ReportProgress(double, std::string_view) override {}
  bool cancelled() const override { return false; }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  outlive::Report report;
  report.title = "Fonts";
  report.sections.emplace_back(outlive::Paragraph{argv[1]});
  outlive::PdfOptions options;
  options.on_warning = [](std::string_view message) {
    std::printf("warning: %s\n", std::string(message).c_str());
  };
  outlive::PdfRenderer renderer(options);
  outlive::StringSink sink;
  NoProgress progress;
  const absl::Status status = renderer.Render(report, progress, sink);
  std::printf("%s\n", status.ToString().c_str());
  std::ofstream(argv[2], std::ios::binary) << sink.bytes();
  return 0;
}
