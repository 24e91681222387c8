#include "tests/postgres/fleet.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "outlive/conformance/helpers.h"
#include "tests/postgres/connection.h"

namespace outlive::testing {
namespace {

// A run that is not drained by then never will be, however busy the machine is.
constexpr std::chrono::milliseconds kLook{50};
constexpr std::chrono::minutes kPatience{3};

std::unique_ptr<PostgresStore> OpenStore(const ServerAddress& server) {
  PostgresStoreOptions options;
  options.schema = kFleetSchema;
  options.poll_interval = absl::Milliseconds(10);
  absl::StatusOr<std::unique_ptr<PostgresStore>> store =
      PostgresStore::Open(server.conninfo(), options);
  REQUIRE_MESSAGE(store.ok(), store.status().ToString());
  return *std::move(store);
}

std::int64_t JobsLeft(JobStore& store) {
  std::int64_t left = 0;
  for (const JobStats::Lane& lane : conformance::Value(store.Stats()).lanes) {
    left += lane.pending + lane.running + lane.blocked;
  }
  return left;
}

// Looks whenever something was committed; and a wake-up is a hint, so whoever waits also looks.
void WaitUntil(JobStore& store, const std::function<bool()>& is_so) {
  Mutex mutex;
  CondVar changed;
  bool woken = false;
  const auto subscription = store.Subscribe([&](WakeHint) {
    MutexLock lock(mutex);
    woken = true;
    changed.NotifyAll();
  });
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < give_up) {
    if (is_so()) return;
    MutexLock lock(mutex);
    if (!woken) changed.WaitFor(mutex, kLook);
    woken = false;
  }
  FAIL("waited in vain; jobs left: ", JobsLeft(store));
}

}  // namespace

// -- Judge --------------------------------------------------------------------------------------

void Judge::Prepare(const ServerAddress& server) {
  Connection connection(server.conninfo());
  connection.Query(Host::TablesSql(kFleetSchema));
}

void Judge::WaitUntilDrained(const ServerAddress& server) {
  const std::unique_ptr<PostgresStore> store = OpenStore(server);
  WaitUntil(*store, [&] { return JobsLeft(*store) == 0; });
}

int Judge::CountEvents(const ServerAddress& server, EventType type) {
  const std::unique_ptr<PostgresStore> store = OpenStore(server);
  int count = 0;
  for (const Event& event : conformance::Value(AllEvents(*store))) {
    if (event.type == type) ++count;
  }
  return count;
}

CheckReport Judge::Pronounce(const ServerAddress& server, const CheckOptions& options) const {
  const std::unique_ptr<PostgresStore> store = OpenStore(server);
  Connection connection(server.conninfo());
  // What hosts have committed on their own gets into the log soon after.
  WaitUntil(*store, [&] {
    return connection.Query(fmt::format("SELECT count(*) FROM {}.event_inbox", kFleetSchema)) ==
           "0";
  });
  const CrashPaths paths(folder_.path());
  RunRecord run;
  run.history = conformance::Value(ReadHistory(paths.history()));
  run.events = conformance::Value(AllEvents(*store));
  run.jobs = conformance::Value(AllJobs(*store));
  run.sink = EffectSink(paths.sink()).Accepted();
  run.joined_rows = connection.Column(fmt::format("SELECT args FROM {}_orders", kFleetSchema));
  for (const std::string& row :
       connection.Column(fmt::format("SELECT job || ' ' || fence FROM {}_booking", kFleetSchema))) {
    const std::size_t space = row.find(' ');
    run.completed_rows.push_back({std::stoll(row.substr(0, space)), std::stoll(row.substr(space))});
  }
  CheckReport report = CheckRun(run, options);
  std::printf("%s", report.ToString().c_str());
  CHECK_MESSAGE(report.ok(), report.ToString());
  return report;
}

// -- Fleet --------------------------------------------------------------------------------------

Fleet::Fleet(const ServerAddress& server, const FleetOptions& options) : server_(server) {
  Judge::Prepare(server);
  for (int number = 1; number <= options.host_count; ++number) {
    HostOptions host;
    host.conninfo = options.conninfo.empty() ? server.conninfo() : options.conninfo;
    host.schema = kFleetSchema;
    host.folder = judge_.folder();
    host.name = fmt::format("host-{}", number);
    host.seed = static_cast<std::uint64_t>(number);
    host.lease = options.lease;
    host.store = options.store;
    hosts_.push_back(conformance::Value(Host::Open(host)));
    conformance::RequireOk(hosts_.back()->Start());
  }
}

Fleet::~Fleet() {
  for (const std::unique_ptr<Host>& host : hosts_) host->Stop();
}

void Fleet::ForEachHost(const std::function<void(Host&)>& load) {
  std::vector<std::thread> threads;
  for (const std::unique_ptr<Host>& host : hosts_) {
    threads.emplace_back([&load, host = host.get()] { load(*host); });
  }
  for (std::thread& thread : threads) thread.join();
}

void Fleet::Load(int round_count, const std::function<bool()>& more) {
  ForEachHost([&](Host& host) {
    for (int round = 0; round < round_count || (more != nullptr && more()); ++round) host.Load(1);
  });
}

void Fleet::LoadUntilTaken(int job_count, const std::function<bool()>& more) {
  ForEachHost([&](Host& host) {
    for (int taken = 0; taken < job_count || more();) {
      const int now = host.Load(1);
      taken += now;
      taken_count_ += now;
    }
  });
}

bool Fleet::HasTakenMore() {
  const int now = taken_count_;
  return std::exchange(taken_before_, now) != now;
}

void Fleet::Finish(const ServerAddress& server) {
  for (const std::unique_ptr<Host>& host : hosts_) host->BeQuiet();
  Judge::WaitUntilDrained(server);
  for (const std::unique_ptr<Host>& host : hosts_) host->Stop(absl::Seconds(30));
}

// -- Nemesis ------------------------------------------------------------------------------------

Nemesis::Nemesis(std::chrono::milliseconds pace, std::function<bool()> strike)
    : pace_(pace), strike_(std::move(strike)), thread_([this] { Run(); }) {}

Nemesis::~Nemesis() {
  {
    MutexLock lock(mutex_);
    stops_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

int Nemesis::strike_count() const {
  MutexLock lock(mutex_);
  return strike_count_;
}

void Nemesis::Run() {
  while (true) {
    {
      MutexLock lock(mutex_);
      while (!stops_ && changed_.WaitFor(mutex_, pace_)) {
      }
      if (stops_) return;
    }
    if (!strike_()) continue;
    MutexLock lock(mutex_);
    ++strike_count_;
  }
}

}  // namespace outlive::testing
