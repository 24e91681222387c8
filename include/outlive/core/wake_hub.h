// WakeHub is the half of JobStore::Subscribe() that is the same in every store: who wants to be
// woken, and that nobody is called after he has left. For those who write a store.
//
//   Subscribe() ──► Wake(hint) after each commit ──► on_wake(hint), on the calling thread
//
// Thread-safety: may be used from many threads at once. Callbacks run without a lock held.
// Lifetime:      outlives every subscription it has given out.
#ifndef OUTLIVE_CORE_WAKE_HUB_H_
#define OUTLIVE_CORE_WAKE_HUB_H_

#include <functional>
#include <memory>
#include <vector>

#include "outlive/core/job_store.h"
#include "outlive/core/mutex.h"

namespace outlive {

class WakeHub {
 public:
  WakeHub();
  ~WakeHub();
  WakeHub(const WakeHub&) = delete;
  WakeHub& operator=(const WakeHub&) = delete;

  // See JobStore::Subscribe(). A call that has begun when the subscription is destroyed is waited
  // for, unless it is that very call which destroys it.
  std::unique_ptr<Subscription> Subscribe(std::function<void(WakeHint)> on_wake);

  // Whether anybody is subscribed at this moment.
  bool has_subscribers();

  // Calls everybody, in the order in which they came. A hint that says nothing calls nobody.
  void Wake(WakeHint hint);

 private:
  class Subscriber;
  class Handle;

  void Remove(const Subscriber* subscriber);

  Mutex mutex_;
  std::vector<std::shared_ptr<Subscriber>> subscribers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_WAKE_HUB_H_
