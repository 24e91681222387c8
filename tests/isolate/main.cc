#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <optional>
#include <string_view>

#include "outlive/isolate/isolated_worker.h"
#include "outlive/isolate/run_as_child.h"
#include "tests/isolate/handlers.h"
#include "tests/isolate/rig.h"

int main(int argc, char** argv) {
  outlive::WorkerSet workers;
  outlive::AddIsolated<outlive::tests::Task>(workers, outlive::tests::Do);
  if (const std::optional<int> exit = outlive::RunAsChild(argc, argv, workers)) return *exit;
  if (argc == 3 && std::string_view(argv[1]) == outlive::tests::kHostArgument) {
    return outlive::tests::RunHost(argv[2]);
  }
  return doctest::Context(argc, argv).run();
}
