#include "notify/endpoint_gate.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <thread>
#include <vector>

namespace {

using outlive::internal::EndpointGate;
using Entry = EndpointGate::Entry;
using Result = EndpointGate::Result;

constexpr absl::Duration kNow = absl::Hours(5);

EndpointGate::Options TestOptions() {
  return {.concurrent_max = 2,
          .busy_pause = absl::Seconds(3),
          .failure_count_max = 3,
          .pause = absl::Minutes(1),
          .endpoint_count_max = 10};
}

void Fail(EndpointGate& gate, const std::string& target, int count, absl::Duration now) {
  for (int i = 0; i < count; ++i) {
    REQUIRE(gate.Enter(target, now).entry == Entry::kGo);
    gate.Leave(target, Result::kNoAnswer, now);
  }
}

}  // namespace

TEST_CASE("an endpoint has at most so many requests under way") {
  EndpointGate gate(TestOptions());
  CHECK(gate.Enter("a", kNow).entry == Entry::kGo);
  CHECK(gate.Enter("a", kNow).entry == Entry::kGo);
  const EndpointGate::Admission third = gate.Enter("a", kNow);
  CHECK(third.entry == Entry::kWait);
  CHECK(third.wait == absl::Seconds(3));
  CHECK(gate.Enter("b", kNow).entry == Entry::kGo);
  gate.Leave("a", Result::kAnswered, kNow);
  CHECK(gate.Enter("a", kNow).entry == Entry::kGo);
}

TEST_CASE("an endpoint that does not answer is left alone, then tried by one request (N12)") {
  EndpointGate gate(TestOptions());
  Fail(gate, "a", 3, kNow);
  const EndpointGate::Admission paused = gate.Enter("a", kNow + absl::Seconds(10));
  CHECK(paused.entry == Entry::kWait);
  CHECK(paused.wait == absl::Seconds(50));
  CHECK(gate.Enter("b", kNow).entry == Entry::kGo);

  const absl::Duration later = kNow + absl::Minutes(1);
  CHECK(gate.Enter("a", later).entry == Entry::kGo);
  CHECK(gate.Enter("a", later).entry == Entry::kWait);
  SUBCASE("it still does not answer") {
    gate.Leave("a", Result::kNoAnswer, later);
    CHECK(gate.Enter("a", later).wait == absl::Minutes(1));
  }
  SUBCASE("it answers") {
    gate.Leave("a", Result::kAnswered, later);
    CHECK(gate.Enter("a", later).entry == Entry::kGo);
    CHECK(gate.Enter("a", later).entry == Entry::kGo);
  }
  SUBCASE("the try was given up: another may try") {
    gate.Leave("a", Result::kAbandoned, later);
    CHECK(gate.Enter("a", later).entry == Entry::kGo);
  }
}

TEST_CASE("an answer ends a row of failures") {
  EndpointGate gate(TestOptions());
  for (int i = 0; i < 5; ++i) {
    Fail(gate, "a", 2, kNow);
    REQUIRE(gate.Enter("a", kNow).entry == Entry::kGo);
    gate.Leave("a", Result::kAnswered, kNow);
  }
}

TEST_CASE("an endpoint that has gone stays gone") {
  EndpointGate gate(TestOptions());
  REQUIRE(gate.Enter("a", kNow).entry == Entry::kGo);
  gate.Leave("a", Result::kGone, kNow);
  CHECK(gate.Enter("a", kNow + absl::Hours(1000)).entry == Entry::kGone);
}

TEST_CASE("only so many endpoints are remembered, and those with requests always") {
  EndpointGate gate(TestOptions());
  REQUIRE(gate.Enter("busy", kNow).entry == Entry::kGo);
  for (int i = 0; i < 9; ++i) Fail(gate, fmt::format("{}", i), 3, kNow);
  CHECK(gate.Enter("0", kNow).entry == Entry::kWait);
  REQUIRE(gate.Enter("one more", kNow).entry == Entry::kGo);
  CHECK(gate.Enter("0", kNow).entry == Entry::kGo);  // Its failures are forgotten.
  CHECK(gate.Enter("busy", kNow).entry == Entry::kGo);
  CHECK(gate.Enter("busy", kNow).entry == Entry::kWait);
}

TEST_CASE("many threads never exceed the limit") {
  EndpointGate gate(TestOptions());
  std::atomic<int> inside = 0, most = 0, entered = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        if (gate.Enter("a", kNow).entry != Entry::kGo) continue;
        ++entered;
        const int now_inside = ++inside;
        int seen = most;
        while (seen < now_inside && !most.compare_exchange_weak(seen, now_inside)) {
        }
        --inside;
        gate.Leave("a", Result::kAnswered, kNow);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(most >= 1);
  CHECK(most <= 2);
  CHECK(entered > 0);
}
