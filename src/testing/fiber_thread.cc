#include <semaphore>
#include <thread>
#include <utility>

#include "testing/fiber.h"

namespace outlive::testing::internal {
namespace {

class ThreadFiber final : public Fiber {
 public:
  explicit ThreadFiber(std::function<void()> body)
      : body_(std::move(body)), thread_([this] { Run(); }) {}

  ~ThreadFiber() override { thread_.join(); }

  void Resume() override {
    resumed_.release();
    rests_.acquire();
  }

  void Rest() override {
    rests_.release();
    resumed_.acquire();
  }

  bool done() const override { return done_; }

 private:
  void Run() {
    resumed_.acquire();
    body_();
    done_ = true;
    rests_.release();
  }

  const std::function<void()> body_;
  std::binary_semaphore resumed_{0};
  std::binary_semaphore rests_{0};
  bool done_ = false;
  std::thread thread_;  // Last: it uses the others.
};

}  // namespace

std::unique_ptr<Fiber> MakeThreadFiber(std::function<void()> body) {
  return std::make_unique<ThreadFiber>(std::move(body));
}

}  // namespace outlive::testing::internal
