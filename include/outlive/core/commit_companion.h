// CommitCompanion goes along with commits that add jobs: what it would do right after them, in a
// transaction of its own, is done in theirs, and costs no commit. A runner claims so what is being
// added (GroupCommit::Accompany()).
//
// Thread-safety: GroupCommit calls it on the thread that leads a group, one group at a time.
#ifndef OUTLIVE_CORE_COMMIT_COMPANION_H_
#define OUTLIVE_CORE_COMMIT_COMPANION_H_

#include <absl/status/status.h>
#include <absl/types/span.h>

#include "outlive/core/job.h"
#include "outlive/core/job_store.h"

namespace outlive {

class CommitCompanion {
 public:
  virtual ~CommitCompanion() = default;

  // A transaction that has added these jobs is about to be committed; some or all of them may have
  // been duplicates, or refused. True: it comes along, and End() follows. Must be quick; an
  // exception counts as false.
  virtual bool Join(absl::Span<const NewJob> added) = 0;

  // Its part of the transaction, the last one. Not OK, or an exception: nobody else is harmed,
  // because everything is done again without it.
  virtual absl::Status Work(StoreTransaction& transaction) = 0;

  // How it ended: OK is durable; else what Work() or the commit has said, or kUnavailable and
  // kUnknown where an exception ended it before and in the commit. Those who added the jobs wait
  // for it, so it must be quick.
  virtual void End(const absl::Status& status) noexcept = 0;
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_COMMIT_COMPANION_H_
