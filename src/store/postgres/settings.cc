#include "store/postgres/settings.h"

#include <fmt/format.h>

#include <string_view>

#include "core/faults.h"
#include "store/postgres/conninfo.h"
#include "store/postgres/partitions.h"
#include "store/postgres/schema.h"

namespace outlive::postgres {
absl::Status ValidateOptions(const std::string& conninfo, const PostgresStoreOptions& options) {
  internal::Faults faults("PostgreSQL store");
  faults.Require(IsConninfo(conninfo), "conninfo is not one that libpq can read");
  faults.AddIfError(ValidateSchemaName(options.schema));
  faults.Require(
      options.begin_timeout >= absl::ZeroDuration() && options.begin_timeout <= absl::Hours(1),
      "begin_timeout must be from 0 to 1 h");
  faults.Require(
      options.poll_interval >= absl::Milliseconds(10) && options.poll_interval <= absl::Hours(1),
      "poll_interval must be from 10 ms to 1 h");
  const auto require = [&faults](absl::Duration timeout, std::string_view name) {
    faults.Require(timeout >= absl::Milliseconds(100) && timeout <= absl::Hours(1),
                   fmt::format("{} must be from 100 ms to 1 h", name));
  };
  require(options.connect_timeout, "connect_timeout");
  require(options.statement_timeout, "statement_timeout");
  require(options.lock_timeout, "lock_timeout");
  require(options.idle_timeout, "idle_timeout");
  require(options.read_timeout, "read_timeout");
  faults.Require(options.reader_count_max >= 1 && options.reader_count_max <= 64,
                 "reader_count_max must be from 1 to 64");
  faults.Require(options.partition_job_count_min >= kPartitionJobCountLeast &&
                     options.partition_job_count_min <= kPartitionJobCountMost,
                 "partition_job_count_min must be from 16 to 16777216");
  return faults.ToStatus();
}

ConnectionOptions WriterSettings(const std::string& conninfo, const PostgresStoreOptions& options) {
  ConnectionOptions writer;
  writer.conninfo = conninfo;
  writer.hosts = HostsIn(conninfo);
  writer.secret = PasswordIn(conninfo);
  writer.connect_timeout = options.connect_timeout;
  // The server gives up first, where it can.
  writer.reply_timeout = options.statement_timeout + absl::Seconds(5);
  writer.pooled = options.transaction_pooling;
  writer.random = options.random;
  // The statements that write go by their indexes, whatever a table looked like when they were
  // planned: see sql/job_rows.sql.
  writer.settings = {{"statement_timeout", Milliseconds(options.statement_timeout)},
                     {"lock_timeout", Milliseconds(options.lock_timeout)},
                     {"idle_in_transaction_session_timeout", Milliseconds(options.idle_timeout)},
                     {"default_transaction_isolation", "read committed"},
                     {"plan_cache_mode", "force_generic_plan"},
                     {"enable_seqscan", "off"},
                     {"enable_bitmapscan", "off"},
                     {"enable_hashjoin", "off"},
                     {"enable_mergejoin", "off"},
                     {"jit", "off"}};
  return writer;
}

ConnectionOptions ReaderSettings(const std::string& conninfo, const PostgresStoreOptions& options) {
  ConnectionOptions reader = WriterSettings(conninfo, options);
  reader.reply_timeout = options.read_timeout + absl::Seconds(5);
  reader.settings = {{"statement_timeout", Milliseconds(options.read_timeout)},
                     {"lock_timeout", Milliseconds(options.lock_timeout)},
                     {"idle_in_transaction_session_timeout", Milliseconds(options.idle_timeout)},
                     {"default_transaction_isolation", "read committed"},
                     {"jit", "off"}};
  return reader;
}

ConnectionOptions WatchSettings(const std::string& conninfo, const PostgresStoreOptions& options) {
  ConnectionOptions watch = ReaderSettings(conninfo, options);
  // A NOTIFY is a commit, too; nothing of it has to survive.
  watch.settings.emplace_back("synchronous_commit", "off");
  return watch;
}

}  // namespace outlive::postgres
