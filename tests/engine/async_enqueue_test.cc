// AsyncEnqueue() with each kind of completion token.
#include <doctest/doctest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/engine/jobs.h"

namespace outlive::tests {
namespace {

using Result = absl::StatusOr<Enqueued>;

boost::asio::awaitable<void> EnqueueTwice(Client& client, std::vector<Result>& results) {
  const Mail mail{1, "a"};
  const EnqueueOptions options = {.idempotency_key = "once"};
  Result first = co_await client.AsyncEnqueue(mail, options, boost::asio::use_awaitable);
  results.push_back(first);
  Result second = co_await client.AsyncEnqueue(mail, options, boost::asio::use_awaitable);
  results.push_back(second);
}

TEST_CASE("a coroutine awaits the commit") {
  RealWorld world;
  boost::asio::io_context loop;
  std::vector<Result> results;
  std::exception_ptr error;
  boost::asio::co_spawn(loop, EnqueueTwice(world.client, results),
                        [&](std::exception_ptr thrown) { error = thrown; });
  loop.run();
  CHECK(error == nullptr);
  REQUIRE(results.size() == 2);
  REQUIRE(results[0].ok());
  REQUIRE(results[1].ok());
  CHECK(results[1]->id == results[0]->id);
  CHECK(results[1]->duplicate);
  CHECK(world.client.Get(results[0]->id).ok());
}

TEST_CASE("a future gets the result") {
  RealWorld world;
  std::future<Result> future = world.client.AsyncEnqueue(Mail{1, "a"}, boost::asio::use_future);
  const Result result = future.get();
  REQUIRE(result.ok());
  CHECK(world.client.Get(result->id).ok());
}

TEST_CASE("a callback is called on its executor, also where nothing is enqueued") {
  RealWorld world;
  boost::asio::io_context loop;
  std::optional<Result> result;
  std::thread::id called_on;
  const EnqueueOptions bad = {.priority = 77};
  world.client.AsyncEnqueue(Mail{1, "a"}, bad,
                            boost::asio::bind_executor(loop, [&](Result enqueued) {
                              result = std::move(enqueued);
                              called_on = std::this_thread::get_id();
                            }));
  CHECK_FALSE(result.has_value());  // Never before the call has returned.
  loop.run();
  REQUIRE(result.has_value());
  CHECK(absl::IsInvalidArgument(result->status()));
  CHECK(called_on == std::this_thread::get_id());
}

boost::asio::awaitable<void> EnqueueWithout(Client& client, std::vector<Result>& results) {
  const Mail mail{1, "a"};
  Result plain = co_await client.AsyncEnqueue(mail, boost::asio::use_awaitable);
  results.push_back(plain);
  constexpr auto kToken = boost::asio::as_tuple(boost::asio::use_awaitable);
  std::tuple<Result> tuple = co_await client.AsyncEnqueue(mail, kToken);
  results.push_back(std::get<0>(tuple));
  auto later = client.AsyncEnqueue(mail, boost::asio::deferred);
  Result deferred = co_await std::move(later)(boost::asio::use_awaitable);
  results.push_back(deferred);
}

TEST_CASE("options may be left out, and tokens be combined") {
  RealWorld world;
  boost::asio::io_context loop;
  std::vector<Result> results;
  std::exception_ptr error;
  boost::asio::co_spawn(loop, EnqueueWithout(world.client, results),
                        [&](std::exception_ptr thrown) { error = thrown; });
  loop.run();
  CHECK(error == nullptr);
  REQUIRE(results.size() == 3);
  for (const Result& result : results) CHECK(result.ok());
  CHECK(world.client.List()->size() == 3);
}

TEST_CASE("what the store says of the commit is the result") {
  FaultyWorld world;
  int calls = 0;
  world.store.faults.after_commit = [&](const Asked& asked) {
    if (!asked.insert) return absl::OkStatus();
    return ++calls == 1 ? absl::UnknownError("in doubt") : absl::OkStatus();
  };
  const EnqueueOptions keyed = {.idempotency_key = "k"};
  const Mail mail{1, "a"};
  CHECK(absl::IsUnknown(
      world.client.AsyncEnqueue(mail, keyed, boost::asio::use_future).get().status()));
  // With a key a repeat is safe: it was committed.
  const Result again = world.client.AsyncEnqueue(mail, keyed, boost::asio::use_future).get();
  REQUIRE(again.ok());
  CHECK(again->duplicate);
  world.store.faults.begin = [] { return absl::UnavailableError("locked"); };
  CHECK(absl::IsUnavailable(
      world.client.AsyncEnqueue(mail, keyed, boost::asio::use_future).get().status()));
  CHECK(world.memory.List({}, {})->size() == 1);
}

TEST_CASE("a handler may be moved only, and its executor stays busy until it was called") {
  RealWorld world;
  boost::asio::io_context loop;
  int calls = 0;
  auto called = std::make_unique<int*>(&calls);
  world.client.AsyncEnqueue(
      Mail{1, "a"},
      boost::asio::bind_executor(loop, [called = std::move(called)](const Result& result) {
        CHECK(result.ok());
        ++**called;
      }));
  loop.run();  // Returns when nothing is to come any more.
  CHECK(calls == 1);
  CHECK(world.client.List()->size() == 1);
}

TEST_CASE("many at once share commits and lose nothing") {
  RealWorld world;
  std::vector<std::future<Result>> futures;
  for (int i = 0; i < 500; ++i) {
    futures.push_back(world.client.AsyncEnqueue(Mail{i, "a"}, boost::asio::use_future));
  }
  for (auto& future : futures) CHECK(future.get().ok());
  CHECK(world.client.List({}, {.row_count_max = 1000})->size() == 500);
}

}  // namespace
}  // namespace outlive::tests
