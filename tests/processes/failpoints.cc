#include "tests/processes/failpoints.h"

#include <signal.h>

#include <mutex>

namespace outlive::testing {

void Failpoints::Reach(std::string_view name) {
  if (!plan_ || plan_->name != name || ++hits_ != plan_->hit) return;
  if (plan_->action == Action::kKill) raise(SIGKILL);
  const std::unique_lock<std::shared_mutex> lock(transactions_);
  raise(SIGSTOP);
}

}  // namespace outlive::testing
