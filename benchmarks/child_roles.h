// What a child process does: what has to be measured in a process of its own.
//
//   run           opens the store "shared", says "ready", and runs its jobs; each handler says when
//                 it was entered, as SteadyNanoseconds(); ends with its input
//   drain         opens "ours", drains it, and says the most memory that it has had, in bytes
//   drain_limit   the same with the limit "limit"
//   drain_together        opens "ours", says "ready", drains once it is told to, says now and then
//                         how many jobs it has ended, and how many nanoseconds after the word the
//                         last of them; at the end of its input it stops and says -1
//   drain_limit_together  the same with the limit "limit", as many jobs as it is told to
//   sleep         runs coroutine jobs that sleep for a second, all at once on one thread; says the
//                 seconds that it took, and the bytes of memory that each of them took
//   sleep_limit   the same with coroutines of Asio that nobody manages
//   idle          has a runner with nothing to do; says how much of a core it took, in percent
#ifndef OUTLIVE_BENCHMARKS_CHILD_ROLES_H_
#define OUTLIVE_BENCHMARKS_CHILD_ROLES_H_

#include <string_view>

#include "benchmarks/options.h"

namespace outlive::bench {

namespace role {
inline constexpr std::string_view kRun = "run";
inline constexpr std::string_view kDrain = "drain";
inline constexpr std::string_view kDrainLimit = "drain_limit";
inline constexpr std::string_view kDrainTogether = "drain_together";
inline constexpr std::string_view kDrainLimitTogether = "drain_limit_together";
inline constexpr std::string_view kSleep = "sleep";
inline constexpr std::string_view kSleepLimit = "sleep_limit";
inline constexpr std::string_view kIdle = "idle";
}  // namespace role

// Does what `options.role` says. BenchError: there is no such role.
void PlayRole(const Options& options);

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_CHILD_ROLES_H_
