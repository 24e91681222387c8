// Expected: an isolated worker returns outlive::Outcome or absl::Status
#include <outlive/isolate/isolated_worker.h>

struct Args {
  static constexpr std::string_view kKind = "args";
};
BOOST_DESCRIBE_STRUCT(Args, (), ())

#ifdef MISUSE
boost::asio::awaitable<outlive::Outcome> Run(outlive::JobContext&, const Args&);
#else
outlive::Outcome Run(outlive::JobContext&, const Args&) { return outlive::Done(); }
#endif

void Use(outlive::WorkerSet& workers) { outlive::AddIsolated<Args>(workers, Run); }
