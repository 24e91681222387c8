// Fiber is a function that can rest in the middle of its work: it runs while it is resumed, and
// goes back to who has resumed it when it rests. That is how a simulation has many of them under
// way on one thread.
//
// Two implementations: fiber_context.cc gives each a stack of its own, fiber_thread.cc a thread, of
// which one at a time runs. The second is for platforms without <ucontext.h>, and for sanitizers,
// which understand threads.
//
// Thread-safety: one thread resumes it; Rest() only inside of it.
// Lifetime:      has to end before it is destroyed.
#ifndef OUTLIVE_SRC_TESTING_FIBER_H_
#define OUTLIVE_SRC_TESTING_FIBER_H_

#include <functional>
#include <memory>

namespace outlive::testing::internal {

class Fiber {
 public:
  virtual ~Fiber() = default;

  // Goes on with it until it rests or ends.
  virtual void Resume() = 0;

  virtual void Rest() = 0;

  virtual bool done() const = 0;
};

// `body` lets no exception out.
std::unique_ptr<Fiber> MakeThreadFiber(std::function<void()> body);

#ifdef OUTLIVE_UCONTEXT
std::unique_ptr<Fiber> MakeContextFiber(std::function<void()> body);
#endif

// The best there is.
inline std::unique_ptr<Fiber> MakeFiber(std::function<void()> body) {
#ifdef OUTLIVE_UCONTEXT
  return MakeContextFiber(std::move(body));
#else
  return MakeThreadFiber(std::move(body));
#endif
}

}  // namespace outlive::testing::internal

#endif  // OUTLIVE_SRC_TESTING_FIBER_H_
