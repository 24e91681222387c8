// How our connections are set up, from the options of a store.
//
// Thread-safety: pure functions.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_SETTINGS_H_
#define OUTLIVE_SRC_STORE_POSTGRES_SETTINGS_H_

#include <absl/status/status.h>

#include <string>

#include "outlive/store/postgres_store.h"
#include "store/postgres/connection.h"

namespace outlive::postgres {

// One kInvalidArgument that names every fault, and nothing of the conninfo.
absl::Status ValidateOptions(const std::string& conninfo, const PostgresStoreOptions& options);

// Those of the connections that write, of those that read, and of the watch. Random is not null.
ConnectionOptions WriterSettings(const std::string& conninfo, const PostgresStoreOptions& options);
ConnectionOptions ReaderSettings(const std::string& conninfo, const PostgresStoreOptions& options);
ConnectionOptions WatchSettings(const std::string& conninfo, const PostgresStoreOptions& options);

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_SETTINGS_H_
