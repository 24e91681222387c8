#include "store/postgres/schema.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_replace.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>

#include "core/return_if_error.h"
#include "store/postgres/partitions.h"
#include "store/postgres/sql_book.h"
#include "store/postgres_migrations.h"

namespace outlive::postgres {
namespace {

constexpr std::array kMigrations = {k0001InitialSql};
constexpr std::size_t kNameBytesMax = 63;

// 0: there is no schema yet.
absl::StatusOr<int> ReadVersion(Connection& connection, const std::string& schema) {
  Query exists{.name = "schema/exists"};
  exists.params.Text(schema);
  const absl::StatusOr<Rows> found = connection.RunOne(exists);
  OUTLIVE_RETURN_IF_ERROR(found.status());
  if (found->size() == 0) return 0;
  const absl::StatusOr<Rows> rows = connection.RunOne({.name = "schema/version"});
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  int version = 0;
  if (rows->size() == 1) {
    const std::string_view text = rows->Text(0, 0);
    if (absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &version) && version > 0) {
      return version;
    }
  }
  return absl::DataLossError("the store's meta table does not say which schema it has");
}

absl::Status CheckVersion(int version) {
  if (version <= SchemaVersion()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("the database has schema {} of outlive, and this library knows schemas up to {}: "
                  "use a newer version of the library",
                  version, SchemaVersion()));
}

std::string Script(int leads_to, const std::string& schema, std::int64_t partition_job_count_min,
                   RandomSource& random) {
  std::string script;
  if (leads_to == 1) script = "CREATE SCHEMA IF NOT EXISTS outlive_schema;\n";
  script.append(kMigrations[static_cast<std::size_t>(leads_to) - 1]);
  if (leads_to == 1) {
    fmt::format_to(std::back_inserter(script),
                   "INSERT INTO outlive.meta VALUES ('store_id', '{}');\n"
                   "INSERT INTO outlive.meta VALUES ('partition_job_count_min', '{}');\n",
                   RandomHex(random, 16), partition_job_count_min);
    script.append(MakePartitionScript({.first = 1, .past = 1 + partition_job_count_min}));
  }
  fmt::format_to(std::back_inserter(script),
                 "INSERT INTO outlive.meta VALUES ('schema_version', '{}') "
                 "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                 leads_to);
  return absl::StrReplaceAll(InSchema(script, schema),
                             {{"outlive_schema", fmt::format("\"{}\"", schema)}});
}

// Runs the next migration, if there is one, in one transaction. False: there is none.
absl::StatusOr<bool> MigrateOnce(Connection& connection, const std::string& schema,
                                 std::int64_t partition_job_count_min, RandomSource& random) {
  std::array begin = {Query{.name = "transaction/begin"}, Query{.name = "transaction/lock"}};
  begin[1].params.Int(LockKey(schema, Lock::kMigration));
  OUTLIVE_RETURN_IF_ERROR(connection.Run(begin).status());
  const absl::StatusOr<int> version = ReadVersion(connection, schema);
  OUTLIVE_RETURN_IF_ERROR(version.status());
  OUTLIVE_RETURN_IF_ERROR(CheckVersion(*version));
  if (*version == SchemaVersion()) return false;
  const int next = *version + 1;
  OUTLIVE_RETURN_IF_ERROR(
      connection.RunScript(Script(next, schema, partition_job_count_min, random),
                           fmt::format("migrate to schema {}", next)));
  OUTLIVE_RETURN_IF_ERROR(connection.RunOne({.name = "transaction/commit"}).status());
  return true;
}

}  // namespace

std::int64_t LockKey(std::string_view schema, Lock lock) {
  // FNV-1a, of which the last bits are the lock's.
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : schema) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return static_cast<std::int64_t>(hash & ~std::uint64_t{0xf}) + static_cast<int>(lock);
}

int SchemaVersion() { return static_cast<int>(kMigrations.size()); }

absl::Status Migrate(Connection& connection, const std::string& schema,
                     std::int64_t partition_job_count_min, RandomSource& random) {
  const absl::StatusOr<int> version = ReadVersion(connection, schema);
  OUTLIVE_RETURN_IF_ERROR(version.status());
  OUTLIVE_RETURN_IF_ERROR(CheckVersion(*version));
  bool more = *version < SchemaVersion();
  while (more) {
    const absl::StatusOr<bool> migrated =
        MigrateOnce(connection, schema, partition_job_count_min, random);
    connection.Rollback();
    OUTLIVE_RETURN_IF_ERROR(migrated.status());
    more = *migrated;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadStoreId(Session& session) {
  const absl::StatusOr<Rows> rows = session.RunOne({.name = "schema/store_id"});
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  if (rows->size() == 1) return rows->String(0, 0);
  return absl::DataLossError("the store's meta table has no store_id");
}

absl::Status CheckSameStore(Session& host, const std::string& store_id) {
  const absl::Status other =
      absl::FailedPreconditionError("the transaction is on another database than the store");
  Query find{.name = "schema/find"};
  // A statement about a table that is not there would fail the host's transaction.
  const absl::StatusOr<Rows> found = host.RunOne(find);
  OUTLIVE_RETURN_IF_ERROR(found.status());
  if (found->size() == 0) return other;
  const absl::StatusOr<std::string> its_id = ReadStoreId(host);
  OUTLIVE_RETURN_IF_ERROR(its_id.status());
  return *its_id == store_id ? absl::OkStatus() : other;
}

absl::Status ValidateSchemaName(std::string_view schema) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  const bool valid = !schema.empty() && schema.size() <= kNameBytesMax && is_letter(schema[0]) &&
                     std::all_of(schema.begin(), schema.end(),
                                 [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
  if (valid && schema.substr(0, 3) != "pg_" && schema != "information_schema") {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "schema must be [a-z_][a-z0-9_]{0,62} and none of PostgreSQL's own");
}

}  // namespace outlive::postgres
