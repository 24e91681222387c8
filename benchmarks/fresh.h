// Stores and limits that are empty at first and deleted at the end.
#ifndef OUTLIVE_BENCHMARKS_FRESH_H_
#define OUTLIVE_BENCHMARKS_FRESH_H_

#include <memory>
#include <string>
#include <utility>

#include "benchmarks/backend.h"
#include "benchmarks/host.h"
#include "benchmarks/measure.h"

namespace outlive::bench {

class FreshHost {
 public:
  explicit FreshHost(const Bench& bench, std::string name = "ours",
                     const Clock& clock = SystemClockInstance())
      : backend_(bench.backend), name_(std::move(name)) {
    backend_.Remove(name_);
    host_ = std::make_unique<Host>(backend_.Open(name_, clock), bench.options.payload);
  }
  ~FreshHost() {
    Close();
    backend_.Remove(name_);
  }
  FreshHost(const FreshHost&) = delete;
  FreshHost& operator=(const FreshHost&) = delete;

  Host* operator->() const { return host_.get(); }
  Host& operator*() const { return *host_; }

  // The data stays until the end.
  void Close() { host_ = nullptr; }

 private:
  Backend& backend_;
  const std::string name_;
  std::unique_ptr<Host> host_;
};

// Jobs that the limit adds in one commit where that is not what is measured.
inline constexpr int kPreloadCommit = 1'000;

class FreshLimit {
 public:
  explicit FreshLimit(const Bench& bench, std::string name = "limit")
      : backend_(bench.backend), name_(std::move(name)) {
    backend_.Remove(name_);
    limit_ = backend_.OpenLimit(name_);
  }
  ~FreshLimit() {
    Close();
    backend_.Remove(name_);
  }
  FreshLimit(const FreshLimit&) = delete;
  FreshLimit& operator=(const FreshLimit&) = delete;

  Limit* operator->() const { return limit_.get(); }

  // The data stays until the end.
  void Close() { limit_ = nullptr; }

 private:
  Backend& backend_;
  const std::string name_;
  std::unique_ptr<Limit> limit_;
};

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_FRESH_H_
