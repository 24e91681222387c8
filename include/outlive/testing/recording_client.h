// RecordingClient writes down what one process asks a Client for, and what it is told.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      client and recorder outlive it.
// Errors:        those of Client.
#ifndef OUTLIVE_TESTING_RECORDING_CLIENT_H_
#define OUTLIVE_TESTING_RECORDING_CLIENT_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "outlive/engine/client.h"
#include "outlive/testing/history.h"

namespace outlive::testing {

// The invoke of an enqueue, for those who record one on their own, such as an EnqueueIn().
HistoryRecord EnqueueOf(const NewJob& job);

class RecordingClient {
 public:
  RecordingClient(Client& client, Recorder& recorder) : client_(client), recorder_(recorder) {}

  absl::StatusOr<Enqueued> Enqueue(std::string_view kind, std::string_view args,
                                   const EnqueueOptions& options = {});
  absl::StatusOr<JobState> Cancel(JobId id);
  absl::StatusOr<JobState> Retry(JobId id);
  absl::Status DiscardDeadLetter(JobId id);

  Client& client() { return client_; }

 private:
  Client& client_;
  Recorder& recorder_;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTING_RECORDING_CLIENT_H_
