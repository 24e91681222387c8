// What a conninfo says, as libpq reads it.
//
// Thread-safety: pure functions, but for the environment, which libpq reads, too.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_CONNINFO_H_
#define OUTLIVE_SRC_STORE_POSTGRES_CONNINFO_H_

#include <string>
#include <vector>

namespace outlive::postgres {

// Of one server, to be put over what the conninfo says. Empty: that is to stay.
struct Host {
  std::string name;
  std::string address;
  std::string port;

  friend bool operator==(const Host&, const Host&) = default;
};

// Whether libpq can read it.
bool IsConninfo(const std::string& conninfo);

// Empty where there is none.
std::string PasswordIn(const std::string& conninfo);

// The servers to be tried one after the other. libpq goes through a list by itself, but where it
// connects without blocking it passes a server only when it is told no: for a silent one it waits
// for as long as it may.
//
// One that changes nothing where there is no list, and where libpq has to have it whole: to choose
// at random, to make two rounds, to refuse what does not fit together, or because it reads a
// service file.
std::vector<Host> HostsIn(const std::string& conninfo);

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_CONNINFO_H_
