#include "store/sqlite/schema.h"

#include <absl/cleanup/cleanup.h>
#include <fmt/format.h>

#include <array>

#include "core/return_if_error.h"
#include "store/sqlite/statement.h"
#include "store/sqlite_migrations.h"

namespace outlive::sqlite {
namespace {

constexpr std::array kMigrations = {k0001InitialSql};

constexpr std::string_view kHasMeta =
    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'outlive_meta'";
constexpr std::string_view kHasTables = "SELECT 1 FROM sqlite_schema LIMIT 1";
constexpr std::string_view kReadMeta = "SELECT value FROM outlive_meta WHERE name = ?1";
constexpr std::string_view kWriteMeta =
    "INSERT OR REPLACE INTO outlive_meta (name, value) VALUES (?1, ?2)";
constexpr std::string_view kHasStatistics =
    "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'";
constexpr std::string_view kHasOurStatistics =
    "SELECT 1 FROM sqlite_stat1 WHERE tbl GLOB 'outlive_*' LIMIT 1";
constexpr std::string_view kVersionName = "schema_version";
constexpr std::string_view kStoreIdName = "store_id";

absl::StatusOr<bool> HasRow(Database& database, std::string_view sql) {
  Statement statement(database.handle(), sql);
  Rows rows = statement.Query();
  const bool found = rows.Next();
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  return found;
}

// What a file gets with its first schema, beside the tables.
absl::Status Found(Database& database, RandomSource& random, bool ours_alone) {
  Statement write(database.handle(), kWriteMeta);
  OUTLIVE_RETURN_IF_ERROR(write.Run(kStoreIdName, RandomHex(random, 16)));
  if (!ours_alone) return absl::OkStatus();
  return database.Exec(fmt::format("PRAGMA application_id = {}", kApplicationId).c_str(),
                       "mark the file");
}

absl::Status RunMigration(Database& database, RandomSource& random, std::string_view sql,
                          int leads_to) {
  const absl::StatusOr<bool> has_tables = HasRow(database, kHasTables);
  OUTLIVE_RETURN_IF_ERROR(has_tables.status());
  OUTLIVE_RETURN_IF_ERROR(database.Exec(std::string(sql).c_str(),
                                        fmt::format("migrate to schema {}", leads_to).c_str()));
  if (leads_to == 1) OUTLIVE_RETURN_IF_ERROR(Found(database, random, !*has_tables));
  Statement write(database.handle(), kWriteMeta);
  return write.Run(kVersionName, leads_to);
}

// Runs the next migration, if there is one, in one transaction.
absl::StatusOr<bool> MigrateOnce(Database& database, RandomSource& random,
                                 const SchemaSource& source) {
  OUTLIVE_RETURN_IF_ERROR(database.Exec("BEGIN IMMEDIATE", "begin a migration"));
  const absl::Cleanup rollback = [&database] { database.Rollback(); };
  const absl::StatusOr<std::int64_t> version = ReadSchemaVersion(database);
  OUTLIVE_RETURN_IF_ERROR(version.status());
  const int known = static_cast<int>(source.migrations.size());
  OUTLIVE_RETURN_IF_ERROR(CheckSchemaVersion(*version, known));
  if (*version == known) return false;
  const std::string_view sql = source.migrations[static_cast<std::size_t>(*version)];
  OUTLIVE_RETURN_IF_ERROR(RunMigration(database, random, sql, static_cast<int>(*version) + 1));
  OUTLIVE_RETURN_IF_ERROR(database.Exec("COMMIT", "commit a migration"));
  return true;
}

}  // namespace

absl::Span<const std::string_view> Migrations() { return kMigrations; }

int SchemaVersion() { return static_cast<int>(kMigrations.size()); }

absl::Status Migrate(Database& database, RandomSource& random, const SchemaSource& source) {
  const absl::StatusOr<std::int64_t> version = ReadSchemaVersion(database);
  OUTLIVE_RETURN_IF_ERROR(version.status());
  const int known = static_cast<int>(source.migrations.size());
  OUTLIVE_RETURN_IF_ERROR(CheckSchemaVersion(*version, known));
  bool more = *version < known;
  while (more) {
    const absl::StatusOr<bool> migrated = MigrateOnce(database, random, source);
    OUTLIVE_RETURN_IF_ERROR(migrated.status());
    more = *migrated;
  }
  return absl::OkStatus();
}

absl::Status ForgetStatistics(Database& database) {
  for (const std::string_view sql : {kHasStatistics, kHasOurStatistics}) {
    const absl::StatusOr<bool> found = HasRow(database, sql);
    OUTLIVE_RETURN_IF_ERROR(found.status());
    if (!*found) return absl::OkStatus();
  }
  // This connection has read them with the schema, so it reads that anew.
  return database.Exec(
      "DELETE FROM sqlite_stat1 WHERE tbl GLOB 'outlive_*'; PRAGMA writable_schema = RESET",
      "forget statistics");
}

absl::StatusOr<std::int64_t> ReadSchemaVersion(Database& database) {
  const absl::StatusOr<bool> found = HasRow(database, kHasMeta);
  OUTLIVE_RETURN_IF_ERROR(found.status());
  if (!*found) return std::int64_t{0};
  Statement read(database.handle(), kReadMeta);
  Rows rows = read.Query(kVersionName);
  if (rows.Next()) return rows.Int(0);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  return absl::DataLossError("the table outlive_meta has no schema_version");
}

absl::StatusOr<std::string> ReadStoreId(Database& database) {
  Statement read(database.handle(), kReadMeta);
  Rows rows = read.Query(kStoreIdName);
  if (rows.Next()) return std::string(rows.Text(0));
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  return absl::DataLossError("the table outlive_meta has no store_id");
}

absl::Status CheckSchemaVersion(std::int64_t in_file, int known) {
  if (in_file < 0) {
    return absl::DataLossError(fmt::format("outlive_meta says that the schema is {}", in_file));
  }
  if (in_file <= known) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("the file has schema {} of outlive, and this library knows schemas up to {}: "
                  "use a newer version of the library",
                  in_file, known));
}

}  // namespace outlive::sqlite
