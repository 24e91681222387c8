#include "outlive/observe/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <map>
#include <utility>

#include "observe/cached_stats.h"
#include "observe/lanes.h"
#include "outlive/core/version.h"

namespace outlive {
namespace {

using internal::CachedStats;
using internal::Lane;
using internal::Lanes;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

struct CounterSpec {
  const char* name;
  const char* help;
  prometheus::Counter Lane::* counter;
};

constexpr CounterSpec kCounters[] = {
    {"outlive_jobs_enqueued_total",
     "Jobs enqueued by this process; repeats of an idempotency key are not counted.",
     &Lane::enqueued},
    {"outlive_jobs_completed_total", "Jobs that ended well in this process.", &Lane::completed},
    {"outlive_jobs_cancelled_total",
     "Jobs cancelled while this process ran them, or when it took them over.", &Lane::cancelled},
    {"outlive_jobs_dead_total", "Jobs that became dead letters in this process.", &Lane::dead},
    {"outlive_attempts_failed_total", "Attempts that failed in this process, retried or dead.",
     &Lane::failed},
    {"outlive_jobs_crashed_total",
     "Failed attempts that took a process of their own along, after which the job is tried again.",
     &Lane::crashed},
    {"outlive_jobs_retried_total", "Failed attempts after which the job is tried again.",
     &Lane::retried},
    {"outlive_jobs_snoozed_total", "Attempts whose worker asked for a later time.", &Lane::snoozed},
    {"outlive_jobs_released_total", "Attempts handed back by a stopping runner.", &Lane::released},
    {"outlive_jobs_rescued_total", "Jobs of lost processes that this process took over.",
     &Lane::rescued},
    {"outlive_leases_lost_total", "Attempts whose result was refused: their lease was lost.",
     &Lane::lost},
};

struct HistogramSpec {
  const char* name;
  const char* help;
  prometheus::Histogram Lane::* histogram;
};

constexpr HistogramSpec kHistograms[] = {
    {"outlive_job_wait_seconds", "Time from due to started.", &Lane::wait},
    {"outlive_job_run_seconds", "Time from started to ended, for every attempt.", &Lane::run},
};

// What the store says of one lane, after the lanes without series of their own were added up.
struct Depth {
  double pending = 0;
  double oldest_due_age = 0;  // Seconds.
  double running = 0;
  double blocked = 0;
  double dead = 0;
};

struct GaugeSpec {
  const char* name;
  const char* help;
  double Depth::* value;
};

constexpr GaugeSpec kGauges[] = {
    {"outlive_queue_depth", "Jobs that wait, due or scheduled.", &Depth::pending},
    {"outlive_oldest_due_age_seconds", "How long the oldest due job has waited.",
     &Depth::oldest_due_age},
    {"outlive_jobs_running", "Jobs that are running, in any process.", &Depth::running},
    {"outlive_jobs_blocked", "Jobs that wait for other jobs.", &Depth::blocked},
    {"outlive_dead_letters", "Jobs in the dead-letter store.", &Depth::dead},
};

// A clock that jumped must not spoil a sum for ever.
double Seconds(absl::Duration duration) {
  return absl::ToDoubleSeconds(
      std::clamp(duration, absl::ZeroDuration(), absl::Hours(24 * 366 * 100)));
}

std::vector<double> Buckets(std::vector<double> seconds) {
  std::erase_if(seconds, [](double bound) { return !std::isfinite(bound) || bound <= 0; });
  std::sort(seconds.begin(), seconds.end());
  seconds.erase(std::unique(seconds.begin(), seconds.end()), seconds.end());
  return seconds;
}

std::vector<ClientMetric::Label> LaneLabels(const Lanes::Name& name) {
  return {{"queue", name.first}, {"kind", name.second}};
}

ClientMetric GaugeOf(std::vector<ClientMetric::Label> labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  return metric;
}

MetricFamily OneGauge(const char* name, const char* help, std::vector<ClientMetric::Label> labels,
                      double value) {
  return {name, help, MetricType::Gauge, {GaugeOf(std::move(labels), value)}};
}

}  // namespace

class PrometheusMetrics::Impl {
 public:
  Impl(JobStore& store, PrometheusOptions options)
      : store_(store),
        lanes_(std::max(options.lane_count_max, 0), Buckets(std::move(options.bucket_seconds))),
        stats_(store, options.clock == nullptr ? store.clock() : *options.clock,
               options.stats_interval_min) {}

  Lane& Find(JobLabel job) { return lanes_.Find(job); }

  std::string Text() {
    std::vector<MetricFamily> families;
    const std::shared_ptr<const absl::StatusOr<JobStats>> stats = stats_.Get();
    if (stats->ok()) AddStats(**stats, families);
    families.push_back(
        OneGauge("outlive_store_up", "Whether the store could be asked.", {}, stats->ok() ? 1 : 0));
    AddCounts(families);
    families.push_back(OneGauge("outlive_build_info", "Versions, as labels.",
                                {{"version", std::string(LibraryVersion())},
                                 {"store", store_.info().name},
                                 {"store_version", store_.info().version}},
                                1));
    return prometheus::TextSerializer().Serialize(families);
  }

 private:
  void AddCounts(std::vector<MetricFamily>& families) const {
    const std::vector<std::pair<Lanes::Name, const Lane*>> lanes = lanes_.All();
    const auto add = [&](const auto& spec, MetricType type, auto metric_of) {
      MetricFamily& family = families.emplace_back(MetricFamily{spec.name, spec.help, type, {}});
      for (const auto& [name, lane] : lanes) {
        ClientMetric& metric = family.metric.emplace_back((lane->*metric_of).Collect());
        metric.label = LaneLabels(name);
      }
    };
    for (const CounterSpec& spec : kCounters) add(spec, MetricType::Counter, spec.counter);
    for (const HistogramSpec& spec : kHistograms) {
      add(spec, MetricType::Histogram, spec.histogram);
    }
  }

  void AddStats(const JobStats& stats, std::vector<MetricFamily>& families) {
    std::map<Lanes::Name, Depth> depths;
    for (const JobStats::Lane& lane : stats.lanes) {
      Depth& depth = depths[lanes_.NameOf({lane.queue, lane.kind})];
      depth.pending += static_cast<double>(lane.pending);
      depth.oldest_due_age = std::max(depth.oldest_due_age, Seconds(stats.now - lane.oldest_due));
      depth.running += static_cast<double>(lane.running);
      depth.blocked += static_cast<double>(lane.blocked);
      depth.dead += static_cast<double>(lane.dead);
    }
    for (const GaugeSpec& spec : kGauges) {
      MetricFamily& family =
          families.emplace_back(MetricFamily{spec.name, spec.help, MetricType::Gauge, {}});
      for (const auto& [name, depth] : depths) {
        family.metric.push_back(GaugeOf(LaneLabels(name), depth.*spec.value));
      }
    }
    MetricFamily& paused = families.emplace_back(MetricFamily{
        "outlive_queue_paused", "Whether the queue is paused.", MetricType::Gauge, {}});
    for (const QueueSettings& queue : stats.queues) {
      paused.metric.push_back(GaugeOf({{"queue", queue.queue}}, queue.paused ? 1 : 0));
    }
  }

  JobStore& store_;
  Lanes lanes_;
  CachedStats stats_;
};

PrometheusMetrics::PrometheusMetrics(JobStore& store, PrometheusOptions options)
    : impl_(std::make_unique<Impl>(store, std::move(options))) {}

PrometheusMetrics::~PrometheusMetrics() = default;

std::string PrometheusMetrics::Text() { return impl_->Text(); }

void PrometheusMetrics::OnEnqueued(JobLabel job, int job_count) {
  impl_->Find(job).enqueued.Increment(std::max(job_count, 0));
}

void PrometheusMetrics::OnStarted(JobLabel job, absl::Duration wait) {
  impl_->Find(job).wait.Observe(Seconds(wait));
}

void PrometheusMetrics::OnEnded(JobLabel job, Transition end, absl::Duration run) {
  Lane& lane = impl_->Find(job);
  lane.run.Observe(Seconds(run));
  switch (end) {
    case Transition::kComplete:
      lane.completed.Increment();
      break;
    case Transition::kRetry:
      lane.failed.Increment();
      lane.retried.Increment();
      break;
    case Transition::kDie:
      lane.failed.Increment();
      lane.dead.Increment();
      break;
    case Transition::kCrash:
      lane.failed.Increment();
      lane.crashed.Increment();
      break;
    case Transition::kSnooze:
      lane.snoozed.Increment();
      break;
    case Transition::kRelease:
      lane.released.Increment();
      break;
    case Transition::kCancel:
      lane.cancelled.Increment();
      break;
    case Transition::kClaim:
    case Transition::kRescue:
    case Transition::kRequeue:
    case Transition::kUnblock:
      break;  // Not ends of attempts.
  }
}

void PrometheusMetrics::OnLeaseLost(JobLabel job) { impl_->Find(job).lost.Increment(); }

void PrometheusMetrics::OnRescued(JobLabel job, JobState now) {
  Lane& lane = impl_->Find(job);
  lane.rescued.Increment();
  if (now == JobState::kDead) lane.dead.Increment();
  if (now == JobState::kCancelled) lane.cancelled.Increment();
}

}  // namespace outlive
