#include "outlive/core/lifecycle.h"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace {

using outlive::JobState;
using outlive::Transition;

constexpr JobState kStates[] = {JobState::kPending,   JobState::kBlocked,   JobState::kRunning,
                                JobState::kCompleted, JobState::kCancelled, JobState::kDead};
constexpr Transition kTransitions[] = {
    Transition::kClaim,   Transition::kComplete, Transition::kRetry,  Transition::kSnooze,
    Transition::kRelease, Transition::kRescue,   Transition::kCancel, Transition::kDie,
    Transition::kRequeue, Transition::kUnblock,  Transition::kCrash};

// The table a second time, drawn by hand: a row for each state, a column for each transition.
// p: pending, r: running, c: completed, x: cancelled, d: dead, -: not allowed.
constexpr std::string_view kTable[] = {
    // claim complete retry snooze release rescue cancel die requeue unblock crash
    "r-----x----",  // pending
    "------x--p-",  // blocked
    "-cppppxd--p",  // running
    "--------p--",  // completed
    "--------p--",  // cancelled
    "--------p--",  // dead
};

std::optional<JobState> Drawn(char c) {
  switch (c) {
    case 'p':
      return JobState::kPending;
    case 'r':
      return JobState::kRunning;
    case 'c':
      return JobState::kCompleted;
    case 'x':
      return JobState::kCancelled;
    case 'd':
      return JobState::kDead;
    default:
      return std::nullopt;
  }
}

TEST_CASE("every transition out of every state is as drawn") {
  REQUIRE(std::size(kStates) == outlive::kJobStateCount);
  REQUIRE(std::size(kTransitions) == outlive::kTransitionCount);
  for (std::size_t s = 0; s < std::size(kStates); ++s) {
    REQUIRE(kTable[s].size() == std::size(kTransitions));
    for (std::size_t t = 0; t < std::size(kTransitions); ++t) {
      CAPTURE(outlive::JobStateName(kStates[s]));
      CAPTURE(outlive::TransitionName(kTransitions[t]));
      CHECK(outlive::NextState(kStates[s], kTransitions[t]) == Drawn(kTable[s][t]));
    }
  }
}

TEST_CASE("numbers of states never change") {
  const std::map<JobState, int> numbers = {{JobState::kPending, 0},   {JobState::kBlocked, 1},
                                           {JobState::kRunning, 2},   {JobState::kCompleted, 3},
                                           {JobState::kCancelled, 4}, {JobState::kDead, 5}};
  for (const auto& [state, number] : numbers) CHECK(static_cast<int>(state) == number);
  CHECK(numbers.size() == outlive::kJobStateCount);
}

TEST_CASE("numbers of transitions never change") {
  for (std::size_t i = 0; i < std::size(kTransitions); ++i) {
    CHECK(static_cast<std::size_t>(kTransitions[i]) == i);
  }
}

TEST_CASE("a terminal state is left by requeueing only") {
  for (const JobState state : kStates) {
    CAPTURE(outlive::JobStateName(state));
    const bool terminal =
        state == JobState::kCompleted || state == JobState::kCancelled || state == JobState::kDead;
    CHECK(outlive::IsTerminal(state) == terminal);
    if (!terminal) continue;
    for (const Transition transition : kTransitions) {
      CHECK(outlive::NextState(state, transition).has_value() ==
            (transition == Transition::kRequeue));
    }
  }
}

TEST_CASE("only a claim makes a job run, and every attempt can end") {
  for (const JobState state : kStates) {
    for (const Transition transition : kTransitions) {
      const bool runs = outlive::NextState(state, transition) == JobState::kRunning;
      CHECK(runs == (state == JobState::kPending && transition == Transition::kClaim));
    }
  }
}

TEST_CASE("names of states lead back to them") {
  const std::map<JobState, std::string_view> names = {
      {JobState::kPending, "pending"},     {JobState::kBlocked, "blocked"},
      {JobState::kRunning, "running"},     {JobState::kCompleted, "completed"},
      {JobState::kCancelled, "cancelled"}, {JobState::kDead, "dead"}};
  for (const JobState state : kStates) {
    CHECK(outlive::JobStateName(state) == names.at(state));
    CHECK(outlive::JobStateFromName(names.at(state)) == state);
  }
}

TEST_CASE("what is no state's name gives nothing") {
  for (const std::string_view name : {"", "Pending", "pending ", " dead", "unknown", "kDead"}) {
    CAPTURE(name);
    CHECK(outlive::JobStateFromName(name) == std::nullopt);
  }
}

TEST_CASE("a number that is no state or transition has a name all the same") {
  for (const int number : {-1, outlive::kJobStateCount, 1'000'000}) {
    CHECK(outlive::JobStateName(static_cast<JobState>(number)) == "unknown");
    CHECK_FALSE(outlive::IsTerminal(static_cast<JobState>(number)));
    CHECK(outlive::NextState(static_cast<JobState>(number), Transition::kClaim) == std::nullopt);
  }
  for (const int number : {-1, outlive::kTransitionCount, 1'000'000}) {
    CHECK(outlive::TransitionName(static_cast<Transition>(number)) == "unknown");
    CHECK(outlive::NextState(JobState::kPending, static_cast<Transition>(number)) == std::nullopt);
  }
}

TEST_CASE("names of transitions are distinct") {
  std::set<std::string_view> names;
  for (const Transition transition : kTransitions) {
    names.insert(outlive::TransitionName(transition));
  }
  CHECK(names == std::set<std::string_view>{"claim", "complete", "retry", "snooze", "release",
                                            "rescue", "cancel", "die", "requeue", "unblock",
                                            "crash"});
}

}  // namespace
