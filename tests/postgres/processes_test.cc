// Processes at work on one server, which are killed, stopped and continued.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "outlive/testing/seeded_random.h"
#include "tests/postgres/fleet.h"
#include "tests/postgres/server.h"
#include "tests/processes/worker_process.h"

TEST_SUITE_BEGIN("slow");

namespace outlive::testing {
namespace {

#ifdef OUTLIVE_CRASH_STRIDE
constexpr int kStride = OUTLIVE_CRASH_STRIDE;
#else
constexpr int kStride = 1;
#endif

// Some processes of outlive_postgres_host. Who ends is replaced.
class Gang {
 public:
  static constexpr std::size_t kSize = 3;

  explicit Gang(const ServerAddress& server) : server_(server) { Judge::Prepare(server); }

  // Starts a process there; it starts beside others, and nobody waits until it is ready.
  void Hire(std::size_t place) {
    const std::string number = std::to_string(++count_);
    gang_[place] = std::make_unique<WorkerProcess>(
        OUTLIVE_POSTGRES_HOST,
        std::vector<std::string>{server_.conninfo(), kFleetSchema, judge_.folder(),
                                 "process-" + number, number});
    is_fresh_[place] = true;
  }

  // False: it has ended.
  bool Send(std::size_t place, const std::string& command) {
    return IsReady(place) && gang_[place]->Send(command);
  }
  bool Ask(std::size_t place, const std::string& command) {
    return IsReady(place) && gang_[place]->Ask(command);
  }
  bool IsReady(std::size_t place) {
    return !std::exchange(is_fresh_[place], false) || gang_[place]->ReadLine() == "ready";
  }

  WorkerProcess& at(std::size_t place) { return *gang_[place]; }

  void Finish() {
    for (std::size_t place = 0; place < kSize; ++place) REQUIRE(Ask(place, "quiet"));
    Judge::WaitUntilDrained(server_);
    for (std::size_t place = 0; place < kSize; ++place) {
      REQUIRE(Ask(place, "stop"));
      CHECK(gang_[place]->Wait().code == 0);
    }
  }

  const Judge& judge() const { return judge_; }

 private:
  const ServerAddress server_;
  const Judge judge_;
  std::array<std::unique_ptr<WorkerProcess>, kSize> gang_;
  std::array<bool, kSize> is_fresh_ = {};
  int count_ = 0;
};

TEST_CASE("processes on one server are killed again and again, and nothing is lost or done twice") {
  constexpr int kKills = 60 / kStride;
  PostgresServer server;
  Gang gang(server.address());
  SeededRandom random(1);
  for (std::size_t place = 0; place < Gang::kSize; ++place) gang.Hire(place);
  for (int kills = 0; kills < kKills;) {
    // Somebody is in the middle of something, and maybe not the one who is killed.
    const std::size_t busy = random.Below(Gang::kSize);
    REQUIRE(gang.Send(busy, "load 8"));
    for (std::size_t place = 0; place < Gang::kSize; ++place) {
      if (place == busy || random.OneIn(3)) continue;
      REQUIRE(gang.Ask(place, "load 3"));
    }
    const std::size_t victim = random.OneIn(3) ? random.Below(Gang::kSize) : busy;
    REQUIRE(gang.IsReady(victim));
    gang.at(victim).Signal(SIGKILL);
    CHECK(gang.at(victim).Wait().signal == SIGKILL);
    gang.Hire(victim);
    if (busy != victim) REQUIRE(gang.at(busy).ReadLine() == "done");
    ++kills;
  }
  gang.Finish();
  CheckOptions options = Host::Options();
  options.exercised = {"rescued", "in_doubt", "retried", "duplicates", "refused", "checkpoints"};
  gang.judge().Pronounce(server.address(), options);
}

TEST_CASE("a process that was stopped for longer than its lease can do nothing any more") {
  PostgresServer server;
  Gang gang(server.address());
  for (std::size_t place = 0; place < Gang::kSize; ++place) {
    gang.Hire(place);
    REQUIRE(gang.IsReady(place));
  }
  // Stopped again and again, until it was in the middle of a job: others take it over.
  const auto is_over = [&] {
    return Judge::CountEvents(server.address(), EventType::kRescued) > 0;
  };
  for (int tries = 0; tries < 40 && !is_over(); ++tries) {
    REQUIRE(gang.Send(0, "load 20"));
    REQUIRE(gang.Ask(1, "load 5"));
    gang.at(0).Signal(SIGSTOP);
    REQUIRE(gang.at(0).WaitUntilStopped());
    Judge::WaitUntilDrained(server.address());
    gang.at(0).Signal(SIGCONT);
    REQUIRE(gang.at(0).ReadLine() == "done");
  }
  gang.Finish();
  CheckOptions options = Host::Options();
  options.exercised = {"rescued", "lost_sessions"};
  gang.judge().Pronounce(server.address(), options);
}

}  // namespace
}  // namespace outlive::testing

TEST_SUITE_END();
