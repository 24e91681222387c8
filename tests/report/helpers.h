// What the tests of renderers share: progress that remembers, sinks and rows that fail, and a way
// to look at documents with programs that are not ours.
#ifndef OUTLIVE_TESTS_REPORT_HELPERS_H_
#define OUTLIVE_TESTS_REPORT_HELPERS_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/byte_stream.h"
#include "outlive/core/progress.h"
#include "outlive/core/renderer.h"
#include "outlive/core/report.h"

namespace outlive_report_tests {

inline absl::Time TestTime() {
  return absl::FromCivil(absl::CivilSecond(2024, 3, 9, 14, 5, 9), absl::UTCTimeZone());
}

// Remembers every report; cancelled once it was asked `ask_count_max` times.
class TestProgress final : public outlive::Progress {
 public:
  explicit TestProgress(int ask_count_max = std::numeric_limits<int>::max())
      : ask_count_max_(ask_count_max) {}

  void ReportProgress(double fraction, std::string_view note) override {
    fractions_.push_back(fraction);
    notes_.emplace_back(note);
  }
  bool cancelled() const override { return asked_++ >= ask_count_max_; }

  const std::vector<double>& fractions() const { return fractions_; }
  const std::vector<std::string>& notes() const { return notes_; }
  int asked() const { return asked_; }

 private:
  const int ask_count_max_;
  mutable std::atomic<int> asked_ = 0;
  std::vector<double> fractions_;
  std::vector<std::string> notes_;
};

// Takes `write_count_max` writes and then fails for ever.
class FailingSink final : public outlive::ByteSink {
 public:
  explicit FailingSink(int write_count_max) : left_(write_count_max) {}

  absl::Status Write(std::string_view bytes) override {
    if (left_-- <= 0) return absl::UnavailableError("the disk is full, says the test");
    bytes_ += bytes;
    return absl::OkStatus();
  }
  bool failed() const { return left_ < 0; }
  const std::string& bytes() const { return bytes_; }

 private:
  int left_;
  std::string bytes_;
};

// `count` rows made by `make`; then the end, or `failure`.
class MadeRows final : public outlive::RowSource {
 public:
  MadeRows(std::int64_t count, std::function<void(std::int64_t, outlive::Row&)> make,
           absl::Status failure)
      : count_(count), make_(std::move(make)), failure_(std::move(failure)) {}

  absl::StatusOr<bool> Next(outlive::Row& row) override {
    if (next_ == count_) {
      if (!failure_.ok()) return failure_;
      return false;
    }
    make_(next_++, row);
    return true;
  }

 private:
  const std::int64_t count_;
  const std::function<void(std::int64_t, outlive::Row&)> make_;
  const absl::Status failure_;
  std::int64_t next_ = 0;
};

inline auto MakeRows(std::int64_t count, std::function<void(std::int64_t, outlive::Row&)> make,
                     absl::Status failure = absl::OkStatus()) {
  return [=]() -> absl::StatusOr<std::unique_ptr<outlive::RowSource>> {
    return std::make_unique<MadeRows>(count, make, failure);
  };
}

inline outlive::Table MakeTable(std::string title, std::vector<outlive::Column> columns,
                                std::vector<outlive::Row> rows) {
  outlive::Table table;
  table.title = std::move(title);
  table.columns = std::move(columns);
  table.row_count = static_cast<std::int64_t>(rows.size());
  table.rows = outlive::RowsInMemory(std::move(rows));
  return table;
}

inline outlive::Report MakeReport(std::vector<outlive::Section> sections) {
  outlive::Report report;
  report.title = "Test report";
  report.created = TestTime();
  report.sections = std::move(sections);
  return report;
}

inline outlive::Report TableReport(std::vector<outlive::Column> columns,
                                   std::vector<outlive::Row> rows) {
  return MakeReport({MakeTable("Records", std::move(columns), std::move(rows))});
}

inline std::string RenderToString(outlive::Renderer& renderer, const outlive::Report& report) {
  TestProgress progress;
  outlive::StringSink sink;
  const absl::Status status = renderer.Render(report, progress, sink);
  REQUIRE_MESSAGE(status.ok(), status.ToString());
  return sink.bytes();
}

// A folder that is gone with the test.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "outlive-report-XXXXXX");
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }

  std::string Write(const std::string& name, std::string_view bytes) const {
    const std::filesystem::path file = path_ / name;
    std::ofstream(file, std::ios::binary) << bytes;
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

struct ProgramResult {
  int exit_code = -1;
  std::string out;
};

// Runs a shell command. Its standard error goes where ours does.
inline ProgramResult RunProgram(const std::string& command) {
  ProgramResult result;
  std::FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> block;
  while (const std::size_t got = std::fread(block.data(), 1, block.size(), pipe)) {
    result.out.append(block.data(), got);
  }
  const int status = pclose(pipe);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

// The output of a Python program that gets `file` as its argument. The system's python3, because
// that is the one which has openpyxl.
inline std::string RunPython(const std::string& program, const std::string& file) {
  const TempDir dir;
  const std::string script = dir.Write("check.py", program);
  const ProgramResult result = RunProgram("/usr/bin/python3 '" + script + "' '" + file + "'");
  REQUIRE_MESSAGE(result.exit_code == 0, result.out);
  return result.out;
}

inline bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

inline int CountOf(std::string_view text, std::string_view part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

}  // namespace outlive_report_tests

#endif  // OUTLIVE_TESTS_REPORT_HELPERS_H_
