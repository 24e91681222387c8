// How an artifact is read from a row that begins with id, job, fence, name, media_type, size,
// sha256, created_at.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_ARTIFACT_ROW_H_
#define OUTLIVE_SRC_STORE_POSTGRES_ARTIFACT_ROW_H_

#include "outlive/core/artifact.h"
#include "store/postgres/rows.h"

namespace outlive::postgres {

inline Artifact ReadArtifact(const Rows& rows, int row) {
  Artifact artifact;
  artifact.id = rows.Text(row, 0);
  artifact.job_id = rows.Int(row, 1);
  artifact.fence = rows.Int(row, 2);
  artifact.name = rows.Text(row, 3);
  artifact.media_type = rows.Text(row, 4);
  artifact.size = rows.Int(row, 5);
  artifact.sha256 = rows.Text(row, 6);
  artifact.created_at = rows.Time(row, 7);
  return artifact;
}

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_ARTIFACT_ROW_H_
