#include "outlive/engine/event_relay.h"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "tests/engine/jobs.h"

namespace outlive::tests {
namespace {

// Keeps events, and waits for them.
class Collector {
 public:
  void Add(absl::Span<const Event> events) {
    const std::lock_guard lock(mutex_);
    events_.insert(events_.end(), events.begin(), events.end());
    changed_.notify_all();
  }
  std::vector<Event> WaitForCount(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::minutes(1), [&] { return events_.size() >= count; });
    return events_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> events_;
};

TEST_CASE("events come in order, once each, and a new relay goes on where the old one stopped") {
  RealWorld world;
  REQUIRE(world.client.Enqueue(Mail{0, "before"}).ok());
  const std::int64_t begin = *world.store.LastEvent();
  Collector first;
  EventRelay relay(world.store, [&](absl::Span<const Event> events) { first.Add(events); });
  relay.Stop();  // Legal before Start().
  REQUIRE(relay.Start(begin).ok());
  CHECK(absl::IsFailedPrecondition(relay.Start(begin)));
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  REQUIRE(world.client.Cancel(id).ok());
  const std::vector<Event> events = first.WaitForCount(2);
  REQUIRE(events.size() == 2);
  CHECK(events[0].type == EventType::kEnqueued);
  CHECK(events[1].type == EventType::kCancelled);
  CHECK(events[1].job_id == id);
  CHECK(events[1].seq > events[0].seq);
  relay.Stop();
  relay.Stop();

  REQUIRE(world.client.Retry(id).ok());
  Collector second;
  EventRelay next(world.store, [&](absl::Span<const Event> more) { second.Add(more); });
  REQUIRE(next.Start(events[1].seq).ok());
  const std::vector<Event> rest = second.WaitForCount(1);
  REQUIRE(rest.size() == 1);
  CHECK(rest[0].type == EventType::kRequeued);
}

TEST_CASE("a relay that would poll without a pause, or from nowhere, is refused") {
  RealWorld world;
  const auto ignore = [](absl::Span<const Event>) {};
  for (const absl::Duration interval :
       {absl::ZeroDuration(), -absl::Seconds(1), absl::Milliseconds(9), absl::InfiniteDuration()}) {
    EventRelay relay(world.store, ignore, interval);
    CHECK(absl::IsInvalidArgument(relay.Start(0)));
    relay.Stop();
  }
  EventRelay relay(world.store, ignore);
  CHECK(absl::IsInvalidArgument(relay.Start(-1)));
  CHECK(relay.Start(0).ok());
}

TEST_CASE("a relay goes on where the store has failed, and skips nothing") {
  RealWorld world;
  class Failing final : public ForwardingJobStore {
   public:
    using ForwardingJobStore::ForwardingJobStore;
    absl::StatusOr<std::vector<Event>> EventsAfter(std::int64_t after, int count) override {
      if (asked++ % 2 == 0) return absl::UnavailableError("locked");
      return ForwardingJobStore::EventsAfter(after, count);
    }
    std::atomic<int> asked = 0;
  };
  Failing store(world.store);
  std::vector<Mail> mails(2'500);
  REQUIRE(world.client.EnqueueMany(mails).ok());
  Collector collector;
  EventRelay relay(store, [&](absl::Span<const Event> events) { collector.Add(events); });
  REQUIRE(relay.Start(0).ok());
  const std::vector<Event> events = collector.WaitForCount(2'500);
  REQUIRE(events.size() == 2'500);
  for (std::size_t i = 1; i < events.size(); ++i) CHECK(events[i].seq > events[i - 1].seq);
  CHECK(store.asked >= 6);
}

TEST_CASE("a long log is read in pieces") {
  RealWorld world;
  std::vector<Mail> mails(5'000);
  REQUIRE(world.client.EnqueueMany(absl::MakeConstSpan(mails)).ok());
  Collector collector;
  EventRelay relay(world.store, [&](absl::Span<const Event> events) { collector.Add(events); });
  REQUIRE(relay.Start(0).ok());
  const std::vector<Event> events = collector.WaitForCount(5'000);
  REQUIRE(events.size() == 5'000);
  for (std::size_t i = 1; i < events.size(); ++i) CHECK(events[i].seq > events[i - 1].seq);
}

}  // namespace
}  // namespace outlive::tests
