// Conformance of StoreTransaction::Write(): progress, checkpoints, artifacts, and who may write.
#ifndef OUTLIVE_CONFORMANCE_JOB_STORE_WRITE_H_
#define OUTLIVE_CONFORMANCE_JOB_STORE_WRITE_H_

#include <limits>
#include <string>
#include <vector>

#include "outlive/conformance/helpers.h"

namespace outlive::conformance {

inline WorkerWrite ProgressOf(const Lease& lease, double progress, std::string note) {
  return {.lease = lease,
          .progress = progress,
          .progress_note = std::move(note),
          .checkpoint = std::nullopt,
          .artifact = std::nullopt};
}

inline WorkerWrite CheckpointOf(const Lease& lease, std::string checkpoint) {
  WorkerWrite write;
  write.lease = lease;
  write.checkpoint = std::move(checkpoint);
  return write;
}

inline WorkerWrite ArtifactOf(const Lease& lease, Artifact artifact) {
  WorkerWrite write;
  write.lease = lease;
  write.artifact = std::move(artifact);
  return write;
}

TEST_CASE_TEMPLATE_DEFINE("write: progress never goes back", Backend, write_progress) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob claimed = InsertAndClaim(store);
  const JobId id = claimed.lease.job;
  CHECK(WriteOne(store, ProgressOf(claimed.lease, 0.5, "page 5 of 10")).ok());
  CHECK(MustGet(store, id).progress == 0.5);
  CHECK(MustGet(store, id).progress_note == "page 5 of 10");

  CHECK(WriteOne(store, ProgressOf(claimed.lease, 0.25, "again")).ok());
  CHECK(MustGet(store, id).progress == 0.5);
  CHECK(MustGet(store, id).progress_note == "again");

  WorkerWrite only_progress;
  only_progress.lease = claimed.lease;
  only_progress.progress = 0.75;
  CHECK(WriteOne(store, only_progress).ok());
  CHECK(MustGet(store, id).progress == 0.75);
  CHECK(MustGet(store, id).progress_note == "again");
  CHECK(EventsOf(store, id) == "enqueued claimed progressed progressed progressed");

  // The next attempt does not go back either; only a requeue starts anew.
  RequireOk(FinishOne(store, claimed, Transition::kRetry));
  const ClaimedJob next = ClaimOne(store);
  CHECK(WriteOne(store, ProgressOf(next.lease, 0.1, "once more")).ok());
  CHECK(MustGet(store, id).progress == 0.75);
  CHECK(WriteOne(store, ProgressOf(next.lease, 1.0, "")).ok());
  RequireOk(FinishOne(store, next, Transition::kComplete));
  CHECK(MustGet(store, id).progress == 1.0);
  RequireOk(RequeueJob(store, id).status());
  CHECK(MustGet(store, id).progress == 0);
  CHECK(MustGet(store, id).progress_note == "");
}

TEST_CASE_TEMPLATE_DEFINE("write: there is an event only where something has changed", Backend,
                          write_events) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob claimed = InsertAndClaim(store);
  WorkerWrite nothing;
  nothing.lease = claimed.lease;
  CHECK(WriteOne(store, nothing).ok());
  CHECK(WriteOne(store, ProgressOf(claimed.lease, 0, "")).ok());
  CHECK(WriteOne(store, CheckpointOf(claimed.lease, "page 1")).ok());
  CHECK(WriteOne(store, ArtifactOf(claimed.lease, MakeArtifact('a'))).ok());
  CHECK(EventsOf(store, claimed.lease.job) == "enqueued claimed");

  for (int i = 0; i < 3; ++i) {
    CHECK(WriteOne(store, ProgressOf(claimed.lease, 0.5, "half")).ok());
  }
  CHECK(EventsOf(store, claimed.lease.job) == "enqueued claimed progressed");
  CHECK(AllEvents(store).back().fence == claimed.lease.fence);
}

TEST_CASE_TEMPLATE_DEFINE("write: notes are cut and cleaned", Backend, write_note) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob claimed = InsertAndClaim(store);
  const auto kept = [&](const std::string& note) {
    RequireOk(WriteOne(store, ProgressOf(claimed.lease, 0, note)));
    return MustGet(store, claimed.lease.job).progress_note;
  };
  CHECK(kept("Seite 3 \xe2\x80\x93 fertig") == "Seite 3 \xe2\x80\x93 fertig");
  CHECK(kept(std::string("a\nb\0", 4)) == EscapeForLog(std::string("a\nb\0", 4)));
  CHECK(kept(std::string(1'000'000, 'n')).size() <= limits::kMessageBytesMax);
  CHECK(kept("") == "");
}

TEST_CASE_TEMPLATE_DEFINE("write: a checkpoint is handed to the next attempt", Backend,
                          write_checkpoint) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  ClaimedJob claimed = InsertAndClaim(store);
  const std::string bytes("page\0\xff", 6);
  CHECK(WriteOne(store, CheckpointOf(claimed.lease, "old")).ok());
  CHECK(WriteOne(store, CheckpointOf(claimed.lease, bytes)).ok());
  CHECK(MustGet(store, claimed.lease.job).checkpoint == bytes);

  for (const Transition end : {Transition::kRetry, Transition::kSnooze, Transition::kRelease}) {
    RequireOk(FinishOne(store, claimed, end));
    claimed = ClaimOne(store);
    CHECK(claimed.checkpoint == bytes);
  }
  clock.Advance(kLease);
  REQUIRE(RescueAll(store) == 1);
  claimed = ClaimOne(store, "session-2");
  CHECK(claimed.checkpoint == bytes);
  RequireOk(FinishOne(store, claimed, Transition::kDie));
  RequireOk(RequeueJob(store, claimed.lease.job).status());
  claimed = ClaimOne(store, "session-2");
  CHECK(claimed.checkpoint == bytes);

  const std::string largest(limits::kPayloadBytesMax, 'c');
  CHECK(WriteOne(store, CheckpointOf(claimed.lease, largest)).ok());
  CHECK(MustGet(store, claimed.lease.job).checkpoint == largest);
  CHECK(WriteOne(store, CheckpointOf(claimed.lease, "")).ok());
  CHECK(MustGet(store, claimed.lease.job).checkpoint == "");
}

TEST_CASE_TEMPLATE_DEFINE("write: artifacts are kept under the attempt's fence", Backend,
                          write_artifact) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob first = InsertAndClaim(store);
  Artifact in = MakeArtifact('b', "r\xc3\xa9sum\xc3\xa9 ../../etc/passwd\n.pdf");
  in.created_at = clock.Now() + absl::Microseconds(7);
  in.job_id = 12'345;
  in.fence = 12'345;
  CHECK(WriteOne(store, ArtifactOf(first.lease, in)).ok());

  Artifact expected = in;
  expected.job_id = first.lease.job;
  expected.fence = first.lease.fence;
  CHECK(Value(store.FindArtifact(in.id)) == expected);
  CHECK(MustGet(store, first.lease.job).artifacts == std::vector<Artifact>{expected});

  RequireOk(FinishOne(store, first, Transition::kRetry));
  const ClaimedJob second = ClaimOne(store);
  CHECK(WriteOne(store, ArtifactOf(second.lease, MakeArtifact('a'))).ok());
  const std::vector<Artifact> both = MustGet(store, first.lease.job).artifacts;
  REQUIRE(both.size() == 2);
  CHECK(both[0] == expected);
  CHECK(both[1].fence == second.lease.fence);
  CHECK(absl::IsNotFound(store.FindArtifact(std::string(32, 'c')).status()));
  CHECK(absl::IsNotFound(store.FindArtifact("").status()));
}

TEST_CASE_TEMPLATE_DEFINE("write: an artifact's id belongs to one artifact", Backend,
                          write_artifact_id) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob claimed = InsertAndClaim(store);
  const ClaimedJob other = InsertAndClaim(store);
  const WorkerWrite write = ArtifactOf(claimed.lease, MakeArtifact('a'));
  CHECK(WriteOne(store, write).ok());
  CHECK(WriteOne(store, write).ok());  // A repeat.
  CHECK(MustGet(store, claimed.lease.job).artifacts.size() == 1);
  const std::string before = Snapshot(store);

  WorkerWrite changed = ArtifactOf(claimed.lease, MakeArtifact('a', "other.pdf"));
  changed.progress = 0.5;
  changed.checkpoint = "not kept";
  CHECK(absl::IsAlreadyExists(WriteOne(store, changed)));
  CHECK(absl::IsAlreadyExists(WriteOne(store, ArtifactOf(other.lease, MakeArtifact('a')))));
  CHECK(Snapshot(store) == before);
}

TEST_CASE_TEMPLATE_DEFINE("write: only the holder of the fence may write", Backend, write_fence) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob claimed = InsertAndClaim(store);
  WorkerWrite write = ProgressOf(claimed.lease, 0.9, "stale");
  write.checkpoint = "stale";
  write.artifact = MakeArtifact('d');
  std::string before;

  SUBCASE("after the end") {
    RequireOk(FinishOne(store, claimed, Transition::kComplete));
    before = Snapshot(store);
  }
  SUBCASE("after a rescue") {
    clock.Advance(kLease);
    REQUIRE(RescueAll(store) == 1);
    before = Snapshot(store);
  }
  SUBCASE("after the next claim") {
    RequireOk(FinishOne(store, claimed, Transition::kRelease));
    ClaimOne(store, "session-2");
    before = Snapshot(store);
  }
  SUBCASE("with a fence that never was") {
    ++write.lease.fence;
    before = Snapshot(store);
  }
  CHECK(absl::IsAborted(WriteOne(store, write)));
  write.lease.job += 100;
  CHECK(absl::IsNotFound(WriteOne(store, write)));
  CHECK(Snapshot(store) == before);
  CHECK(absl::IsNotFound(store.FindArtifact(MakeArtifact('d').id).status()));
}

TEST_CASE_TEMPLATE_DEFINE("write: an expired lease is good until it is rescued", Backend,
                          write_late) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob claimed = InsertAndClaim(store);
  clock.Advance(kLease * 10);
  CHECK(WriteOne(store, ProgressOf(claimed.lease, 0.5, "late")).ok());
  CHECK(MustGet(store, claimed.lease.job).progress == 0.5);
}

TEST_CASE_TEMPLATE_DEFINE("write: what is invalid is refused alone", Backend, write_invalid) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob claimed = InsertAndClaim(store);
  const std::string before = Snapshot(store);
  std::vector<WorkerWrite> invalid;
  for (const double progress : {-0.001, 1.001, std::numeric_limits<double>::quiet_NaN(),
                                std::numeric_limits<double>::infinity()}) {
    invalid.push_back(ProgressOf(claimed.lease, progress, "note"));
  }
  invalid.push_back(CheckpointOf(claimed.lease, std::string(limits::kPayloadBytesMax + 1, 'c')));
  invalid.push_back(ProgressOf({claimed.lease.job, 0}, 0.5, ""));
  invalid.push_back(ProgressOf({0, 1}, 0.5, ""));
  const auto spoil = [&](auto change) {
    Artifact artifact = MakeArtifact('f');
    change(artifact);
    invalid.push_back(ArtifactOf(claimed.lease, artifact));
  };
  spoil([](Artifact& artifact) { artifact.id = "../../etc/passwd"; });
  spoil([](Artifact& artifact) { artifact.id = std::string(32, 'F'); });
  spoil([](Artifact& artifact) { artifact.id = ""; });
  spoil([](Artifact& artifact) { artifact.sha256 = std::string(63, '0'); });
  spoil([](Artifact& artifact) { artifact.size = -1; });
  spoil([](Artifact& artifact) { artifact.name = ""; });
  spoil([](Artifact& artifact) { artifact.name = std::string("a\0b", 3); });
  spoil([](Artifact& artifact) { artifact.name = std::string(limits::kMessageBytesMax + 1, 'n'); });
  spoil([](Artifact& artifact) { artifact.media_type = ""; });
  spoil([](Artifact& artifact) { artifact.created_at = absl::InfiniteFuture(); });
  for (const WorkerWrite& write : invalid) {
    CHECK(absl::IsInvalidArgument(WriteOne(store, write)));
  }
  CHECK(Snapshot(store) == before);
}

}  // namespace outlive::conformance

#define OUTLIVE_JOB_STORE_WRITE_CONFORMANCE(Backend)     \
  namespace outlive::conformance {                       \
  TEST_CASE_TEMPLATE_INVOKE(write_progress, Backend);    \
  TEST_CASE_TEMPLATE_INVOKE(write_events, Backend);      \
  TEST_CASE_TEMPLATE_INVOKE(write_note, Backend);        \
  TEST_CASE_TEMPLATE_INVOKE(write_checkpoint, Backend);  \
  TEST_CASE_TEMPLATE_INVOKE(write_artifact, Backend);    \
  TEST_CASE_TEMPLATE_INVOKE(write_artifact_id, Backend); \
  TEST_CASE_TEMPLATE_INVOKE(write_fence, Backend);       \
  TEST_CASE_TEMPLATE_INVOKE(write_late, Backend);        \
  TEST_CASE_TEMPLATE_INVOKE(write_invalid, Backend);     \
  }                                                      \
  static_assert(true, "")

#endif  // OUTLIVE_CONFORMANCE_JOB_STORE_WRITE_H_
