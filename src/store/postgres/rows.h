// Rows is what a statement has given, in the server's binary format.
//
// Thread-safety: a value that is moved, for one thread at a time.
// Errors:        a column that is null reads as 0 or empty.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_ROWS_H_
#define OUTLIVE_SRC_STORE_POSTGRES_ROWS_H_

#include <absl/time/time.h>
#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/idempotency.h"

namespace outlive::postgres {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ClearResult>;

// A whole number of 1 to 8 bytes, with its sign; 0 for what is none.
std::int64_t BigEndian(std::string_view bytes);

class Rows {
 public:
  explicit Rows(ResultPtr result) : result_(std::move(result)) {}

  int size() const { return PQntuples(result_.get()); }

  // How many rows the statement has written.
  std::int64_t changed() const;

  // "COMMIT", "INSERT 0 1": what the server has done.
  std::string_view command() const { return PQcmdStatus(result_.get()); }

  bool IsNull(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }

  // Of 1, 2, 4 or 8 bytes: booleans too.
  std::int64_t Int(int row, int column) const;
  int Small(int row, int column) const { return static_cast<int>(Int(row, column)); }
  double Real(int row, int column) const;
  absl::Time Time(int row, int column) const { return absl::FromUnixMicros(Int(row, column)); }

  // The fields of a ROW(…), borrowed; null ones are empty. None, where the column is null.
  std::vector<std::string_view> Record(int row, int column) const;

  // Text or bytes, borrowed.
  std::string_view Text(int row, int column) const;
  std::string String(int row, int column) const { return std::string(Text(row, column)); }
  Fingerprint Uuid(int row, int column) const;

  std::optional<std::int64_t> OptionalInt(int row, int column) const {
    if (IsNull(row, column)) return std::nullopt;
    return Int(row, column);
  }

 private:
  ResultPtr result_;
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_ROWS_H_
