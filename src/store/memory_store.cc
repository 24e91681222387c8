#include "outlive/store/memory_store.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "outlive/core/mutex.h"
#include "outlive/core/payloads.h"
#include "outlive/core/store_copy.h"
#include "outlive/core/wake_hub.h"
#include "store/memory/copy.h"
#include "store/memory/reader.h"
#include "store/memory/tables.h"
#include "store/memory/writer.h"

namespace outlive {
namespace {

// Far enough in both directions that no duration of ours overflows.
internal::Micros MicrosOf(absl::Time time) {
  constexpr internal::Micros kMax = 253'402'300'799'000'000;  // The end of the year 9999.
  return std::clamp<internal::Micros>(absl::ToUnixMicros(time), -kMax, kMax);
}

StoreInfo MakeInfo(const MemoryStoreOptions& options) {
  RandomSource& random = options.random != nullptr ? *options.random : SystemRandomInstance();
  return {.name = "memory",
          .version = "in-memory store",
          .store_id = RandomHex(random, 16),
          .schema_version = 1,
          .durable = false,
          .shared = false,
          .can_join = false,
          .sealing = options.cipher != nullptr};
}

}  // namespace

// One lock around the tables, held for a call, and the right to write, held for a transaction.
class MemoryStore::State {
 public:
  explicit State(const MemoryStoreOptions& options)
      : clock_(options.clock != nullptr ? *options.clock : SystemClockInstance()),
        begin_timeout_(options.begin_timeout),
        cipher_(options.cipher),
        info_(MakeInfo(options)),
        payloads_(options.cipher, info_.store_id) {}

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin();

  // Takes the right to write and begins; false after `timeout` of real time.
  bool StartWriting(absl::Duration timeout);

  // They give it back.
  void Commit(WakeHint hint);
  void Rollback();

  template <class Write>
  auto Writing(WakeHint& hint, Write write) {
    MutexLock lock(mutex_);
    internal::MemoryWriter writer(tables_, hint, payloads_);
    return write(writer);
  }

  template <class Read>
  auto Reading(Read read) {
    MutexLock lock(mutex_);
    return read(internal::MemoryReader(tables_, payloads_));
  }

  JobStats Stats();

  StoreCopy& copy() { return copy_; }
  WakeHub& wake_hub() { return wake_hub_; }
  const StoreInfo& info() const { return info_; }
  const Clock& clock() const { return clock_; }

 private:
  class Transaction;

  // What MigrateStore() works with.
  class Copy final : public StoreCopy {
   public:
    explicit Copy(MemoryStore::State& state) : state_(state) {}
    absl::Status Freeze(bool frozen) override;
    absl::StatusOr<StoreState> State() override;
    absl::StatusOr<std::vector<StoredJob>> Jobs(JobId after, int count_max) override;
    absl::StatusOr<std::vector<StoredKey>> Keys(const std::optional<Fingerprint>& after,
                                                int count_max) override;
    absl::StatusOr<std::vector<StoredSession>> Sessions() override;
    absl::StatusOr<std::optional<Filling>> FindFilling() override;
    absl::Status StartFilling(const std::string& source_id) override;
    absl::Status Fill(const StoreRows& rows) override;
    absl::Status FinishFilling(const StoreState& source) override;

   private:
    MemoryStore::State& state_;
  };

  absl::Status CheckOpen();

  void StopWriting() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    writing_ = false;
    may_write_.NotifyOne();
  }

  // Constant after construction.
  const Clock& clock_;
  const absl::Duration begin_timeout_;
  const PayloadCipher* const cipher_;

  // Changed by a move, while nobody else uses the store.
  StoreInfo info_;
  Payloads payloads_;

  // Has its own synchronisation.
  WakeHub wake_hub_;

  Mutex mutex_;
  CondVar may_write_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  internal::MemoryTables tables_ ABSL_GUARDED_BY(mutex_);
  bool frozen_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<Filling> filling_ ABSL_GUARDED_BY(mutex_);

  Copy copy_{*this};
};

class MemoryStore::State::Transaction final : public StoreTransaction {
 public:
  explicit Transaction(State& state) : state_(state) {}

  ~Transaction() override {
    if (!committed_) state_.Rollback();
  }

  absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(
      absl::Span<const NewJob> jobs) override {
    return Do([&](Writer& writer) { return writer.Insert(jobs); });
  }
  absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request) override {
    return Do([&](Writer& writer) { return writer.Claim(request); });
  }
  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override {
    return Do([&](Writer& writer) { return writer.Finish(finished); });
  }
  absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const WorkerWrite> writes) override {
    return Do([&](Writer& writer) { return writer.Write(writes); });
  }
  absl::StatusOr<std::vector<absl::StatusOr<JobState>>> Apply(
      absl::Span<const Change> changes) override {
    return Do([&](Writer& writer) { return writer.Apply(changes); });
  }
  absl::Status OpenSession(const std::string& session, absl::Duration lease) override {
    return Do([&](Writer& writer) { return writer.OpenSession(session, lease); });
  }
  absl::Status RenewSession(const std::string& session, absl::Duration lease) override {
    return Do([&](Writer& writer) { return writer.RenewSession(session, lease); });
  }
  absl::Status CloseSession(const std::string& session) override {
    return Do([&](Writer& writer) { return writer.CloseSession(session); });
  }
  absl::StatusOr<std::vector<Rescued>> Rescue(const RescueRequest& request) override {
    return Do([&](Writer& writer) { return writer.Rescue(request); });
  }
  absl::StatusOr<PruneResult> Prune(const PruneRequest& request) override {
    return Do([&](Writer& writer) { return writer.Prune(request); });
  }
  absl::StatusOr<ReencryptResult> Reencrypt(const ReencryptRequest& request) override {
    return Do([&](Writer& writer) { return writer.Reencrypt(request); });
  }
  absl::Status SetQueue(const QueueSettings& settings) override {
    return Do([&](Writer& writer) { return writer.SetQueue(settings); });
  }

  absl::Status Commit() override {
    if (over_) return Over();
    over_ = true;
    committed_ = true;
    state_.Commit(hint_);
    return absl::OkStatus();
  }

 private:
  using Writer = internal::MemoryWriter;

  static absl::Status Over() {
    return absl::FailedPreconditionError("the transaction has failed or was committed");
  }

  static const absl::Status& StatusOf(const absl::Status& status) { return status; }
  template <class T>
  static const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
    return result.status();
  }

  // After an error of the whole call the transaction is over.
  template <class Write>
  auto Do(Write write) -> decltype(write(std::declval<Writer&>())) {
    if (over_) return Over();
    auto result = state_.Writing(hint_, write);
    over_ = !StatusOf(result).ok();
    return result;
  }

  State& state_;
  WakeHint hint_;
  bool over_ = false;
  bool committed_ = false;
};

absl::StatusOr<std::unique_ptr<StoreTransaction>> MemoryStore::State::Begin() {
  if (absl::Status open = CheckOpen(); !open.ok()) return open;
  if (!StartWriting(begin_timeout_)) {
    return absl::UnavailableError("another transaction has held the store for too long");
  }
  return std::make_unique<Transaction>(*this);
}

bool MemoryStore::State::StartWriting(absl::Duration timeout) {
  const Clock& real = SystemClockInstance();
  const absl::Duration start = real.SinceBoot();
  MutexLock lock(mutex_);
  while (writing_) {
    if (timeout == absl::InfiniteDuration()) {
      may_write_.Wait(mutex_);
      continue;
    }
    const absl::Duration left = timeout - (real.SinceBoot() - start);
    if (left <= absl::ZeroDuration()) return false;
    may_write_.WaitFor(mutex_, absl::ToChronoNanoseconds(left));
  }
  writing_ = true;
  tables_.BeginTransaction(MicrosOf(clock_.Now()));
  return true;
}

void MemoryStore::State::Commit(WakeHint hint) {
  {
    MutexLock lock(mutex_);
    const std::int64_t seq_before = tables_.committed_seq();
    tables_.Commit();
    hint.changed = tables_.committed_seq() != seq_before;
    StopWriting();
  }
  wake_hub_.Wake(hint);
}

void MemoryStore::State::Rollback() {
  MutexLock lock(mutex_);
  tables_.Rollback();
  StopWriting();
}

absl::Status MemoryStore::State::CheckOpen() {
  MutexLock lock(mutex_);
  return StoreIsOpen(frozen_, filling_.has_value());
}

JobStats MemoryStore::State::Stats() {
  MutexLock lock(mutex_);
  const internal::Micros now = std::max(tables_.now(), MicrosOf(clock_.Now()));
  return internal::MemoryReader(tables_, payloads_).Stats(absl::FromUnixMicros(now));
}

// -- A move -----------------------------------------------------------------------------------

absl::Status MemoryStore::State::Copy::Freeze(bool frozen) {
  if (!state_.StartWriting(state_.begin_timeout_)) {  // Who has begun before may end.
    return absl::UnavailableError("another transaction holds the store");
  }
  MutexLock lock(state_.mutex_);
  state_.frozen_ = frozen;
  state_.tables_.Rollback();
  state_.StopWriting();
  return absl::OkStatus();
}

absl::StatusOr<StoreState> MemoryStore::State::Copy::State() {
  MutexLock lock(state_.mutex_);
  const internal::Micros now = std::max(state_.tables_.now(), MicrosOf(state_.clock_.Now()));
  return StoreState{.store_id = state_.info_.store_id,
                    .now = absl::FromUnixMicros(now),
                    .last_job = state_.tables_.last_job(),
                    .last_event = state_.tables_.committed_seq(),
                    .queues = internal::MemoryCopy(state_.tables_).Queues()};
}

absl::StatusOr<std::vector<StoredJob>> MemoryStore::State::Copy::Jobs(JobId after, int count_max) {
  MutexLock lock(state_.mutex_);
  return internal::MemoryCopy(state_.tables_).Jobs(after, count_max);
}

absl::StatusOr<std::vector<StoredKey>> MemoryStore::State::Copy::Keys(
    const std::optional<Fingerprint>& after, int count_max) {
  MutexLock lock(state_.mutex_);
  return internal::MemoryCopy(state_.tables_).Keys(after, count_max);
}

absl::StatusOr<std::vector<StoredSession>> MemoryStore::State::Copy::Sessions() {
  MutexLock lock(state_.mutex_);
  return internal::MemoryCopy(state_.tables_)
      .Sessions(std::max(state_.tables_.now(), MicrosOf(state_.clock_.Now())));
}

absl::StatusOr<std::optional<Filling>> MemoryStore::State::Copy::FindFilling() {
  MutexLock lock(state_.mutex_);
  return state_.filling_;
}

absl::Status MemoryStore::State::Copy::StartFilling(const std::string& source_id) {
  MutexLock lock(state_.mutex_);
  if (state_.tables_.last_job() != 0 || state_.tables_.committed_seq() != 0) {
    return absl::FailedPreconditionError("the store has, or had, jobs of its own");
  }
  state_.filling_ = Filling{.store_id = source_id};
  return absl::OkStatus();
}

absl::Status MemoryStore::State::Copy::Fill(const StoreRows& rows) {
  MutexLock lock(state_.mutex_);
  if (!state_.filling_) return absl::FailedPreconditionError("the store is not being filled");
  internal::MemoryCopy copy(state_.tables_);
  if (absl::Status valid = copy.Check(rows); !valid.ok()) return valid;
  state_.tables_.BeginTransaction(MicrosOf(state_.clock_.Now()));
  copy.Fill(rows);
  state_.tables_.Commit();
  Filling& filling = *state_.filling_;
  if (!rows.jobs.empty()) filling.last_job = rows.jobs.back().job.id;
  if (!rows.keys.empty()) filling.last_key = rows.keys.back().key;
  if (!rows.events.empty()) filling.last_event = rows.events.back().seq;
  return absl::OkStatus();
}

absl::Status MemoryStore::State::Copy::FinishFilling(const StoreState& source) {
  MutexLock lock(state_.mutex_);
  if (!state_.filling_) return absl::FailedPreconditionError("the store is not being filled");
  state_.tables_.BeginTransaction(MicrosOf(source.now));
  for (const QueueSettings& queue : source.queues) {
    state_.tables_.SetQueue(queue.queue, queue.paused);
  }
  state_.tables_.Commit();
  if (state_.tables_.committed_seq() != source.last_event) {
    state_.tables_.AdoptLastEvent(source.last_event);  // Its log was pruned to the end.
  }
  state_.tables_.AdoptLastJob(source.last_job);
  state_.info_.store_id = source.store_id;
  state_.payloads_ = Payloads(state_.cipher_, source.store_id);
  state_.filling_.reset();
  return absl::OkStatus();
}

MemoryStore::MemoryStore(const MemoryStoreOptions& options)
    : state_(std::make_unique<State>(options)) {}

MemoryStore::~MemoryStore() = default;

std::unique_ptr<MemoryStore> MemoryStore::Create(const MemoryStoreOptions& options) {
  return std::make_unique<MemoryStore>(options);
}

absl::StatusOr<std::unique_ptr<StoreTransaction>> MemoryStore::Begin() { return state_->Begin(); }

absl::StatusOr<std::unique_ptr<StoreTransaction>> MemoryStore::Join(HostTransaction) {
  return absl::UnimplementedError(
      "the in-memory store has no database, so there is no transaction to join");
}

absl::StatusOr<Job> MemoryStore::Get(JobId id) {
  return state_->Reading([&](const internal::MemoryReader& reader) { return reader.Get(id); });
}

absl::StatusOr<std::vector<Job>> MemoryStore::List(const JobFilter& filter, const JobPage& page) {
  return state_->Reading(
      [&](const internal::MemoryReader& reader) { return reader.List(filter, page); });
}

absl::StatusOr<JobStats> MemoryStore::Stats() { return state_->Stats(); }

absl::StatusOr<std::vector<Event>> MemoryStore::EventsAfter(std::int64_t after,
                                                            int event_count_max) {
  return state_->Reading([&](const internal::MemoryReader& reader) {
    return reader.EventsAfter(after, event_count_max);
  });
}

absl::StatusOr<std::int64_t> MemoryStore::LastEvent() {
  return state_->Reading([](const internal::MemoryReader& reader) { return reader.LastEvent(); });
}

absl::StatusOr<std::vector<DeadLetterGroup>> MemoryStore::DeadLetterGroups(int group_count_max) {
  return state_->Reading([&](const internal::MemoryReader& reader) {
    return reader.DeadLetterGroups(group_count_max);
  });
}

absl::StatusOr<std::vector<JobId>> MemoryStore::CancelRequests(const std::string& session) {
  return state_->Reading(
      [&](const internal::MemoryReader& reader) { return reader.CancelRequests(session); });
}

absl::StatusOr<Artifact> MemoryStore::FindArtifact(const std::string& id) {
  return state_->Reading(
      [&](const internal::MemoryReader& reader) { return reader.FindArtifact(id); });
}

absl::Status MemoryStore::Check(absl::Duration deadline) {
  if (!state_->StartWriting(deadline)) {
    return absl::DeadlineExceededError("another transaction holds the store");
  }
  state_->Rollback();
  return absl::OkStatus();
}

std::unique_ptr<Subscription> MemoryStore::Subscribe(std::function<void(WakeHint)> on_wake) {
  return state_->wake_hub().Subscribe(std::move(on_wake));
}

const StoreInfo& MemoryStore::info() const { return state_->info(); }

const Clock& MemoryStore::clock() const { return state_->clock(); }

StoreCopy* MemoryStore::copy() { return &state_->copy(); }

}  // namespace outlive
