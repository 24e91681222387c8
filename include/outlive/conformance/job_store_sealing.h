// Conformance of sealing: what a store that was given a PayloadCipher does with it. For backends
// that can be made with one: Backend(clock, cipher).
#ifndef OUTLIVE_CONFORMANCE_JOB_STORE_SEALING_H_
#define OUTLIVE_CONFORMANCE_JOB_STORE_SEALING_H_

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/conformance/job_store_follow_ups.h"
#include "outlive/core/mutex.h"
#include "outlive/core/payload_cipher.h"

namespace outlive::conformance {

// A cipher that hides nothing and notices everything: what is sealed for one place does not open at
// another, keys come and go, and what was sealed can be counted.
class RecordingCipher final : public PayloadCipher {
 public:
  RecordingCipher() : keys_({"k1"}) {}

  // The first one seals. An id that key_id() has given stays valid.
  void UseKeys(std::vector<std::string> keys) {
    MutexLock lock(mutex_);
    keys_ = std::move(keys);
  }

  // From now on Seal() gives this.
  void FailWith(absl::Status status) {
    MutexLock lock(mutex_);
    failure_ = std::move(status);
  }

  // What was sealed since the last call, as "3:1" for field 1 of job 3, in alphabetical order.
  std::vector<std::string> TakeSealed() {
    MutexLock lock(mutex_);
    std::sort(sealed_.begin(), sealed_.end());
    return std::exchange(sealed_, {});
  }

  const std::string& key_id() const override {
    static const std::string kIds[] = {"k1", "k2", "k3"};
    MutexLock lock(mutex_);
    for (const std::string& id : kIds) {
      if (id == keys_.front()) return id;
    }
    return kIds[0];
  }

  absl::StatusOr<std::string> Seal(const PayloadPlace& place,
                                   std::string_view plain) const override {
    const std::string head = SealedHead(key_id());
    MutexLock lock(mutex_);
    if (!failure_.ok()) return failure_;
    sealed_.push_back(fmt::format("{}:{}", place.job, static_cast<int>(place.field)));
    return head + PlaceText(place) + std::string(plain.rbegin(), plain.rend());
  }

  absl::StatusOr<std::string> Open(const PayloadPlace& place,
                                   std::string_view sealed) const override {
    const std::optional<SealedPayload> parts = ReadSealed(sealed);
    MutexLock lock(mutex_);
    if (!parts || std::find(keys_.begin(), keys_.end(), parts->key_id) == keys_.end()) {
      return absl::FailedPreconditionError("the key is not here");
    }
    const std::string expected = PlaceText(place);
    if (parts->body.substr(0, expected.size()) != expected) {
      return absl::DataLossError("it was sealed for another place");
    }
    const std::string_view body = parts->body.substr(expected.size());
    return std::string(body.rbegin(), body.rend());
  }

  bool accepts_plain() const override { return false; }

  absl::StatusOr<Fingerprint> ArgsFingerprint(const Fingerprint& key,
                                              std::string_view args) const override {
    MutexLock lock(mutex_);
    return FingerprintOf(keys_.front(), key, args);
  }

  bool IsArgsFingerprint(const Fingerprint& kept, const Fingerprint& key,
                         std::string_view args) const override {
    MutexLock lock(mutex_);
    return std::any_of(keys_.begin(), keys_.end(),
                       [&](const std::string& id) { return FingerprintOf(id, key, args) == kept; });
  }

 private:
  static std::string PlaceText(const PayloadPlace& place) {
    return fmt::format("{} {} {} ", place.store_id, place.job, static_cast<int>(place.field));
  }

  static Fingerprint FingerprintOf(const std::string& id, const Fingerprint& key,
                                   std::string_view args) {
    return KeyFingerprint(id, std::string(key.begin(), key.end()) + std::string(args));
  }

  mutable Mutex mutex_;
  std::vector<std::string> keys_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  mutable std::vector<std::string> sealed_ ABSL_GUARDED_BY(mutex_);
};

inline std::string SealName(JobId job, PayloadField field) {
  return fmt::format("{}:{}", job, static_cast<int>(field));
}

inline ReencryptResult ReencryptAfter(JobStore& store, JobId after, int job_count_max) {
  return Value(Call<ReencryptResult>(store, [&](StoreTransaction& transaction) {
    return transaction.Reencrypt({.after = after, .job_count_max = job_count_max});
  }));
}

// A job that has one of everything, and is running.
inline ClaimedJob RunningWithAll(JobStore& store) {
  NewJob job = FollowedJob(true, true, true);
  job.args = "the arguments";
  const ClaimedJob claimed = InsertAndClaim(store, job);
  WorkerWrite write;
  write.lease = claimed.lease;
  write.checkpoint = "the checkpoint";
  RequireOk(WriteOne(store, write));
  return claimed;
}

inline Finished CompletedWith(const Lease& lease, std::string output) {
  Finished finished = EndOf(lease, Transition::kComplete);
  finished.output = std::move(output);
  return finished;
}

TEST_CASE_TEMPLATE_DEFINE("sealing: every payload is sealed for its place, once", Backend,
                          sealing_places) {
  VirtualClock clock;
  RecordingCipher cipher;
  Backend backend(clock, &cipher);
  JobStore& store = backend.store();
  CHECK(store.info().sealing);

  const ClaimedJob claimed = RunningWithAll(store);
  const JobId id = claimed.lease.job;
  CHECK(claimed.payload_status.ok());
  CHECK(claimed.args == "the arguments");
  CHECK(cipher.TakeSealed() == std::vector<std::string>{SealName(id, PayloadField::kArgs),
                                                        SealName(id, PayloadField::kCheckpoint),
                                                        SealName(id, PayloadField::kFollowUps)});

  // What is kept is not sealed again on its way from attempt to attempt.
  ClaimedJob again = claimed;
  for (const Transition end : {Transition::kRetry, Transition::kSnooze, Transition::kRelease}) {
    RequireOk(FinishOne(store, again, end));
    again = ClaimOne(store);
    CHECK(again.args == "the arguments");
    CHECK(again.checkpoint == "the checkpoint");
    CHECK(again.payload_status.ok());
  }
  clock.Advance(kLease);
  REQUIRE(RescueAll(store) == 1);
  again = ClaimOne(store, "session-2");
  CHECK(again.checkpoint == "the checkpoint");
  CHECK(cipher.TakeSealed().empty());

  RequireOk(FinishOne(store, CompletedWith(again.lease, "the output")));
  const JobId told = id + 1;
  CHECK(cipher.TakeSealed() == std::vector<std::string>{SealName(id, PayloadField::kOutput),
                                                        SealName(told, PayloadField::kArgs)});
  const Job job = MustGet(store, id);
  CHECK(job.sealed);
  CHECK(job.payload_status.ok());
  CHECK(job.args == "the arguments");
  CHECK(job.checkpoint == "the checkpoint");
  CHECK(job.output == "the output");
  CHECK(ToldBy(MustGet(store, told)).data == "ann@example.com");
  CHECK(ToldBy(MustGet(store, told)).end.output == "the output");

  // Nor by a requeue, which takes the output away.
  RequireOk(RequeueJob(store, id).status());
  CHECK(ClaimOne(store, "session-2").args == "the arguments");
  CHECK(cipher.TakeSealed().empty());
}

TEST_CASE_TEMPLATE_DEFINE("sealing: the longest payloads, no bytes, and bytes that look sealed",
                          Backend, sealing_bytes) {
  VirtualClock clock;
  RecordingCipher cipher;
  Backend backend(clock, &cipher);
  JobStore& store = backend.store();
  for (const std::string& bytes : {std::string(), std::string("\0\xff\x80", 3), SealedHead("k1"),
                                   std::string(limits::kPayloadBytesMax, 'x')}) {
    CAPTURE(bytes.size());
    const ClaimedJob first = InsertAndClaim(store, MakeJob(kKind, bytes));
    WorkerWrite write;
    write.lease = first.lease;
    write.checkpoint = bytes;
    RequireOk(WriteOne(store, write));
    RequireOk(FinishOne(store, first, Transition::kSnooze));
    const ClaimedJob second = ClaimOne(store);
    CHECK(second.args == bytes);
    CHECK(second.checkpoint == bytes);
    RequireOk(FinishOne(store, CompletedWith(second.lease, bytes)));
    CHECK(MustGet(store, second.lease.job).output == bytes);
  }
}

TEST_CASE_TEMPLATE_DEFINE("sealing: keys remember the arguments, also of older keys", Backend,
                          sealing_idempotency) {
  VirtualClock clock;
  RecordingCipher cipher;
  Backend backend(clock, &cipher);
  JobStore& store = backend.store();
  const JobId first = MustInsert(store, KeyedJob("key", "args"));
  const std::vector<std::vector<std::string>> rotation = {{"k1"}, {"k2", "k1"}, {"k3", "k2", "k1"}};
  for (const std::vector<std::string>& keys : rotation) {
    cipher.UseKeys(keys);
    const Inserted again = Value(InsertOne(store, KeyedJob("key", "args")));
    CHECK(again.duplicate);
    CHECK(again.id == first);
    CHECK(absl::IsAlreadyExists(InsertOne(store, KeyedJob("key", "other")).status()));
  }
  const JobId second = MustInsert(store, KeyedJob("another key", "args"));
  cipher.UseKeys({"k3"});
  CHECK(Value(InsertOne(store, KeyedJob("another key", "args"))).id == second);
  // Without its key nobody can tell whether they are the same.
  CHECK(absl::IsAlreadyExists(InsertOne(store, KeyedJob("key", "args")).status()));
}

TEST_CASE_TEMPLATE_DEFINE("sealing: a job whose key is missing is claimed, and can be ended",
                          Backend, sealing_missing_key) {
  VirtualClock clock;
  RecordingCipher cipher;
  Backend backend(clock, &cipher);
  JobStore& store = backend.store();
  const ClaimedJob claimed = RunningWithAll(store);
  const JobId id = claimed.lease.job;
  RequireOk(FinishOne(store, claimed, Transition::kSnooze));
  cipher.UseKeys({"k2"});

  ClaimedJob unreadable = ClaimOne(store);
  CHECK(unreadable.lease.job == id);
  CHECK(absl::IsFailedPrecondition(unreadable.payload_status));
  CHECK(unreadable.args.empty());
  CHECK(unreadable.checkpoint.empty());
  const Job job = MustGet(store, id);
  CHECK(job.sealed);
  CHECK(absl::IsFailedPrecondition(job.payload_status));
  CHECK(job.args.empty());
  CHECK(job.checkpoint.empty());
  CHECK(job.state == JobState::kRunning);

  // It dies, although its follow-ups cannot be read: the history says so.
  RequireOk(FinishOne(store, Failed(unreadable.lease, Transition::kDie, "no key")));
  const std::vector<AttemptError> errors = MustGet(store, id).errors;
  REQUIRE(errors.size() == 2);
  CHECK(errors[0].message == "no key");
  CHECK(errors[1].code == absl::StatusCode::kFailedPrecondition);
  CHECK(errors[1].message.find("its follow-ups were not inserted") == 0);
  CHECK(FollowUpsIn(store).empty());

  // The key is back: the job is sent back to work, and its end is told.
  cipher.UseKeys({"k2", "k1"});
  RequireOk(RequeueJob(store, id).status());
  const ClaimedJob again = ClaimOne(store);
  CHECK(again.payload_status.ok());
  CHECK(again.args == "the arguments");
  CHECK(again.checkpoint == "the checkpoint");
  RequireOk(FinishOne(store, again, Transition::kComplete));
  REQUIRE(FollowUpsIn(store).size() == 1);
  CHECK(ToldBy(FollowUpsIn(store)[0]).data == "ann@example.com");
}

// Every way to an end, while the follow-ups cannot be read.
TEST_CASE_TEMPLATE_DEFINE("sealing: follow-ups that cannot be read hold no end up", Backend,
                          sealing_follow_ups) {
  VirtualClock clock;
  RecordingCipher cipher;
  Backend backend(clock, &cipher);
  JobStore& store = backend.store();
  for (int way = 0; way < kWayCount; ++way) {
    CAPTURE(way);
    cipher.UseKeys({"k1"});
    const JobId id = MustInsert(store, FollowedJob(true, true, true));
    cipher.UseKeys({"k2"});
    const JobState end = EndOfInserted(store, clock, id, way);
    const Job ended = MustGet(store, id);
    CHECK(ended.state == end);
    CHECK(std::any_of(ended.errors.begin(), ended.errors.end(), [](const AttemptError& error) {
      return error.message.find("its follow-ups were not inserted") == 0;
    }));
    CHECK(FollowUpsIn(store).empty());
  }
}

TEST_CASE_TEMPLATE_DEFINE("sealing: where the cipher cannot seal, nothing is written", Backend,
                          sealing_failure) {
  VirtualClock clock;
  RecordingCipher cipher;
  Backend backend(clock, &cipher);
  JobStore& store = backend.store();
  const ClaimedJob claimed = InsertAndClaim(store, FollowedJob(true, true, true));
  const std::string before = Snapshot(store);
  cipher.FailWith(absl::UnavailableError("no answer"));
  {
    const auto transaction = Begin(store);
    const std::vector<NewJob> jobs = {MakeJob(), KeyedJob("key")};
    CHECK(absl::IsUnavailable(transaction->Insert(jobs).status()));
    CHECK(absl::IsFailedPrecondition(transaction->Commit()));
  }
  {
    const auto transaction = Begin(store);
    WorkerWrite write;
    write.lease = claimed.lease;
    write.checkpoint = "kept";
    CHECK(absl::IsUnavailable(transaction->Write({&write, 1}).status()));
  }
  {
    const auto transaction = Begin(store);
    const Finished finished = CompletedWith(claimed.lease, "output");
    CHECK(absl::IsUnavailable(transaction->Finish({&finished, 1}).status()));
  }
  {
    // It has no output, but somebody to tell.
    const auto transaction = Begin(store);
    const Finished finished = EndOf(claimed.lease, Transition::kComplete);
    CHECK(absl::IsUnavailable(transaction->Finish({&finished, 1}).status()));
  }
  CHECK(Snapshot(store) == before);
  cipher.FailWith(absl::OkStatus());
  CHECK(FinishOne(store, CompletedWith(claimed.lease, "output")).ok());
  MustInsert(store, KeyedJob("key"));
}

TEST_CASE_TEMPLATE_DEFINE("sealing: all is sealed with the newest key, batch after batch", Backend,
                          sealing_reencrypt) {
  VirtualClock clock;
  RecordingCipher cipher;
  Backend backend(clock, &cipher);
  JobStore& store = backend.store();
  std::vector<JobId> ids;
  for (const JobState state : {JobState::kPending, JobState::kCompleted, JobState::kCancelled,
                               JobState::kDead, JobState::kRunning}) {
    ids.push_back(JobIn(store, state, MakeJob(fmt::format("kind-{}", ids.size()), "args")));
  }
  const ClaimedJob claimed = RunningWithAll(store);
  ids.push_back(claimed.lease.job);
  cipher.TakeSealed();
  const std::string before = Snapshot(store);

  cipher.UseKeys({"k2", "k1"});
  const ReencryptResult first = ReencryptAfter(store, 0, 4);
  CHECK(first.job_count == 4);
  CHECK(first.renewed_count == 4);
  CHECK(first.unreadable_count == 0);
  CHECK(first.last == ids[3]);
  CHECK(first.more);
  const ReencryptResult second = ReencryptAfter(store, first.last, 100);
  CHECK(second.renewed_count == 2);
  CHECK(second.last == ids[5]);
  CHECK_FALSE(second.more);
  CHECK(cipher.TakeSealed().size() == ids.size() + 2);  // A checkpoint and follow-ups, too.
  CHECK(Snapshot(store) == before);

  // Once more: nothing is left to do, and the old key is not needed.
  cipher.UseKeys({"k2"});
  const ReencryptResult again = ReencryptAfter(store, 0, 100);
  CHECK(again.job_count == 6);
  CHECK(again.renewed_count == 0);
  CHECK(again.unreadable_count == 0);
  CHECK(cipher.TakeSealed().empty());
  CHECK(Snapshot(store) == before);
  CHECK(FinishOne(store, CompletedWith(claimed.lease, "output")).ok());
  REQUIRE(FollowUpsIn(store).size() == 1);
  CHECK(ReencryptAfter(store, FollowUpsIn(store)[0].id, 100).job_count == 0);
}

TEST_CASE_TEMPLATE_DEFINE("sealing: what cannot be opened stays as it is, and is counted", Backend,
                          sealing_unreadable) {
  VirtualClock clock;
  RecordingCipher cipher;
  Backend backend(clock, &cipher);
  JobStore& store = backend.store();
  const JobId old = MustInsert(store, MakeJob(kKind, "old"));
  cipher.UseKeys({"k2"});
  const JobId newer = MustInsert(store, MakeJob(kKind, "newer"));
  cipher.UseKeys({"k3", "k2"});
  const ReencryptResult result = ReencryptAfter(store, 0, 100);
  CHECK(result.job_count == 2);
  CHECK(result.renewed_count == 1);
  CHECK(result.unreadable_count == 1);
  cipher.UseKeys({"k3", "k1"});
  CHECK(MustGet(store, old).args == "old");
  CHECK(MustGet(store, newer).args == "newer");
}

TEST_CASE_TEMPLATE_DEFINE("sealing: sealing anew is undone with its transaction", Backend,
                          sealing_rollback) {
  VirtualClock clock;
  RecordingCipher cipher;
  Backend backend(clock, &cipher);
  JobStore& store = backend.store();
  const ClaimedJob claimed = RunningWithAll(store);
  RequireOk(FinishOne(store, claimed, Transition::kSnooze));
  cipher.UseKeys({"k2", "k1"});
  {
    const auto transaction = Begin(store);
    CHECK(Value(transaction->Reencrypt({.after = 0, .job_count_max = 10})).renewed_count == 1);
  }
  cipher.UseKeys({"k1"});
  const ClaimedJob again = ClaimOne(store);
  CHECK(again.payload_status.ok());
  CHECK(again.args == "the arguments");
  CHECK(again.checkpoint == "the checkpoint");
}

TEST_CASE_TEMPLATE_DEFINE(
    "sealing: without a cipher, or with a bad request, nothing is sealed anew", Backend,
    sealing_refused) {
  VirtualClock clock;
  RecordingCipher cipher;
  Backend plain(clock, nullptr);
  CHECK_FALSE(plain.store().info().sealing);
  const JobId id = MustInsert(plain.store(), MakeJob(kKind, "args"));
  CHECK_FALSE(MustGet(plain.store(), id).sealed);
  const ReencryptRequest request{.after = 0, .job_count_max = 1};
  CHECK(absl::IsFailedPrecondition(Begin(plain.store())->Reencrypt(request).status()));

  Backend sealing(clock, &cipher);
  CHECK(absl::IsInvalidArgument(
      Begin(sealing.store())->Reencrypt({.after = 0, .job_count_max = 0}).status()));
  CHECK(absl::IsInvalidArgument(
      Begin(sealing.store())->Reencrypt({.after = -1, .job_count_max = 1}).status()));
}

TEST_CASE_TEMPLATE_DEFINE("sealing: what is sealed is not handed out without a cipher", Backend,
                          sealing_without_cipher) {
  VirtualClock clock;
  Backend backend(clock, nullptr);
  JobStore& store = backend.store();
  const ClaimedJob claimed =
      InsertAndClaim(store, MakeJob(kKind, SealedHead("2026-07") + "somebody sealed this"));
  CHECK(absl::IsFailedPrecondition(claimed.payload_status));
  CHECK(claimed.payload_status.message().find("2026-07") != absl::string_view::npos);
  CHECK(claimed.args.empty());
  const Job job = MustGet(store, claimed.lease.job);
  CHECK(job.sealed);
  CHECK(job.args.empty());
  CHECK(absl::IsFailedPrecondition(job.payload_status));
}

}  // namespace outlive::conformance

#define OUTLIVE_JOB_STORE_SEALING_CONFORMANCE(Backend)        \
  namespace outlive::conformance {                            \
  TEST_CASE_TEMPLATE_INVOKE(sealing_places, Backend);         \
  TEST_CASE_TEMPLATE_INVOKE(sealing_bytes, Backend);          \
  TEST_CASE_TEMPLATE_INVOKE(sealing_idempotency, Backend);    \
  TEST_CASE_TEMPLATE_INVOKE(sealing_missing_key, Backend);    \
  TEST_CASE_TEMPLATE_INVOKE(sealing_follow_ups, Backend);     \
  TEST_CASE_TEMPLATE_INVOKE(sealing_failure, Backend);        \
  TEST_CASE_TEMPLATE_INVOKE(sealing_reencrypt, Backend);      \
  TEST_CASE_TEMPLATE_INVOKE(sealing_unreadable, Backend);     \
  TEST_CASE_TEMPLATE_INVOKE(sealing_rollback, Backend);       \
  TEST_CASE_TEMPLATE_INVOKE(sealing_refused, Backend);        \
  TEST_CASE_TEMPLATE_INVOKE(sealing_without_cipher, Backend); \
  }                                                           \
  static_assert(true, "")

#endif  // OUTLIVE_CONFORMANCE_JOB_STORE_SEALING_H_
