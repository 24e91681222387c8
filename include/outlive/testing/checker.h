// CheckRun judges a run from what was seen of it: the histories of its processes, the store's event
// log and final state, and what reached the world outside. It asks neither store nor engine, so a
// lying one is found out.
//
//   RunRecord {history, events, jobs, sink, …} ──► CheckRun() ──► CheckReport {violations, counts}
//
// What must hold (docs/guarantees.md tells what it means for users):
//
//   I1  durable      an acknowledged job is in the store, whoever died since
//   I2  no phantom   nothing is in the store, or runs, that nobody asked for, or that was refused
//   I3  together     what was written in one transaction is there as a whole, or not at all
//   I4  leases       one holder at a time: a job is leased only while it waits, each fence once and
//                    greater than all before; each lease starts its worker once, and is taken away
//                    only when its session has expired or was closed
//   I5  fences       a write is accepted only from the attempt that holds the job
//   I6  budgets      attempts and crashes are counted, and neither goes over its limit
//   I7  ends         are final: only a person's requeue leads out, and only where one was asked for
//   I8  once         each generation of a job ends at most once
//   I9  keys         one key is one job while its window lasts; other arguments are refused
//   I10 never early  no attempt begins before its job is due
//   I11 backoff      delays of retries are those of the policy, with jitter where it asks for it
//   I15 drained      once faults have stopped, every job ends in time
//   I17 conservation the event log and the final state tell the same, job for job
//   I19 cancel       what was cancelled does not start, what was asked to stop does not return, and
//                    nothing waiting is cancelled that nobody had asked for
//   I20 kept         checkpoints and artifacts that were acknowledged are there, and no others
//   I21 follow-ups   each end brings about each of its follow-ups once
//
// and "exercised": a run in which nothing happened proves nothing, and is a violation.
//
// Cost:          O(n log n) time, O(n) memory.
// Thread-safety: a pure function.
#ifndef OUTLIVE_TESTING_CHECKER_H_
#define OUTLIVE_TESTING_CHECKER_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "outlive/core/event.h"
#include "outlive/core/job.h"
#include "outlive/core/job_store.h"
#include "outlive/core/limits.h"
#include "outlive/core/retry_policy.h"
#include "outlive/testing/history.h"

namespace outlive::testing {

// An effect of an attempt outside the job's row.
struct Effect {
  JobId job = 0;
  std::int64_t fence = 0;

  bool operator==(const Effect&) const = default;
};

// What was seen of one run. In any order, unless told otherwise.
struct RunRecord {
  // Of every process: who records enqueues records all of them, and all cancels, requeues and
  // discards; likewise what passes through the store port.
  std::vector<HistoryRecord> history = {};

  // The whole log, from its first entry. Where the run prunes, collect it in time.
  std::vector<Event> events = {};

  // Every job that is there in the end, in full, as Get() gives it.
  std::vector<Job> jobs = {};

  // What a sink outside the store has accepted, in that order. It refuses fences lower than one
  // that it has seen. Workers that use it do so before they return.
  std::vector<Effect> sink = {};

  // Rows that workers have committed together with CompleteIn(), and the args of jobs whose
  // business row was committed together with EnqueueIn().
  std::vector<Effect> completed_rows = {};
  std::vector<std::string> joined_rows = {};
};

struct CheckOptions {
  // The runners' RunnerOptions::crash_count_max.
  int crash_count_max = limits::kCrashCountMaxDefault;

  // The run went on without faults until it was quiet: every job must have ended, the last one no
  // later than `end_by`, by the store's clock.
  bool drained = true;
  absl::Time end_by = absl::InfiniteFuture();

  // Processes that lived were never paused, cut off, or moved in time: they must not have lost a
  // lease. A process counts as living as long as it has a later record.
  bool live_processes_keep_leases = false;

  // Transactions of different processes overlap in the store, and commit in another order than they
  // began: the time of the log may go back, but never from what has led to an entry to that entry.
  bool transactions_overlap = false;

  // Jobs may be gone as this asks, and no earlier. Empty: only discarded ones may be gone.
  std::optional<PruneRequest> prune = {};

  // Kinds whose workers use the sink in every attempt that completes, and kinds that always
  // complete by CompleteIn(), with a row.
  std::vector<std::string> sink_kinds = {};
  std::vector<std::string> complete_in_kinds = {};

  // What retries of a kind must wait for, where its workers and its jobs ask for nothing else.
  std::vector<std::pair<std::string, RetryPolicy>> retry_policies = {};

  // Kinds that nobody enqueues, because follow-ups make them; and which kinds' ends bring about one
  // of which, as (kind, follow-up's kind), whenever they are completed or dead.
  std::vector<std::pair<std::string, std::string>> follow_ups = {};

  // Names of CheckReport::counts that must not be 0, beside "enqueued", "started" and "ended".
  std::vector<std::string> exercised = {};

  // More than this many violations of one invariant are counted, and not told.
  int violation_count_max = 10;
};

struct Violation {
  std::string invariant = {};           // "I5".
  std::string what = {};                // One sentence, with the job and its fences.
  std::vector<std::string> slice = {};  // The fewest records and events that show it, in order.
};

struct CheckReport {
  std::vector<Violation> violations = {};

  // How often what happened. Of operations: enqueued, refused, duplicates, in_doubt (without a
  // known result), unavailable (failed so), fenced (refused as stale), checkpoints, sessions. Of
  // jobs, by the log: jobs, claimed, progressed, retried, snoozed, released, rescued, requeued,
  // discarded, cancel_requests, ended, completed, cancelled, dead, crash_deaths. Else: started,
  // effects, stale_effects (refused by the sink), lost_sessions, artifacts, follow_ups, gone.
  std::map<std::string, std::int64_t> counts = {};

  bool ok() const { return violations.empty(); }

  // The verdict, the counts, and each violation with its slice, for people.
  std::string ToString() const;
};

CheckReport CheckRun(const RunRecord& run, const CheckOptions& options = {});

// Reads log and final state through the port, page by page. Nothing else may be at work.
//
// Errors: those of the store.
absl::StatusOr<std::vector<Event>> AllEvents(JobStore& store);
absl::StatusOr<std::vector<Job>> AllJobs(JobStore& store);

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTING_CHECKER_H_
