#include "outlive/testing/history.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "outlive/testing/virtual_clock.h"

namespace {

using outlive::testing::DecodeHistory;
using outlive::testing::DecodeHistoryRecord;
using outlive::testing::EncodeHistoryRecord;
using outlive::testing::FileHistory;
using outlive::testing::HistoryOp;
using outlive::testing::HistoryPhase;
using outlive::testing::HistoryRecord;
using outlive::testing::MemoryHistory;
using outlive::testing::PhaseOf;
using outlive::testing::ReadHistory;
using outlive::testing::Recorder;
using outlive::testing::VirtualClock;

// Every field has a value that is not its default.
HistoryRecord FullRecord() {
  HistoryRecord record;
  record.process = "worker-1";
  record.call = 7;
  record.moment = 123'456'789;
  record.at = VirtualClock::Start();
  record.op = HistoryOp::kFinish;
  record.phase = HistoryPhase::kUnknown;
  record.job = 3;
  record.fence = 4;
  record.attempt = 2;
  record.session = "0123456789abcdef";
  record.lease = absl::Seconds(60);
  record.kind = "mail.send";
  record.args = "{\"text\":\"line\nbreak, \\ and ü\"}";
  record.key = "key";
  record.window = absl::Hours(24);
  record.run_at = VirtualClock::Start() + absl::Microseconds(1);
  record.attempt_count_max = 5;
  record.joined = true;
  record.duplicate = true;
  record.transition = outlive::Transition::kRetry;
  record.delay = absl::Milliseconds(1'500);
  record.state = outlive::JobState::kCancelled;
  record.value = "checkpoint";
  record.code = absl::StatusCode::kUnknown;
  return record;
}

TEST_CASE("a record is one line of JSON, and the same again") {
  const HistoryRecord record = FullRecord();
  const std::string line = EncodeHistoryRecord(record);
  CHECK(line.find('\n') == std::string::npos);
  CHECK(DecodeHistoryRecord(line).value() == record);
  const HistoryRecord plain;
  CHECK(EncodeHistoryRecord(plain) == R"({"op":"enqueue","phase":"invoke"})");
  CHECK(DecodeHistoryRecord(EncodeHistoryRecord(plain)).value() == plain);
}

TEST_CASE("what no record was encoded to is refused") {
  for (const char* const line :
       {"", "{", "[]", "{}", R"({"op":"enqueue"})", R"({"op":"no such","phase":"ok"})",
        R"({"op":"enqueue","phase":"no such"})", R"({"op":"enqueue","phase":"ok","more":1})",
        R"({"op":"enqueue","phase":"ok","job":"1"})", R"({"op":"enqueue","phase":"ok","kind":1})",
        R"({"op":"enqueue","phase":"ok","attempt":4294967296})",
        R"({"op":"enqueue","phase":"ok","code":99})",
        R"({"op":"enqueue","phase":"ok","state":"no such"})",
        R"({"op":"enqueue","phase":"ok","transition":"no such"})"}) {
    CAPTURE(line);
    CHECK(absl::IsInvalidArgument(DecodeHistoryRecord(line).status()));
  }
}

TEST_CASE("a history is read line by line, without one that was never finished") {
  const std::string line = EncodeHistoryRecord(FullRecord()) + "\n";
  CHECK(DecodeHistory("").value().empty());
  CHECK(DecodeHistory(line + line).value().size() == 2);
  CHECK(DecodeHistory(line + line.substr(0, 20)).value().size() == 1);
  const absl::Status status = DecodeHistory(line + "nothing\n" + line).status();
  CHECK(absl::IsInvalidArgument(status));
  CHECK(status.message().find("line 2") != absl::string_view::npos);
}

TEST_CASE("a status says what came of an operation") {
  CHECK(PhaseOf(absl::OkStatus()) == HistoryPhase::kOk);
  CHECK(PhaseOf(absl::UnavailableError("")) == HistoryPhase::kFail);
  CHECK(PhaseOf(absl::AlreadyExistsError("")) == HistoryPhase::kFail);
  CHECK(PhaseOf(absl::AbortedError("")) == HistoryPhase::kFail);
  CHECK(PhaseOf(absl::UnknownError("")) == HistoryPhase::kUnknown);
  CHECK(PhaseOf(absl::DataLossError("")) == HistoryPhase::kUnknown);
  CHECK(PhaseOf(absl::InternalError("")) == HistoryPhase::kUnknown);
}

TEST_CASE("a recorder joins an invoke with its result, on the process's clock") {
  VirtualClock clock;
  MemoryHistory history;
  Recorder recorder("worker-1", history, clock);
  HistoryRecord operation;
  operation.op = HistoryOp::kCancel;
  operation.job = 3;
  HistoryRecord begun = recorder.Begin(operation);
  clock.Advance(absl::Seconds(1));
  recorder.End(begun, absl::UnknownError(""));
  operation.op = HistoryOp::kStart;
  recorder.Note(operation);

  const std::vector<HistoryRecord> records = history.records();
  REQUIRE(records.size() == 3);
  CHECK(records[0].phase == HistoryPhase::kInvoke);
  CHECK(records[0].at == VirtualClock::Start());
  CHECK(records[1].phase == HistoryPhase::kUnknown);
  CHECK(records[1].code == absl::StatusCode::kUnknown);
  CHECK(records[1].at == VirtualClock::Start() + absl::Seconds(1));
  CHECK(records[0].call == records[1].call);
  CHECK(records[2].phase == HistoryPhase::kOk);
  CHECK(records[2].call != records[1].call);
  for (std::size_t i = 0; i < records.size(); ++i) {
    CHECK(records[i].process == "worker-1");
    CHECK(records[i].moment == static_cast<std::int64_t>(i) + 1);
  }
}

TEST_CASE("an operation may say when it began") {
  VirtualClock clock;
  MemoryHistory history;
  Recorder recorder("worker-1", history, clock);
  HistoryRecord operation;
  operation.at = VirtualClock::Start() - absl::Seconds(1);
  CHECK(recorder.Begin(operation).at == operation.at);
}

// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string path = (std::filesystem::temp_directory_path() / "outlive-history-XXXXXX").string();
    REQUIRE(mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string File() const { return path_ + "/history.jsonl"; }

 private:
  std::string path_;
};

TEST_CASE("a file takes records of many threads and of many openings, each whole") {
  const Folder folder;
  const VirtualClock clock;
  CHECK(absl::IsNotFound(ReadHistory(folder.File()).status()));
  for (int opening = 0; opening < 2; ++opening) {
    const auto file = FileHistory::Open(folder.File(), clock).value();
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        Recorder recorder("worker", *file, clock);
        for (int n = 0; n < 100; ++n) recorder.Note(FullRecord());
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  const std::vector<HistoryRecord> records = ReadHistory(folder.File()).value();
  CHECK(records.size() == 800);
  CHECK(records[0].moment == absl::ToInt64Nanoseconds(clock.SinceBoot()));
  CHECK(absl::IsUnavailable(FileHistory::Open("/no/such/folder/file", clock).status()));
}

}  // namespace
