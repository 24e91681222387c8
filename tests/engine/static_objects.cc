// A host that keeps everything in objects of static storage and leaves main() in the middle of its
// work: their destructors stop the runner, hand one job back and log the end of another, when
// whatever was made after them is gone already. Started again it looks for both.
//
// Exit 0: as it should be. The store's path is in OUTLIVE_STATIC_OBJECTS.
#include <cstdlib>
#include <memory>
#include <semaphore>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "outlive/engine/client.h"
#include "outlive/engine/runner.h"
#include "outlive/store/sqlite_store.h"

namespace {

constexpr const char* kPatient = "patient";
constexpr const char* kHopeless = "hopeless";  // Its end is logged.
constexpr const char* kAtOnce = "at once";     // As arguments: does not wait to be stopped.

// The path comes before main() does.
std::string Path() {
  const char* const path = std::getenv("OUTLIVE_STATIC_OBJECTS");
  return path == nullptr ? "" : path;
}

std::counting_semaphore<2> started(0);

// Says that it runs, and does so until it is asked to stop.
class Sleeper final : public outlive::Worker {
 public:
  explicit Sleeper(outlive::Outcome outcome) : outcome_(std::move(outcome)) {}

  outlive::Outcome Run(outlive::JobContext& job, std::string_view args) override {
    if (args == kAtOnce) return outcome_;
    std::binary_semaphore stopped(0);
    const std::stop_callback callback(job.stop_token(), [&] { stopped.release(); });
    started.release();
    stopped.acquire();
    return outcome_;
  }

 private:
  const outlive::Outcome outcome_;
};

std::unique_ptr<outlive::WorkerSet> MakeWorkers() {
  auto workers = std::make_unique<outlive::WorkerSet>();
  workers->Add(kPatient, std::make_unique<Sleeper>(absl::CancelledError("stopped")));
  workers->Add(kHopeless, std::make_unique<Sleeper>(outlive::Dead("stopped in the middle")));
  return workers;
}

const std::unique_ptr<outlive::SqliteStore> store = outlive::SqliteStore::Open(Path()).value();
const std::unique_ptr<outlive::WorkerSet> worker_set = MakeWorkers();
outlive::Client client(*store);
outlive::Runner runner(client, *worker_set, {.stop_patience = absl::Hours(1)});

// What the first start has left.
bool IsAsLeft() {
  const auto patient = client.List({.kind = kPatient});
  const auto hopeless = client.List({.kind = kHopeless});
  if (!patient.ok() || !hopeless.ok() || patient->size() != 1 || hopeless->size() != 2) {
    return false;
  }
  const outlive::Job& job = patient->front();
  return job.state == outlive::JobState::kPending && job.attempt == 0 && job.crashes == 0 &&
         hopeless->front().state == outlive::JobState::kDead;
}

}  // namespace

int main() {
  if (client.List().value().empty()) {
    if (!runner.Start().ok()) return 2;
    // So whatever the log needs is made, and is gone before the runner is.
    const outlive::JobId logged = client.EnqueueRaw(kHopeless, kAtOnce).value().id;
    if (!client.WaitFor(logged, store->clock().Now() + absl::Minutes(1)).ok()) return 3;
    for (const char* const kind : {kPatient, kHopeless}) client.EnqueueRaw(kind, "{}").value();
    started.acquire();
    started.acquire();
    return 0;
  }
  return IsAsLeft() ? 0 : 4;
}
