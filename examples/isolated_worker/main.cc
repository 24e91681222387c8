// A server that divides with a library it cannot trust: dividing by zero ends the process. In a
// child it ends the child, and the server tells the story.
#include <outlive/outlive.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "outlive/isolate/isolated_worker.h"
#include "outlive/isolate/run_as_child.h"

namespace {

struct Divide {
  static constexpr std::string_view kKind = "divide";
  int dividend = 0;
  int divisor = 1;
};
BOOST_DESCRIBE_STRUCT(Divide, (), (dividend, divisor))

// Somebody else's code.
int UntrustedDivide(int dividend, int divisor) {
  if (divisor == 0) {
    std::fputs("division by zero\n", stderr);
    std::abort();
  }
  return dividend / divisor;
}

outlive::Outcome Work(outlive::JobContext&, const Divide& args) {
  return outlive::Done(std::to_string(UntrustedDivide(args.dividend, args.divisor)));
}

// What the library logs is not part of the story.
class StderrLog final : public outlive::LogSink {
 public:
  void Log(const outlive::LogRecord& record) override {
    std::fprintf(stderr, "%s\n", std::string(record.message).c_str());
  }
};

// What was used differs from run to run, so only what does not is printed.
void Print(const outlive::Job& job) {
  std::printf("job %d is %s", int(job.id), std::string(JobStateName(job.state)).c_str());
  if (!job.output.empty()) std::printf(": %s", job.output.c_str());
  std::printf("\n");
  for (const outlive::AttemptError& error : job.errors) {
    const std::string what = error.message.substr(0, error.message.find(" after "));
    const std::string tail = error.message.substr(error.message.rfind("; ") + 2);
    std::printf("  attempt %d: %s; %s\n", error.attempt, what.c_str(), tail.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  outlive::WorkerSet workers;
  outlive::AddIsolated<Divide>(workers, Work,
                               {.wall_time = absl::Seconds(30), .jobs_per_child = 1'000});
  if (const std::optional<int> exit = outlive::RunAsChild(argc, argv, workers)) return *exit;

  StderrLog log;
  outlive::MemoryStore store;
  outlive::Client client(store, {.log = &log});
  outlive::Runner runner(client, workers, {.rescue_delay = absl::ZeroDuration()});
  if (!runner.Start().ok()) return 1;
  for (const int divisor : {7, 0, 6}) {
    const auto job = client.Enqueue(Divide{42, divisor});
    if (!job.ok()) return 1;
    const auto ended = client.WaitFor(job->id, store.clock().Now() + absl::Seconds(60));
    if (!ended.ok()) return 1;
    Print(*ended);
  }
  runner.Stop();
}
