#include "http/event_channel.h"

#include <absl/status/status.h>
#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <thread>
#include <vector>

namespace {

using outlive::http::internal::EventChannel;

}  // namespace

TEST_CASE("a channel gives out at once what was sent, and wakes for the first of it") {
  EventChannel channel(100);
  int wakes = 0;
  channel.Attach([&] { ++wakes; });
  REQUIRE(channel.Send("one").ok());
  REQUIRE(channel.Send("two").ok());
  CHECK(wakes == 1);
  CHECK(channel.Take().bytes == "onetwo");
  CHECK(channel.Take().bytes == "");
  REQUIRE(channel.Send("three").ok());
  CHECK(wakes == 2);
}

TEST_CASE("what is being sent counts against the limit") {
  EventChannel channel(10);
  REQUIRE(channel.Send("12345").ok());
  REQUIRE(channel.Take().bytes == "12345");
  REQUIRE(channel.Send("67890").ok());
  CHECK(absl::IsResourceExhausted(channel.Send("x")));
  CHECK(channel.closed());
  CHECK(channel.is_dropped());
  CHECK(absl::IsCancelled(channel.Send("x")));
  const EventChannel::Taken taken = channel.Take();
  CHECK(taken.is_dropped);
  CHECK(taken.bytes == "");
}

TEST_CASE("once it has been sent it no longer counts") {
  EventChannel channel(10);
  for (int i = 0; i < 5; ++i) {
    REQUIRE(channel.Send("1234567890").ok());
    REQUIRE(channel.Take().bytes == "1234567890");
    REQUIRE(channel.Take().bytes == "");
  }
  CHECK(absl::IsResourceExhausted(channel.Send("12345678901")));
}

TEST_CASE("closing lets what is buffered out") {
  EventChannel channel(100);
  int wakes = 0;
  channel.Attach([&] { ++wakes; });
  REQUIRE(channel.Send("last").ok());
  channel.Close();
  channel.Close();
  CHECK(wakes == 2);
  CHECK(channel.closed());
  CHECK(absl::IsCancelled(channel.Send("more")));
  const EventChannel::Taken taken = channel.Take();
  CHECK(taken.bytes == "last");
  CHECK(taken.is_ending);
}

TEST_CASE("callbacks are handed out once, and later ones are called at once") {
  EventChannel channel(100);
  int calls = 0;
  int wakes = 0;
  channel.Attach([&] { ++wakes; });
  channel.OnClose([&] { ++calls; });
  channel.Close();
  channel.OnClose([&] { ++calls; });
  CHECK(calls == 0);
  for (auto& callback : channel.End()) callback();
  CHECK(calls == 2);
  CHECK(channel.End().empty());
  channel.OnClose([&] { ++calls; });
  CHECK(calls == 3);
  CHECK(absl::IsCancelled(channel.Send("x")));
  channel.Close();
  CHECK(wakes == 1);
}

TEST_CASE("nothing is lost or doubled between many senders and one taker") {
  constexpr int kThreads = 4;
  constexpr int kEvents = 500;
  EventChannel channel(1 << 20);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < kEvents; ++j) CHECK(channel.Send("x").ok());
    });
  }
  std::string all;
  while (all.size() < kThreads * kEvents) all += channel.Take().bytes;
  for (std::thread& thread : threads) thread.join();
  CHECK(all.size() == kThreads * kEvents);
  CHECK(channel.Take().bytes == "");
}
