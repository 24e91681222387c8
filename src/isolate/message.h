// What a host, a supervisor and a worker process say to one another, and its bytes. Decoding is a
// pure function: what a child sends is input of unknown origin.
//
//   host ── HostHello ──► supervisor ── WorkerStarted, WorkerEnded, or WorkerNotStarted ──► host
//   host ── SetUp ──► worker ── Ready ──► host
//   host ── RunJob, StopJob, Answer ──► worker ── ProgressReport, Checkpoint, Publication,
//                                                 JobEnded ──► host
#ifndef OUTLIVE_SRC_ISOLATE_MESSAGE_H_
#define OUTLIVE_SRC_ISOLATE_MESSAGE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <boost/describe/class.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "outlive/core/artifact.h"
#include "outlive/core/outcome.h"
#include "outlive/core/worker.h"

namespace outlive::isolate {

// Goes up with every change of what is below. Host and child must have the same.
inline constexpr std::int64_t kProtocolVersion = 1;

struct HostHello {
  std::int64_t version = kProtocolVersion;
  std::int64_t host_pid = 0;
};
BOOST_DESCRIBE_STRUCT(HostHello, (), (version, host_pid))

struct WorkerStarted {
  std::int64_t pid = 0;
};
BOOST_DESCRIBE_STRUCT(WorkerStarted, (), (pid))

struct WorkerNotStarted {
  std::string why = {};
};
BOOST_DESCRIBE_STRUCT(WorkerNotStarted, (), (why))

// The worker and everything that came of it is gone.
struct WorkerEnded {
  bool exited = false;  // Else by a signal.
  std::int64_t code = 0;
  bool allocation_failed = false;  // In the job it was doing.
  bool left_overs = false;         // Some processes could not be killed.
  absl::Duration cpu_time = absl::ZeroDuration();
  std::int64_t memory_peak_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(WorkerEnded, (),
                      (exited, code, allocation_failed, left_overs, cpu_time, memory_peak_bytes))

struct SetUp {
  std::int64_t version = kProtocolVersion;
  std::string nonce = {};  // To be sent back: nobody else can know it.
  std::int64_t supervisor_pid = 0;
  std::uint64_t memory_bytes = 0;  // These as in IsolateOptions.
  std::uint64_t file_bytes = 0;
  std::int64_t open_files = 0;
};
BOOST_DESCRIBE_STRUCT(SetUp, (),
                      (version, nonce, supervisor_pid, memory_bytes, file_bytes, open_files))

struct Ready {
  std::int64_t version = kProtocolVersion;
  std::string nonce = {};
};
BOOST_DESCRIBE_STRUCT(Ready, (), (version, nonce))

struct RunJob {
  std::int64_t id = 0;
  std::string kind = {};
  std::string queue = {};
  std::int64_t attempt = 0;
  std::int64_t attempt_count_max = 0;
  std::int64_t fence = 0;
  std::string traceparent = {};
  absl::Time deadline = absl::InfiniteFuture();
  absl::Duration cpu_time = absl::InfiniteDuration();  // What the kernel is to allow.
  std::string checkpoint = {};
  std::string args = {};
};
BOOST_DESCRIBE_STRUCT(RunJob, (),
                      (id, kind, queue, attempt, attempt_count_max, fence, traceparent, deadline,
                       cpu_time, checkpoint, args))

struct StopJob {
  StopReason reason = StopReason::kNone;
};
BOOST_DESCRIBE_STRUCT(StopJob, (), (reason))

// To a Checkpoint or a Publication, one after another.
struct Answer {
  absl::Status status = {};
};
BOOST_DESCRIBE_STRUCT(Answer, (), (status))

struct ProgressReport {
  double fraction = 0;
  std::string note = {};
};
BOOST_DESCRIBE_STRUCT(ProgressReport, (), (fraction, note))

struct Checkpoint {
  std::string bytes = {};
};
BOOST_DESCRIBE_STRUCT(Checkpoint, (), (bytes))

struct Publication {
  Artifact artifact = {};
};
BOOST_DESCRIBE_STRUCT(Publication, (), (artifact))

struct JobEnded {
  Outcome outcome = {};
  bool left_overs = false;  // The job has left processes behind.
};
BOOST_DESCRIBE_STRUCT(JobEnded, (), (outcome, left_overs))

// The order is part of the protocol.
using Message =
    std::variant<HostHello, WorkerStarted, WorkerNotStarted, WorkerEnded, SetUp, Ready, RunJob,
                 StopJob, Answer, ProgressReport, Checkpoint, Publication, JobEnded>;

// The body of a frame.
std::string EncodeMessage(const Message& message);

// Errors: kInvalidArgument: these bytes are no message.
absl::StatusOr<Message> DecodeMessage(std::string_view body);

}  // namespace outlive::isolate

#endif  // OUTLIVE_SRC_ISOLATE_MESSAGE_H_
