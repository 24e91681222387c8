// Reencrypter seals anew what is kept of jobs, with the cipher's newest key.
//
// Thread-safety: none; for the thread that holds the write transaction.
#ifndef OUTLIVE_SRC_STORE_SQLITE_REENCRYPT_H_
#define OUTLIVE_SRC_STORE_SQLITE_REENCRYPT_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "outlive/core/job_store.h"
#include "outlive/core/payload_cipher.h"
#include "store/sqlite/sql_text.h"
#include "store/sqlite/statement.h"
#include "store/sqlite/write_context.h"
#include "store/sqlite_sql.h"

namespace outlive::sqlite {

class Reencrypter {
 public:
  // Outlives it.
  explicit Reencrypter(WriteContext& context) : context_(context) {}

  // StoreTransaction::Reencrypt().
  absl::StatusOr<ReencryptResult> Reencrypt(const ReencryptRequest& request);

 private:
  // What is kept of one job. Nothing: it has none.
  struct Kept {
    JobId id = 0;
    std::array<std::optional<std::string>, 4> fields;  // As in kFields.
    std::size_t size() const;
  };
  struct Field {
    PayloadField field;
    Statement Reencrypter::* set;
  };
  static const std::array<Field, 4> kFields;

  // Nothing: there are no jobs after that one.
  absl::StatusOr<std::optional<Kept>> NextJob(JobId after);

  // Counts the job in `result`.
  absl::Status RenewOne(const Kept& kept, ReencryptResult& result);

  WriteContext& context_;
  Statement next_job_{context_.database(), SqlText(kReencryptSql, "next_job")};
  Statement set_args_{context_.database(), SqlText(kReencryptSql, "set_args")};
  Statement set_checkpoint_{context_.database(), SqlText(kReencryptSql, "set_checkpoint")};
  Statement set_output_{context_.database(), SqlText(kReencryptSql, "set_output")};
  Statement set_follow_ups_{context_.database(), SqlText(kReencryptSql, "set_follow_ups")};
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_REENCRYPT_H_
