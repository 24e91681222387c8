// MigrateStore moves everything that one store has into another, empty one: from a file to a
// server when one machine is not enough any more, and back.
//
//   absl::StatusOr<outlive::MigrationReport> moved = outlive::MigrateStore(*from, *to);
//
// Jobs in every state with their history, artifacts' descriptions, payloads, keys, sessions, queue
// settings and the event log. It is a move: afterwards the target is the store that the source was
// (docs/adr/0018-moving-a-store.md), and the source is frozen: nothing of it runs twice. Files of
// artifacts stay where they are.
//
// It may be killed at any moment and called again with the same stores: it goes on where it was. At
// its end everything is read back and compared, by counts and by a checksum over every field; only
// then is the target opened.
//
// Before it: stop every runner of the source (its session ends with it, or expires with its lease).
// After it:  open the target anew, and let programs use that one.
//
// Thread-safety: none; the target is for this alone.
// Errors:        kFailedPrecondition: a runner of the source is at work; the target has jobs of its
//                own, or is the target of another source. kUnimplemented: one of the stores offers
//                no StoreCopy, or cannot keep what the other has. kDataLoss: what was read back is
//                not what was written; the target stays closed. Else what the stores say; then
//                calling again goes on.
#ifndef OUTLIVE_CORE_MIGRATE_STORE_H_
#define OUTLIVE_CORE_MIGRATE_STORE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <string>

#include "outlive/core/job_store.h"

namespace outlive {

struct MigrationReport {
  std::int64_t job_count = 0;
  std::int64_t key_count = 0;
  std::int64_t session_count = 0;
  std::int64_t event_count = 0;
  std::string checksum = {};  // 32 hexadecimal digits, the same for both stores.

  // It had been done before: the target was filled already, and is as the source.
  bool already_done = false;

  bool operator==(const MigrationReport&) const = default;
};

struct MigrationOptions {
  // Rows in one transaction of the target. From 1 to limits::kInsertJobCountMax.
  int row_count_max = 1'000;

  // Called after each transaction, with how many jobs are there by now. May be empty.
  std::function<void(std::int64_t)> on_progress = {};
};

absl::StatusOr<MigrationReport> MigrateStore(JobStore& from, JobStore& to,
                                             const MigrationOptions& options = {});

}  // namespace outlive

#endif  // OUTLIVE_CORE_MIGRATE_STORE_H_
