#include "store/postgres/lane_book.h"

#include <algorithm>

#include "core/return_if_error.h"

namespace outlive::postgres {

absl::StatusOr<std::vector<int>> LaneBook::LanesOf(absl::Span<const NewJob* const> jobs) {
  std::vector<int> lanes(jobs.size(), 0);
  const auto look = [&](std::vector<Name>& missing) {
    MutexLock lock(mutex_);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      Name name(jobs[i]->queue, jobs[i]->kind);
      const auto found = lanes_.find(name);
      if (found == lanes_.end()) {
        missing.push_back(std::move(name));
      } else {
        lanes[i] = found->second;
      }
    }
  };
  std::vector<Name> missing;
  look(missing);
  if (missing.empty()) return lanes;
  OUTLIVE_RETURN_IF_ERROR(Make(missing));
  missing.clear();
  look(missing);
  if (missing.empty()) return lanes;
  return absl::DataLossError("a queue and kind were added, but are not there");
}

absl::Status LaneBook::Make(const std::vector<Name>& names) {
  std::vector<Name> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  Array queues(Element::kText);
  Array kinds(Element::kText);
  for (const auto& [queue, kind] : sorted) {
    queues.AddBytes(queue);
    kinds.AddBytes(kind);
  }
  const std::string queue_array = std::move(queues).Take();
  const std::string kind_array = std::move(kinds).Take();
  std::vector<Query> queries;
  queries.push_back({.name = "transaction/begin"});
  for (const char* const name : {"transaction/add_lanes", "transaction/find_lanes"}) {
    queries.push_back({.name = name});
    queries.back().params.Text(queue_array).Text(kind_array);
  }
  queries.push_back({.name = "transaction/commit"});
  return pool_.Use(timeout_, [&](Connection& connection) {
    const absl::StatusOr<std::vector<Rows>> results = connection.Run(queries);
    OUTLIVE_RETURN_IF_ERROR(results.status());
    const Rows& rows = (*results)[2];
    MutexLock lock(mutex_);
    for (int row = 0; row < rows.size(); ++row) {
      lanes_[Name(rows.String(row, 1), rows.String(row, 2))] = rows.Small(row, 0);
    }
    return absl::OkStatus();
  });
}

}  // namespace outlive::postgres
