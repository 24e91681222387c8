// Expected: a worker is called as worker\(outlive::JobContext&, const Args&\)
#include <outlive/core/worker_set.h>

struct Args {
  static constexpr std::string_view kKind = "args";
};
BOOST_DESCRIBE_STRUCT(Args, (), ())

#ifdef MISUSE
outlive::Outcome Run(const Args&) { return outlive::Done(); }
#else
outlive::Outcome Run(outlive::JobContext&, const Args&) { return outlive::Done(); }
#endif

void Use(outlive::WorkerSet& workers) { workers.Add<Args>(Run); }
