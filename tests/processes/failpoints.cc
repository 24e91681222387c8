#include "tests/processes/failpoints.h"

#include <signal.h>

namespace outlive::testing {

void Failpoints::Reach(std::string_view name) {
  if (!plan_ || plan_->name != name || ++hits_ != plan_->hit) return;
  raise(plan_->action == Action::kKill ? SIGKILL : SIGSTOP);
}

}  // namespace outlive::testing
