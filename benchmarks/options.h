// The command line. `outlive_bench --help` is its manual.
#ifndef OUTLIVE_BENCHMARKS_OPTIONS_H_
#define OUTLIVE_BENCHMARKS_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "outlive/store/open_store.h"

namespace outlive::bench {

// What a power cut may take: nothing, or the latest commits.
enum class Durability { kFull, kNormal };

struct Options {
  StoreKind store = StoreKind::kSqlite;
  std::string address = "sqlite:outlive_bench.db";  // As in OpenStore().
  std::string path = "outlive_bench.db";  // SQLite: what the names of its files begin with.
  Durability durability = Durability::kFull;

  // How much. What a measure does follows from `jobs` and `backlog` (scale.h).
  int jobs = 200'000;
  std::optional<int> warm_up;  // Nothing: half of `jobs`.
  int backlog = 1'000'000;
  int producers = 64;
  int concurrency = 64;
  int payload = 200;  // Bytes of a job's arguments, as they are stored.
  int pairs = 5;
  int hold = 60;  // Seconds for which a transaction is held open.

  std::vector<std::string> measures;  // Empty: all.
  bool json = false;

  // What this process does for another one (child_roles.h). Empty: it is the program itself.
  std::string role;
};

// What is known to measure, for the manual and for checking names.
struct MeasureName {
  std::string name;
  std::string what;
};

// Nothing: the program is to end now with `exit_code`; everything has been said.
std::optional<Options> ParseOptions(int argc, char** argv, const std::vector<MeasureName>& measures,
                                    int& exit_code);

// The arguments that make a process of this program take a role, with the same options.
std::vector<std::string> ArgumentsFor(const Options& options, const std::string& role);

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_OPTIONS_H_
