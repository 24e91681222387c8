// ArtifactStore keeps the files that jobs make.
//
//   Worker ──► Put() ──► bytes, durable ──► the row, under the job's fence ──► Open() ──► download
//
// An artifact is visible only once its bytes are durable and the job's current attempt has
// published it; a stale attempt publishes nothing.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      outlives every source it has opened.
// Errors:        kUnavailable: again later may help (disk full, input/output error).
//                kResourceExhausted: a quota is reached.    kAborted: lease lost, drop the result.
//                kDataLoss: the bytes are not those that were written.    kNotFound.
#ifndef OUTLIVE_CORE_ARTIFACT_STORE_H_
#define OUTLIVE_CORE_ARTIFACT_STORE_H_

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <string_view>

#include "outlive/core/artifact.h"
#include "outlive/core/byte_stream.h"
#include "outlive/core/worker.h"

namespace outlive {

// An artifact that is being read.
struct OpenArtifact {
  Artifact artifact = {};
  std::unique_ptr<ByteSource> bytes;
};

class ArtifactStore {
 public:
  virtual ~ArtifactStore() = default;

  // Stores what `write` writes as an artifact of `job`. `name` is kept as given, for people; it has
  // 1 to 255 bytes of UTF-8 without control characters. Nothing is left behind after an error.
  virtual absl::StatusOr<Artifact> Put(JobContext& job, std::string_view name,
                                       std::string_view media_type,
                                       absl::FunctionRef<absl::Status(ByteSink&)> write) = 0;

  // Opens the artifact with this id. The whole of it is checked against its SHA-256 before the
  // first byte is given out.
  virtual absl::StatusOr<OpenArtifact> Open(const std::string& id) = 0;

  // Deletes bytes that were never published or that no row names any more (retention deletes jobs,
  // and the rows of their artifacts with them), once they are older than the store's grace. Returns
  // how many files went. Nothing else calls it: the host does, such as every ten minutes.
  virtual absl::StatusOr<int> CollectGarbage() = 0;
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_ARTIFACT_STORE_H_
