// Another process on the file of a test. It says what it has done on standard output, a line at a
// time, and waits for a line on standard input where the test has to decide when it goes on.
//
//   open PATH                     wait, open the store, say its id
//   enqueue PATH KEY THREADS      open, say "ready", wait, enqueue one job with the key from every
//                                 thread, say the ids
//   enqueue_one PATH              open, say "ready", wait, enqueue one job, say its id
//   cancel PATH ID                open, cancel the job, say its state
//   drain PATH SESSION            open, say "ready", wait, claim and complete until nothing is due,
//                                 say the ids
//   hold PATH                     begin a transaction with a job in it, say "ready", wait
//   try PATH                      open and begin a transaction without waiting for anybody, say
//                                 "begun" or "busy", close the file
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "outlive/store/sqlite_store.h"

namespace {

std::unique_ptr<outlive::SqliteStore> Open(const std::string& path) {
  absl::StatusOr<std::unique_ptr<outlive::SqliteStore>> store =
      outlive::SqliteStore::Open(path, {.busy_timeout = absl::Minutes(5), .watch = false});
  if (store.ok()) return *std::move(store);
  std::printf("%s\n", store.status().ToString().c_str());
  return nullptr;
}

void Say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

void Wait() {
  for (int c = std::getchar(); c != '\n' && c != EOF; c = std::getchar()) {
  }
}

outlive::NewJob MakeJob() {
  outlive::NewJob job;
  job.kind = "mail.send";
  job.args = "{}";
  return job;
}

std::string Enqueue(outlive::SqliteStore& store, const outlive::NewJob& job) {
  const auto transaction = store.Begin();
  if (!transaction.ok()) return transaction.status().ToString();
  const std::vector<outlive::NewJob> jobs = {job};
  const auto inserted = (*transaction)->Insert(jobs);
  if (!inserted.ok()) return inserted.status().ToString();
  if (!(*inserted)[0].ok()) return (*inserted)[0].status().ToString();
  const absl::Status committed = (*transaction)->Commit();
  return committed.ok() ? std::to_string((*inserted)[0]->id) : committed.ToString();
}

void EnqueueFromThreads(outlive::SqliteStore& store, const std::string& key, int thread_count) {
  outlive::NewJob job = MakeJob();
  job.idempotency_key = key;
  std::vector<std::string> ids(static_cast<std::size_t>(thread_count));
  std::vector<std::thread> threads;
  for (std::string& id : ids)
    threads.emplace_back([&store, &job, &id] { id = Enqueue(store, job); });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& id : ids) Say(id);
}

std::string Cancel(outlive::SqliteStore& store, outlive::JobId job) {
  const auto transaction = store.Begin();
  if (!transaction.ok()) return transaction.status().ToString();
  std::vector<outlive::Change> changes(1);
  changes[0].id = job;
  const auto applied = (*transaction)->Apply(changes);
  if (!applied.ok()) return applied.status().ToString();
  if (!(*applied)[0].ok()) return (*applied)[0].status().ToString();
  const absl::Status committed = (*transaction)->Commit();
  return committed.ok() ? std::string(outlive::JobStateName(*(*applied)[0])) : committed.ToString();
}

// Claims a few and completes those of before, in one transaction, as a runner does.
absl::Status Drain(outlive::SqliteStore& store, const std::string& session) {
  std::vector<outlive::Finished> held;
  for (bool first = true; first || !held.empty(); first = false) {
    const auto transaction = store.Begin();
    if (!transaction.ok()) return transaction.status();
    if (first) {
      const absl::Status opened = (*transaction)->OpenSession(session, absl::Hours(1));
      if (!opened.ok()) return opened;
    }
    const auto finished = (*transaction)->Finish(held);
    if (!finished.ok()) return finished.status();
    for (const absl::Status& status : *finished) {
      if (!status.ok()) return status;
    }
    const auto claimed = (*transaction)
                             ->Claim({.session = session,
                                      .queues = {{.queue = "default", .job_count_max = 7}},
                                      .kinds = {"mail.send"}});
    if (!claimed.ok()) return claimed.status();
    const absl::Status committed = (*transaction)->Commit();
    if (!committed.ok()) return committed;
    held.clear();
    for (const outlive::ClaimedJob& job : claimed->jobs) {
      Say(std::to_string(job.lease.job));
      outlive::Finished end;
      end.lease = job.lease;
      held.push_back(std::move(end));
    }
  }
  return absl::OkStatus();
}

std::string TryToBegin(const std::string& path) {
  const auto store =
      outlive::SqliteStore::Open(path, {.busy_timeout = absl::ZeroDuration(), .watch = false});
  const absl::Status begun = store.ok() ? (*store)->Begin().status() : store.status();
  if (absl::IsUnavailable(begun)) return "busy";
  return begun.ok() ? "begun" : begun.ToString();
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return 2;
  const std::string what = arguments[1];
  const std::string path = arguments[2];
  if (what == "open") Wait();
  if (what == "try") {
    Say(TryToBegin(path));
    return 0;
  }
  const std::unique_ptr<outlive::SqliteStore> store = Open(path);
  if (store == nullptr) return 1;
  if (what == "open") {
    Say(store->info().store_id);
  } else if (what == "enqueue" && count == 5) {
    Say("ready");
    Wait();
    EnqueueFromThreads(*store, arguments[3], std::stoi(arguments[4]));
  } else if (what == "enqueue_one") {
    Say("ready");
    Wait();
    Say(Enqueue(*store, MakeJob()));
  } else if (what == "cancel" && count == 4) {
    Say(Cancel(*store, std::stoll(arguments[3])));
  } else if (what == "drain" && count == 4) {
    Say("ready");
    Wait();
    const absl::Status status = Drain(*store, arguments[3]);
    if (!status.ok()) Say(status.ToString());
  } else if (what == "hold") {
    const auto transaction = store->Begin();
    if (!transaction.ok()) return 1;
    const std::vector<outlive::NewJob> jobs = {MakeJob()};
    if (!(*transaction)->Insert(jobs).ok()) return 1;
    Say("ready");
    Wait();
  } else {
    return 2;
  }
  return 0;
}
