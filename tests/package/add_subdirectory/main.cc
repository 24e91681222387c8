// A job through the in-memory store.
#include <outlive/core/worker_set.h>
#include <outlive/engine/client.h>
#include <outlive/engine/runner.h>
#include <outlive/store/memory_store.h>

struct Greet {
  static constexpr std::string_view kKind = "greet";
  std::string name;
};
BOOST_DESCRIBE_STRUCT(Greet, (), (name))

int main() {
  outlive::MemoryStore store;
  outlive::WorkerSet workers;
  workers.Add<Greet>([](outlive::JobContext&, const Greet& args) -> outlive::Outcome {
    return outlive::Done("hello " + args.name);
  });
  outlive::Client client(store);
  outlive::Runner runner(client, workers, {.queues = {{.name = "default"}}});
  if (!runner.Start().ok()) return 1;

  absl::StatusOr<outlive::Enqueued> job = client.Enqueue(Greet{"world"});
  if (!job.ok()) return 1;
  absl::StatusOr<outlive::Job> done = client.WaitFor(job->id, absl::Now() + absl::Minutes(1));
  runner.Stop(absl::Seconds(30));
  return done.ok() && done->output == "hello world" ? 0 : 1;
}
