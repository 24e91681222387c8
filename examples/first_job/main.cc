#include <fmt/core.h>
#include <outlive/outlive.h>

struct SendInvoice {
  static constexpr std::string_view kKind = "invoice.send";
  std::int64_t invoice_id = 0;
  std::string recipient;
};
BOOST_DESCRIBE_STRUCT(SendInvoice, (), (invoice_id, recipient))

int main() {
  auto store = outlive::SqliteStore::Open("app.db").value();
  outlive::WorkerSet workers;
  workers.Add<SendInvoice>([](outlive::JobContext&, const SendInvoice& args) -> outlive::Outcome {
    fmt::print("invoice {} goes to {}\n", args.invoice_id, args.recipient);
    return outlive::Done("sent");
  });
  outlive::Client client(*store);
  outlive::Runner runner(client, workers, {.queues = {{.name = "default", .concurrency = 8}}});
  if (!runner.Start().ok()) return 1;
  auto job = client.Enqueue(SendInvoice{42, "ann@example.com"}, {.idempotency_key = "42"}).value();
  auto done = client.WaitFor(job.id, store->clock().Now() + absl::Seconds(30));
  fmt::print("job {} is {}\n", job.id, done.ok() ? done->output : "still running");
  runner.Stop(absl::Seconds(30));  // Drain, then hand the rest back unharmed.
}
