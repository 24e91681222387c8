// Jobs and a store that the tests of the engine share.
#ifndef OUTLIVE_TESTS_ENGINE_JOBS_H_
#define OUTLIVE_TESTS_ENGINE_JOBS_H_

#include <atomic>
#include <boost/describe/class.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "outlive/core/log.h"
#include "outlive/core/mutex.h"
#include "outlive/core/observer.h"
#include "outlive/engine/client.h"
#include "outlive/engine/runner.h"
#include "outlive/store/memory_store.h"
#include "outlive/testing/seeded_random.h"
#include "outlive/testing/virtual_clock.h"
#include "tests/engine/faulty_store.h"

namespace outlive::tests {

struct Mail {
  static constexpr std::string_view kKind = "mail.send";
  std::int64_t number = 0;
  std::string recipient;
};
BOOST_DESCRIBE_STRUCT(Mail, (), (number, recipient))

struct Fax {
  static constexpr std::string_view kKind = "fax.send";
  std::int64_t number = 0;
};
BOOST_DESCRIBE_STRUCT(Fax, (), (number))

// Keeps what was logged: "message job=1 attempt=2 kind=k queue=q traceparent=t", a line each.
class LogOfTest final : public LogSink {
 public:
  void Log(const LogRecord& record) override {
    MutexLock lock(mutex_);
    text_.append(record.message);
    if (record.job_id != 0) {
      text_.append(" job=").append(std::to_string(record.job_id));
      text_.append(" attempt=").append(std::to_string(record.attempt));
      text_.append(" kind=").append(record.kind).append(" queue=").append(record.queue);
      text_.append(" traceparent=").append(record.traceparent);
    }
    text_.push_back('\n');
  }
  std::string text() const {
    MutexLock lock(mutex_);
    return text_;
  }

 private:
  mutable Mutex mutex_;
  std::string text_ ABSL_GUARDED_BY(mutex_);
};

// Counts what it is told.
class CountingObserver final : public Observer {
 public:
  void OnEnqueued(JobLabel, int job_count) override { enqueued += job_count; }
  void OnStarted(JobLabel, absl::Duration) override { ++started; }
  void OnEnded(JobLabel, Transition end, absl::Duration) override {
    ++(end == Transition::kComplete ? completed : others);
  }
  void OnLeaseLost(JobLabel) override { ++lost; }
  void OnRescued(JobLabel, JobState) override { ++rescued; }

  std::atomic<int> enqueued = 0;
  std::atomic<int> started = 0;
  std::atomic<int> completed = 0;
  std::atomic<int> others = 0;
  std::atomic<int> lost = 0;
  std::atomic<int> rescued = 0;
};

// A store whose time the test owns, and a client of it.
struct VirtualWorld {
  testing::VirtualClock clock;
  testing::SeededRandom random{1};
  LogOfTest log;
  MemoryStore store{{.clock = &clock, .random = &random}};
  Client client{store, {.log = &log, .random = &random}};
};

// The same, with a store that fails where the test says.
struct FaultyWorld {
  testing::VirtualClock clock;
  testing::SeededRandom random{1};
  LogOfTest log;
  MemoryStore memory{{.clock = &clock, .random = &random}};
  FaultyStore store{memory};
  Client client{store, {.log = &log, .random = &random}};
};

// A store on the machine's time, for tests with threads.
struct RealWorld {
  LogOfTest log;
  MemoryStore store;
  Client client{store, {.log = &log}};

  // Far enough for a slow machine; a test that gets there has failed.
  absl::Time Patience() const { return store.clock().Now() + absl::Seconds(60); }
};

}  // namespace outlive::tests

#endif  // OUTLIVE_TESTS_ENGINE_JOBS_H_
