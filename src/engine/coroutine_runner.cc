#include "engine/coroutine_runner.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <exception>
#include <utility>

namespace outlive::internal {
namespace {

// Lives as long as the coroutine's completion handler, which holds it.
struct Flight {
  std::shared_ptr<Attempt> attempt;
  std::function<void(const std::shared_ptr<Attempt>&, Outcome)> ended;
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

}  // namespace

void RunCoroutine(const boost::asio::any_io_executor& executor, std::shared_ptr<Attempt> attempt,
                  std::function<void(const std::shared_ptr<Attempt>&, Outcome)> ended) {
  auto strand = boost::asio::make_strand(executor);
  auto flight = std::make_shared<Flight>();
  flight->attempt = std::move(attempt);
  flight->ended = std::move(ended);
  // Signals are not safe across threads: they are emitted where the coroutine runs.
  const std::weak_ptr<Flight> weak = flight;
  flight->attempt->OnStop([weak, strand] {
    boost::asio::post(strand, [weak] {
      if (const auto alive = weak.lock()) {
        alive->signal.emit(boost::asio::cancellation_type::terminal);
      }
    });
  });
  CoroutineWorker& worker = *flight->attempt->entry().coroutine;
  const ClaimedJob& job = flight->attempt->job();
  boost::asio::co_spawn(
      strand, worker.Run(*flight->attempt, job.args),
      boost::asio::bind_cancellation_slot(
          flight->signal.slot(), [flight](std::exception_ptr error, Outcome outcome) {
            flight->attempt->ForgetOnStop();
            flight->ended(flight->attempt, OutcomeOf(error, std::move(outcome)));
          }));
}

}  // namespace outlive::internal
