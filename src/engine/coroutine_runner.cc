#include "engine/coroutine_runner.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <exception>
#include <utility>

#include "core/exception_text.h"

namespace outlive::internal {
namespace {

using Ended = std::function<void(const std::shared_ptr<Attempt>&, Outcome)>;

// Lives as long as the coroutine's completion handler, which holds it.
struct Flight {
  std::shared_ptr<Attempt> attempt;
  Ended ended;
  boost::asio::cancellation_signal signal;
};

Outcome OutcomeOf(const std::exception_ptr& error, Outcome outcome) {
  if (error == nullptr) return outcome;
  try {
    std::rethrow_exception(error);
  } catch (...) {
    return Retry(absl::UnknownError(CurrentExceptionText()));
  }
}

// Starts the coroutine. Throws what making it throws: then it has not started.
void Spawn(const boost::asio::any_io_executor& executor, const std::shared_ptr<Attempt>& attempt,
           Ended ended) {
  auto strand = boost::asio::make_strand(executor);
  auto flight = std::make_shared<Flight>();
  flight->attempt = attempt;
  flight->ended = std::move(ended);
  // Signals are not safe across threads: they are emitted where the coroutine runs.
  std::function<void()> stop = [weak = std::weak_ptr<Flight>(flight), strand] {
    boost::asio::post(strand, [weak] {
      if (const auto alive = weak.lock()) {
        alive->signal.emit(boost::asio::cancellation_type::terminal);
      }
    });
  };
  CoroutineWorker& worker = *attempt->entry().coroutine;
  boost::asio::co_spawn(
      strand, worker.Run(*attempt, attempt->job().args),
      boost::asio::bind_cancellation_slot(
          flight->signal.slot(), [flight](std::exception_ptr error, Outcome outcome) {
            flight->attempt->ForgetOnStop();
            flight->ended(flight->attempt, OutcomeOf(error, std::move(outcome)));
          }));
  // Not before its slot stands: what is emitted earlier is lost.
  attempt->OnStop(std::move(stop));
}

}  // namespace

void RunCoroutine(const boost::asio::any_io_executor& executor, std::shared_ptr<Attempt> attempt,
                  std::function<void(const std::shared_ptr<Attempt>&, Outcome)> ended) {
  try {
    Spawn(executor, attempt, ended);
  } catch (...) {
    ended(attempt, Retry(absl::UnknownError(CurrentExceptionText())));
  }
}

}  // namespace outlive::internal
