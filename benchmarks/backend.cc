#include "benchmarks/backend.h"

namespace outlive::bench {

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
      break;
  }
  return nullptr;  // Left out of this build; the command line refuses it.
}

}  // namespace outlive::bench
