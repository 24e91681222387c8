// The code that docs/guides/isolated-workers.md shows, compiled and run: a server with one job that
// is done and one that takes its child along. tests/docs/guides_test.py compares every block of the
// guide with this file.
#include <outlive/isolate/isolated_worker.h>
#include <outlive/isolate/run_as_child.h>
#include <outlive/outlive.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>

struct ConvertVideo {
  static constexpr std::string_view kKind = "video.convert";
  std::string path;
};
BOOST_DESCRIBE_STRUCT(ConvertVideo, (), (path))

namespace {

// Counts what became of children. Never called by two threads at once here: one job runs at a time.
class ChildMetrics final : public outlive::ChildObserver {
 public:
  void OnChildStarted(std::string_view, std::int64_t) override { ++started; }
  void OnChildEnded(std::string_view, std::int64_t, const outlive::ChildEnd& end) override {
    ++ended[std::string(outlive::ChildEndReasonName(end.reason))];
  }

  int started = 0;
  std::map<std::string, int> ended;
};

// Somebody else's code.
outlive::Outcome Convert(const std::string& path, outlive::JobContext& job) {
  if (path == "broken.mov") std::abort();
  job.ReportProgress(1);
  return outlive::Done(path + ".webm");
}

bool Expect(bool holds, const char* what) {
  if (!holds) std::printf("not so: %s\n", what);
  return holds;
}

}  // namespace

int main(int argc, char** argv) {
  ChildMetrics metrics;
  outlive::WorkerSet workers;
  outlive::AddIsolated<ConvertVideo>(
      workers,
      [](outlive::JobContext& job, const ConvertVideo& args) -> outlive::Outcome {
        return Convert(args.path, job);
      },
      {.memory_bytes = 512 << 20,
       .cpu_time = absl::Minutes(5),
       .wall_time = absl::Minutes(10),
       .observer = &metrics});
  if (std::optional<int> exit = outlive::RunAsChild(argc, argv, workers)) return *exit;

  outlive::MemoryStore store;
  outlive::Client client(store);
  outlive::Runner runner(
      client, workers,
      {.queues = {{.name = "default", .concurrency = 1}}, .rescue_delay = absl::ZeroDuration()});
  if (!runner.Start().ok()) return 1;
  const absl::Time patience = store.clock().Now() + absl::Minutes(1);
  const auto broken = client.WaitFor(client.Enqueue(ConvertVideo{"broken.mov"})->id, patience);
  const auto good = client.WaitFor(client.Enqueue(ConvertVideo{"holiday.mov"})->id, patience);
  runner.Stop();
  const bool well =
      Expect(broken.ok() && broken->state == outlive::JobState::kDead, "the broken one is dead") &
      Expect(broken.ok() && broken->crashes == 3, "it has crashed three times") &
      Expect(good.ok() && good->output == "holiday.mov.webm", "the good one is done") &
      Expect(metrics.started == 4, "four children were started") &
      Expect(metrics.ended["signalled"] == 3, "three were killed by a signal") &
      Expect(metrics.ended["retired"] == 1, "one was let go");
  return well ? 0 : 1;
}
