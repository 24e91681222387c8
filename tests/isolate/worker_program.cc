// A program that is there to be a child only; its worker is not marked as isolated.
#include <optional>

#include "outlive/isolate/run_as_child.h"
#include "tests/isolate/handlers.h"

int main(int argc, char** argv) {
  outlive::WorkerSet workers;
  workers.Add<outlive::tests::Task>(outlive::tests::Do);
  return outlive::RunAsChild(argc, argv, workers).value_or(1);
}
