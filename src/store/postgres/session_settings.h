// Settings of a session at the server, by name: statement_timeout, …
//
// Thread-safety: pure functions.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_SESSION_SETTINGS_H_
#define OUTLIVE_SRC_STORE_POSTGRES_SESSION_SETTINGS_H_

#include <absl/time/time.h>
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "store/postgres/session.h"

namespace outlive::postgres {

using SessionSettings = std::vector<std::pair<std::string, std::string>>;

// For how long they hold.
enum class SettingsLast { kSession, kTransaction };

inline Query Configure(const SessionSettings& settings, SettingsLast last) {
  Array names(Element::kText);
  Array values(Element::kText);
  for (const auto& [name, value] : settings) {
    names.AddBytes(name);
    values.AddBytes(value);
  }
  Query query{.name = "transaction/configure"};
  query.params.Add(std::move(names)).Add(std::move(values));
  query.params.Int(last == SettingsLast::kTransaction ? 1 : 0);
  return query;
}

// One of them, for the transaction that is open, whatever isolation it has.
inline Query SetLocal(const std::string& name, const std::string& value) {
  return {.name = "transaction/set_local", .more = fmt::format(" {} = '{}'", name, value)};
}

// As the server's settings of times have them.
inline std::string Milliseconds(absl::Duration duration) {
  return fmt::format("{}", absl::ToInt64Milliseconds(duration));
}

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_SESSION_SETTINGS_H_
