// WriteSession is everything that writes jobs in one transaction over one connection: ours, or a
// host's. It sees to it that what one part has in memory is written before another has to see it.
//
// Thread-safety: none; for the thread that has the transaction.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_WRITE_SESSION_H_
#define OUTLIVE_SRC_STORE_POSTGRES_WRITE_SESSION_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "store/postgres/change.h"
#include "store/postgres/claim.h"
#include "store/postgres/finish.h"
#include "store/postgres/insert.h"
#include "store/postgres/job_rows.h"
#include "store/postgres/maintenance.h"
#include "store/postgres/reencrypt.h"
#include "store/postgres/write_context.h"

namespace outlive::postgres {

struct WriteSession {
  WriteSession(Session& session, LaneBook& lanes, const Payloads& payloads, std::int64_t log_lock)
      : context(session, lanes, payloads, log_lock) {}

  // Of a new transaction.
  void Start() {
    context.Start();
    rows.Forget();
    inserter.Forget();
    maintainer.Forget();
  }

  // The transaction was not committed, or nobody knows.
  void RolledBack() {
    context.floors().Clear();  // What was claimed is pending again.
    inserter.RolledBack();
  }

  // What writes all that is in memory, but for events and numbers of jobs.
  std::vector<Query> Take() {
    std::vector<Query> queries = inserter.Take();
    for (std::vector<Query> more : {rows.Take(), maintainer.Take()}) {
      for (Query& query : more) queries.push_back(std::move(query));
    }
    return queries;
  }

  absl::Status Flush() {
    const std::vector<Query> queries = Take();
    return queries.empty() ? absl::OkStatus() : context.session().Run(queries).status();
  }

  WriteContext context;
  JobRows rows{context};
  Inserter inserter{context};
  Claimer claimer{context};
  Finisher finisher{context, rows, inserter};
  Changer changer{context, rows, finisher};
  Maintainer maintainer{context, rows, finisher};
  Reencrypter reencrypter{context};
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_WRITE_SESSION_H_
