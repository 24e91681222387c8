// The tables, and how a file gets them: numbered migrations that are only ever added to, each in a
// transaction of its own. Two processes that open one file take turns.
#ifndef OUTLIVE_SRC_STORE_SQLITE_SCHEMA_H_
#define OUTLIVE_SRC_STORE_SQLITE_SCHEMA_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "outlive/core/random.h"
#include "store/sqlite/database.h"

namespace outlive::sqlite {

// "Outl": what file(1) and PRAGMA application_id show of a file that is nobody else's.
inline constexpr int kApplicationId = 0x4F75746C;

// The migrations of this library, in order: migration i leads to schema i + 1.
absl::Span<const std::string_view> Migrations();

// The newest schema that this library knows.
int SchemaVersion();

// What Migrate() takes its migrations from; replaced by tests.
struct SchemaSource {
  absl::Span<const std::string_view> migrations = Migrations();
};

// Brings the file to the newest schema. Tables of the host's are left alone.
//
// Errors: kFailedPrecondition: the file has a newer schema than this library knows. After any
// error the file has the schema of the last migration that was committed.
absl::Status Migrate(Database& database, RandomSource& random, const SchemaSource& source = {});

// Removes what ANALYZE of the host's has found out about our tables. Of a table that had one row
// SQLite thinks that going through it is as good as looking one up, and goes on to think so when
// there are a million; without statistics it goes by the indexes. Connections that are opened later
// do not see them; those that are open do, where ANALYZE comes later and the schema changes then.
absl::Status ForgetStatistics(Database& database);

// The schema of the file, unchecked; 0: none yet.
absl::StatusOr<std::int64_t> ReadSchemaVersion(Database& database);

// StoreInfo::store_id.
absl::StatusOr<std::string> ReadStoreId(Database& database);

// OK, or the kFailedPrecondition of a schema that this library does not know. kDataLoss: no schema
// has such a number.
absl::Status CheckSchemaVersion(std::int64_t in_file, int known);

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_SCHEMA_H_
