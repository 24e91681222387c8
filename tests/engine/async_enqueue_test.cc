// AsyncEnqueue() with each kind of completion token.
#include <doctest/doctest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <exception>
#include <future>
#include <optional>
#include <thread>
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
