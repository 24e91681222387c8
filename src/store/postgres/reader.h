// Reader is what JobStore's readers ask, over a connection that is lent to it for one call. Each
// call sees the database at one moment.
//
// Thread-safety: none.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_READER_H_
#define OUTLIVE_SRC_STORE_POSTGRES_READER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "outlive/core/job_store.h"
#include "outlive/core/payloads.h"
#include "outlive/store/postgres_store.h"
#include "store/postgres/database_time.h"
#include "store/postgres/session.h"

namespace outlive::postgres {

class Reader {
 public:
  // Both outlive it.
  Reader(Session& session, const Payloads& payloads) : session_(session), payloads_(payloads) {}

  absl::StatusOr<Job> Get(JobId id);
  absl::StatusOr<std::vector<Job>> List(const JobFilter& filter, const JobPage& page);
  absl::StatusOr<JobStats> Stats(DatabaseTime& time);
  absl::StatusOr<std::vector<Event>> EventsAfter(std::int64_t after, int event_count_max);
  absl::StatusOr<std::int64_t> LastEvent();
  absl::StatusOr<std::vector<DeadLetterGroup>> DeadLetterGroups(int group_count_max);
  absl::StatusOr<std::vector<JobId>> CancelRequests(const std::string& name);
  absl::StatusOr<Artifact> FindArtifact(const std::string& id);
  absl::Status Probe();
  absl::StatusOr<PostgresGauges> Gauges(DatabaseTime& time);

 private:
  // Runs them in one transaction; what they have given.
  absl::StatusOr<std::vector<Rows>> AtOneMoment(std::vector<Query> queries);
  void ReadPayloads(const Rows& rows, Job& job) const;

  Session& session_;
  const Payloads& payloads_;
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_READER_H_
