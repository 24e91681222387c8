// Backend is a kind of store as the benchmark sees it: where its data lies, how to open it, and the
// limit to compare it with. A new store brings one of these and a Limit; the measures stay.
#ifndef OUTLIVE_BENCHMARKS_BACKEND_H_
#define OUTLIVE_BENCHMARKS_BACKEND_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "benchmarks/figure.h"
#include "benchmarks/limit.h"
#include "benchmarks/options.h"
#include "outlive/core/clock.h"
#include "outlive/core/job_store.h"

namespace outlive::bench {

// A transaction that somebody has left open, and that still sees what was there when it began. Ends
// with the object.
class OldTransaction {
 public:
  virtual ~OldTransaction() = default;
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::string name() const = 0;        // "sqlite"
  virtual std::string version() const = 0;     // "SQLite 3.40.1"; empty: none of its own.
  virtual std::string durability() const = 0;  // "full"
  virtual std::string folder() const = 0;      // Where its files are. Empty: it has none.

  // Other processes can open what this one has, and it outlives its store.
  virtual bool shared() const = 0;

  // Several processes may use its limit at once.
  virtual bool limit_shared() const { return false; }

  // What the limit is, when the bare statements do `work`.
  virtual std::string LimitIs(std::string_view work) const = 0;

  // What is to be reached here, where that is not what it is on SQLite. `figure` is its name.
  virtual Bar BarOf(std::string_view measure, std::string_view figure, const Bar& usual) const;

  // Opens the store, or the limit, `name`: an empty one where there is none yet.
  virtual std::unique_ptr<JobStore> Open(std::string_view name,
                                         const Clock& clock = SystemClockInstance()) = 0;
  virtual std::unique_ptr<Limit> OpenLimit(std::string_view name) = 0;

  // Deletes it. It must be closed.
  virtual void Remove(std::string_view name) = 0;

  // How large it is on disk. It must be closed.
  virtual std::int64_t Bytes(std::string_view name) const = 0;

  // Opens a transaction beside whatever else goes on. Null: an old one is in nobody's way here.
  virtual std::unique_ptr<OldTransaction> OpenOldTransaction() { return nullptr; }

  // Returns when the disk is done with what was written before, so that it does not disturb what
  // is measured next.
  virtual void Settle() = 0;
};

std::unique_ptr<Backend> MakeBackend(const Options& options);
std::unique_ptr<Backend> MakeMemoryBackend(const Options& options);
std::unique_ptr<Backend> MakeSqliteBackend(const Options& options);
std::unique_ptr<Backend> MakePostgresBackend(const Options& options);

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_BACKEND_H_
