// Reads an artifact from a row of id, job, fence, name, media_type, size, sha256, created_at.
#ifndef OUTLIVE_SRC_STORE_SQLITE_ARTIFACT_ROW_H_
#define OUTLIVE_SRC_STORE_SQLITE_ARTIFACT_ROW_H_

#include "outlive/core/artifact.h"
#include "store/sqlite/statement.h"

namespace outlive::sqlite {

inline Artifact ReadArtifact(const Rows& rows) {
  Artifact artifact;
  artifact.id = rows.Text(0);
  artifact.job_id = rows.Int(1);
  artifact.fence = rows.Int(2);
  artifact.name = rows.Text(3);
  artifact.media_type = rows.Text(4);
  artifact.size = rows.Int(5);
  artifact.sha256 = rows.Text(6);
  artifact.created_at = rows.Time(7);
  return artifact;
}

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_ARTIFACT_ROW_H_
