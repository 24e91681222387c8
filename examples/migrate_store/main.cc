// outlive_migrate_store FROM TO moves everything that one job store has into another, empty one:
// from a file to a server, and back. tools/migrate-store builds and runs it; a host whose payloads
// are sealed needs no keys for it, because nothing is opened.
//
//   outlive_migrate_store sqlite:app.db postgresql://app@db.example.com/app
//   outlive_migrate_store --thaw sqlite:app.db     the source works again; the target is forgotten
//
// Stop every runner of the source first. Run it again after whatever went wrong: it goes on where
// it was. Exit 0: moved, and compared. 1: not. 2: wrong usage.
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "outlive/core/migrate_store.h"
#include "outlive/core/store_copy.h"
#include "outlive/store/open_store.h"

namespace {

constexpr std::int64_t kProgressEvery = 100'000;  // Jobs.

int WrongUsage() {
  fmt::print(stderr,
             "usage: outlive_migrate_store FROM TO, or --thaw FROM\n"
             "FROM and TO are one of {}\n",
             outlive::BuiltInStores());
  return 2;
}

int Fail(const absl::Status& status) {
  fmt::print(stderr, "outlive_migrate_store: {}\n", status.ToString());
  return 1;
}

int Migrate(const std::string& from_address, const std::string& to_address) {
  const auto from = outlive::OpenStore(from_address);
  if (!from.ok()) return Fail(from.status());
  const auto to = outlive::OpenStore(to_address);
  if (!to.ok()) return Fail(to.status());

  std::int64_t told = 0;
  outlive::MigrationOptions options;
  options.on_progress = [&told](std::int64_t count) {
    if (count - told < kProgressEvery) return;
    told = count;
    fmt::print(stderr, "{} jobs\n", count);
  };
  const absl::StatusOr<outlive::MigrationReport> report =
      outlive::MigrateStore(**from, **to, options);
  if (!report.ok()) return Fail(report.status());
  fmt::print(
      "{} {} to {}\n{} jobs, {} keys, {} sessions, {} events; checksum {}\n",
      report->already_done ? "moved before:" : "moved:", outlive::StoreAddressForLogs(from_address),
      outlive::StoreAddressForLogs(to_address), report->job_count, report->key_count,
      report->session_count, report->event_count, report->checksum);
  return 0;
}

int Thaw(const std::string& address) {
  const auto store = outlive::OpenStore(address);
  if (!store.ok()) return Fail(store.status());
  outlive::StoreCopy* const copy = (*store)->copy();
  if (copy == nullptr) return Fail(absl::UnimplementedError("this store is never frozen"));
  if (const absl::Status status = copy->Freeze(false); !status.ok()) return Fail(status);
  fmt::print("{} works again\n", outlive::StoreAddressForLogs(address));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return WrongUsage();
  if (std::string_view(argv[1]) == "--thaw") return Thaw(argv[2]);
  for (const char* const address : {argv[1], argv[2]}) {
    if (!outlive::ParseStoreAddress(address).ok()) return WrongUsage();
  }
  return Migrate(argv[1], argv[2]);
}
