// What the children of the tests can be asked to do.
#ifndef OUTLIVE_TESTS_ISOLATE_HANDLERS_H_
#define OUTLIVE_TESTS_ISOLATE_HANDLERS_H_

#include <boost/describe/class.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "outlive/core/worker.h"

namespace outlive::tests {

struct Task {
  static constexpr std::string_view kKind = "test.task";
  std::string what = {};  // See handlers.cc.
  std::string text = {};
  std::int64_t number = 0;
};
BOOST_DESCRIBE_STRUCT(Task, (), (what, text, number))

Outcome Do(JobContext& job, const Task& task);

}  // namespace outlive::tests

#endif  // OUTLIVE_TESTS_ISOLATE_HANDLERS_H_
