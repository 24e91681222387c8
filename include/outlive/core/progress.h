// Progress is what a long computation needs of its surroundings: a place to say how far it is, and
// a way to learn that it should stop. A job's context is one; so is a null one in a test.
//
// Thread-safety: may be used from many threads at once.
#ifndef OUTLIVE_CORE_PROGRESS_H_
#define OUTLIVE_CORE_PROGRESS_H_

#include <string_view>

namespace outlive {

class Progress {
 public:
  virtual ~Progress() = default;

  // `fraction` in [0, 1]; smaller than before is ignored, outside is clamped. `note` is short text
  // for people. Cheap: what comes too often is coalesced, and the last one always arrives.
  virtual void ReportProgress(double fraction, std::string_view note = {}) = 0;

  // True once the work should stop: cancelled by a user, over its time limit, its lease lost, or
  // the runner is stopping.
  virtual bool cancelled() const = 0;
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_PROGRESS_H_
