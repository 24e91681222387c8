#include "outlive/store/postgres_store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/clock.h"
#include "outlive/core/payloads.h"
#include "store/postgres/connection_pool.h"
#include "store/postgres/database_time.h"
#include "store/postgres/lane_book.h"
#include "store/postgres/reader.h"
#include "store/postgres/schema.h"
#include "store/postgres/settings.h"
#include "store/postgres/sql_book.h"
#include "store/postgres/store_copy.h"
#include "store/postgres/transaction.h"
#include "store/postgres/waker.h"
#include "store/postgres/writer.h"

namespace outlive {
namespace {

constexpr int kOldestServer = 140'000;

absl::Status CheckServer(const postgres::Connection& connection) {
  if (connection.server_version() < kOldestServer) {
    return absl::FailedPreconditionError(fmt::format(
        "the server is PostgreSQL {}, and 14 is needed", connection.server_version() / 10'000));
  }
  const char* const encoding = PQparameterStatus(connection.handle(), "server_encoding");
  const std::string_view name = encoding == nullptr ? "unknown" : encoding;
  if (name == "UTF8" || name == "SQL_ASCII") return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("the database's encoding is {}, and UTF8 is needed", name));
}

postgres::WakerOptions WakerSettings(const PostgresStoreOptions& options) {
  const std::int64_t log = postgres::LockKey(options.schema, postgres::Lock::kLog);
  return {.watch = options.watch,
          .listen = !options.transaction_pooling,
          .poll_interval = options.poll_interval,
          .channel = fmt::format("outlive_{:016x}", static_cast<std::uint64_t>(log)),
          .log_lock = log,
          .random = options.random};
}

}  // namespace

class PostgresStore::State {
 public:
  State(const std::string& conninfo, const PostgresStoreOptions& with, StoreInfo about)
      : options(with),
        info(std::move(about)),
        process(getpid()),
        time(options.clock),
        payloads(options.cipher, info.store_id),
        writer_settings(postgres::WriterSettings(conninfo, options)),
        reader_settings(postgres::ReaderSettings(conninfo, options)),
        watch_settings(postgres::WatchSettings(conninfo, options)),
        book(options.schema),
        connections(reader_settings, book, static_cast<std::size_t>(options.reader_count_max)),
        lanes(connections, options.begin_timeout),
        writer(writer_settings, book, lanes, payloads, time, log_lock()),
        leases(writer_settings, book, lanes, payloads, time, log_lock()),
        sweep(writer_settings, book, lanes, payloads, time, log_lock()),
        waker(watch_settings, book, WakerSettings(options)) {}

  std::int64_t log_lock() const { return postgres::LockKey(options.schema, postgres::Lock::kLog); }

  bool forked() const { return getpid() != process; }

  absl::Status CheckProcess() const {
    if (!forked()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        "the store was opened before fork(): the child has to open its own");
  }

  // A move has given the schema another id than this store has sealed for.
  absl::Status CheckFresh() const {
    if (!stale) return absl::OkStatus();
    return absl::FailedPreconditionError("jobs were moved to the store: open it anew");
  }

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin(postgres::Writer& by) {
    OUTLIVE_RETURN_IF_ERROR(CheckProcess());
    OUTLIVE_RETURN_IF_ERROR(CheckFresh());
    OUTLIVE_RETURN_IF_ERROR(by.TakeTurn(options.begin_timeout));
    return std::make_unique<postgres::OwnTransaction>(by, waker);
  }

  // Runs `call` with a reader and gives its result.
  template <class Result, class Call>
  absl::StatusOr<Result> Read(Call call) {
    OUTLIVE_RETURN_IF_ERROR(CheckProcess());
    absl::StatusOr<Result> result = absl::InternalError("nothing was read");
    const absl::Status status =
        connections.Use(options.read_timeout, [&](postgres::Connection& connection) {
          postgres::Reader reader(connection, payloads);
          result = call(reader);
          return result.status();
        });
    if (!status.ok()) return status;
    return result;
  }

  const PostgresStoreOptions options;  // Random is not null.
  const StoreInfo info;
  const pid_t process;
  postgres::DatabaseTime time;
  const Payloads payloads;
  const postgres::ConnectionOptions writer_settings;
  const postgres::ConnectionOptions reader_settings;
  const postgres::ConnectionOptions watch_settings;
  const postgres::SqlBook book;
  postgres::ConnectionPool connections;
  postgres::LaneBook lanes;
  postgres::Writer writer;
  postgres::Writer leases;
  postgres::Writer sweep;
  postgres::Waker waker;
  std::atomic<bool> stale = false;
  postgres::PostgresCopy copy{writer, options.begin_timeout, stale};
};

absl::StatusOr<std::unique_ptr<PostgresStore>> PostgresStore::Open(
    const std::string& conninfo, const PostgresStoreOptions& given) {
  OUTLIVE_RETURN_IF_ERROR(postgres::ValidateOptions(conninfo, given));
  PostgresStoreOptions options = given;
  if (options.random == nullptr) options.random = &SystemRandomInstance();
  const postgres::ConnectionOptions settings = postgres::WriterSettings(conninfo, options);
  const postgres::SqlBook book(options.schema);
  postgres::Connection connection(settings, book);
  OUTLIVE_RETURN_IF_ERROR(connection.Ensure(options.connect_timeout));
  OUTLIVE_RETURN_IF_ERROR(CheckServer(connection));
  OUTLIVE_RETURN_IF_ERROR(postgres::Migrate(connection, options.schema,
                                            options.partition_job_count_min, *options.random));
  absl::StatusOr<std::string> store_id = postgres::ReadStoreId(connection);
  OUTLIVE_RETURN_IF_ERROR(store_id.status());
  StoreInfo info{.name = "postgres",
                 .version = fmt::format("PostgreSQL {}.{}", connection.server_version() / 10'000,
                                        connection.server_version() % 10'000),
                 .store_id = *std::move(store_id),
                 .schema_version = postgres::SchemaVersion(),
                 .durable = true,
                 .shared = true,
                 .can_join = true,
                 .sealing = options.cipher != nullptr,
                 .upkeep_apart = true,
                 .changes_apart = true};
  auto state = std::make_unique<State>(conninfo, options, std::move(info));
  const absl::Duration asked = SystemClockInstance().SinceBoot();
  const absl::StatusOr<postgres::Rows> now =
      connection.RunOne(state->time.Ask(state->time.Given(), /*refuses_move=*/false));
  OUTLIVE_RETURN_IF_ERROR(now.status());
  state->time.See(*now, asked);
  return std::unique_ptr<PostgresStore>(new PostgresStore(std::move(state)));
}

PostgresStore::PostgresStore(std::unique_ptr<State> state) : state_(std::move(state)) {}

PostgresStore::~PostgresStore() {
  // In a forked child the connections and the thread are the parent's: closing them would harm it.
  if (state_->forked()) static_cast<void>(state_.release());
}

absl::StatusOr<std::unique_ptr<StoreTransaction>> PostgresStore::Begin() {
  return state_->Begin(state_->writer);
}

absl::StatusOr<std::unique_ptr<StoreTransaction>> PostgresStore::BeginUpkeep(Upkeep upkeep) {
  auto transaction = state_->Begin(upkeep == Upkeep::kLeases ? state_->leases : state_->sweep);
  // A server that has no connection to spare must not cost a lease: the other one has to do.
  if (absl::IsUnavailable(transaction.status())) return state_->Begin(state_->writer);
  return transaction;
}

absl::StatusOr<std::unique_ptr<StoreTransaction>> PostgresStore::Join(HostTransaction host) {
  OUTLIVE_RETURN_IF_ERROR(state_->CheckProcess());
  OUTLIVE_RETURN_IF_ERROR(state_->CheckFresh());
  PGconn* const connection = host.postgres();
  if (connection == nullptr) {
    return absl::FailedPreconditionError("the transaction is not one of PostgreSQL's");
  }
  if (PQtransactionStatus(connection) != PQTRANS_INTRANS) {
    return absl::FailedPreconditionError(
        "no transaction is open on the connection, or it has failed");
  }
  postgres::HostSession session(connection, state_->book);
  OUTLIVE_RETURN_IF_ERROR(postgres::CheckSameStore(session, state_->info.store_id));
  return std::make_unique<postgres::JoinedTransaction>(connection, state_->book, state_->lanes,
                                                       state_->payloads, state_->time,
                                                       state_->waker, state_->log_lock());
}

absl::StatusOr<Job> PostgresStore::Get(JobId id) {
  return state_->Read<Job>([&](postgres::Reader& reader) { return reader.Get(id); });
}

absl::StatusOr<std::vector<Job>> PostgresStore::List(const JobFilter& filter, const JobPage& page) {
  return state_->Read<std::vector<Job>>(
      [&](postgres::Reader& reader) { return reader.List(filter, page); });
}

absl::StatusOr<JobStats> PostgresStore::Stats() {
  return state_->Read<JobStats>(
      [&](postgres::Reader& reader) { return reader.Stats(state_->time); });
}

absl::StatusOr<std::vector<Event>> PostgresStore::EventsAfter(std::int64_t after,
                                                              int event_count_max) {
  return state_->Read<std::vector<Event>>(
      [&](postgres::Reader& reader) { return reader.EventsAfter(after, event_count_max); });
}

absl::StatusOr<std::int64_t> PostgresStore::LastEvent() {
  return state_->Read<std::int64_t>([](postgres::Reader& reader) { return reader.LastEvent(); });
}

absl::StatusOr<std::vector<DeadLetterGroup>> PostgresStore::DeadLetterGroups(int group_count_max) {
  return state_->Read<std::vector<DeadLetterGroup>>(
      [&](postgres::Reader& reader) { return reader.DeadLetterGroups(group_count_max); });
}

absl::StatusOr<std::vector<JobId>> PostgresStore::CancelRequests(const std::string& session) {
  return state_->Read<std::vector<JobId>>(
      [&](postgres::Reader& reader) { return reader.CancelRequests(session); });
}

absl::StatusOr<Artifact> PostgresStore::FindArtifact(const std::string& id) {
  return state_->Read<Artifact>([&](postgres::Reader& reader) { return reader.FindArtifact(id); });
}

absl::Status PostgresStore::Check(absl::Duration deadline) {
  OUTLIVE_RETURN_IF_ERROR(state_->CheckProcess());
  return state_->connections.Use(deadline, [&](postgres::Connection& connection) {
    return postgres::Reader(connection, state_->payloads).Probe();
  });
}

std::unique_ptr<Subscription> PostgresStore::Subscribe(std::function<void(WakeHint)> on_wake) {
  return state_->waker.Subscribe(std::move(on_wake));
}

absl::StatusOr<PostgresGauges> PostgresStore::Gauges() {
  return state_->Read<PostgresGauges>(
      [&](postgres::Reader& reader) { return reader.Gauges(state_->time); });
}

const StoreInfo& PostgresStore::info() const { return state_->info; }

const Clock& PostgresStore::clock() const { return state_->time.clock(); }

StoreCopy* PostgresStore::copy() { return state_->forked() ? nullptr : &state_->copy; }

}  // namespace outlive
