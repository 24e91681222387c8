#include "benchmarks/bare_limit.h"

#include <absl/cleanup/cleanup.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <string_view>
#include <utility>

#include "benchmarks/bench_job.h"
#include "benchmarks/support.h"

namespace outlive::bench {
namespace {

constexpr int kEmptyClaimsMax = 100;

}  // namespace

struct BareLimit::Row {
  std::string_view args;
  std::optional<BareKey> key = {};
};

// Rows of threads that wait. The first of them commits for all.
struct BareLimit::Group {
  std::vector<const Row*> rows;
  std::atomic<int> durable = 0;
};

BareLimit::BareLimit(std::unique_ptr<BareTables> tables, int payload)
    : args_(static_cast<std::size_t>(payload), 'x'),
      tables_(std::move(tables)),
      gathering_(std::make_shared<Group>()) {}

BareLimit::~BareLimit() = default;

void BareLimit::Insert(int job_count, int per_commit, Keys keys) {
  RandomKeys random;
  for (int left = job_count; left > 0; left -= per_commit) {
    tables_->Begin();
    for (int i = std::min(left, per_commit); i > 0; --i) {
      if (keys == Keys::kNone) {
        tables_->Insert(args_);
      } else {
        tables_->InsertWithKey(args_, random.Next());
      }
    }
    tables_->Commit();
  }
}

void BareLimit::InsertFromThreads(int job_count, int thread_count, Keys keys) {
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
void BareLimit::CommitInGroup(const Row& row) {
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

void BareLimit::CommitAll(const std::vector<const Row*>& rows) {
  tables_->Begin();
  for (const BareTables::Claimed& job : held_) tables_->Finish(job);
  ended_ += static_cast<int>(held_.size());
  for (const Row* row : rows) {
    if (row->key) {
      tables_->InsertWithKey(row->args, *row->key);
    } else {
      tables_->Insert(row->args);
    }
  }
  const int count = std::min(in_flight_, claim_max_);
  if (count > 0) {
    tables_->Claim(count, held_);
    claim_max_ -= static_cast<int>(held_.size());
  } else {
    held_.clear();
  }
  tables_->Commit();
}

void BareLimit::Drain(int job_count, int in_flight) {
  in_flight_ = in_flight;
  claim_max_ = job_count - static_cast<int>(held_.size());
  int empty_count = 0;  // Other processes may be taking what is left at this moment.
  for (ended_ = 0; ended_ < job_count;) {
    CommitAll({});
    empty_count = held_.empty() ? empty_count + 1 : 0;
    if (empty_count > kEmptyClaimsMax && ended_ < job_count) {
      throw BenchError("the limit: jobs are missing");
    }
  }
  in_flight_ = 0;
}

void BareLimit::EndToEnd(int job_count, int thread_count, int in_flight) {
  in_flight_ = in_flight;
  claim_max_ = job_count;
  ended_ = 0;
  InsertFromThreads(job_count, thread_count, Keys::kNone);
  Drain(job_count - ended_, in_flight);
}

double BareLimit::Latency() {
  const SteadyClock::time_point start = SteadyClock::now();
  tables_->Begin();
  tables_->Insert(args_);
  tables_->Commit();
  tables_->Begin();
  tables_->Claim(1, held_);
  tables_->Commit();
  const double seconds = SecondsSince(start);
  Drain(1, 1);
  return seconds;
}

}  // namespace outlive::bench
