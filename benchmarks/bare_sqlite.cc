#include "benchmarks/bare_sqlite.h"

#include <absl/cleanup/cleanup.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <string_view>

#include "benchmarks/bench_job.h"
#include "benchmarks/support.h"

namespace outlive::bench {

struct BareSqlite::Row {
  std::string_view args;
  std::optional<BareKey> key = {};
};

// Rows of threads that wait. The first of them commits for all.
struct BareSqlite::Group {
  std::vector<const Row*> rows;
  std::atomic<int> durable = 0;
};

BareSqlite::BareSqlite(const std::string& path, Durability durability, int payload)
    : args_(static_cast<std::size_t>(payload), 'x'),
      tables_(path, durability),
      gathering_(std::make_shared<Group>()) {}

BareSqlite::~BareSqlite() = default;

void BareSqlite::Insert(int job_count, int per_commit, Keys keys) {
  RandomKeys random;
  for (int left = job_count; left > 0; left -= per_commit) {
    tables_.Begin();
    for (int i = std::min(left, per_commit); i > 0; --i) {
      if (keys == Keys::kNone) {
        tables_.Insert(args_);
      } else {
        tables_.InsertWithKey(args_, random.Next());
      }
    }
    tables_.Commit();
  }
}

void BareSqlite::InsertFromThreads(int job_count, int thread_count, Keys keys) {
  RunThreads(thread_count, [&](int thread) {
    RandomKeys random;
    Row row{args_};
    for (int left = ShareOf(job_count, thread_count, thread); left > 0; --left) {
      if (keys == Keys::kRandom) row.key = random.Next();
      CommitInGroup(row);
    }
  });
}

// While one group is committed the next one gathers, and its first thread waits for the gate. No
// thread is woken that has nothing to do.
void BareSqlite::CommitInGroup(const Row& row) {
  std::shared_ptr<Group> group;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    group = gathering_;
    first = group->rows.empty();
    group->rows.push_back(&row);
  }
  if (!first) {
    group->durable.wait(0);
    return;
  }
  const absl::Cleanup tell = [&group] {
    group->durable = 1;
    group->durable.notify_all();
  };
  const std::lock_guard turn(gate_);
  {
    const std::lock_guard lock(mutex_);
    gathering_ = std::make_shared<Group>();
  }
  CommitAll(group->rows);
}

void BareSqlite::CommitAll(const std::vector<const Row*>& rows) {
  tables_.Begin();
  for (const BareTables::Claimed& job : held_) tables_.Finish(job);
  ended_ += static_cast<int>(held_.size());
  for (const Row* row : rows) {
    if (row->key) {
      tables_.InsertWithKey(row->args, *row->key);
    } else {
      tables_.Insert(row->args);
    }
  }
  if (in_flight_ > 0) {
    tables_.Claim(in_flight_, held_);
  } else {
    held_.clear();
  }
  tables_.Commit();
}

void BareSqlite::Drain(int job_count, int in_flight) {
  in_flight_ = in_flight;
  for (ended_ = 0; ended_ < job_count;) {
    CommitAll({});
    if (held_.empty() && ended_ < job_count) throw BenchError("bare SQLite: jobs are missing");
  }
  in_flight_ = 0;
}

void BareSqlite::EndToEnd(int job_count, int thread_count, int in_flight) {
  in_flight_ = in_flight;
  ended_ = 0;
  InsertFromThreads(job_count, thread_count, Keys::kNone);
  Drain(job_count - ended_, in_flight);
}

double BareSqlite::Latency() {
  const SteadyClock::time_point start = SteadyClock::now();
  tables_.Begin();
  tables_.Insert(args_);
  tables_.Commit();
  tables_.Begin();
  tables_.Claim(1, held_);
  tables_.Commit();
  const double seconds = SecondsSince(start);
  Drain(1, 1);
  return seconds;
}

}  // namespace outlive::bench
