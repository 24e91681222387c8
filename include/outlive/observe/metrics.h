// PrometheusMetrics counts what a client and its runners do, asks the store how much is waiting,
// and writes it as Prometheus text for a page that is scraped.
//
//   Client, Runner ──► Observer ──► counters, histograms ─┐
//                        JobStore::Stats() ──► gauges ────┴──► Text() ──► /metrics
//
//   outlive::PrometheusMetrics metrics(*store);
//   outlive::Client client(*store, {.observer = &metrics});     // Its runners use it too.
//   server.Get("/metrics", [&] { return metrics.Text(); });     // As kPrometheusContentType.
//
// Of this process, by queue and kind (counters start at zero with the process):
//
//   outlive_jobs_enqueued_total      handed in by this client, repeats of a key not counted
//   outlive_jobs_completed_total     ended well
//   outlive_jobs_cancelled_total     cancelled while they ran, or with their lost process
//   outlive_jobs_dead_total          became dead letters
//   outlive_attempts_failed_total    failed, whether they are retried or dead now
//   outlive_jobs_retried_total       failed, and wait for their next attempt
//   outlive_jobs_snoozed_total       not now, said their workers
//   outlive_jobs_released_total      handed back by a stopping runner
//   outlive_jobs_rescued_total       taken over from lost processes by this one
//   outlive_leases_lost_total        results refused, because another process may have the job
//   outlive_job_wait_seconds         histogram: from due to started
//   outlive_job_run_seconds          histogram: from started to ended
//
// Of the whole store, by queue and kind (gauges, the same from every process that shares it):
//
//   outlive_queue_depth              pending: due or scheduled
//   outlive_oldest_due_age_seconds   how long the oldest due job has waited
//   outlive_jobs_running
//   outlive_jobs_blocked
//   outlive_dead_letters
//   outlive_queue_paused             by queue: 1 or 0
//   outlive_store_up                 1, or 0 where the store could not be asked: then the gauges
//                                    above are missing
//   outlive_build_info               1, with the versions of the library and the store
//
// Label sets are bounded: queues and kinds beyond PrometheusOptions::lane_count_max are counted
// together as queue "other", kind "other".
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      the store outlives it; it outlives the clients and runners it was given to.
// Time:          pauses between two questions to the store run on the clock's SinceBoot().
// Errors:        none: a store that cannot be asked is outlive_store_up 0.
#ifndef OUTLIVE_OBSERVE_METRICS_H_
#define OUTLIVE_OBSERVE_METRICS_H_

#include <absl/time/time.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/clock.h"
#include "outlive/core/job_store.h"
#include "outlive/core/observer.h"

namespace outlive {

// The Content-Type of Text().
inline constexpr std::string_view kPrometheusContentType =
    "text/plain; version=0.0.4; charset=utf-8";

struct PrometheusOptions {
  // Pairs of queue and kind that have series of their own, first come, first served. 0: none has.
  int lane_count_max = 200;

  // The store is asked at most this often, however often it is scraped; in between it is what it
  // was. Zero or less: every time.
  absl::Duration stats_interval_min = absl::Seconds(5);

  // Upper bounds of the buckets of both histograms, in seconds, in any order. What is not a finite
  // positive number is left out.
  std::vector<double> bucket_seconds = {0.001, 0.005, 0.025, 0.1, 0.5, 1,   2.5,
                                        5,     10,    30,    60,  300, 900, 3600};

  const Clock* clock = nullptr;  // Null: the store's.
};

class PrometheusMetrics final : public Observer {
 public:
  explicit PrometheusMetrics(JobStore& store, PrometheusOptions options = {});
  ~PrometheusMetrics() override;
  PrometheusMetrics(const PrometheusMetrics&) = delete;
  PrometheusMetrics& operator=(const PrometheusMetrics&) = delete;

  // Everything, in text format 0.0.4. May ask the store, and then takes as long as that does.
  std::string Text();

  void OnEnqueued(JobLabel job, int job_count) override;
  void OnStarted(JobLabel job, absl::Duration wait) override;
  void OnEnded(JobLabel job, Transition end, absl::Duration run) override;
  void OnLeaseLost(JobLabel job) override;
  void OnRescued(JobLabel job, JobState now) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace outlive

#endif  // OUTLIVE_OBSERVE_METRICS_H_
