#include "testing/fiber.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace outlive::testing::internal {
namespace {

using Make = std::unique_ptr<Fiber> (*)(std::function<void()>);

std::vector<Make> AllKinds() {
  std::vector<Make> all = {&MakeThreadFiber};
#ifdef OUTLIVE_UCONTEXT
  all.push_back(&MakeContextFiber);
#endif
  return all;
}

TEST_CASE("a fiber runs when it is resumed, and rests when it says") {
  for (const Make make : AllKinds()) {
    std::string log;
    std::unique_ptr<Fiber> fiber;
    fiber = make([&] {
      log += "a";
      fiber->Rest();
      log += "b";
      fiber->Rest();
      log += "c";
    });
    CHECK(log.empty());
    fiber->Resume();
    CHECK(log == "a");
    CHECK_FALSE(fiber->done());
    fiber->Resume();
    fiber->Resume();
    CHECK(log == "abc");
    CHECK(fiber->done());
  }
}

TEST_CASE("fibers rest side by side, also where they handle exceptions") {
  for (const Make make : AllKinds()) {
    std::string log;
    std::vector<std::unique_ptr<Fiber>> fibers(3);
    for (std::size_t i = 0; i < fibers.size(); ++i) {
      fibers[i] = make([&, i] {
        try {
          fibers[i]->Rest();
          throw std::runtime_error(std::to_string(i));
        } catch (const std::exception& error) {
          fibers[i]->Rest();  // While the others throw theirs.
          log += error.what();
          try {
            throw;
          } catch (const std::exception& again) {
            log += again.what();
          }
        }
      });
    }
    for (int step = 0; step < 3; ++step) {
      for (const auto& fiber : fibers) fiber->Resume();
    }
    CHECK(log == "001122");
    for (const auto& fiber : fibers) CHECK(fiber->done());
  }
}

TEST_CASE("fibers come and go by the thousand") {
  int count = 0;
  for (const Make make : AllKinds()) {
    for (int i = 0; i < 1'000; ++i) {
      std::unique_ptr<Fiber> fiber = make([&count] { ++count; });
      fiber->Resume();
    }
  }
  CHECK(count == static_cast<int>(AllKinds().size()) * 1'000);
}

#ifdef OUTLIVE_UCONTEXT

// Goes as deep as it is told to.
int Deep(int count) {
  volatile char page[4'096];
  page[0] = static_cast<char>(count);
  return count == 0 ? page[0] : Deep(count - 1) + page[0];
}

TEST_CASE("a fiber that needs more stack than it has ends the program, and nothing else") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);
    const rlimit no_core = {};
    setrlimit(RLIMIT_CORE, &no_core);
    // The one whose stack lies above the other's.
    std::array<std::unique_ptr<Fiber>, 2> fibers;
    std::array<std::uintptr_t, 2> places = {};
    for (std::size_t i = 0; i < fibers.size(); ++i) {
      fibers[i] = MakeContextFiber([&fibers, &place = places[i], i] {
        volatile char here = 0;
        place = reinterpret_cast<std::uintptr_t>(&here);
        fibers[i]->Rest();
        Deep(140);
      });
      fibers[i]->Resume();
    }
    fibers[places[0] > places[1] ? 0 : 1]->Resume();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
}

#endif  // OUTLIVE_UCONTEXT

}  // namespace
}  // namespace outlive::testing::internal
