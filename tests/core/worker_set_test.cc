#include "outlive/core/worker_set.h"

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "outlive/testing/fake_job_context.h"
#include "tests/core/message.h"

namespace {

using outlive::JobContext;
using outlive::Outcome;
using outlive::WorkerOptions;
using outlive::WorkerSet;
using outlive::testing::FakeJobContext;
using outlive::testing::Message;

struct Greet {
  static constexpr std::string_view kKind = "test.greet";
  std::string name;
};
BOOST_DESCRIBE_STRUCT(Greet, (), (name))

struct Count {
  static constexpr std::string_view kKind = "test.count";
  int to = 0;
};
BOOST_DESCRIBE_STRUCT(Count, (), (to))

struct BadKind {
  static constexpr std::string_view kKind = "no spaces\n";
};
BOOST_DESCRIBE_STRUCT(BadKind, (), ())

Outcome GreetByName(JobContext&, const Greet& args) { return outlive::Done("hello " + args.name); }

class RawWorker final : public outlive::Worker {
 public:
  Outcome Run(JobContext&, std::string_view args) override {
    return outlive::Done(std::string(args));
  }
};

class RawCoroutine final : public outlive::CoroutineWorker {
 public:
  boost::asio::awaitable<Outcome> Run(JobContext&, std::string_view args) override {
    co_return outlive::Done(std::string(args));
  }
};

Outcome RunWorker(const WorkerSet& workers, std::string_view kind, std::string_view args) {
  FakeJobContext job;
  return workers.entries().find(kind)->second.worker->Run(job, args);
}

// Runs a coroutine worker to its end on an event loop of its own.
Outcome RunCoroutine(const WorkerSet& workers, std::string_view kind, std::string_view args) {
  FakeJobContext job;
  boost::asio::io_context loop;
  Outcome outcome = outlive::Dead("it did not end");
  boost::asio::co_spawn(loop, workers.entries().find(kind)->second.coroutine->Run(job, args),
                        [&](const std::exception_ptr& error, Outcome result) {
                          if (error) std::rethrow_exception(error);
                          outcome = std::move(result);
                        });
  loop.run();
  return outcome;
}

TEST_CASE("a set starts empty and without faults") {
  const WorkerSet workers;
  CHECK(workers.entries().empty());
  CHECK(workers.status().ok());
}

TEST_CASE("a function gets its arguments decoded") {
  WorkerSet workers;
  workers.Add<Greet>(GreetByName);
  REQUIRE(workers.status().ok());
  CHECK(RunWorker(workers, "test.greet", R"({"name":"Ann"})").output() == "hello Ann");
}

TEST_CASE("a worker may return a status, keep state, and be move-only") {
  WorkerSet workers;
  auto calls = std::make_unique<int>(0);
  const int* const count = calls.get();
  workers.Add<Greet>([calls = std::move(calls)](JobContext&, const Greet&) -> absl::Status {
    ++*calls;
    return absl::UnavailableError("not yet");
  });
  const Outcome outcome = RunWorker(workers, "test.greet", "{}");
  CHECK(outcome.kind() == Outcome::Kind::kRetry);
  CHECK(outcome.status() == absl::UnavailableError("not yet"));
  CHECK(*count == 1);
}

TEST_CASE("the context reaches the worker") {
  WorkerSet workers;
  workers.Add<Greet>([](JobContext& job, const Greet&) -> Outcome {
    job.ReportProgress(0.5, "half");
    return outlive::Done(std::string(job.kind()));
  });
  FakeJobContext job({.kind = "test.greet"});
  CHECK(workers.entries().at("test.greet").worker->Run(job, "{}").output() == "test.greet");
  CHECK(job.progress() == 0.5);
}

TEST_CASE("arguments that cannot be read are dead at once, and the worker is not called") {
  WorkerSet workers;
  bool called = false;
  workers.Add<Count>([&called](JobContext&, const Count&) -> Outcome {
    called = true;
    return outlive::Done();
  });
  const Outcome outcome = RunWorker(workers, "test.count", R"({"to":"ten"})");
  CHECK(outcome.kind() == Outcome::Kind::kDead);
  CHECK(Message(outcome.status()) ==
        "the arguments cannot be read: to: must be an integer, and is a string");
  CHECK(RunWorker(workers, "test.count", "\xFF").kind() == Outcome::Kind::kDead);
  CHECK_FALSE(called);
}

TEST_CASE("a coroutine gets its arguments decoded, and they live until it ends") {
  WorkerSet workers;
  workers.Add<Greet>([](JobContext&, const Greet& args) -> boost::asio::awaitable<Outcome> {
    // Goes through the event loop before the arguments are used.
    auto executor = co_await boost::asio::this_coro::executor;
    co_await boost::asio::post(executor, boost::asio::use_awaitable);
    co_return outlive::Done("hello " + args.name);
  });
  REQUIRE(workers.status().ok());
  CHECK(workers.entries().at("test.greet").worker == nullptr);
  CHECK(RunCoroutine(workers, "test.greet", R"({"name":"Bob"})").output() == "hello Bob");
  const Outcome bad = RunCoroutine(workers, "test.greet", R"({"name":7})");
  CHECK(bad.kind() == Outcome::Kind::kDead);
  CHECK(Message(bad.status()) ==
        "the arguments cannot be read: name: must be a string, and is an integer");
}

TEST_CASE("an exception is left to whoever calls the worker") {
  WorkerSet workers;
  workers.Add<Greet>(
      [](JobContext&, const Greet&) -> Outcome { throw std::runtime_error("boom"); });
  CHECK_THROWS_WITH_AS(static_cast<void>(RunWorker(workers, "test.greet", "{}")), "boom",
                       std::runtime_error);
}

TEST_CASE("ports get their bytes as they are") {
  WorkerSet workers;
  workers.Add("raw", std::make_unique<RawWorker>())
      .Add("raw.coroutine", std::make_unique<RawCoroutine>());
  REQUIRE(workers.status().ok());
  const std::string bytes("\0\xFF", 2);
  CHECK(RunWorker(workers, "raw", bytes).output() == bytes);
  CHECK(RunCoroutine(workers, "raw.coroutine", bytes).output() == bytes);
}

TEST_CASE("entries are in the order of their kinds, with their options") {
  WorkerSet workers;
  workers.Add("b", std::make_unique<RawWorker>(), {.timeout = absl::Minutes(1)});
  workers.Add("a", std::make_unique<RawWorker>());
  CHECK(workers.entries().size() == 2);
  CHECK(workers.entries().begin()->first == "a");
  CHECK(workers.entries().at("a").options.timeout == absl::InfiniteDuration());
  CHECK(workers.entries().at("b").options.timeout == absl::Minutes(1));
}

TEST_CASE("each fault is remembered with the kind it is about") {
  struct Line {
    std::string_view said;
    WorkerOptions options;
  };
  const Line lines[] = {
      {"worker \"k\": timeout must be positive", {.timeout = absl::ZeroDuration()}},
      {"worker \"k\": timeout must be positive", {.timeout = -absl::InfiniteDuration()}},
      {"worker \"k\": retry policy: factor must be from 1 to 1000", {.retry = {.factor = 0}}},
  };
  for (const Line& line : lines) {
    WorkerSet workers;
    workers.Add("k", std::make_unique<RawWorker>(), line.options);
    CHECK(workers.status().code() == absl::StatusCode::kInvalidArgument);
    CHECK(Message(workers.status()) == line.said);
  }
}

TEST_CASE("whoever makes workers can say what is wrong with one") {
  WorkerSet workers;
  workers.AddFault("k", absl::OkStatus());
  CHECK(workers.status().ok());
  workers.AddFault("k", absl::InvalidArgumentError("memory_bytes is too small"));
  CHECK(Message(workers.status()) == "worker \"k\": memory_bytes is too small");
}

TEST_CASE("a null worker is a fault") {
  WorkerSet workers;
  workers.Add("a", std::unique_ptr<outlive::Worker>());
  workers.Add("b", std::unique_ptr<outlive::CoroutineWorker>());
  CHECK(Message(workers.status()) ==
        "worker \"a\": must not be null; worker \"b\": must not be null");
}

TEST_CASE("a second worker for a kind is a fault, and the first one stays") {
  WorkerSet workers;
  workers.Add<Greet>(GreetByName);
  workers.Add("test.greet", std::make_unique<RawWorker>());
  CHECK(Message(workers.status()) == "worker \"test.greet\": there is one for this kind already");
  CHECK(RunWorker(workers, "test.greet", R"({"name":"Ann"})").output() == "hello Ann");
}

TEST_CASE("faults of all workers are told at once, on one line") {
  WorkerSet workers;
  workers.Add<BadKind>([](JobContext&, const BadKind&) -> Outcome { return outlive::Done(); });
  workers.Add("x", std::unique_ptr<outlive::Worker>(),
              {.timeout = absl::Seconds(-1), .retry = {.jitter = 2}});
  CHECK(Message(workers.status()) ==
        "worker \"no spaces\\x0a\": kind must have 1 to 128 characters out of A-Z a-z 0-9 . _ : / "
        "-, and is \"no spaces\\x0a\"; worker \"x\": retry policy: jitter must be from 0 to 1; "
        "worker \"x\": timeout must be positive; worker \"x\": must not be null");
}

}  // namespace
