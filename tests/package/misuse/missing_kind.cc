// Expected: JobArgs|static constexpr std::string_view kKind
#include <outlive/engine/client.h>

struct Args {
#ifndef MISUSE
  static constexpr std::string_view kKind = "args";
#endif
  int number = 0;
};
BOOST_DESCRIBE_STRUCT(Args, (), (number))

void Use(outlive::Client& client) { (void)client.Enqueue(Args{1}); }
