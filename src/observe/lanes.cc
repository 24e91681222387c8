#include "observe/lanes.h"

namespace outlive::internal {

Lanes::Map::value_type& Lanes::Entry(JobLabel job) {
  const auto found = lanes_.find(std::pair(job.queue, job.kind));
  if (found != lanes_.end()) return *found;
  const bool has_other = lanes_.contains(std::pair(kOther, kOther));
  const auto own_count = static_cast<int>(lanes_.size()) - (has_other ? 1 : 0);
  if (own_count < lane_count_max_) {
    return *lanes_.try_emplace(Name(job.queue, job.kind), buckets_).first;
  }
  return *lanes_.try_emplace(Name(kOther, kOther), buckets_).first;
}

Lane& Lanes::Find(JobLabel job) {
  MutexLock lock(mutex_);
  return Entry(job).second;
}

Lanes::Name Lanes::NameOf(JobLabel job) {
  MutexLock lock(mutex_);
  return Entry(job).first;
}

std::vector<std::pair<Lanes::Name, const Lane*>> Lanes::All() const {
  MutexLock lock(mutex_);
  std::vector<std::pair<Name, const Lane*>> all;
  all.reserve(lanes_.size());
  for (const auto& [name, lane] : lanes_) all.emplace_back(name, &lane);
  return all;
}

}  // namespace outlive::internal
