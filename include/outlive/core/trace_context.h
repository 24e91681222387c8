// W3C Trace Context (https://www.w3.org/TR/trace-context/): carried from whoever enqueues a job to
// its worker and on to its notifications.
//
// Thread-safety: pure functions, but for the random source's.
#ifndef OUTLIVE_CORE_TRACE_CONTEXT_H_
#define OUTLIVE_CORE_TRACE_CONTEXT_H_

#include <string>
#include <string_view>

#include "outlive/core/random.h"

namespace outlive {

// True for a valid version 00 traceparent: 00-<32 hex>-<16 hex>-<2 hex>, ids not all zero.
bool IsTraceparent(std::string_view text);

// The same trace with a new parent id: what one hop passes on to the next. Empty stays empty, and
// what is not valid becomes empty.
std::string ChildTraceparent(std::string_view parent, RandomSource& random);

}  // namespace outlive

#endif  // OUTLIVE_CORE_TRACE_CONTEXT_H_
