// RequestMix is what clients of the crash tests ask for, drawn at random from a seed: work of every
// plan, keys that all clients share, jobs together with rows of the host, and changes to what was
// enqueued before.
//
// Thread-safety: none.
// Lifetime:      what it is given outlives it.
#ifndef OUTLIVE_TESTS_PROCESSES_REQUEST_MIX_H_
#define OUTLIVE_TESTS_PROCESSES_REQUEST_MIX_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/args.h"
#include "outlive/engine/client.h"
#include "outlive/testing/recording_client.h"
#include "outlive/testing/seeded_random.h"
#include "tests/processes/crash_jobs.h"

namespace outlive::testing {

struct RequestMixOptions {
  std::string name = {};  // Of the client: another one for each start.
  std::uint64_t seed = 1;

  // The letters that plans of Work are made of, and once in how many plans each of them stands;
  // but for those that end a job, which stand in fewer.
  std::string_view plan_letters = {};
  std::uint64_t plan_letter_one_in = 4;

  // Attempts that jobs have.
  int work_attempts = limits::kAttemptCountDefault;
  int keyed_attempts = limits::kAttemptCountDefault;
  int booking_attempts = limits::kAttemptCountDefault;
};

class RequestMix {
 public:
  // `enqueue_order` enqueues an order together with a row of the host, in the host's transaction.
  RequestMix(RecordingClient& client, RequestMixOptions options,
             std::function<bool(const Order&)> enqueue_order);

  // Does `count` of the things below, one after another. Returns how many jobs the store has taken.
  int Draw(int count);

  // True: the store has taken the job.
  bool EnqueueWork(std::string plan);
  bool EnqueueKeyed();
  bool EnqueueOrder() { return enqueue_order_(Order{NextName()}); }
  bool EnqueueBooking();

  void ChangeSomething();

  // True: the store has taken the job.
  template <class Args>
  bool Enqueue(const Args& args, const EnqueueOptions& options = {}) {
    return EnqueueBytes(Args::kKind, EncodeArgs(args).value(), options);
  }

  // Of the next request: never the same.
  std::string NextName();

  // What was enqueued here, in order; without what came with a row of the host.
  const std::vector<JobId>& known() const { return known_; }

 private:
  bool DrawOne();
  bool EnqueueBytes(std::string_view kind, const std::string& args, const EnqueueOptions& options);
  std::string RandomPlan();

  RecordingClient& client_;
  const RequestMixOptions options_;
  const std::function<bool(const Order&)> enqueue_order_;
  SeededRandom random_;
  std::vector<JobId> known_;
  int requests_ = 0;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_PROCESSES_REQUEST_MIX_H_
