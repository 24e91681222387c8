// EffectSink is the world outside: a table in a database of its own that refuses fences lower than
// one it has seen for a job, as a careful receiver does. Several processes may share it.
//
// Thread-safety: may be used from many threads at once.
#ifndef OUTLIVE_TESTS_PROCESSES_EFFECT_SINK_H_
#define OUTLIVE_TESTS_PROCESSES_EFFECT_SINK_H_

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "outlive/testing/checker.h"

struct sqlite3;

namespace outlive::testing {

class EffectSink {
 public:
  // Makes the file where there is none. Ends the process where that does not work.
  explicit EffectSink(const std::string& path);
  ~EffectSink();
  EffectSink(const EffectSink&) = delete;
  EffectSink& operator=(const EffectSink&) = delete;

  // False: refused.
  bool Accept(JobId job, std::int64_t fence);

  // In the order of their acceptance.
  std::vector<Effect> Accepted();

 private:
  void Exec(const char* sql);

  std::mutex mutex_;
  sqlite3* database_ = nullptr;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_PROCESSES_EFFECT_SINK_H_
