// What isolation costs, printed: a figure for the guide, not a limit. In numbers of jobs in this
// process, so that the machine counts for less.
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>

#include "outlive/core/args.h"
#include "tests/isolate/rig.h"

namespace outlive::tests {
namespace {

double SecondsFor(int count, const std::function<void()>& run) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / count;
}

TEST_SUITE("slow") {
  TEST_CASE("the cost of a child, kept and new") {
    WorkerSet inside;
    inside.Add<Task>(Do);
    Worker& worker = *inside.entries().begin()->second.worker;
    const std::string args = EncodeArgs(Task{"echo", "hello", 0}).value();
    const double here = SecondsFor(10'000, [&] {
      testing::FakeJobContext job({.kind = std::string(Task::kKind)});
      CHECK(worker.Run(job, args).kind() == Outcome::Kind::kDone);
    });

    IsolateOptions options = TestOptions();
    options.jobs_per_child = 1'000'000;
    Rig kept(options);
    CHECK(kept.Run({"echo", "hello"}).output() == "hello");
    const double warm =
        SecondsFor(2'000, [&] { CHECK(kept.Run({"echo", "hello"}).output() == "hello"); });
    CHECK(kept.observer().started().size() == 1);

    options.jobs_per_child = 1;
    Rig fresh(options);
    const double cold =
        SecondsFor(20, [&] { CHECK(fresh.Run({"echo", "hello"}).output() == "hello"); });
    CHECK(fresh.observer().started().size() == 20);

    MESSAGE("in this process " << here * 1e6 << " us; in a child that is kept " << warm * 1e6
                               << " us (" << warm / here << " times); in a new child " << cold * 1e6
                               << " us (" << cold / warm << " kept ones)");
  }
}

}  // namespace
}  // namespace outlive::tests
