#include "outlive/core/retry_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <cstdint>

#include "core/faults.h"
#include "core/json_reader.h"

namespace outlive {
namespace {

constexpr absl::Duration kDelayMax = absl::Hours(24 * 366);

// An encoded policy with the longest schedule is shorter, and flat.
constexpr std::size_t kEncodedBytesMax = 32 * 1024;
constexpr int kEncodedDepthMax = 2;

bool IsDelay(absl::Duration delay) { return delay >= absl::ZeroDuration() && delay <= kDelayMax; }

// initial × factor^(failures−1), capped; safe for any number of failures.
absl::Duration Exponential(const RetryPolicy& policy, int failures) {
  const double initial = absl::ToDoubleSeconds(policy.initial);
  if (initial == 0) return absl::ZeroDuration();  // Else 0 × infinity, sooner or later.
  const double max = absl::ToDoubleSeconds(policy.delay_max);
  const double delay = initial * std::pow(policy.factor, std::max(failures, 1) - 1);
  return absl::Seconds(std::isfinite(delay) ? std::min(delay, max) : max);
}

}  // namespace

absl::Status ValidateRetryPolicy(const RetryPolicy& policy) {
  internal::Faults faults("retry policy");
  faults.Require(IsDelay(policy.initial), "initial must be from 0 to 366 days");
  faults.Require(IsDelay(policy.delay_max) && policy.delay_max >= policy.initial,
                 "delay_max must be from initial to 366 days");
  faults.Require(policy.factor >= 1 && policy.factor <= 1000, "factor must be from 1 to 1000");
  faults.Require(policy.jitter >= 0 && policy.jitter <= 1, "jitter must be from 0 to 1");
  faults.Require(std::all_of(policy.schedule.begin(), policy.schedule.end(), IsDelay),
                 "each delay of schedule must be from 0 to 366 days");
  faults.Require(policy.schedule.size() <= 1000, "schedule must have at most 1000 delays");
  return faults.ToStatus();
}

absl::Duration RetryDelay(const RetryPolicy& policy, int failures, double unit) {
  absl::Duration delay;
  if (policy.schedule.empty()) {
    delay = Exponential(policy, failures);
  } else {
    const auto index = static_cast<std::size_t>(std::max(failures, 1) - 1);
    delay = policy.schedule[std::min(index, policy.schedule.size() - 1)];
  }
  return std::min(delay * (1 - policy.jitter + 2 * policy.jitter * unit), kDelayMax);
}

std::string EncodeRetryPolicy(const RetryPolicy& policy) {
  boost::json::object object;
  object["initial_us"] = absl::ToInt64Microseconds(policy.initial);
  object["factor"] = policy.factor;
  object["delay_max_us"] = absl::ToInt64Microseconds(policy.delay_max);
  object["jitter"] = policy.jitter;
  if (!policy.schedule.empty()) {
    boost::json::array schedule;
    for (const absl::Duration delay : policy.schedule) {
      schedule.emplace_back(absl::ToInt64Microseconds(delay));
    }
    object["schedule_us"] = std::move(schedule);
  }
  return boost::json::serialize(object);
}

absl::StatusOr<RetryPolicy> DecodeRetryPolicy(std::string_view text) {
  if (text.size() > kEncodedBytesMax) {
    return absl::InvalidArgumentError(
        fmt::format("a retry policy must have at most {} bytes", kEncodedBytesMax));
  }
  const absl::StatusOr<boost::json::value> value = internal::ReadJson(text, kEncodedDepthMax);
  const boost::json::object* object = value.ok() ? value->if_object() : nullptr;
  if (object == nullptr) return absl::InvalidArgumentError("a retry policy must be a JSON object");
  RetryPolicy policy;
  try {
    const auto micros = [](const boost::json::value& v) {
      return absl::Microseconds(v.to_number<std::int64_t>());
    };
    policy.initial = micros(object->at("initial_us"));
    policy.factor = object->at("factor").to_number<double>();
    policy.delay_max = micros(object->at("delay_max_us"));
    policy.jitter = object->at("jitter").to_number<double>();
    if (const boost::json::value* schedule = object->if_contains("schedule_us")) {
      for (const boost::json::value& delay : schedule->as_array()) {
        policy.schedule.push_back(micros(delay));
      }
    }
  } catch (const std::exception&) {
    return absl::InvalidArgumentError("a retry policy has a missing member or one of a wrong type");
  }
  if (absl::Status valid = ValidateRetryPolicy(policy); !valid.ok()) return valid;
  return policy;
}

}  // namespace outlive
