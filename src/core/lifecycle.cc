#include "outlive/core/lifecycle.h"

#include <array>
#include <cstddef>

namespace outlive {
namespace {

struct Rule {
  JobState from;
  Transition transition;
  JobState to;
};

// What is not here is not allowed.
constexpr std::array kRules = {
    Rule{JobState::kPending, Transition::kClaim, JobState::kRunning},
    Rule{JobState::kPending, Transition::kCancel, JobState::kCancelled},
    Rule{JobState::kBlocked, Transition::kUnblock, JobState::kPending},
    Rule{JobState::kBlocked, Transition::kCancel, JobState::kCancelled},
    Rule{JobState::kRunning, Transition::kComplete, JobState::kCompleted},
    Rule{JobState::kRunning, Transition::kRetry, JobState::kPending},
    Rule{JobState::kRunning, Transition::kSnooze, JobState::kPending},
    Rule{JobState::kRunning, Transition::kRelease, JobState::kPending},
    Rule{JobState::kRunning, Transition::kRescue, JobState::kPending},
    Rule{JobState::kRunning, Transition::kCrash, JobState::kPending},
    Rule{JobState::kRunning, Transition::kCancel, JobState::kCancelled},
    Rule{JobState::kRunning, Transition::kDie, JobState::kDead},
    Rule{JobState::kCompleted, Transition::kRequeue, JobState::kPending},
    Rule{JobState::kCancelled, Transition::kRequeue, JobState::kPending},
    Rule{JobState::kDead, Transition::kRequeue, JobState::kPending},
};

constexpr std::array<std::string_view, kJobStateCount> kStateNames = {
    "pending", "blocked", "running", "completed", "cancelled", "dead"};

constexpr std::array<std::string_view, kTransitionCount> kTransitionNames = {
    "claim",  "complete", "retry",   "snooze",  "release", "rescue",
    "cancel", "die",      "requeue", "unblock", "crash"};

}  // namespace

std::optional<JobState> NextState(JobState from, Transition transition) {
  for (const Rule& rule : kRules) {
    if (rule.from == from && rule.transition == transition) return rule.to;
  }
  return std::nullopt;
}

bool IsTerminal(JobState state) {
  return state == JobState::kCompleted || state == JobState::kCancelled || state == JobState::kDead;
}

std::string_view JobStateName(JobState state) {
  const auto index = static_cast<std::size_t>(state);
  return index < kStateNames.size() ? kStateNames[index] : "unknown";
}

std::optional<JobState> JobStateFromName(std::string_view name) {
  for (std::size_t i = 0; i < kStateNames.size(); ++i) {
    if (kStateNames[i] == name) return static_cast<JobState>(i);
  }
  return std::nullopt;
}

std::string_view TransitionName(Transition transition) {
  const auto index = static_cast<std::size_t>(transition);
  return index < kTransitionNames.size() ? kTransitionNames[index] : "unknown";
}

}  // namespace outlive
