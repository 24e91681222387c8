// WriteSession is everything that writes jobs over one connection: ours, or a host's.
//
// Thread-safety: none; for the thread that holds the write transaction.
#ifndef OUTLIVE_SRC_STORE_SQLITE_WRITE_SESSION_H_
#define OUTLIVE_SRC_STORE_SQLITE_WRITE_SESSION_H_

#include "store/sqlite/change.h"
#include "store/sqlite/claim.h"
#include "store/sqlite/finish.h"
#include "store/sqlite/insert.h"
#include "store/sqlite/job_rows.h"
#include "store/sqlite/maintenance.h"
#include "store/sqlite/reencrypt.h"
#include "store/sqlite/worker_write.h"
#include "store/sqlite/write_context.h"

namespace outlive::sqlite {

struct WriteSession {
  WriteSession(sqlite3* database, internal::StoreTime& time, const Payloads& payloads)
      : context(database, time, payloads) {}

  // Forgets everything that a transaction that is undone may have brought.
  void Forget() {
    context.Forget();
    claimer.Forget();
  }

  WriteContext context;
  JobRows rows{context};
  Inserter inserter{context};
  Claimer claimer{context};
  Finisher finisher{context, rows, inserter};
  WorkerWriter worker_writer{context, rows, finisher};
  Changer changer{context, rows, finisher};
  Maintainer maintainer{context, rows, finisher};
  Reencrypter reencrypter{context};
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_WRITE_SESSION_H_
