#include "notify/endpoint_gate.h"

namespace outlive::internal {

EndpointGate::Admission EndpointGate::Enter(const std::string& target, absl::Duration now) {
  const MutexLock lock(mutex_);
  if (endpoints_.size() >= options_.endpoint_count_max && !endpoints_.contains(target)) {
    ForgetIdle();
  }
  Endpoint& endpoint = endpoints_[target];
  if (endpoint.gone) return {Entry::kGone, {}};
  if (endpoint.failures >= options_.failure_count_max) {
    if (now < endpoint.paused_until) return {Entry::kWait, endpoint.paused_until - now};
    // After the pause one request goes ahead to see.
    if (endpoint.under_way > 0) return {Entry::kWait, options_.busy_pause};
  }
  if (endpoint.under_way >= options_.concurrent_max) return {Entry::kWait, options_.busy_pause};
  ++endpoint.under_way;
  return {Entry::kGo, {}};
}

void EndpointGate::Leave(const std::string& target, Result result, absl::Duration now) {
  const MutexLock lock(mutex_);
  Endpoint& endpoint = endpoints_[target];
  --endpoint.under_way;
  switch (result) {
    case Result::kAnswered:
      endpoint.failures = 0;
      break;
    case Result::kNoAnswer:
      if (endpoint.failures < options_.failure_count_max) ++endpoint.failures;
      if (endpoint.failures == options_.failure_count_max) {
        endpoint.paused_until = now + options_.pause;
      }
      break;
    case Result::kGone:
      endpoint.gone = true;
      break;
    case Result::kAbandoned:
      break;
  }
  if (endpoint.under_way == 0 && endpoint.failures == 0 && !endpoint.gone) {
    endpoints_.erase(target);
  }
}

void EndpointGate::ForgetIdle() {
  std::erase_if(endpoints_, [](const auto& each) { return each.second.under_way == 0; });
}

}  // namespace outlive::internal
