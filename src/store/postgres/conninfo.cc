#include "store/postgres/conninfo.h"

#include <absl/strings/str_split.h>
#include <libpq-fe.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace outlive::postgres {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using OptionList = std::unique_ptr<PQconninfoOption, FreeOptions>;

// Null: it cannot be parsed. What libpq says of that quotes it, and is thrown away.
OptionList Parse(const std::string& conninfo) {
  char* error = nullptr;
  OptionList options(PQconninfoParse(conninfo.c_str(), &error));
  PQfreemem(error);
  return options;
}

// Null: this libpq knows no such keyword.
const PQconninfoOption* Find(const OptionList& options, std::string_view keyword) {
  const PQconninfoOption* option = options.get();
  while (option != nullptr && option->keyword != nullptr && option->keyword != keyword) ++option;
  return option == nullptr || option->keyword == nullptr ? nullptr : option;
}

// What holds for a keyword: where the conninfo does not say it, the environment does.
std::string ValueOf(const OptionList& options, std::string_view keyword) {
  const PQconninfoOption* const option = Find(options, keyword);
  if (option == nullptr) return {};
  const char* value = option->val;
  if (value == nullptr && option->envvar != nullptr) value = std::getenv(option->envvar);
  return value == nullptr ? "" : value;
}

// Of a member that is empty: "5432".
std::string UsualPort(const OptionList& options) {
  const PQconninfoOption* const port = Find(options, "port");
  return port == nullptr || port->compiled == nullptr ? "" : port->compiled;
}

bool HasLibpqChoose(const OptionList& options) {
  const std::string balance = ValueOf(options, "load_balance_hosts");
  return !ValueOf(options, "service").empty() || (!balance.empty() && balance != "disable") ||
         ValueOf(options, "target_session_attrs") == "prefer-standby";
}

using Members = std::vector<std::string>;

Members MembersOf(const OptionList& options, std::string_view keyword) {
  return absl::StrSplit(ValueOf(options, keyword), ',');
}

// No such list, or one with a member for each of the hosts.
bool Fits(const Members& members, std::size_t host_count) {
  if (members.size() == 1 && members[0].empty()) return true;
  return members.size() == host_count &&
         std::none_of(members.begin(), members.end(),
                      [](const std::string& member) { return member.empty(); });
}

}  // namespace

bool IsConninfo(const std::string& conninfo) {
  return conninfo.find('\0') == std::string::npos && Parse(conninfo) != nullptr;
}

std::string PasswordIn(const std::string& conninfo) {
  const OptionList options = Parse(conninfo);
  const PQconninfoOption* const password = Find(options, "password");
  return password == nullptr || password->val == nullptr ? "" : password->val;
}

std::vector<Host> HostsIn(const std::string& conninfo) {
  const OptionList options = Parse(conninfo);
  const Members names = MembersOf(options, "host");
  const Members addresses = MembersOf(options, "hostaddr");
  const Members ports = MembersOf(options, "port");
  const std::size_t count = std::max(names.size(), addresses.size());
  const bool has_ports = ports.size() > 1;  // Otherwise one is for all.
  if (!Fits(names, count) || !Fits(addresses, count) || (has_ports && ports.size() != count) ||
      HasLibpqChoose(options)) {
    return std::vector<Host>(1);
  }
  std::vector<Host> hosts(count);
  for (std::size_t i = 0; i < count && count > 1; ++i) {
    if (names.size() == count) hosts[i].name = names[i];
    if (addresses.size() == count) hosts[i].address = addresses[i];
    if (has_ports) hosts[i].port = ports[i].empty() ? UsualPort(options) : ports[i];
  }
  return hosts;
}

}  // namespace outlive::postgres
