#include "store/postgres/write_context.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace outlive::postgres {

void WriteContext::Start() {
  now_ = absl::InfinitePast();
  hint_ = {};
  types_ = Array(Element::kSmallint);
  jobs_ = Array(Element::kBigint);
  fences_ = Array(Element::kBigint);
  counts_.clear();
}

void WriteContext::AddEvent(EventType type, JobId job, std::int64_t fence) {
  types_.AddSmall(static_cast<std::int16_t>(type));
  jobs_.AddInt(job);
  fences_.AddInt(fence);
  hint_.changed = true;
  hint_.cancel = hint_.cancel || type == EventType::kCancelRequested;
}

void WriteContext::Count(int lane, JobState state, int by) {
  counts_[lane][static_cast<std::size_t>(state)] += by;
}

Query WriteContext::LogLock() const {
  Query query{.name = "transaction/lock"};
  query.params.Int(log_lock_);
  return query;
}

Query WriteContext::TakeEvents(std::string_view name) {
  Query query{.name = name};
  query.params.Add(std::exchange(types_, Array(Element::kSmallint)))
      .Add(std::exchange(jobs_, Array(Element::kBigint)))
      .Add(std::exchange(fences_, Array(Element::kBigint)));
  return query;
}

std::vector<Query> WriteContext::LeaveCounts() {
  const auto is_zero = [](std::int64_t by) { return by == 0; };
  std::array<std::vector<std::int64_t>, kJobStateCount + 1> columns;
  for (const auto& [lane, counts] : counts_) {
    if (std::all_of(counts.begin(), counts.end(), is_zero)) continue;
    columns[0].push_back(lane);
    for (std::size_t i = 0; i < counts.size(); ++i) columns[i + 1].push_back(counts[i]);
  }
  counts_.clear();
  if (columns[0].empty()) return {};
  std::vector<Query> queries(1, Query{.name = "transaction/count"});
  for (const std::vector<std::int64_t>& column : columns) queries[0].params.Add(Ints(column));
  return queries;
}

std::vector<Query> WriteContext::Leave() {
  std::vector<Query> queries = LeaveCounts();
  if (!has_events()) return queries;
  queries.push_back({.name = "transaction/lock_log"});
  queries.back().params.Int(log_lock_);
  queries.push_back(TakeEvents("transaction/log"));
  return queries;
}

std::vector<Query> WriteContext::LeaveForHost() {
  std::vector<Query> queries = LeaveCounts();
  if (has_events()) queries.push_back(TakeEvents("transaction/log_for_host"));
  return queries;
}

}  // namespace outlive::postgres
