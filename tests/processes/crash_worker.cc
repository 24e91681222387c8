#include "tests/processes/crash_worker.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "outlive/testing/recording_worker.h"
#include "tests/testing/no_log.h"

namespace outlive::testing {
namespace {

// What a test needs and cannot do without: there is no run to go on with.
template <class Value>
Value Need(absl::StatusOr<Value> value, const char* what) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "%s: %s\n", what, value.status().ToString().c_str());
  std::exit(3);
}

void Need(const absl::Status& status, const char* what) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", what, status.ToString().c_str());
  std::exit(3);
}

// The host's own connection to the same file.
class HostDatabase {
 public:
  explicit HostDatabase(const std::string& path) {
    if (sqlite3_open(path.c_str(), &handle_) != SQLITE_OK) std::exit(3);
    sqlite3_busy_timeout(handle_, 60'000);
    sqlite3_wal_autocheckpoint(handle_, 0);  // As sqlite_store.h tells hosts to.
  }
  ~HostDatabase() { sqlite3_close(handle_); }
  HostDatabase(const HostDatabase&) = delete;
  HostDatabase& operator=(const HostDatabase&) = delete;

  bool Exec(const std::string& sql) const {
    return sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  void MustExec(const std::string& sql) const {
    if (Exec(sql)) return;
    std::fprintf(stderr, "%s: %s\n", sql.c_str(), sqlite3_errmsg(handle_));
    std::exit(3);
  }
  sqlite3* handle() const { return handle_; }

 private:
  sqlite3* handle_ = nullptr;
};

}  // namespace

CrashWorker::CrashWorker(const CrashWorkerOptions& options)
    : options_(options),
      paths_(options.folder),
      clock_(paths_.clock(),
             options.clock_flows ? SharedClock::Flow::kFlows : SharedClock::Flow::kStands),
      failpoints_(options.failpoint),
      sink_(paths_.sink()),
      history_(Need(FileHistory::Open(paths_.history(), order_), "history")),
      recorder_(options.name, *history_, clock_),
      store_(Need(SqliteStore::Open(paths_.store(),
                                    {.clock = &clock_,
                                     .busy_timeout = options.busy_timeout,
                                     .read_timeout = absl::Hours(1),
                                     .poll_interval = absl::Milliseconds(20),
                                     .checkpoint_page_count = options.checkpoint_page_count}),
                  "store")),
      failing_(*store_, failpoints_),
      beats_(failing_),
      recording_(beats_, recorder_),
      artifacts_(Need(FileArtifactStore::Open(paths_.artifacts(), recording_, {.clock = &clock_}),
                      "artifacts")),
      client_(recording_, {.log = &NoLog()}),
      recorded_(client_, recorder_),
      mix_(recorded_,
           {.name = options.name,
            .seed = options.seed,
            .plan_letters = "cpatrsxd",
            .plan_letter_one_in = 4,
            .work_attempts = 3},
           [this](const Order& order) { return EnqueueOrder(order); }) {
  AddWorkers();
  RunnerOptions runner;
  runner.queues = {{.name = "default", .concurrency = options.concurrency}};
  runner.lease = kCrashLease;
  runner.crash_count_max = kCrashCountMax;
  runner.keep_completed = options.keep;
  runner.keep_cancelled = options.keep;
  runner.keep_dead = options.keep;
  runner.poll_interval_max = absl::Milliseconds(20);
  runner.sweep_interval = absl::Milliseconds(20);
  runner.prune_interval = absl::Seconds(1);
  runner_ = std::make_unique<Runner>(client_, workers_, runner);
}

CrashWorker::~CrashWorker() = default;

void CrashWorker::AddWorkers() {
  const auto add = [this](std::string_view kind, RecordingWorker::Function function) {
    workers_.Add(kind, std::make_unique<RecordingWorker>(recorder_, std::move(function)),
                 {.retry = CrashRetryPolicy()});
  };
  add(Work::kKind, [this](JobContext& job, std::string_view args) { return DoWork(job, args); });
  add(Order::kKind, [this](JobContext& job, std::string_view) { return UseSink(job); });
  add(kNoticeKind, [this](JobContext& job, std::string_view) { return UseSink(job); });
  add(Booking::kKind, [this](JobContext& job, std::string_view) { return DoBooking(job); });
  add(Poison::kKind, [](JobContext&, std::string_view) -> Outcome { std::abort(); });
}

// -- Workers ------------------------------------------------------------------------------------

Outcome CrashWorker::UseSink(JobContext& job) {
  failpoints_.Reach("worker.before_effect");
  RecordEffect(recorder_, job.id(), job.fence(),
               [&] { return sink_.Accept(job.id(), job.fence()); });
  failpoints_.Reach("worker.after_effect");
  return Done();
}

Outcome CrashWorker::DoWork(JobContext& job, std::string_view bytes) {
  failpoints_.Reach("worker.start");
  const absl::StatusOr<Work> args = DecodeArgs<Work>(bytes);
  if (!args.ok()) return Dead("these are not the arguments");
  const auto planned = [&](char what) { return args->plan.find(what) != std::string::npos; };
  if (planned('p')) job.ReportProgress(0.5, "half of it");
  if (planned('c')) {
    job.SaveCheckpoint(fmt::format("{} in attempt {}", args->name, job.attempt())).IgnoreError();
  }
  if (planned('a')) MakeArtifact(job);
  if (!quiet_ && job.attempt() == 1) {
    if (planned('t')) throw std::runtime_error("thrown as planned");
    if (planned('r')) return Retry(absl::UnavailableError("failed as planned"));
    if (planned('s') && job.checkpoint().empty()) {
      job.SaveCheckpoint("snoozed").IgnoreError();
      return Snooze(absl::Seconds(1));
    }
  }
  Outcome outcome = UseSink(job);
  if (planned('x')) outcome = Cancelled("cancelled as planned");
  if (planned('d')) outcome = Dead("dead as planned");
  failpoints_.Reach("worker.return");
  return outcome;
}

void CrashWorker::MakeArtifact(JobContext& job) {
  const std::string text = fmt::format("made by job {} under fence {}", job.id(), job.fence());
  artifacts_->Put(job, "made.txt", "text/plain", [&](ByteSink& out) { return out.Write(text); })
      .status()
      .IgnoreError();
}

Outcome CrashWorker::DoBooking(JobContext& job) {
  const HostDatabase host(paths_.store());
  host.MustExec("BEGIN IMMEDIATE");
  host.MustExec(fmt::format("INSERT INTO booking VALUES ({}, {})", job.id(), job.fence()));
  failpoints_.Reach("complete_in.row");
  if (absl::Status completed = job.CompleteIn(host.handle()); !completed.ok()) {
    host.Exec("ROLLBACK");
    return completed;
  }
  failpoints_.Reach("complete_in.completed");
  host.MustExec("COMMIT");
  failpoints_.Reach("complete_in.committed");
  return Done();
}

// -- Clients ------------------------------------------------------------------------------------

// The host's row and the job, in the host's own transaction.
bool CrashWorker::EnqueueOrder(const Order& order) {
  const NewJob job = client_.Prepare(order).value();
  HistoryRecord record = EnqueueOf(job);
  record.joined = true;
  record = recorder_.Begin(std::move(record));
  const HostDatabase host(paths_.store());
  host.MustExec("BEGIN IMMEDIATE");
  host.MustExec(fmt::format("INSERT INTO orders VALUES ('{}')", job.args));
  failpoints_.Reach("enqueue_in.row");
  const absl::StatusOr<Enqueued> enqueued = client_.EnqueueIn(host.handle(), order);
  Need(enqueued.status(), "enqueue in a transaction of the host");
  failpoints_.Reach("enqueue_in.job");
  host.MustExec("COMMIT");
  failpoints_.Reach("enqueue_in.committed");
  record.job = enqueued->id;
  recorder_.End(std::move(record), HistoryPhase::kOk);
  return true;
}

void CrashWorker::Fill(int count) {
  std::vector<NewJob> jobs;
  std::vector<HistoryRecord> records;
  for (int i = 0; i < count; ++i) {
    jobs.push_back(client_.Prepare(Work{mix_.NextName(), ""}).value());
    records.push_back(recorder_.Begin(EnqueueOf(jobs.back())));
  }
  const absl::StatusOr<std::vector<Enqueued>> enqueued = client_.EnqueueMany(std::move(jobs));
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (enqueued.ok()) records[i].job = (*enqueued)[i].id;
    recorder_.End(records[i], enqueued.status());
  }
}

void CrashWorker::Hammer(int count) {
  for (int i = 0; i < count; ++i) mix_.Enqueue(Order{mix_.NextName() + std::string(1'000, '.')});
}

void CrashWorker::Poison() { mix_.Enqueue(testing::Poison{mix_.NextName()}); }

// -- A life -------------------------------------------------------------------------------------

absl::Status CrashWorker::LiveOnce() {
  absl::Status status = runner_->Maintain();
  for (const char* const plan : {"cpa", "r", "t", "s", "x", "d"}) mix_.EnqueueWork(plan);
  const JobId doomed = mix_.known().empty() ? 0 : mix_.known().back();
  mix_.EnqueueKeyed();
  mix_.EnqueueOrder();
  mix_.EnqueueBooking();
  mix_.EnqueueWork("c");
  recorded_.Cancel(mix_.known().back()).IgnoreError();
  status.Update(runner_->RunDue().status());
  // Back to work, and dead again.
  recorded_.Retry(doomed).IgnoreError();
  status.Update(runner_->RunDue().status());
  recorded_.DiscardDeadLetter(doomed).IgnoreError();
  runner_->Stop();
  return status;
}

absl::Status CrashWorker::Settle() {
  BeQuiet();
  absl::Status status = runner_->Maintain();
  status.Update(runner_->RunDue().status());
  runner_->Stop();
  return status;
}

}  // namespace outlive::testing
