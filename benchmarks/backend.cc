#include "benchmarks/backend.h"

namespace outlive::bench {

Bar Backend::BarOf(std::string_view, std::string_view, const Bar& usual) const { return usual; }

std::unique_ptr<Backend> MakeBackend(const Options& options) {
  switch (options.store) {
    case StoreKind::kMemory:
      return MakeMemoryBackend(options);
    case StoreKind::kSqlite:
#ifdef OUTLIVE_BENCH_WITH_SQLITE
      return MakeSqliteBackend(options);
#endif
      break;
    case StoreKind::kPostgres:
#ifdef OUTLIVE_BENCH_WITH_POSTGRES
      return MakePostgresBackend(options);
#endif
      break;
  }
  return nullptr;  // Left out of this build; the command line refuses it.
}

}  // namespace outlive::bench
