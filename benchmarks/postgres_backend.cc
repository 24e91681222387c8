// The PostgreSQL store, and bare libpq beside it, in schemas of one database.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "benchmarks/backend.h"
#include "benchmarks/bare_limit.h"
#include "benchmarks/bare_postgres.h"
#include "benchmarks/support.h"
#include "outlive/store/postgres_store.h"

namespace outlive::bench {
namespace {

// What was deleted since its snapshot cannot be cleaned away anywhere in the database.
class Snapshot final : public OldTransaction {
 public:
  explicit Snapshot(const std::string& conninfo) : connection_(ConnectTo(conninfo)) {
    QueryOne(connection_.get(), "BEGIN ISOLATION LEVEL REPEATABLE READ");
    const std::string held = QueryOne(
        connection_.get(),
        "SELECT backend_xmin IS NOT NULL FROM pg_stat_activity WHERE pid = pg_backend_pid()");
    if (held != "t") throw BenchError("the transaction holds no snapshot");
  }

 private:
  const PgConnection connection_;
};

class PostgresBackend final : public Backend {
 public:
  explicit PostgresBackend(const Options& options)
      : options_(options),
        conninfo_(Conninfo(options)),
        connection_(ConnectTo(conninfo_)),
        may_checkpoint_(QueryOne(connection_.get(),
                                 "SELECT rolsuper OR pg_has_role(oid, 'pg_checkpoint', 'USAGE')"
                                 " FROM pg_roles WHERE rolname = current_user") == "t") {
    QueryOne(connection_.get(), "SET client_min_messages = warning");
  }

  std::string name() const override { return "postgres"; }
  std::string version() const override {
    return "PostgreSQL " + QueryOne(connection_.get(), "SHOW server_version");
  }
  // What decides what a commit costs, and what a power cut takes.
  std::string durability() const override {
    std::string text;
    for (const char* const setting : {"synchronous_commit", "fsync", "full_page_writes"}) {
      const std::string value = QueryOne(connection_.get(), fmt::format("SHOW {}", setting));
      if (text.empty()) {
        text = fmt::format("{} ({}={}", full() ? "full" : "normal", setting, value);
      } else if (value != "on") {
        text += fmt::format(", {}={}", setting, value);
      }
    }
    return text + ")";
  }
  std::string folder() const override { return ""; }
  bool shared() const override { return true; }
  bool limit_shared() const override { return true; }
  std::string LimitIs(std::string_view work) const override {
    return fmt::format("bare libpq, {}", work);
  }
  Bar BarOf(std::string_view measure, std::string_view, const Bar& usual) const override {
    if (measure == "drain_64" || measure == "drain_1000" || measure == "enqueue_64") {
      return {.share_min = 0.60};
    }
    if (measure == "backlog") return {.share_min = 0.85};
    if (measure == "old_transaction") return usual;
    return {};
  }

  std::unique_ptr<JobStore> Open(std::string_view name, const Clock& clock) override {
    PostgresStoreOptions options;
    options.schema = Schema(name);
    if (&clock != &SystemClockInstance()) options.clock = &clock;
    return Must(PostgresStore::Open(conninfo_, options));
  }

  std::unique_ptr<Limit> OpenLimit(std::string_view name) override {
    return std::make_unique<BareLimit>(std::make_unique<BarePostgres>(conninfo_, Schema(name)),
                                       options_.payload);
  }

  void Remove(std::string_view name) override {
    QueryOne(connection_.get(), fmt::format("DROP SCHEMA IF EXISTS {} CASCADE", Schema(name)));
  }

  std::int64_t Bytes(std::string_view name) const override {
    return std::stoll(QueryOne(
        connection_.get(),
        fmt::format("SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n"
                    " ON n.oid = c.relnamespace WHERE n.nspname = '{}' AND c.relkind = 'r'",
                    Schema(name))));
  }

  std::unique_ptr<OldTransaction> OpenOldTransaction() override {
    return std::make_unique<Snapshot>(conninfo_);
  }

  void Settle() override {
    if (may_checkpoint_) QueryOne(connection_.get(), "CHECKPOINT");
  }

 private:
  bool full() const { return options_.durability == Durability::kFull; }

  static std::string Conninfo(const Options& options) {
    const char first = options.address.find('?') == std::string::npos ? '?' : '&';
    return fmt::format("{}{}options=-csynchronous_commit%3D{}", options.address, first,
                       options.durability == Durability::kFull ? "on" : "off");
  }

  static std::string Schema(std::string_view name) {
    std::string schema = fmt::format("outlive_bench_{}", name);
    std::replace(schema.begin(), schema.end(), '-', '_');
    return schema;
  }

  const Options options_;
  const std::string conninfo_;
  const PgConnection connection_;
  const bool may_checkpoint_;
};

}  // namespace

std::unique_ptr<Backend> MakePostgresBackend(const Options& options) {
  return std::make_unique<PostgresBackend>(options);
}

}  // namespace outlive::bench
