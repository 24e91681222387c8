// CopiedRows gathers rows of a move into the statements that add them, a statement for each table.
//
// Thread-safety: none.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_COPIED_ROWS_H_
#define OUTLIVE_SRC_STORE_POSTGRES_COPIED_ROWS_H_

#include <absl/status/status.h>

#include <cstdint>
#include <vector>

#include "outlive/core/store_copy.h"
#include "store/postgres/session.h"

namespace outlive::postgres {

class CopiedRows {
 public:
  // `lane` is the job's.
  //
  // Errors: kUnimplemented: it is blocked. kDataLoss: no store can have such a job.
  absl::Status AddJob(const StoredJob& stored, int lane);
  void AddSession(const StoredSession& session);
  void AddKey(const StoredKey& key);

  // Statements whose rows may refer to those of statements before them.
  std::vector<Query> Take();

 private:
  void AddState(const StoredJob& stored, int lane);
  void AddParts(const StoredJob& stored);

  Array session_names_{Element::kText};
  Array session_expiries_{Element::kBigint};

  // Of outlive.job, in the statement's order.
  std::vector<Array> jobs_ = {Array(Element::kBigint), Array(Element::kBigint),
                              Array(Element::kBigint), Array(Element::kBigint),
                              Array(Element::kBytes),  Array(Element::kBytes),
                              Array(Element::kText),   Array(Element::kText),
                              Array(Element::kText),   Array(Element::kBytes)};

  // Of outlive.live, and the same of outlive.ended with two more.
  static std::vector<Array> StateColumns(bool ended);
  std::vector<Array> live_ = StateColumns(false);
  std::vector<Array> ended_ = StateColumns(true);

  std::vector<Array> running_ = {Array(Element::kBigint), Array(Element::kText)};
  std::vector<Array> tags_ = {Array(Element::kText), Array(Element::kBigint)};
  std::vector<Array> follow_ups_ = {Array(Element::kBigint), Array(Element::kText)};
  std::vector<Array> checkpoints_ = {Array(Element::kBigint), Array(Element::kBytes)};
  std::vector<Array> outputs_ = {Array(Element::kBigint), Array(Element::kBytes)};
  std::vector<Array> errors_ = {Array(Element::kBigint), Array(Element::kBigint),
                                Array(Element::kBigint), Array(Element::kBigint),
                                Array(Element::kBigint), Array(Element::kText)};
  std::vector<Array> keys_ = {Array(Element::kUuid), Array(Element::kUuid), Array(Element::kBigint),
                              Array(Element::kBigint)};
  std::vector<Query> artifacts_;
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_COPIED_ROWS_H_
