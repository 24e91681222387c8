// A history is what the processes of one run did to a store and what they were told, written down
// as it happened: what CheckRun() judges.
//
//   process ──► Recorder ──► HistorySink: MemoryHistory, or a FileHistory that all processes share
//
// An operation is a kInvoke record before it begins and one more record once its result is known,
// joined by (process, call). A process that is killed in between leaves the invoke alone: nobody
// knows what came of it. Keep files outside of what is broken on purpose; a record that was written
// outlives its process, but not a power cut.
//
//   outlive::testing::MemoryHistory history;
//   outlive::testing::Recorder recorder("worker-1", history, clock);
//   outlive::testing::RecordingStore store(inner, recorder);      // recording_store.h
//
// Thread-safety: sinks and recorders may be used from many threads at once. The rest are values.
// Lifetime:      what a constructor borrows outlives the object.
// Errors:        named at each function.
#ifndef OUTLIVE_TESTING_HISTORY_H_
#define OUTLIVE_TESTING_HISTORY_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/clock.h"
#include "outlive/core/job.h"
#include "outlive/core/lifecycle.h"
#include "outlive/core/mutex.h"

namespace outlive::testing {

enum class HistoryPhase : int {
  kInvoke = 0,
  kOk = 1,
  kFail = 2,     // Nothing of it was done, and nothing will be.
  kUnknown = 3,  // It may have been done, or not.
};

// Behind each, the fields it uses beside those that every record has. After the arrow those of the
// record with the result, which are not in the invoke.
enum class HistoryOp : int {
  // By who hands jobs in and steers them.
  kEnqueue = 0,  // kind, args, key, window, run_at, attempt_count_max, joined → job, duplicate
  kCancel = 1,   // job → state
  kRequeue = 2,  // job → state
  kDiscard = 3,  // job

  // At the store port, by RecordingStore. One operation for each element of a batch.
  kOpenSession = 10,   // session, lease
  kRenewSession = 11,  // session, lease
  kCloseSession = 12,  // session
  kClaim = 13,         // session, job, fence, attempt, run_at. Invoked before the commit.
  kFinish = 14,        // job, fence, transition, delay
  kProgress = 15,      // job, fence
  kCheckpoint = 16,    // job, fence, value: the bytes
  kPublish = 17,       // job, fence, value: the artifact's id

  // By workers. Of these kStart and kReturn have no invoke and are always kOk.
  kStart = 20,   // kind, args, job, fence, attempt, value: the checkpoint that was found
  kEffect = 21,  // job, fence: on a sink outside the store. kOk: accepted; kFail: refused as stale
  kReturn = 22,  // job, fence
};

struct HistoryRecord {
  // Given by Recorder and sink.
  std::string process = {};           // Whose: another name for each start of a process.
  std::int64_t call = 0;              // Joins an invoke with its result; unique within the process.
  std::int64_t moment = 0;            // Grows as real time does, over all processes of the run.
  absl::Time at = absl::UnixEpoch();  // By the process's own clock, in whole microseconds.

  HistoryOp op = HistoryOp::kEnqueue;
  HistoryPhase phase = HistoryPhase::kInvoke;

  JobId job = 0;
  std::int64_t fence = 0;
  int attempt = 0;
  std::string session = {};
  absl::Duration lease = absl::ZeroDuration();
  std::string kind = {};
  std::string args = {};
  std::string key = {};  // Empty: none.
  absl::Duration window = absl::ZeroDuration();
  absl::Time run_at = absl::InfinitePast();
  int attempt_count_max = 0;
  bool joined = false;  // In the host's own transaction; RunRecord::joined_rows has its row.
  bool duplicate = false;
  std::optional<Transition> transition = {};
  absl::Duration delay = absl::ZeroDuration();
  std::optional<JobState> state = {};
  std::string value = {};
  absl::StatusCode code = absl::StatusCode::kOk;  // Of a kFail or kUnknown result.

  bool operator==(const HistoryRecord&) const = default;
};

// "enqueue", "ok", …: as files have it.
std::string_view HistoryOpName(HistoryOp op);
std::string_view HistoryPhaseName(HistoryPhase phase);

// What a status says of the operation that returned it, by docs/errors.md: kUnavailable and what a
// caller did wrong is kFail; what may have been done all the same is kUnknown.
HistoryPhase PhaseOf(const absl::Status& status);

// One JSON object without a line break. Fields that have their default are left out. All text must
// be UTF-8.
std::string EncodeHistoryRecord(const HistoryRecord& record);

// Errors: kInvalidArgument: `line` is none that EncodeHistoryRecord() made.
absl::StatusOr<HistoryRecord> DecodeHistoryRecord(std::string_view line);

// All records of a text with one on each line. A last line without its line break was being written
// when its process was killed: it is left out.
//
// Errors: kInvalidArgument names the line.
absl::StatusOr<std::vector<HistoryRecord>> DecodeHistory(std::string_view text);

// -- Sinks ------------------------------------------------------------------------------------

class HistorySink {
 public:
  virtual ~HistorySink() = default;

  // Keeps the record with its moment, before it returns.
  virtual void Append(HistoryRecord record) = 0;
};

// In memory. The moments are 1, 2, 3, … in the order of the calls.
class MemoryHistory final : public HistorySink {
 public:
  void Append(HistoryRecord record) override;
  std::vector<HistoryRecord> records() const;

 private:
  mutable Mutex mutex_;
  std::vector<HistoryRecord> records_ ABSL_GUARDED_BY(mutex_);
};

// One file for all processes: each record is appended by one write(), so that a SIGKILL takes at
// most a record nobody had been told about. The moments are nanoseconds of `order`.SinceBoot(),
// which is one and the same for all processes of a machine.
//
// A record that cannot be written ends the process (std::abort): a history with holes would accuse
// or acquit the wrong one.
class FileHistory final : public HistorySink {
 public:
  // Makes the file where there is none, and appends where there is. `order` is borrowed.
  //
  // Errors: kUnavailable: the file cannot be opened.
  static absl::StatusOr<std::unique_ptr<FileHistory>> Open(const std::string& path,
                                                           const Clock& order);
  ~FileHistory() override;
  FileHistory(const FileHistory&) = delete;
  FileHistory& operator=(const FileHistory&) = delete;

  void Append(HistoryRecord record) override;

 private:
  FileHistory(int file, const Clock& order) : file_(file), order_(order) {}

  const int file_;
  const Clock& order_;
};

// The records of a file; an empty one has none.
//
// Errors: kNotFound, kUnavailable: it cannot be read. kInvalidArgument: as DecodeHistory().
absl::StatusOr<std::vector<HistoryRecord>> ReadHistory(const std::string& path);

// -- Recorder ---------------------------------------------------------------------------------

// What one process writes down.
class Recorder {
 public:
  // `process` is another name for each start of a process. `clock` is what its store was given.
  Recorder(std::string process, HistorySink& sink, const Clock& clock)
      : process_(std::move(process)), sink_(sink), clock_(clock) {}

  // Records that an operation begins, now unless it says when; gives the record back as it was
  // written, for End().
  HistoryRecord Begin(HistoryRecord operation);

  // Records what came of it.
  void End(HistoryRecord operation, HistoryPhase phase,
           absl::StatusCode code = absl::StatusCode::kOk);
  void End(HistoryRecord operation, const absl::Status& status) {
    End(std::move(operation), PhaseOf(status), status.code());
  }

  // Records what needs no invoke: kStart, kReturn.
  void Note(HistoryRecord operation);

  const std::string& process() const { return process_; }

 private:
  const std::string process_;
  HistorySink& sink_;
  const Clock& clock_;
  std::atomic<std::int64_t> calls_{0};
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTING_HISTORY_H_
