// Verdict collects what a check finds: violations with the records and events that show them, and
// how often what has happened.
#ifndef OUTLIVE_SRC_TESTING_VERDICT_H_
#define OUTLIVE_SRC_TESTING_VERDICT_H_

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/event.h"
#include "outlive/testing/checker.h"
#include "outlive/testing/history.h"

namespace outlive::testing::internal {

// One line of a slice, from a record, an event, or whatever else there is to show.
class Evidence {
 public:
  Evidence(const HistoryRecord& record);  // NOLINT(google-explicit-constructor)
  Evidence(const Event& event);           // NOLINT(google-explicit-constructor)
  Evidence(const Job& job);               // NOLINT(google-explicit-constructor)
  Evidence(const Effect& effect);         // NOLINT(google-explicit-constructor)

  // Nothing, where the pointer is null.
  template <class Thing>
  Evidence(const Thing* thing) {  // NOLINT(google-explicit-constructor)
    if (thing != nullptr) *this = Evidence(*thing);
  }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class Verdict {
 public:
  explicit Verdict(int violation_count_max) : violation_count_max_(violation_count_max) {}

  void Add(std::string_view invariant, std::string what, std::initializer_list<Evidence> slice);

  void Count(std::string_view what, std::int64_t by = 1) {
    report_.counts[std::string(what)] += by;
  }

  // What was found, with a line for what was not told.
  CheckReport Take();

 private:
  const int violation_count_max_;
  CheckReport report_;
  std::map<std::string, int> found_;  // By invariant.
};

}  // namespace outlive::testing::internal

#endif  // OUTLIVE_SRC_TESTING_VERDICT_H_
