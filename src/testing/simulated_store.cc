#include "testing/simulated_store.h"

#include <fmt/format.h>

#include <utility>

#include "testing/process_life.h"
#include "testing/simulation_world.h"
#include "testing/weather.h"

namespace outlive::testing::internal {
namespace {

// How long Begin() waits for another process, and how often it looks.
constexpr absl::Duration kBusyTimeout = absl::Seconds(5);
constexpr absl::Duration kLook = absl::Milliseconds(100);

absl::Status Dead() { return absl::UnavailableError("the process is dead"); }

bool Happens(World& world, std::uint64_t one_in) {
  return one_in > 0 && world.faults_are_on() && world.random().OneIn(one_in);
}

// How long a slow call takes: mostly a little, now and then several leases.
absl::Duration Slowness(World& world) {
  SeededRandom& random = world.random();
  const absl::Duration lease = world.options().runner.lease;
  return RandomSpan(random.OneIn(10) ? lease : absl::Milliseconds(200), random);
}

// One of a process's transactions. It has the store to itself from its making to its end.
class SimulatedTransaction final : public StoreTransaction {
 public:
  SimulatedTransaction(std::unique_ptr<StoreTransaction> inner, ProcessLife& life)
      : inner_(std::move(inner)), life_(life) {
    world().SetHolder(&life_);
  }
  ~SimulatedTransaction() override { End(); }

  absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(
      absl::Span<const NewJob> jobs) override {
    return Do([&] { return inner_->Insert(jobs); });
  }
  absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request) override {
    return Do([&] { return inner_->Claim(request); });
  }
  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override {
    return Do([&] { return inner_->Finish(finished); });
  }
  absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const WorkerWrite> writes) override {
    return Do([&] { return inner_->Write(writes); });
  }
  absl::StatusOr<std::vector<absl::StatusOr<JobState>>> Apply(
      absl::Span<const Change> changes) override {
    return Do([&] { return inner_->Apply(changes); });
  }
  absl::Status OpenSession(const std::string& session, absl::Duration lease) override {
    return Do([&] { return inner_->OpenSession(session, lease); });
  }
  absl::Status RenewSession(const std::string& session, absl::Duration lease) override {
    return Do([&] { return inner_->RenewSession(session, lease); });
  }
  absl::Status CloseSession(const std::string& session) override {
    return Do([&] { return inner_->CloseSession(session); });
  }
  absl::StatusOr<std::vector<Rescued>> Rescue(const RescueRequest& request) override {
    return Do([&] { return inner_->Rescue(request); });
  }
  absl::StatusOr<PruneResult> Prune(const PruneRequest& request) override {
    return Do([&] { return inner_->Prune(request); });
  }
  absl::StatusOr<ReencryptResult> Reencrypt(const ReencryptRequest& request) override {
    return Do([&] { return inner_->Reencrypt(request); });
  }
  absl::Status SetQueue(const QueueSettings& settings) override {
    return Do([&] { return inner_->SetQueue(settings); });
  }

  absl::Status Commit() override {
    if (absl::Status alive = Dwell(); !alive.ok()) return alive;
    if (Happens(world(), world().weather().refusal)) return Refuse("commit");
    if (Happens(world(), world().weather().lost_reply)) return LoseReply();
    absl::Status status = inner_->Commit();
    End();
    if (!status.ok()) life_.Note(fmt::format("commit: {}", status.ToString()));
    life_.RestForReply(Happens(world(), world().weather().slow) ? Slowness(world())
                                                                : absl::ZeroDuration());
    if (life_.dead()) world().Count("kill after a commit");
    return status;
  }

 private:
  World& world() const { return life_.world(); }

  template <class Call>
  auto Do(Call call) -> decltype(call()) {
    if (absl::Status alive = Dwell(); !alive.ok()) return alive;
    if (Happens(world(), world().weather().refusal)) return Refuse("a part");
    return call();
  }

  // Perhaps it takes its time, while nobody else can do anything.
  absl::Status Dwell() {
    if (life_.dead() || inner_ == nullptr) return Dead();
    if (!Happens(world(), world().weather().hold)) return absl::OkStatus();
    world().Count("hold");
    life_.Note("rests in a transaction");
    life_.RestInStore(RandomSpan(absl::Seconds(2), world().random()));
    if (!life_.dead()) return absl::OkStatus();
    world().Count("kill in a transaction");
    End();
    return Dead();
  }

  absl::Status Refuse(std::string_view what) {
    world().Count("refusal");
    life_.Note(fmt::format("{} of a transaction is refused", what));
    End();
    return absl::UnavailableError("simulated: refused");
  }

  // Who has asked is not told what came of it.
  absl::Status LoseReply() {
    const bool done = world().random().OneIn(2);
    if (done) {
      if (absl::Status status = inner_->Commit(); !status.ok()) return status;
    }
    End();
    world().Count(done ? "reply lost, done" : "reply lost, not done");
    life_.Note(done ? "commit is done, its reply is lost" : "commit is lost");
    life_.RestForReply(Slowness(world()));
    return absl::UnknownError("simulated: the commit is in doubt");
  }

  void End() {
    if (inner_ == nullptr) return;
    inner_ = nullptr;
    world().SetHolder(nullptr);
  }

  std::unique_ptr<StoreTransaction> inner_;  // Null: over.
  ProcessLife& life_;
};

}  // namespace

absl::Status SimulatedStore::Arrive(const char* what) {
  if (life_.dead()) return Dead();
  World& world = life_.world();
  const bool slow = Happens(world, world.weather().slow);
  if (slow) {
    const absl::Duration time = Slowness(world);
    world.Count("slow call");
    if (time > world.options().runner.lease) world.Count("call slower than a lease");
    life_.Note(fmt::format("{} takes {}", what, absl::FormatDuration(time)));
    life_.RestInStore(time);
  } else if (world.random().OneIn(4)) {
    life_.RestInStore(absl::ZeroDuration());  // Others first.
  }
  if (life_.dead()) return Dead();
  if (world.IsDown(life_.number())) {
    world.Count("call in an outage");
    return absl::UnavailableError("simulated: the store is down");
  }
  if (Happens(world, world.weather().refusal)) {
    world.Count("refusal");
    life_.Note(fmt::format("{} is refused", what));
    return absl::UnavailableError("simulated: refused");
  }
  return absl::OkStatus();
}

absl::Status SimulatedStore::WaitForTurn() {
  World& world = life_.world();
  const absl::Duration deadline = world.now() + kBusyTimeout;
  while (world.holder() != nullptr) {
    if (world.now() >= deadline) {
      world.Count("busy for too long");
      return absl::UnavailableError("simulated: another process holds the store");
    }
    world.Count("busy");
    life_.RestInStore(kLook);
    if (life_.dead()) return Dead();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<StoreTransaction>> SimulatedStore::Begin() {
  if (absl::Status arrived = Arrive("begin"); !arrived.ok()) return arrived;
  if (absl::Status turn = WaitForTurn(); !turn.ok()) return turn;
  absl::StatusOr<std::unique_ptr<StoreTransaction>> transaction = inner().Begin();
  if (!transaction.ok()) {
    life_.Note(fmt::format("begin: {}", transaction.status().ToString()));
    return transaction.status();
  }
  return std::make_unique<SimulatedTransaction>(*std::move(transaction), life_);
}

absl::StatusOr<std::unique_ptr<StoreTransaction>> SimulatedStore::Join(HostTransaction host) {
  // In the host's own transaction nothing of ours can fail on its way.
  if (life_.dead()) return Dead();
  return inner().Join(host);
}

absl::StatusOr<Job> SimulatedStore::Get(JobId id) {
  if (absl::Status arrived = Arrive("get"); !arrived.ok()) return arrived;
  return inner().Get(id);
}

absl::StatusOr<std::vector<Job>> SimulatedStore::List(const JobFilter& filter,
                                                      const JobPage& page) {
  if (absl::Status arrived = Arrive("list"); !arrived.ok()) return arrived;
  return inner().List(filter, page);
}

absl::StatusOr<JobStats> SimulatedStore::Stats() {
  if (absl::Status arrived = Arrive("stats"); !arrived.ok()) return arrived;
  return inner().Stats();
}

absl::StatusOr<std::vector<Event>> SimulatedStore::EventsAfter(std::int64_t after,
                                                               int event_count_max) {
  if (absl::Status arrived = Arrive("events"); !arrived.ok()) return arrived;
  return inner().EventsAfter(after, event_count_max);
}

absl::StatusOr<std::int64_t> SimulatedStore::LastEvent() {
  if (absl::Status arrived = Arrive("last event"); !arrived.ok()) return arrived;
  return inner().LastEvent();
}

absl::StatusOr<std::vector<DeadLetterGroup>> SimulatedStore::DeadLetterGroups(int group_count_max) {
  if (absl::Status arrived = Arrive("dead letter groups"); !arrived.ok()) return arrived;
  return inner().DeadLetterGroups(group_count_max);
}

absl::StatusOr<std::vector<JobId>> SimulatedStore::CancelRequests(const std::string& session) {
  if (absl::Status arrived = Arrive("cancel requests"); !arrived.ok()) return arrived;
  return inner().CancelRequests(session);
}

absl::StatusOr<Artifact> SimulatedStore::FindArtifact(const std::string& id) {
  if (absl::Status arrived = Arrive("find artifact"); !arrived.ok()) return arrived;
  return inner().FindArtifact(id);
}

absl::Status SimulatedStore::Check(absl::Duration deadline) {
  if (absl::Status arrived = Arrive("check"); !arrived.ok()) return arrived;
  if (absl::Status turn = WaitForTurn(); !turn.ok()) return turn;
  return inner().Check(deadline);
}

std::unique_ptr<Subscription> SimulatedStore::Subscribe(std::function<void(WakeHint)> on_wake) {
  return life_.Subscribe(inner(), std::move(on_wake));
}

}  // namespace outlive::testing::internal
