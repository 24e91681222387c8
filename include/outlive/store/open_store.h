// OpenStore opens whichever store an address names: a program is moved to another store by its
// command line or its configuration.
//
//   absl::StatusOr<std::unique_ptr<outlive::JobStore>> store = outlive::OpenStore("sqlite:app.db");
//
//   memory:              MemoryStore, empty. Two of them are two stores.
//   sqlite:PATH          SqliteStore. The path is all that follows, as it is.
//   postgresql://…       PostgresStore. The whole is libpq's conninfo; postgres:// is the same.
//
// Which of them are there depends on what outlive was built with: BuiltInStores().
//
// Thread-safety: distinct calls may run at once.
// Lifetime:      the store is the caller's. What the options borrow outlives it.
// Errors:        kInvalidArgument: no address, or one of a kind that nobody knows.
//                kUnimplemented: a kind that this program was built without. Both name those that
//                there are. Else what the store's own Open() says.
//                No error shows anything of an address but its scheme, and a path: addresses have
//                passwords in them.
#ifndef OUTLIVE_STORE_OPEN_STORE_H_
#define OUTLIVE_STORE_OPEN_STORE_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <string_view>

#include "outlive/core/clock.h"
#include "outlive/core/job_store.h"
#include "outlive/core/payload_cipher.h"
#include "outlive/core/random.h"
#include "outlive/store/postgres_store.h"
#include "outlive/store/sqlite_store.h"

namespace outlive {

enum class StoreKind { kMemory, kSqlite, kPostgres };

struct StoreAddress {
  StoreKind kind = StoreKind::kMemory;

  // What its Open() is given: of kSqlite the path, of kPostgres the whole address.
  std::string target = {};
};

// What an address names. kInvalidArgument: it names nothing. Looks at nothing but the text, and
// knows kinds that are not built in.
absl::StatusOr<StoreAddress> ParseStoreAddress(std::string_view address);

// "memory:, sqlite:PATH": those that this program can open, as its manual may say it.
std::string BuiltInStores();
bool IsBuiltIn(StoreKind kind);

// The address for people and for logs: without user, password and parameters. Where it cannot be
// told where they end, only the scheme is left.
std::string StoreAddressForLogs(std::string_view address);

struct OpenStoreOptions {
  // For whichever store it is; borrowed. Null: the store's own choice.
  const Clock* clock = nullptr;
  RandomSource* random = nullptr;
  const PayloadCipher* cipher = nullptr;

  // What only matters to one of them. Its clock, random and cipher are not looked at: they are
  // those above.
  SqliteStoreOptions sqlite = {};
  PostgresStoreOptions postgres = {};
};

absl::StatusOr<std::unique_ptr<JobStore>> OpenStore(std::string_view address,
                                                    const OpenStoreOptions& options = {});

}  // namespace outlive

#endif  // OUTLIVE_STORE_OPEN_STORE_H_
