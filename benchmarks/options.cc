#include "benchmarks/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "outlive/store/open_store.h"

namespace outlive::bench {
namespace {

// `memory` is `memory:`, as everybody writes it who has nothing to say after the colon.
void ReadStore(const std::string& given, Options& options) {
  const std::string text = given == "memory" ? "memory:" : given;
  const absl::StatusOr<StoreAddress> address = ParseStoreAddress(text);
  if (!address.ok()) {
    throw CLI::ValidationError("--store", std::string(address.status().message()));
  }
  if (!IsBuiltIn(address->kind)) {
    throw CLI::ValidationError("--store", fmt::format("must be one of {}", BuiltInStores()));
  }
  options.store = address->kind;
  options.address = text;
  if (address->kind == StoreKind::kSqlite) options.path = address->target;
}

void AddWhat(CLI::App& app, const std::vector<MeasureName>& measures, Options& options) {
  app.add_option_function<std::string>(
         "--store", [&options](const std::string& text) { ReadStore(text, options); },
         BuiltInStores() + ". The names of all files begin with PATH; they are deleted")
      ->type_name("STORE")
      ->default_str(options.address);
  app.add_option_function<std::string>(
         "--durability",
         [&options](const std::string& text) {
           options.durability = text == "full" ? Durability::kFull : Durability::kNormal;
         },
         "full: every commit waits for the disk; normal: a power cut may take the latest ones")
      ->type_name("LEVEL")
      ->check(CLI::IsMember({"full", "normal"}))
      ->default_str("full");
  std::vector<std::string> names;
  std::string manual = "Measures:\n";
  for (const MeasureName& measure : measures) {
    names.push_back(measure.name);
    manual += fmt::format("  {:<22} {}\n", measure.name, measure.what);
  }
  app.add_option("--measure", options.measures, "Measure only these")
      ->type_name("NAME...")
      ->take_all()
      ->check(CLI::Validator(
          [names](const std::string& name) {
            if (std::find(names.begin(), names.end(), name) != names.end()) return std::string();
            return fmt::format("there is no measure \"{}\"; --help names them", name);
          },
          ""));
  app.footer(manual);
}

void AddHowMuch(CLI::App& app, Options& options) {
  const auto add = [&app](const char* name, int& value, int min, int max, const char* what) {
    app.add_option(name, value, what)->check(CLI::Range(min, max))->capture_default_str();
  };
  add("--jobs", options.jobs, 100, 10'000'000,
      "Jobs of a drain. What other measures do is scaled with it");
  app.add_option("--warm-up", options.warm_up,
                 "Jobs that are run before anything is timed, and leave their traces in the store"
                 " (half of --jobs)")
      ->check(CLI::Range(10, 10'000'000));
  add("--backlog", options.backlog, 1'000, 50'000'000,
      "Jobs that lie behind, that are scheduled, and that are drained to see the memory");
  add("--producers", options.producers, 1, 1'000, "Threads that enqueue");
  add("--concurrency", options.concurrency, 1, 10'000,
      "Jobs that run at once, where a measure does not say it");
  add("--payload", options.payload, 16, 1'000'000, "Bytes of a job's arguments");
  add("--pairs", options.pairs, 1, 1'000, "Runs of ours and of the limit, taking turns");
  add("--hold", options.hold, 1, 86'400, "Seconds for which old_transaction holds one open");
}

}  // namespace

std::optional<Options> ParseOptions(int argc, char** argv, const std::vector<MeasureName>& measures,
                                    int& exit_code) {
  Options options;
  if (!IsBuiltIn(options.store)) ReadStore("memory:", options);
  CLI::App app("Measures outlive, and beside it the least that the same work can cost.",
               "outlive_bench");
  app.option_defaults()->take_last();
  AddWhat(app, measures, options);
  AddHowMuch(app, options);
  app.add_flag("--json", options.json, "Print one object a line instead of a table");
  app.add_option("--role", options.role)->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error);
    return std::nullopt;
  }
  return options;
}

std::vector<std::string> ArgumentsFor(const Options& options, const std::string& role) {
  return {"--role",        role,
          "--store",       options.address,
          "--durability",  options.durability == Durability::kFull ? "full" : "normal",
          "--jobs",        std::to_string(options.jobs),
          "--backlog",     std::to_string(options.backlog),
          "--producers",   std::to_string(options.producers),
          "--concurrency", std::to_string(options.concurrency),
          "--payload",     std::to_string(options.payload),
          "--hold",        std::to_string(options.hold)};
}

}  // namespace outlive::bench
