// outlive_report_app: a web server that makes reports, as any server would with outlive. This file
// puts the parts together, by hand and in order; each part has a file of its own.
//
//   browser ──► HttpServer ──► ReportApi ──► ReportService ──► SQLite: business row + job
//      ▲                                                             │
//      └── LiveReports (events) ◄── store ◄── Runner: ReportWorker, deliveries
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "outlive/artifact/file_artifact_store.h"
#include "outlive/artifact/signed_link.h"
#include "outlive/http/router.h"
#include "outlive/http/server.h"
#include "outlive/http/signed_cookie.h"
#include "outlive/observe/metrics.h"
#include "outlive/outlive.h"
#include "outlive/store/open_store.h"
#include "report_app/database.h"
#include "report_app/downloads.h"
#include "report_app/keys.h"
#include "report_app/links.h"
#include "report_app/live_reports.h"
#include "report_app/notifications.h"
#include "report_app/operations.h"
#include "report_app/options.h"
#include "report_app/page.h"
#include "report_app/report_api.h"
#include "report_app/report_json.h"
#include "report_app/report_service.h"
#include "report_app/report_worker.h"
#include "report_app/stderr_log.h"
#include "report_app/strikes.h"
#include "report_app/users.h"

namespace report_app {
namespace {

// How often files that no report names any more are looked for.
constexpr absl::Duration kGarbageInterval = absl::Minutes(10);

// How often other processes' leases are looked at, however long they are.
constexpr absl::Duration kSweepIntervalMax = absl::Seconds(15);

// All parts of the app. They are made in the order of their members, and go in the opposite order.
class ReportApp {
 public:
  explicit ReportApp(const Options& options) : options_(options), log_(clock_) {}

  // Opens everything and serves from then on.
  absl::Status Start();

  // Serves nobody any more, lets running reports go on for the grace, and hands the rest back.
  void Stop();

  // Deletes files that no report names any more. Called now and then.
  void Tidy();

  std::string url() const {
    const bool is_v6 = options_.address.find(':') != std::string::npos;
    const std::string host = is_v6 ? fmt::format("[{}]", options_.address) : options_.address;
    return fmt::format("http://{}:{}", host, server_->port());
  }
  std::uint16_t port() const { return server_->port(); }
  outlive::LogSink& log() { return log_; }

 private:
  absl::Status OpenStore();
  absl::Status OpenData();
  absl::Status OpenLinks();
  absl::Status OpenService();
  absl::Status OpenLive();
  absl::Status AddWorkers();
  absl::Status AddRoutes();
  absl::Status StartServer();
  std::string PathTo(std::string_view name) const {
    return fmt::format("{}/{}", options_.data_dir, name);
  }

  const Options options_;
  outlive::SystemClock clock_;
  outlive::SystemRandom random_;
  StderrLog log_;

  std::unique_ptr<outlive::JobStore> store_;
  std::unique_ptr<outlive::FileArtifactStore> artifacts_;
  Choices choices_;
  std::unique_ptr<Links> links_;
  std::unique_ptr<Users> users_;
  std::unique_ptr<Notifications> notifications_;
  std::unique_ptr<outlive::PrometheusMetrics> metrics_;

  std::unique_ptr<outlive::Client> client_;
  outlive::WorkerSet workers_;
  std::unique_ptr<outlive::Runner> runner_;

  std::unique_ptr<ReportService> service_;
  std::unique_ptr<ReportJson> json_;
  std::unique_ptr<LiveReports> live_;
  std::unique_ptr<ReportApi> api_;
  std::unique_ptr<Operations> operations_;
  outlive::http::Router router_;
  std::unique_ptr<outlive::http::HttpServer> server_;
};

absl::Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return absl::UnavailableError(
      fmt::format("cannot make {}: {}", path, std::generic_category().message(errno)));
}

absl::Status ReportApp::Start() {
  for (absl::Status (ReportApp::*step)() :
       {&ReportApp::OpenData, &ReportApp::OpenLinks, &ReportApp::OpenService,
        &ReportApp::AddWorkers, &ReportApp::AddRoutes, &ReportApp::StartServer}) {
    if (absl::Status status = (this->*step)(); !status.ok()) return status;
  }
  return runner_->Start();
}

// One SQLite file has the jobs and the app's own tables, unless the jobs are to be elsewhere.
absl::Status ReportApp::OpenStore() {
  const bool elsewhere = !options_.store.empty();
  outlive::OpenStoreOptions options{.random = &random_};
  // A server has a clock of its own, which all of its clients share.
  if (!options_.store.starts_with("postgres")) options.clock = &clock_;
  absl::StatusOr<std::unique_ptr<outlive::JobStore>> store =
      outlive::OpenStore(elsewhere ? options_.store : "sqlite:" + PathTo("app.db"), options);
  if (!store.ok()) return store.status();
  store_ = *std::move(store);
  return elsewhere ? Database::SetUp(PathTo("app.db")) : absl::OkStatus();
}

// The store is opened first: where it is in the same file it sets that up, and with it open no
// other connection is ever the last one.
absl::Status ReportApp::OpenData() {
  for (const std::string& folder : {options_.data_dir, PathTo("artifacts")}) {
    if (absl::Status status = MakeFolder(folder); !status.ok()) return status;
  }
  if (absl::Status status = OpenStore(); !status.ok()) return status;

  absl::StatusOr<Database> database = Database::Open(PathTo("app.db"));
  if (!database.ok()) return database.status();
  absl::StatusOr<std::int64_t> strikes = LoadStrikes(*database, options_.csv_path);
  if (!strikes.ok()) return strikes.status();
  absl::StatusOr<Choices> choices = ReadChoices(*database);
  if (!choices.ok()) return choices.status();
  choices_ = *std::move(choices);

  absl::StatusOr<std::unique_ptr<outlive::FileArtifactStore>> artifacts =
      outlive::FileArtifactStore::Open(PathTo("artifacts"), *store_,
                                       {.clock = &clock_, .random = &random_});
  if (!artifacts.ok()) return artifacts.status();
  artifacts_ = *std::move(artifacts);
  return absl::OkStatus();
}

absl::Status ReportApp::OpenLinks() {
  absl::StatusOr<Keys> keys = ReadOrMakeKeys(PathTo("keys"), random_);
  if (!keys.ok()) return keys.status();
  absl::StatusOr<outlive::LinkSigner> link_signer =
      outlive::LinkSigner::Create({.keys = std::move(keys->links)});
  if (!link_signer.ok()) return link_signer.status();
  links_ = std::make_unique<Links>(*std::move(link_signer), clock_, options_.link_ttl);
  absl::StatusOr<outlive::http::CookieSigner> cookie_signer =
      outlive::http::CookieSigner::Create(std::move(keys->cookies));
  if (!cookie_signer.ok()) return cookie_signer.status();
  const bool over_tls = options_.base_url.starts_with("https://");
  users_ = std::make_unique<Users>(*std::move(cookie_signer), random_, over_tls);
  return absl::OkStatus();
}

absl::Status ReportApp::OpenService() {
  notifications_ = std::make_unique<Notifications>(*links_, options_.notifications);
  if (absl::Status status = notifications_->Open(clock_, log_); !status.ok()) return status;
  choices_.email = notifications_->sends_mail();
  choices_.simulate = options_.allow_simulate;

  metrics_ = std::make_unique<outlive::PrometheusMetrics>(*store_);
  client_ = std::make_unique<outlive::Client>(
      *store_,
      outlive::ClientOptions{.log = &log_, .observer = metrics_.get(), .random = &random_});
  absl::StatusOr<Database> database = Database::Open(PathTo("app.db"));
  if (!database.ok()) return database.status();
  ReportServiceOptions service = options_.service;
  service.one_database = options_.store.empty();
  service_ = std::make_unique<ReportService>(
      *std::move(database), *client_, clock_,
      [this](const GenerateReport& params) { return notifications_->FollowUpsFor(params); },
      service);
  if (service.one_database) return OpenLive();
  if (absl::Status status = service_->AdoptJobs(); !status.ok()) return status;
  return OpenLive();
}

absl::Status ReportApp::OpenLive() {
  json_ = std::make_unique<ReportJson>(*links_);
  live_ = std::make_unique<LiveReports>(*store_, *service_, *json_);
  return live_->Start();
}

absl::Status ReportApp::AddWorkers() {
  workers_.Add<GenerateReport>(ReportWorker(
      *artifacts_, clock_, log_, {.database_path = PathTo("app.db"), .pace = options_.pace}));
  absl::Status status = notifications_->AddWorker(workers_, store_->info().store_id);
  if (!status.ok()) return status;
  runner_ = std::make_unique<outlive::Runner>(
      *client_, workers_,
      outlive::RunnerOptions{
          .queues = {{.name = std::string(kReportQueue), .concurrency = options_.concurrency},
                     {.name = std::string(kNotifyQueue), .concurrency = 4}},
          .lease = options_.lease,
          .sweep_interval = std::min(options_.lease / 4, kSweepIntervalMax)});
  return absl::OkStatus();
}

absl::Status ReportApp::AddRoutes() {
  api_ = std::make_unique<ReportApi>(*service_, *live_, *json_, *users_, choices_);
  if (absl::Status status = AddPage(router_); !status.ok()) return status;
  if (absl::Status status = api_->AddRoutes(router_); !status.ok()) return status;
  absl::Status status = AddDownloads(router_, *artifacts_, *links_, *users_);
  if (!status.ok()) return status;
  operations_ = std::make_unique<Operations>(*store_, *artifacts_, *runner_, *metrics_,
                                             options_.service.backlog_max);
  return operations_->AddRoutes(router_);
}

absl::Status ReportApp::StartServer() {
  outlive::http::ServerOptions options;
  options.address = options_.address;
  options.port = options_.port;
  options.allow_non_loopback = options_.allow_non_loopback;
  options.allowed_hosts = {"localhost", "127.0.0.1", "[::1]", options_.address};
  options.allowed_hosts.insert(options.allowed_hosts.end(), options_.host_names.begin(),
                               options_.host_names.end());
  options.body_bytes_max = 64 * 1024;
  options.clock = &clock_;
  options.log = &log_;
  if (options_.access_log) {
    options.access_log = [this](const outlive::http::AccessRecord& record) {
      log_.Log({.message = fmt::format("{} {} {} {} {} bytes in {}", record.peer_address,
                                       record.method, record.path, record.status, record.body_bytes,
                                       absl::FormatDuration(record.duration))});
    };
  }
  server_ = std::make_unique<outlive::http::HttpServer>(
      std::move(options),
      [this](outlive::http::Request& request) { return router_.Handle(request); });
  if (absl::Status status = server_->Start(); !status.ok()) return status;
  notifications_->set_base_url(options_.base_url.empty() ? url() : options_.base_url);
  return absl::OkStatus();
}

void ReportApp::Stop() {
  if (server_ != nullptr) server_->Stop();
  if (runner_ != nullptr) runner_->Stop(options_.stop_grace);
  if (live_ != nullptr) live_->Stop();
}

void ReportApp::Tidy() {
  const absl::StatusOr<int> count = artifacts_->CollectGarbage();
  if (!count.ok()) {
    log_.Log({.level = outlive::LogLevel::kWarning, .message = count.status().ToString()});
  }
}

// Says that the app is ready, to people and to programs.
absl::Status Announce(const ReportApp& app, const Options& options) {
  if (!options.port_file.empty()) {
    std::ofstream file(options.port_file);
    file << app.port() << '\n';
    if (!file.flush()) return absl::UnavailableError("cannot write " + options.port_file);
  }
  fmt::print("outlive_report_app: listening on {}\n", app.url());
  std::fflush(stdout);
  return absl::OkStatus();
}

// Signals are the host's business, never the library's. They are blocked in all threads, which
// inherit this, and waited for by the main one.
sigset_t BlockSignals() {
  signal(SIGPIPE, SIG_IGN);  // A connection that is gone is an error code, not the end.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// Returns when the app is told to stop.
void WaitForSignal(const sigset_t& signals, ReportApp& app) {
  const timespec interval = absl::ToTimespec(kGarbageInterval);
  while (sigtimedwait(&signals, nullptr, &interval) < 0) {
    if (errno == EAGAIN) app.Tidy();
  }
}

int Main(int argc, char** argv) {
  int exit_code = EXIT_SUCCESS;
  const std::optional<Options> options = ParseOptions(argc, argv, exit_code);
  if (!options) return exit_code;
  const sigset_t signals = BlockSignals();

  ReportApp app(*options);
  absl::Status status = app.Start();
  if (status.ok()) status = Announce(app, *options);
  if (status.ok()) {
    WaitForSignal(signals, app);
  } else {
    const std::string message = status.ToString();
    app.log().Log({.level = outlive::LogLevel::kError, .message = message});
    exit_code = EXIT_FAILURE;
  }
  app.Stop();
  return exit_code;
}

}  // namespace
}  // namespace report_app

int main(int argc, char** argv) { return report_app::Main(argc, argv); }
