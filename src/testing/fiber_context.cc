#include <cxxabi.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "testing/fiber.h"

namespace outlive::testing::internal {
namespace {

constexpr std::size_t kStackBytes = 512 * 1024;

// Memory below which nothing can be written: a function that goes too deep ends the program there,
// instead of writing over what somebody else has.
class Stack {
 public:
  Stack() {
    const auto guard_bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    bytes_ = guard_bytes + kStackBytes;
    memory_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    if (mprotect(memory_, guard_bytes, PROT_NONE) != 0) {
      munmap(memory_, bytes_);
      throw std::bad_alloc();
    }
  }
  ~Stack() { munmap(memory_, bytes_); }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  void* memory() const { return memory_; }
  std::size_t size() const { return bytes_; }

 private:
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

// Stacks are used again: the pages of a new one cost more than all else.
class Stacks {
 public:
  std::unique_ptr<Stack> Take() {
    if (spare_.empty()) return std::make_unique<Stack>();
    std::unique_ptr<Stack> stack = std::move(spare_.back());
    spare_.pop_back();
    return stack;
  }
  void Give(std::unique_ptr<Stack> stack) { spare_.push_back(std::move(stack)); }

  static Stacks& OfThisThread() {
    static thread_local Stacks stacks;
    return stacks;
  }

 private:
  std::vector<std::unique_ptr<Stack>> spare_;
};

// What a thread knows of exceptions that are being thrown and handled. Each fiber has its own: one
// may rest where it handles one.
struct ExceptionState {
  void* caught = nullptr;
  unsigned int uncaught_count = 0;

  void Swap() {
    ExceptionState now;
    void* const of_thread = abi::__cxa_get_globals();
    std::memcpy(&now, of_thread, sizeof(now));
    std::memcpy(of_thread, this, sizeof(now));
    *this = now;
  }
};

class ContextFiber final : public Fiber {
 public:
  explicit ContextFiber(std::function<void()> body)
      : body_(std::move(body)), stack_(Stacks::OfThisThread().Take()) {
    getcontext(&own_);
    own_.uc_stack.ss_sp = stack_->memory();
    own_.uc_stack.ss_size = stack_->size();
    own_.uc_link = &resumer_;  // Where it goes when it ends.
    makecontext(&own_, &ContextFiber::Begin, 0);
  }

  ~ContextFiber() override { Stacks::OfThisThread().Give(std::move(stack_)); }

  void Resume() override {
    beginning_ = this;
    exceptions_.Swap();
    swapcontext(&resumer_, &own_);
    exceptions_.Swap();
  }

  void Rest() override { swapcontext(&own_, &resumer_); }

  bool done() const override { return done_; }

 private:
  // makecontext() passes nothing as wide as a pointer.
  static void Begin() {
    ContextFiber& self = *beginning_;
    self.body_();
    self.done_ = true;
  }

  static inline thread_local ContextFiber* beginning_ = nullptr;

  const std::function<void()> body_;
  std::unique_ptr<Stack> stack_;
  ucontext_t own_ = {};
  ucontext_t resumer_ = {};
  ExceptionState exceptions_;
  bool done_ = false;
};

}  // namespace

std::unique_ptr<Fiber> MakeContextFiber(std::function<void()> body) {
  return std::make_unique<ContextFiber>(std::move(body));
}

}  // namespace outlive::testing::internal
