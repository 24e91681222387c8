// StoreCopy is what a store offers to whoever moves everything it has into another store, row by
// row and byte by byte (MigrateStore(), which is its only caller). An optional part of the port:
// JobStore::copy().
//
//   source:  Freeze ──► State ──► Jobs, Keys, Sessions (and JobStore::EventsAfter)
//   target:  StartFilling ──► Fill … ──► FinishFilling: now it is the store that the source was
//
// Nothing is translated. The target takes over the source's id, and its jobs theirs, with their
// fences, so that what is bound to them stays good: sealed payloads, artifacts, keys, leases,
// positions in the event log. docs/adr/0018-moving-a-store.md says why.
//
// Both are closed for everybody else meanwhile: in a store that is frozen, or is not yet filled,
// Begin() and Join(), or the first call of the transaction, are kFailedPrecondition, in every
// process that works on it and after a restart too. Reading goes on.
//
// Thread-safety: one thread at a time.
// Lifetime:      as its store.
// Time:          as JobStore: whole microseconds.
// Errors:        as JobStore, beside those named at each method.
#ifndef OUTLIVE_CORE_STORE_COPY_H_
#define OUTLIVE_CORE_STORE_COPY_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "outlive/core/event.h"
#include "outlive/core/idempotency.h"
#include "outlive/core/job.h"
#include "outlive/core/job_store.h"
#include "outlive/core/lifecycle.h"

namespace outlive {

// A job as its store keeps it.
struct StoredJob {
  Job job = {};                 // args, checkpoint and output as they are kept, sealed or not.
  std::string follow_ups = {};  // As they are kept. Empty: none.
  std::optional<Transition> last_end = {};  // What Finish() was last asked for under its fence.
};

struct StoredKey {
  Fingerprint key = {};   // KeyFingerprint().
  Fingerprint args = {};  // Payloads::ArgsFingerprint().
  JobId job = 0;
  absl::Time expires_at = {};
};

struct StoredSession {
  std::string name = {};
  absl::Time expires_at = {};
};

// What is of the whole store.
struct StoreState {
  std::string store_id = {};
  absl::Time now = {};                     // By its clock.
  JobId last_job = 0;                      // The greatest id ever given.
  std::int64_t last_event = 0;             // LastEvent().
  std::vector<QueueSettings> queues = {};  // Those that were ever set, by name.
};

// Rows for a target. Each kind in its order: jobs by id, keys by bytes, events by seq.
struct StoreRows {
  std::vector<StoredSession> sessions = {};
  std::vector<StoredJob> jobs = {};
  std::vector<StoredKey> keys = {};
  std::vector<Event> events = {};
};

// How far a target is.
struct Filling {
  std::string store_id = {};  // Of its source.
  JobId last_job = 0;         // All jobs up to this one are there.
  std::optional<Fingerprint> last_key = {};
  std::int64_t last_event = 0;
};

// OK, or the kFailedPrecondition of Begin() and Join(): what it is that the store is closed for.
absl::Status StoreIsOpen(bool frozen, bool filling);

class StoreCopy {
 public:
  virtual ~StoreCopy() = default;

  // -- The source ----------------------------------------------------------------------------

  // Closes the store, or opens it again. Repeating is OK. What is open in other processes finds out
  // at its next transaction.
  virtual absl::Status Freeze(bool frozen) = 0;

  virtual absl::StatusOr<StoreState> State() = 0;

  // Those with greater ids, by id; at most so many (1 or more), and fewer where they are large. An
  // empty result: there are no more.
  virtual absl::StatusOr<std::vector<StoredJob>> Jobs(JobId after, int count_max) = 0;

  // The same by their bytes. Nothing: from the first.
  virtual absl::StatusOr<std::vector<StoredKey>> Keys(const std::optional<Fingerprint>& after,
                                                      int count_max) = 0;

  // Those that have not expired, or hold jobs. By name.
  virtual absl::StatusOr<std::vector<StoredSession>> Sessions() = 0;

  // -- The target ----------------------------------------------------------------------------

  // Nothing: it is no target, or is filled already.
  virtual absl::StatusOr<std::optional<Filling>> FindFilling() = 0;

  // Makes an empty store the target of a source. kFailedPrecondition: it has or had jobs.
  virtual absl::Status StartFilling(const std::string& source_id) = 0;

  // Adds rows, all of them in one transaction or none, each after what is there of its kind;
  // sessions that are there are left as they are.
  //
  // Errors: kFailedPrecondition: FindFilling() has nothing. kUnimplemented: it cannot keep such a
  // row. kDataLoss: a row that no store can have.
  virtual absl::Status Fill(const StoreRows& rows) = 0;

  // Takes over id and numbers of the source, and opens the store. One that is on disk is to be
  // opened anew: until then Begin() of this one is kFailedPrecondition.
  virtual absl::Status FinishFilling(const StoreState& source) = 0;
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_STORE_COPY_H_
