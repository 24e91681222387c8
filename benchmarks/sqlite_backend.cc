// The SQLite store, and bare SQLite beside it, in files next to one another.
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "benchmarks/backend.h"
#include "benchmarks/bare_limit.h"
#include "benchmarks/bare_sqlite.h"
#include "benchmarks/support.h"
#include "outlive/store/sqlite_store.h"

namespace outlive::bench {
namespace {

class SqliteBackend final : public Backend {
 public:
  explicit SqliteBackend(const Options& options) : options_(options) {}

  std::string name() const override { return "sqlite"; }
  std::string version() const override { return fmt::format("SQLite {}", sqlite3_libversion()); }
  std::string durability() const override { return full() ? "full" : "normal"; }
  std::string folder() const override {
    return std::filesystem::absolute(options_.path).parent_path().string();
  }
  bool shared() const override { return true; }
  std::string LimitIs(std::string_view work) const override {
    return fmt::format("bare SQLite, {}", work);
  }

  std::unique_ptr<JobStore> Open(std::string_view name, const Clock& clock) override {
    SqliteStoreOptions options;
    options.clock = &clock;
    options.durability = full() ? SqliteDurability::kFull : SqliteDurability::kNormal;
    return Must(SqliteStore::Open(File(name), options));
  }

  std::unique_ptr<Limit> OpenLimit(std::string_view name) override {
    return std::make_unique<BareLimit>(
        std::make_unique<BareSqlite>(File(name), options_.durability), options_.payload);
  }

  void Remove(std::string_view name) override {
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(File(name) + end);
  }

  std::int64_t Bytes(std::string_view name) const override {
    return static_cast<std::int64_t>(std::filesystem::file_size(File(name)));
  }

  void Settle() override {
    const int descriptor = open(folder().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
      throw BenchError(fmt::format("cannot open the folder {}: {}", folder(),
                                   std::generic_category().message(errno)));
    }
    syncfs(descriptor);
    close(descriptor);
  }

 private:
  bool full() const { return options_.durability == Durability::kFull; }
  std::string File(std::string_view name) const {
    return fmt::format("{}.bench-{}", options_.path, name);
  }

  const Options options_;
};

}  // namespace

std::unique_ptr<Backend> MakeSqliteBackend(const Options& options) {
  return std::make_unique<SqliteBackend>(options);
}

}  // namespace outlive::bench
