// WorkerSet says which worker runs which kind. Built by hand in main(); there is no registry.
//
//   outlive::WorkerSet workers;
//   workers.Add<SendInvoice>(
//       [](outlive::JobContext& job, const SendInvoice& args) -> outlive::Outcome { … });
//   workers.Add<Resize>([](outlive::JobContext& job, const Resize& args)
//                           -> boost::asio::awaitable<outlive::Outcome> { … },
//                       {.timeout = absl::Minutes(1)});
//   workers.Add("mail.raw", std::make_unique<RawMailWorker>());
//
// Thread-safety: built by one thread; unchanged and shared by many from Runner::Start() on.
// Lifetime:      outlives the runner. Callables are kept here, so what they capture lives as long.
// Errors:        a bad kind, a second worker for a kind, or bad options are remembered and make
//                Runner::Start() fail: see status().
#ifndef OUTLIVE_CORE_WORKER_SET_H_
#define OUTLIVE_CORE_WORKER_SET_H_

#include <absl/status/status.h>
#include <boost/asio/awaitable.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "outlive/core/args.h"
#include "outlive/core/outcome.h"
#include "outlive/core/worker.h"

namespace outlive {

// What a worker says when it cannot read its arguments: no later attempt could.
Outcome UndecodableArgs(const absl::Status& why);

namespace internal {

template <class Function, class Args>
class FunctionWorker final : public Worker {
 public:
  explicit FunctionWorker(Function function) : function_(std::move(function)) {}

  Outcome Run(JobContext& job, std::string_view bytes) override {
    absl::StatusOr<Args> args = DecodeArgs<Args>(bytes);
    if (!args.ok()) return UndecodableArgs(args.status());
    return function_(job, std::as_const(*args));
  }

 private:
  Function function_;
};

template <class Function, class Args>
class FunctionCoroutineWorker final : public CoroutineWorker {
 public:
  explicit FunctionCoroutineWorker(Function function) : function_(std::move(function)) {}

  boost::asio::awaitable<Outcome> Run(JobContext& job, std::string_view bytes) override {
    absl::StatusOr<Args> args = DecodeArgs<Args>(bytes);
    if (!args.ok()) co_return UndecodableArgs(args.status());
    // `args` is a local: it lives until the user's coroutine has ended.
    const Args& borrowed = *args;
    Outcome outcome = co_await function_(job, borrowed);
    co_return outcome;
  }

 private:
  Function function_;
};

}  // namespace internal

class WorkerSet {
 public:
  // One of the two is set.
  struct Entry {
    std::unique_ptr<Worker> worker;
    std::unique_ptr<CoroutineWorker> coroutine;
    WorkerOptions options = {};
  };

  WorkerSet() = default;
  WorkerSet(const WorkerSet&) = delete;
  WorkerSet& operator=(const WorkerSet&) = delete;

  // Runs jobs of kind KindOf<Args>() by `function(JobContext&, const Args&)`, which returns an
  // Outcome (or an absl::Status) and runs on a thread of the runner, or a
  // boost::asio::awaitable<Outcome> and runs on the host's executor.
  template <class Args, class Function>
  WorkerSet& Add(Function function, WorkerOptions options = {}) {
    static_assert(JobArgs<Args>,
                  "outlive: the arguments need a `static constexpr std::string_view kKind`");
    static_assert(std::is_invocable_v<Function&, JobContext&, const Args&>,
                  "outlive: a worker is called as worker(outlive::JobContext&, const Args&)");
    using Result = std::invoke_result_t<Function&, JobContext&, const Args&>;
    if constexpr (std::is_same_v<Result, boost::asio::awaitable<Outcome>>) {
      return Add(
          KindOf<Args>(),
          std::make_unique<internal::FunctionCoroutineWorker<Function, Args>>(std::move(function)),
          std::move(options));
    } else {
      static_assert(std::is_convertible_v<Result, Outcome>,
                    "outlive: a worker returns outlive::Outcome, absl::Status or "
                    "boost::asio::awaitable<outlive::Outcome>");
      return Add(KindOf<Args>(),
                 std::make_unique<internal::FunctionWorker<Function, Args>>(std::move(function)),
                 std::move(options));
    }
  }

  // The ports themselves, for workers that read their bytes on their own.
  WorkerSet& Add(std::string_view kind, std::unique_ptr<Worker> worker, WorkerOptions options = {});
  WorkerSet& Add(std::string_view kind, std::unique_ptr<CoroutineWorker> worker,
                 WorkerOptions options = {});

  // For functions that make workers and add them: what is wrong with the one of this kind. OK:
  // nothing.
  void AddFault(std::string_view kind, const absl::Status& why);

  // OK, or kInvalidArgument with everything that was wrong with what was added.
  absl::Status status() const;

  // By kind, in order.
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }

 private:
  WorkerSet& AddEntry(std::string_view kind, Entry entry);

  std::map<std::string, Entry, std::less<>> entries_;
  std::string faults_;
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_WORKER_SET_H_
