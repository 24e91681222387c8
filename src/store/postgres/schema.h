// The schema in the database, and how it gets to this library's version. Migrations run one by one,
// each in a transaction, under a lock that processes that start at once take in turn.
//
// Errors: kFailedPrecondition: the schema is newer than this library. kDataLoss: it is damaged.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_SCHEMA_H_
#define OUTLIVE_SRC_STORE_POSTGRES_SCHEMA_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "outlive/core/random.h"
#include "store/postgres/connection.h"

namespace outlive::postgres {

// Advisory locks of a store, by its schema. Another one is taken in sql/partitions.sql.
enum class Lock : int { kMigration = 0, kLog = 1 };
std::int64_t LockKey(std::string_view schema, Lock lock);

int SchemaVersion();

// Makes the schema, with PostgresStoreOptions::partition_job_count_min, or brings it up to date.
// `connection` is connected.
absl::Status Migrate(Connection& connection, const std::string& schema,
                     std::int64_t partition_job_count_min, RandomSource& random);

absl::StatusOr<std::string> ReadStoreId(Session& session);

// kFailedPrecondition: a host's connection is to another database.
absl::Status CheckSameStore(Session& host, const std::string& store_id);

// `[a-z_][a-z0-9_]{0,62}`, and none of the server's own; else kInvalidArgument.
absl::Status ValidateSchemaName(std::string_view schema);

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_SCHEMA_H_
