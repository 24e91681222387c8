// RecordingStore writes down what passes through the store port of one process: sessions, claims,
// ends of attempts and what they keep. It changes nothing.
//
//   outlive::testing::RecordingStore store(inner, recorder);
//   outlive::Client client(store);
//
// What is claimed or ended is invoked before the commit, and its result is that of the commit; a
// transaction that is given up has failed. In a host's transaction (Join()) the result is not known
// here. Enqueues and what people ask for are recorded where they are asked for: RecordingClient.
//
// Thread-safety: as that of the store behind it.
// Lifetime:      store and recorder outlive it; it outlives its transactions.
// Errors:        those of the store behind it.
#ifndef OUTLIVE_TESTING_RECORDING_STORE_H_
#define OUTLIVE_TESTING_RECORDING_STORE_H_

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <memory>

#include "outlive/core/forwarding_job_store.h"
#include "outlive/testing/history.h"

namespace outlive::testing {

class RecordingStore final : public ForwardingJobStore {
 public:
  RecordingStore(JobStore& inner, Recorder& recorder)
      : ForwardingJobStore(inner), recorder_(recorder) {}

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override;
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep upkeep) override;
  absl::StatusOr<std::unique_ptr<StoreTransaction>> Join(HostTransaction host) override;

 private:
  absl::StatusOr<std::unique_ptr<StoreTransaction>> Record(
      absl::FunctionRef<absl::StatusOr<std::unique_ptr<StoreTransaction>>()> begin);

  Recorder& recorder_;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTING_RECORDING_STORE_H_
