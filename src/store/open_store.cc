#include "outlive/store/open_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "outlive/store/memory_store.h"

namespace outlive {
namespace {

struct Kind {
  StoreKind kind;
  std::string_view scheme;
  std::string_view usage;
  bool built_in;
  std::string_view option;  // Of CMake, that builds it in.
};

#ifdef OUTLIVE_OPENS_SQLITE
constexpr bool kHasSqlite = true;
#else
constexpr bool kHasSqlite = false;
#endif
#ifdef OUTLIVE_OPENS_POSTGRES
constexpr bool kHasPostgres = true;
#else
constexpr bool kHasPostgres = false;
#endif

// In the order in which they are named.
constexpr std::array<Kind, 4> kKinds = {{
    {StoreKind::kMemory, "memory:", "memory:", true, ""},
    {StoreKind::kSqlite, "sqlite:", "sqlite:PATH", kHasSqlite, "OUTLIVE_WITH_SQLITE"},
    {StoreKind::kPostgres, "postgresql://", "postgresql://…", kHasPostgres,
     "OUTLIVE_WITH_POSTGRES"},
    {StoreKind::kPostgres, "postgres://", "", kHasPostgres, "OUTLIVE_WITH_POSTGRES"},
}};

const Kind* KindOf(std::string_view address) {
  const auto found = std::find_if(kKinds.begin(), kKinds.end(), [address](const Kind& kind) {
    return address.starts_with(kind.scheme);
  });
  return found == kKinds.end() ? nullptr : &*found;
}

template <class Store>
[[maybe_unused]] absl::StatusOr<std::unique_ptr<JobStore>> AsJobStore(
    absl::StatusOr<std::unique_ptr<Store>> store) {
  if (!store.ok()) return store.status();
  return std::unique_ptr<JobStore>(*std::move(store));
}

// A store's own options, with what is for all stores.
template <class Own>
[[maybe_unused]] Own WithShared(Own own, const OpenStoreOptions& options) {
  own.clock = options.clock;
  own.random = options.random;
  own.cipher = options.cipher;
  return own;
}

absl::Status NotBuiltIn(const Kind& kind) {
  return absl::UnimplementedError(fmt::format("{} needs outlive built with {}; this program has {}",
                                              kind.scheme, kind.option, BuiltInStores()));
}

}  // namespace

absl::StatusOr<StoreAddress> ParseStoreAddress(std::string_view address) {
  const Kind* const kind = KindOf(address);
  if (kind == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("a store's address must be one of {}", BuiltInStores()));
  }
  const std::string_view rest = address.substr(kind->scheme.size());
  switch (kind->kind) {
    case StoreKind::kMemory:
      if (!rest.empty()) return absl::InvalidArgumentError("nothing may follow memory:");
      return StoreAddress{StoreKind::kMemory};
    case StoreKind::kSqlite:
      if (rest.empty()) return absl::InvalidArgumentError("sqlite: must be followed by a path");
      return StoreAddress{StoreKind::kSqlite, std::string(rest)};
    case StoreKind::kPostgres:
      return StoreAddress{StoreKind::kPostgres, std::string(address)};
  }
  return absl::InternalError("a kind of store without a case");
}

std::string BuiltInStores() {
  std::string all;
  for (const Kind& kind : kKinds) {
    if (!kind.built_in || kind.usage.empty()) continue;
    all += fmt::format("{}{}", all.empty() ? "" : ", ", kind.usage);
  }
  return all;
}

bool IsBuiltIn(StoreKind kind) {
  return std::any_of(kKinds.begin(), kKinds.end(),
                     [kind](const Kind& each) { return each.kind == kind && each.built_in; });
}

// A password may have any of the characters that end it elsewhere, if its author forgot to encode
// them: what stands after the last @ is shown, and only if no @ stands after a question mark.
std::string StoreAddressForLogs(std::string_view address) {
  const Kind* const kind = KindOf(address);
  if (kind == nullptr) return "an unknown store";
  if (kind->kind != StoreKind::kPostgres) return std::string(address);
  const std::string_view rest = address.substr(kind->scheme.size());
  const std::size_t question = rest.find('?');
  const std::size_t at = rest.rfind('@');
  if (question != std::string_view::npos && at != std::string_view::npos && at > question) {
    return fmt::format("{}…", kind->scheme);
  }
  const std::string_view before = rest.substr(0, question);
  return fmt::format("{}{}", kind->scheme,
                     at == std::string_view::npos ? before : before.substr(at + 1));
}

absl::StatusOr<std::unique_ptr<JobStore>> OpenStore(std::string_view address,
                                                    const OpenStoreOptions& options) {
  const absl::StatusOr<StoreAddress> parsed = ParseStoreAddress(address);
  if (!parsed.ok()) return parsed.status();
  switch (parsed->kind) {
    case StoreKind::kMemory:
      return std::unique_ptr<JobStore>(MemoryStore::Create(
          {.clock = options.clock, .random = options.random, .cipher = options.cipher}));
    case StoreKind::kSqlite:
#ifdef OUTLIVE_OPENS_SQLITE
      return AsJobStore(SqliteStore::Open(parsed->target, WithShared(options.sqlite, options)));
#else
      break;
#endif
    case StoreKind::kPostgres:
#ifdef OUTLIVE_OPENS_POSTGRES
      return AsJobStore(PostgresStore::Open(parsed->target, WithShared(options.postgres, options)));
#else
      break;
#endif
  }
  return NotBuiltIn(*KindOf(address));
}

}  // namespace outlive
