// Notifier tells somebody outside that a job has ended. A delivery is a job of its own
// (notify/delivery.h), so a notifier may fail: it is called again, with the same notification id.
//
// Thread-safety: Notify() may be called from many threads at once.
#ifndef OUTLIVE_CORE_NOTIFIER_H_
#define OUTLIVE_CORE_NOTIFIER_H_

#include <absl/time/time.h>

#include <string>

#include "outlive/core/follow_up.h"
#include "outlive/core/outcome.h"
#include "outlive/core/progress.h"

namespace outlive {

struct Notification {
  std::string id = {};    // The same for every attempt: receivers drop repeats by it. No dots.
  std::string type = {};  // "job.completed", "job.cancelled", "job.dead".
  std::string target =
      {};                 // Where to: an address, an endpoint's name. Means what the notifier says.
  std::string data = {};  // The host's own words about it, JSON.
  std::string traceparent = {};  // Of this delivery.
  JobEnd end = {};
};

class Notifier {
 public:
  virtual ~Notifier() = default;

  // Delivers, within the notifier's own deadline. Done: delivered. Retry: again later, after the
  // receiver's own delay where it gave one. Dead: never again (refused for good, bad target).
  virtual Outcome Notify(const Notification& notification, Progress& progress) = 0;
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_NOTIFIER_H_
