// PostgresBackend is what the conformance suite asks of a store's backend, on a schema of its own.
#ifndef OUTLIVE_TESTS_POSTGRES_CONFORMANCE_BACKEND_H_
#define OUTLIVE_TESTS_POSTGRES_CONFORMANCE_BACKEND_H_

#include <doctest/doctest.h>

#include <memory>
#include <utility>

#include "outlive/store/postgres_store.h"
#include "outlive/testing/virtual_clock.h"
#include "tests/postgres/server.h"

namespace outlive::testing {

class PostgresBackend {
 public:
  explicit PostgresBackend(VirtualClock& clock, const PayloadCipher* cipher = nullptr)
      : PostgresBackend(clock, {.cipher = cipher, .watch = false}) {}

  // All but the clock and the schema.
  PostgresBackend(VirtualClock& clock, const PostgresStoreOptions& options)
      : options_(options), clock_(clock), store_(Open()) {}

  JobStore& store() { return *store_; }

  JobStore& second() {
    if (second_ == nullptr) second_ = Open();
    return *second_;
  }

  void Reopen() {
    second_.reset();
    store_.reset();
    store_ = Open();
  }

 private:
  std::unique_ptr<PostgresStore> Open() {
    PostgresStoreOptions options = options_;
    options.clock = &clock_;
    options.schema = schema_.name();
    auto store = PostgresStore::Open(schema_.conninfo(), options);
    REQUIRE_MESSAGE(store.ok(), store.status().ToString());
    return *std::move(store);
  }

  const PostgresStoreOptions options_;
  VirtualClock& clock_;
  TestSchema schema_;
  std::unique_ptr<PostgresStore> store_;
  std::unique_ptr<PostgresStore> second_;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_POSTGRES_CONFORMANCE_BACKEND_H_
