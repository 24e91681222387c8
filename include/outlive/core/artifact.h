// Artifact describes a file that a job made. The bytes are with an ArtifactStore; this row is with
// the job store, written under the job's fence, so that only the attempt that holds the job can
// publish one.
//
// Thread-safety: a value.
#ifndef OUTLIVE_CORE_ARTIFACT_H_
#define OUTLIVE_CORE_ARTIFACT_H_

#include <absl/time/time.h>

#include <cstdint>
#include <string>

namespace outlive {

struct Artifact {
  std::string id = {};  // 32 hexadecimal digits, random: says nothing and cannot be guessed.
  std::int64_t job_id = 0;
  std::int64_t fence = 0;  // Of the attempt that made it.

  // For people and downloads; never part of a path. And such as "application/pdf". Both have 1 to
  // limits::kMessageBytesMax bytes without a NUL; an ArtifactStore allows less.
  std::string name = {};
  std::string media_type = {};

  std::int64_t size = 0;    // Bytes.
  std::string sha256 = {};  // 64 hexadecimal digits.
  absl::Time created_at = {};

  // What a worker puts in its output: the id.
  const std::string& reference() const { return id; }

  bool operator==(const Artifact&) const = default;
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_ARTIFACT_H_
