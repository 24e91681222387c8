#include "tests/processes/request_mix.h"

#include <fmt/format.h>

#include <utility>

namespace outlive::testing {
namespace {

// Keys that all clients use.
constexpr std::uint64_t kKeyCount = 50;

// Plans that end their job before it is done.
constexpr std::uint64_t kEndOneIn = 12;

std::vector<FollowUp> Notice() { return {{.kind = std::string(kNoticeKind), .data = "told"}}; }

}  // namespace

RequestMix::RequestMix(RecordingClient& client, RequestMixOptions options,
                       std::function<bool(const Order&)> enqueue_order)
    : client_(client),
      options_(std::move(options)),
      enqueue_order_(std::move(enqueue_order)),
      random_(options_.seed) {}

int RequestMix::Draw(int count) {
  int taken = 0;
  for (int i = 0; i < count; ++i) taken += DrawOne() ? 1 : 0;
  return taken;
}

bool RequestMix::DrawOne() {
  switch (random_.Below(8)) {
    case 0:
    case 1:
      return EnqueueKeyed();
    case 2:
      return EnqueueOrder();
    case 3:
      return EnqueueBooking();
    case 4:
      ChangeSomething();
      return false;
    default:
      return EnqueueWork(RandomPlan());
  }
}

bool RequestMix::EnqueueWork(std::string plan) {
  return Enqueue(Work{NextName(), std::move(plan)},
                 {.max_attempts = options_.work_attempts, .follow_ups = Notice()});
}

bool RequestMix::EnqueueKeyed() {
  const std::string key = fmt::format("key-{}", random_.Below(kKeyCount));
  EnqueueOptions options;
  options.max_attempts = options_.keyed_attempts;
  options.idempotency_key = key;
  options.idempotency_window = absl::Minutes(30);
  options.follow_ups = Notice();
  // Sometimes with other arguments than before, which is refused.
  return Enqueue(Work{random_.OneIn(5) ? NextName() : key, ""}, options);
}

bool RequestMix::EnqueueBooking() {
  return Enqueue(Booking{NextName()}, {.max_attempts = options_.booking_attempts});
}

void RequestMix::ChangeSomething() {
  if (known_.empty()) return;
  const JobId id = known_[random_.Below(known_.size())];
  switch (random_.Below(4)) {
    case 0:
      client_.Retry(id).IgnoreError();
      break;
    case 1:
      client_.DiscardDeadLetter(id).IgnoreError();
      break;
    default:
      client_.Cancel(id).IgnoreError();
  }
}

std::string RequestMix::NextName() { return fmt::format("{}-{}", options_.name, ++requests_); }

bool RequestMix::EnqueueBytes(std::string_view kind, const std::string& args,
                              const EnqueueOptions& options) {
  const absl::StatusOr<Enqueued> job = client_.Enqueue(kind, args, options);
  if (job.ok()) known_.push_back(job->id);
  return job.ok();
}

std::string RequestMix::RandomPlan() {
  std::string plan;
  for (const char letter : options_.plan_letters) {
    const bool ends = letter == 'x' || letter == 'd';
    if (random_.OneIn(ends ? kEndOneIn : options_.plan_letter_one_in)) plan.push_back(letter);
  }
  return plan;
}

}  // namespace outlive::testing
