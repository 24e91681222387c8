#include "store/sqlite/worker_write.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/log.h"
#include "outlive/core/store_rules.h"
#include "store/sqlite/artifact_row.h"
#include "store/sqlite/flags.h"

namespace outlive::sqlite {

absl::StatusOr<std::vector<absl::Status>> WorkerWriter::Write(
    absl::Span<const WorkerWrite> writes) {
  OUTLIVE_RETURN_IF_ERROR(ValidateBatch(writes.size()));
  std::vector<absl::Status> results;
  results.reserve(writes.size());
  for (const WorkerWrite& write : writes) {
    absl::StatusOr<ElementStatus> result = WriteOne(write);
    OUTLIVE_RETURN_IF_ERROR(result.status());
    results.push_back(std::move(result->status));
  }
  return results;
}

absl::StatusOr<ElementStatus> WorkerWriter::WriteOne(const WorkerWrite& write) {
  if (absl::Status status = ValidateWorkerWrite(write); !status.ok()) return ElementStatus{status};
  const absl::StatusOr<std::optional<RunningJob>> found = rows_.FindRunning(write.lease.job);
  OUTLIVE_RETURN_IF_ERROR(found.status());
  if (!found->has_value() || (*found)->at.fence != write.lease.fence) {
    return finisher_.WhatBecameOf(write.lease, std::nullopt);
  }
  const RunningJob& running = **found;
  std::int64_t flags = running.at.flags;
  if (write.artifact) {
    absl::StatusOr<std::optional<absl::Status>> known = FindArtifact(write);
    OUTLIVE_RETURN_IF_ERROR(known.status());
    if (known->has_value() && !(*known)->ok()) return ElementStatus{**std::move(known)};
    if (!known->has_value()) OUTLIVE_RETURN_IF_ERROR(AddArtifact(write));
    flags |= kHasArtifacts;
  }
  if (write.checkpoint) {
    const absl::StatusOr<KeptPayload> kept =
        context_.payloads().Keep(running.job, PayloadField::kCheckpoint, *write.checkpoint);
    OUTLIVE_RETURN_IF_ERROR(kept.status());
    OUTLIVE_RETURN_IF_ERROR(put_checkpoint_.Run(running.job, Bytes{kept->bytes()}));
    flags |= kHasCheckpoint;
  }
  if (flags != running.at.flags) OUTLIVE_RETURN_IF_ERROR(set_flags_.Run(running.job, flags));
  OUTLIVE_RETURN_IF_ERROR(PutProgress(write, running));
  return ElementStatus();
}

absl::StatusOr<std::optional<absl::Status>> WorkerWriter::FindArtifact(const WorkerWrite& write) {
  using Answer = std::optional<absl::Status>;
  Rows rows = artifact_.Query(write.artifact->id);
  if (!rows.Next()) {
    OUTLIVE_RETURN_IF_ERROR(rows.status());
    return Answer();
  }
  Artifact same = *write.artifact;
  same.job_id = write.lease.job;
  same.fence = write.lease.fence;
  same.created_at = ToStoreTime(same.created_at);
  if (ReadArtifact(rows) == same) return Answer(absl::OkStatus());
  return Answer(absl::AlreadyExistsError(
      fmt::format("the id {} is that of another artifact", write.artifact->id)));
}

absl::Status WorkerWriter::AddArtifact(const WorkerWrite& write) {
  const Artifact& artifact = *write.artifact;
  return add_artifact_.Run(artifact.id, write.lease.job, write.lease.fence, artifact.name,
                           artifact.media_type, artifact.size, artifact.sha256,
                           artifact.created_at);
}

absl::Status WorkerWriter::PutProgress(const WorkerWrite& write, const RunningJob& running) {
  const double before = running.at.progress.value_or(0);
  const double progress = std::max(before, write.progress.value_or(0));
  std::string note = running.at.note;
  if (write.progress_note) note = EscapeForLog(*write.progress_note);
  if (progress == before && note == running.at.note) return absl::OkStatus();
  OUTLIVE_RETURN_IF_ERROR(set_progress_.Run(running.job, progress, TextOrNull{note}));
  context_.AddEvent(EventType::kProgressed, running.job, running.at.fence);
  return absl::OkStatus();
}

}  // namespace outlive::sqlite
