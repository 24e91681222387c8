#include "tests/postgres/host.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <optional>
#include <stdexcept>
#include <utility>

#include "outlive/testing/recording_worker.h"
#include "tests/testing/no_log.h"

namespace outlive::testing {
namespace {

// Short ones: a run here is over in seconds.
const RetryPolicy& HostRetryPolicy() {
  static const RetryPolicy policy = {
      .initial = absl::Milliseconds(100), .factor = 1.5, .delay_max = absl::Milliseconds(500)};
  return policy;
}

// How long a host waits for an answer.
constexpr int kAnswerMs = 5'000;

// The host's own connection and transaction. Everything may fail at any time.
class HostSession {
 public:
  explicit HostSession(const HostOptions& options)
      : connection_(PQconnectdb((options.conninfo + " connect_timeout=5").c_str()), PQfinish) {
    PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
    // Where nothing comes back any more, this host gives up, too.
    is_open_ = Exec("SET statement_timeout = '5s'") &&
               Exec("SET idle_in_transaction_session_timeout = '5s'") && Exec("BEGIN");
  }

  bool is_open() const { return is_open_; }
  PGconn* handle() const { return connection_.get(); }

  // Where no answer comes in time the connection is given up.
  bool Exec(const std::string& sql) {
    tag_.clear();
    if (is_lost_ || PQsendQuery(connection_.get(), sql.c_str()) != 1) return false;
    bool is_done = false;
    while (true) {
      while (PQisBusy(connection_.get()) != 0) {
        pollfd answer = {PQsocket(connection_.get()), POLLIN, 0};
        is_lost_ = poll(&answer, 1, kAnswerMs) != 1 || PQconsumeInput(connection_.get()) != 1;
        if (is_lost_) return false;
      }
      PGresult* result = PQgetResult(connection_.get());
      if (result == nullptr) return is_done;
      const ExecStatusType status = PQresultStatus(result);
      is_done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
      if (is_done) tag_ = PQcmdStatus(result);
      PQclear(result);
    }
  }

  // kUnavailable: rolled back. kUnknown: in doubt.
  absl::Status Commit() {
    const bool done = Exec("COMMIT");
    if (done && tag_ == "COMMIT") return absl::OkStatus();
    if (done) return absl::UnavailableError("rolled back");
    return !is_lost_ && PQstatus(connection_.get()) == CONNECTION_OK
               ? absl::UnavailableError(PQerrorMessage(connection_.get()))
               : absl::UnknownError("the connection was lost at the commit");
  }

 private:
  const std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
  bool is_open_ = false;
  bool is_lost_ = false;
  std::string tag_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Host>> Host::Open(const HostOptions& options) {
  static const SystemClock order;
  absl::StatusOr<std::unique_ptr<FileHistory>> history =
      FileHistory::Open(CrashPaths(options.folder).history(), order);
  if (!history.ok()) return history.status();
  PostgresStoreOptions store_options = options.store;
  store_options.schema = options.schema;
  absl::StatusOr<std::unique_ptr<PostgresStore>> store =
      PostgresStore::Open(options.conninfo, store_options);
  if (!store.ok()) return store.status();
  return std::unique_ptr<Host>(new Host(options, *std::move(history), *std::move(store)));
}

Host::Host(const HostOptions& options, std::unique_ptr<FileHistory> history,
           std::unique_ptr<PostgresStore> store)
    : options_(options),
      sink_(CrashPaths(options.folder).sink()),
      history_(std::move(history)),
      recorder_(options.name, *history_, clock_),
      store_(std::move(store)),
      recording_(*store_, recorder_),
      client_(recording_, {.log = &NoLog()}),
      recorded_(client_, recorder_),
      // Enough attempts for those that the weather takes.
      mix_(recorded_,
           {.name = options.name,
            .seed = options.seed,
            .plan_letters = "cptrsxd",
            .plan_letter_one_in = 5,
            .work_attempts = 10,
            .keyed_attempts = 10,
            .booking_attempts = 50},
           [this](const Order& order) { return EnqueueOrder(order); }) {
  AddWorkers();
  RunnerOptions runner;
  runner.queues = {{.name = "default", .concurrency = options.concurrency}};
  runner.lease = options.lease;
  runner.crash_count_max = kCrashCountMax;
  runner.rescue_delay = absl::Milliseconds(100);
  runner.keep_completed = absl::InfiniteDuration();
  runner.keep_cancelled = absl::InfiniteDuration();
  runner.poll_interval_max = absl::Milliseconds(100);
  runner.sweep_interval = absl::Milliseconds(200);
  runner.stop_patience = absl::Seconds(30);
  runner_ = std::make_unique<Runner>(client_, workers_, runner);
}

Host::~Host() = default;

void Host::AddWorkers() {
  const auto add = [this](std::string_view kind, RecordingWorker::Function function) {
    workers_.Add(kind, std::make_unique<RecordingWorker>(recorder_, std::move(function)),
                 {.retry = HostRetryPolicy()});
  };
  add(Work::kKind, [this](JobContext& job, std::string_view args) { return DoWork(job, args); });
  add(Order::kKind, [this](JobContext& job, std::string_view) { return UseSink(job); });
  add(kNoticeKind, [this](JobContext& job, std::string_view) { return UseSink(job); });
  add(Booking::kKind, [this](JobContext& job, std::string_view) { return DoBooking(job); });
}

CheckOptions Host::Options() {
  CheckOptions options;
  options.crash_count_max = kCrashCountMax;
  options.transactions_overlap = true;
  options.sink_kinds = {std::string(Work::kKind), std::string(Order::kKind),
                        std::string(kNoticeKind)};
  options.complete_in_kinds = {std::string(Booking::kKind)};
  options.retry_policies = {{std::string(Work::kKind), HostRetryPolicy()}};
  options.follow_ups = {{std::string(Work::kKind), std::string(kNoticeKind)}};
  return options;
}

std::string Host::TablesSql(const std::string& schema) {
  return fmt::format(
      "CREATE TABLE {0}_orders (args text NOT NULL);"
      "CREATE TABLE {0}_booking (job bigint NOT NULL, fence bigint NOT NULL)",
      schema);
}

// -- Workers ------------------------------------------------------------------------------------

Outcome Host::UseSink(JobContext& job) {
  RecordEffect(recorder_, job.id(), job.fence(),
               [&] { return sink_.Accept(job.id(), job.fence()); });
  return Done();
}

Outcome Host::DoWork(JobContext& job, std::string_view bytes) {
  const absl::StatusOr<Work> args = DecodeArgs<Work>(bytes);
  if (!args.ok()) return Dead("these are not the arguments");
  const auto planned = [&](char what) { return args->plan.find(what) != std::string::npos; };
  if (planned('p')) job.ReportProgress(0.5, "half of it");
  if (planned('c')) {
    job.SaveCheckpoint(fmt::format("{} in attempt {}", args->name, job.attempt())).IgnoreError();
  }
  if (!quiet_ && job.attempt() == 1) {
    if (planned('t')) throw std::runtime_error("thrown as planned");
    if (planned('r')) return Retry(absl::UnavailableError("failed as planned"));
    if (planned('s') && job.checkpoint().empty()) {
      job.SaveCheckpoint("snoozed").IgnoreError();
      return Snooze(absl::Milliseconds(200));
    }
  }
  Outcome outcome = UseSink(job);
  if (planned('x')) outcome = Cancelled("cancelled as planned");
  if (planned('d')) outcome = Dead("dead as planned");
  return outcome;
}

// The host's row and the end of the job, in the host's own transaction.
Outcome Host::DoBooking(JobContext& job) {
  HostSession host(options_);
  if (!host.is_open()) return Retry(absl::UnavailableError("no connection"));
  if (!host.Exec(fmt::format("INSERT INTO {}_booking VALUES ({}, {})", options_.schema, job.id(),
                             job.fence()))) {
    return Retry(absl::UnavailableError("no row"));
  }
  if (absl::Status completed = job.CompleteIn(host.handle()); !completed.ok()) return completed;
  // In doubt it may have ended: then the store takes nothing more from this attempt.
  if (absl::Status committed = host.Commit(); !committed.ok()) return committed;
  return Done();
}

// -- Clients ------------------------------------------------------------------------------------

// The host's row and the job, in the host's own transaction.
bool Host::EnqueueOrder(const Order& order) {
  const EnqueueOptions options{.max_attempts = 10};
  const NewJob job = client_.Prepare(order, options).value();
  HistoryRecord record = EnqueueOf(job);
  record.joined = true;
  record = recorder_.Begin(std::move(record));
  HostSession host(options_);
  absl::Status status = absl::UnavailableError("nothing was written");
  if (host.is_open() &&
      host.Exec(fmt::format("INSERT INTO {}_orders VALUES ('{}')", options_.schema, job.args))) {
    const absl::StatusOr<Enqueued> enqueued = client_.EnqueueIn(host.handle(), order, options);
    status = enqueued.ok() ? host.Commit() : absl::UnavailableError("not enqueued");
    if (enqueued.ok()) record.job = enqueued->id;
  }
  if (!status.ok()) record.job = 0;
  recorder_.End(std::move(record), status);
  return status.ok();
}

}  // namespace outlive::testing
