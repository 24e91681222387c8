#include "outlive/store/open_store.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "outlive/conformance/helpers.h"
#include "outlive/testing/virtual_clock.h"
#include "tests/core/message.h"
#include "tests/store/sqlite_folder.h"

using outlive::IsBuiltIn;
using outlive::JobStore;
using outlive::OpenStore;
using outlive::ParseStoreAddress;
using outlive::StoreAddressForLogs;
using outlive::StoreKind;
using outlive::testing::Message;
using outlive::testing::MissingIn;

TEST_CASE("an address names a kind and what its store is given") {
  CHECK(ParseStoreAddress("memory:")->kind == StoreKind::kMemory);
  CHECK(ParseStoreAddress("sqlite:app.db")->kind == StoreKind::kSqlite);
  CHECK(ParseStoreAddress("sqlite:app.db")->target == "app.db");
  CHECK(ParseStoreAddress("sqlite:/a b/c?d:e.db")->target == "/a b/c?d:e.db");
  for (const char* address : {"postgresql://u:p@h:1/d?sslmode=require", "postgres:///d"}) {
    CHECK(ParseStoreAddress(address)->kind == StoreKind::kPostgres);
    CHECK(ParseStoreAddress(address)->target == address);
  }
}

TEST_CASE("an address that names nothing is refused without being shown") {
  for (const char* address : {"", "redis://app:s3cret@h/1", "s3cret", "sqlite", "SQLITE:a", ":",
                              "host=h password=s3cret", "postgresql:s3cret"}) {
    CAPTURE(address);
    const absl::Status status = ParseStoreAddress(address).status();
    CHECK(absl::IsInvalidArgument(status));
    CHECK(MissingIn(status, outlive::BuiltInStores()) == "");
    CHECK(Message(status).find("s3cret") == std::string::npos);
    CHECK(OpenStore(address).status() == status);
  }
  CHECK(absl::IsInvalidArgument(ParseStoreAddress("sqlite:").status()));
  CHECK(absl::IsInvalidArgument(ParseStoreAddress("memory:x").status()));
}

TEST_CASE("what is built in is what can be opened") {
  CHECK(IsBuiltIn(StoreKind::kMemory));
  CHECK(outlive::BuiltInStores().starts_with("memory:"));
  CHECK(IsBuiltIn(StoreKind::kSqlite) ==
        (outlive::BuiltInStores().find("sqlite:PATH") != std::string::npos));
  CHECK(IsBuiltIn(StoreKind::kPostgres) ==
        (outlive::BuiltInStores().find("postgresql://") != std::string::npos));
  if (!IsBuiltIn(StoreKind::kPostgres)) {
    const absl::Status status = OpenStore("postgresql://app:s3cret@h/d").status();
    CHECK(absl::IsUnimplemented(status));
    CHECK(MissingIn(status, outlive::BuiltInStores()) == "");
    CHECK(MissingIn(status, "OUTLIVE_WITH_POSTGRES") == "");
    CHECK(Message(status).find("s3cret") == std::string::npos);
  }
}

TEST_CASE("an address for logs has neither user nor password nor parameters") {
  CHECK(StoreAddressForLogs("memory:") == "memory:");
  CHECK(StoreAddressForLogs("sqlite:a@b?c") == "sqlite:a@b?c");
  CHECK(StoreAddressForLogs("postgresql:///app") == "postgresql:///app");
  CHECK(StoreAddressForLogs("postgresql://h1:1,h2/app?sslmode=require") ==
        "postgresql://h1:1,h2/app");
  CHECK(StoreAddressForLogs("postgres://u:p@h/app?password=x") == "postgres://h/app");
  for (const char* address :
       {"postgresql://u:s3/cret@h/app", "postgresql://u:s3@cret@h/app",
        "postgresql://u:s3?cret@h/app", "postgresql://h/app?password=s3@cret", "s3cret"}) {
    CAPTURE(address);
    CHECK(StoreAddressForLogs(address).find("s3") == std::string::npos);
    CHECK(StoreAddressForLogs(address).find("cret") == std::string::npos);
  }
}

TEST_CASE("what the options borrow gets to the store") {
  outlive::testing::VirtualClock clock;
  const outlive::testing::SqliteFolder folder;
  for (const std::string& address : {std::string("memory:"), "sqlite:" + folder.File()}) {
    if (!IsBuiltIn(ParseStoreAddress(address)->kind)) continue;
    const absl::StatusOr<std::unique_ptr<JobStore>> store = OpenStore(address, {.clock = &clock});
    REQUIRE(store.ok());
    CHECK(&(*store)->clock() == &clock);
    CHECK(address.starts_with((*store)->info().name));
    CHECK(outlive::conformance::MustInsert(**store, outlive::conformance::KeyedJob("k")) > 0);
  }
}

TEST_CASE("a store that cannot be opened says why") {
  if (!IsBuiltIn(StoreKind::kSqlite)) return;
  const absl::Status status = OpenStore("sqlite:/no/such/folder/a.db").status();
  CHECK_FALSE(status.ok());
  CHECK(MissingIn(status, "/no/such/folder") == "");
}
