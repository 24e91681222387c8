// Reencrypter seals anew, with the newest key, what is kept of jobs.
//
// Thread-safety: none; for the thread that has the transaction.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_REENCRYPT_H_
#define OUTLIVE_SRC_STORE_POSTGRES_REENCRYPT_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <vector>

#include "outlive/core/job_store.h"
#include "store/postgres/write_context.h"

namespace outlive::postgres {

class Reencrypter {
 public:
  // It outlives it.
  explicit Reencrypter(WriteContext& context) : context_(context) {}

  // StoreTransaction::Reencrypt(). What the transaction has changed is in the database.
  absl::StatusOr<ReencryptResult> Reencrypt(const ReencryptRequest& request);

 private:
  // Adds to `queries` what is written of the job in `row`; `bytes` becomes what it has.
  absl::Status RenewOne(const Rows& rows, int row, std::size_t& bytes, ReencryptResult& result,
                        std::vector<Query>& queries);

  WriteContext& context_;
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_REENCRYPT_H_
