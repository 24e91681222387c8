// JobRow is what changes of a job, while a transaction works on it.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_JOB_ROW_H_
#define OUTLIVE_SRC_STORE_POSTGRES_JOB_ROW_H_

#include <cstdint>
#include <optional>
#include <string>

#include "outlive/core/job.h"
#include "outlive/core/lifecycle.h"

namespace outlive::postgres {

struct JobRow {
  // Where its row is in the database.
  enum class Home { kLive, kEnded };

  JobId job = 0;
  int lane = 0;
  std::string queue;
  std::string kind;
  JobState state = JobState::kPending;
  int priority = 0;
  std::int64_t run_at = 0;
  int attempt = 0;
  int crashes = 0;
  int generation = 0;
  std::int64_t fence = 0;
  int flags = 0;
  std::optional<std::int64_t> transition;
  std::optional<std::int64_t> started_at;
  std::optional<double> progress;
  std::string note;
  std::optional<std::int64_t> ended_at;

  // What an end needs to know.
  std::string traceparent;
  std::string follow_ups;                  // As they are kept.
  std::optional<AttemptError> last_error;  // Its code and message only.
  std::string error_group;

  Home home = Home::kLive;
  bool changed = false;
  bool deleted = false;

  bool Has(int flag) const { return (flags & flag) != 0; }
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_JOB_ROW_H_
