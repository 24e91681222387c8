// The story of the library in one file: a job that outlives the call that asked for it.
#include <outlive/outlive.h>

#include <cstdio>

struct SendInvoice {
  static constexpr std::string_view kKind = "invoice.send";
  std::int64_t invoice_id = 0;
};
BOOST_DESCRIBE_STRUCT(SendInvoice, (), (invoice_id))

int main() {
  std::remove("stranger.db");
  std::unique_ptr<outlive::JobStore> store = outlive::SqliteStore::Open("stranger.db").value();
  outlive::WorkerSet workers;
  workers.Add<SendInvoice>([](outlive::JobContext&, const SendInvoice& args) -> outlive::Outcome {
    return outlive::Done(std::to_string(args.invoice_id));
  });
  outlive::Client client(*store);
  outlive::Runner runner(client, workers, {.queues = {{.name = "default"}}});
  if (!runner.Start().ok()) return 1;

  absl::StatusOr<outlive::Enqueued> job = client.Enqueue(SendInvoice{42});
  if (!job.ok()) return 1;
  absl::StatusOr<outlive::Job> done = client.WaitFor(job->id, absl::Now() + absl::Minutes(1));
  runner.Stop(absl::Seconds(30));
  return done.ok() && done->output == "42" ? 0 : 1;
}
