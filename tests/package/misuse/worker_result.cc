// Expected: a worker returns outlive::Outcome, absl::Status or boost::asio::awaitable
#include <outlive/core/worker_set.h>

struct Args {
  static constexpr std::string_view kKind = "args";
};
BOOST_DESCRIBE_STRUCT(Args, (), ())

#ifdef MISUSE
bool Run(outlive::JobContext&, const Args&) { return true; }
#else
absl::Status Run(outlive::JobContext&, const Args&) { return absl::OkStatus(); }
#endif

void Use(outlive::WorkerSet& workers) { workers.Add<Args>(Run); }
