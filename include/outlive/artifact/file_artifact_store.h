// FileArtifactStore keeps artifacts as files under one folder.
//
//   Put():  <root>/ab/<id>.tmp ──► bytes, SHA-256, size ──► fsync ──► rename to <root>/ab/<id>
//           ──► fsync of the folder ──► the row, under the job's fence
//
// A path is made of nothing but a random id, so neither names nor a stale attempt can reach another
// artifact: an attempt that has lost its lease fails at the row, and its file is removed. The one
// exception is a row whose commit is in doubt (kUnknown): its file stays until CollectGarbage()
// finds out.
//
// The folder belongs to one job store: it holds a file named STORE with that store's id, and is
// refused to any other, because to another store every file here would look like garbage. Files
// have mode 0600, folders 0700; symbolic links are not followed. Several processes may share the
// folder.
//
// Quotas count bytes of files. They are checked while bytes are written, before they reach the
// disk:
//   artifact_bytes_max   the artifact being written.
//   job_bytes_max        what the job has published so far, in all attempts, plus what this process
//                        is writing for it now.
//   store_bytes_max      all files under the root, temporary ones included: counted at Open() where
//                        there is such a limit, kept up to date for this process's own writes, and
//                        counted anew, folder by folder, by CollectGarbage(). Other processes'
//                        files are seen then.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      the job store, clock and random source outlive it; it outlives what it has opened.
// Time:          from the options' clock; files get its time as their time of modification.
// Errors:        as core/artifact_store.h says; kFailedPrecondition where a person has to look at
//                the folder (missing, no permission, read-only, another store's).
//                A writer's own error is passed on as it is.
#ifndef OUTLIVE_ARTIFACT_FILE_ARTIFACT_STORE_H_
#define OUTLIVE_ARTIFACT_FILE_ARTIFACT_STORE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "outlive/core/artifact_store.h"
#include "outlive/core/clock.h"
#include "outlive/core/job_store.h"
#include "outlive/core/random.h"

namespace outlive {

// Open() checks every field and reports all faults in one kInvalidArgument.
struct FileArtifactStoreOptions {
  // -- Behaviour ---------------------------------------------------------------------------

  // Quotas in bytes, positive. See above for how they are counted.
  std::int64_t artifact_bytes_max = std::int64_t{1} << 30;
  std::int64_t job_bytes_max = std::int64_t{4} << 30;
  std::int64_t store_bytes_max = std::numeric_limits<std::int64_t>::max();  // No limit.

  // How long a file without a row is left alone. Longer than a worker may pause between two writes;
  // zero or more.
  absl::Duration grace = absl::Hours(1);

  // Null: the system's.
  const Clock* clock = nullptr;
  RandomSource* random = nullptr;

  // -- Performance -------------------------------------------------------------------------

  // Files that one CollectGarbage() looks at; the next one goes on where it stopped. Positive.
  int garbage_file_count_max = 10'000;
};

class FileArtifactStore final : public ArtifactStore {
 public:
  // Opens `root`, which must exist and be writable, and may be empty.
  //
  // Errors: kInvalidArgument (options); kFailedPrecondition (see above); kUnavailable.
  static absl::StatusOr<std::unique_ptr<FileArtifactStore>> Open(
      const std::string& root, JobStore& jobs, const FileArtifactStoreOptions& options = {});

  ~FileArtifactStore() override;

  absl::StatusOr<Artifact> Put(JobContext& job, std::string_view name, std::string_view media_type,
                               absl::FunctionRef<absl::Status(ByteSink&)> write) override;
  absl::StatusOr<OpenArtifact> Open(const std::string& id) override;
  absl::StatusOr<int> CollectGarbage() override;

  // OK while the folder can be written: for readiness. Errors: as Open(root).
  absl::Status Check();

 private:
  class Impl;
  explicit FileArtifactStore(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace outlive

#endif  // OUTLIVE_ARTIFACT_FILE_ARTIFACT_STORE_H_
