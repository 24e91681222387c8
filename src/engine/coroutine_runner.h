// Runs attempts of coroutine workers on the host's executor. The only place of the engine that
// knows about coroutines, and it is not one.
#ifndef OUTLIVE_SRC_ENGINE_COROUTINE_RUNNER_H_
#define OUTLIVE_SRC_ENGINE_COROUTINE_RUNNER_H_

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>

#include "engine/attempt.h"

namespace outlive::internal {

// Starts the attempt's coroutine on a strand of `executor`; `ended` is called there when it has
// ended. A request to stop is passed on through the coroutine's cancellation slot.
void RunCoroutine(const boost::asio::any_io_executor& executor, std::shared_ptr<Attempt> attempt,
                  std::function<void(const std::shared_ptr<Attempt>&, Outcome)> ended);

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ENGINE_COROUTINE_RUNNER_H_
