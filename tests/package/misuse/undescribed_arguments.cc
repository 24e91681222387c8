// Expected: this type cannot be a job's argument: describe it with BOOST_DESCRIBE_STRUCT
#include <outlive/engine/client.h>

struct Args {
  static constexpr std::string_view kKind = "args";
  int number = 0;
};
#ifndef MISUSE
BOOST_DESCRIBE_STRUCT(Args, (), (number))
#endif

void Use(outlive::Client& client) { (void)client.Enqueue(Args{1}); }
