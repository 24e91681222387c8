// PostgresBackend is what the conformance suite asks of a store's backend, on a schema of its own.
#ifndef OUTLIVE_TESTS_POSTGRES_CONFORMANCE_BACKEND_H_
#define OUTLIVE_TESTS_POSTGRES_CONFORMANCE_BACKEND_H_

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "outlive/store/postgres_store.h"
#include "outlive/testing/virtual_clock.h"
#include "tests/postgres/connection.h"
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

  // Everything that the suite does goes on in many partitions, of a few ids each, and in DEFAULT.
  // They were filled so slowly that they are pruned row by row, as the suite expects it.
  void SplitFinely() {
    constexpr int kIds = 3;
    constexpr int kPartitions = 10;
    std::string script =
        "DROP TABLE {0}.job_1, {0}.ended_1; DELETE FROM {0}.partition;"
        "SELECT setval('{0}.make_tried_at', 9223372036854775807),"
        " setval('{0}.drop_tried_at', 9223372036854775807);";
    for (int i = 0; i < kPartitions; ++i) {
      script += fmt::format(
          "CREATE TABLE {{0}}.job_{0} PARTITION OF {{0}}.job FOR VALUES FROM ({0}) TO ({1});"
          "CREATE TABLE {{0}}.ended_{0} PARTITION OF {{0}}.ended FOR VALUES FROM ({0}) TO ({1});"
          "INSERT INTO {{0}}.partition VALUES ({0}, {1}, 0, NULL);",
          i * kIds + 1, (i + 1) * kIds + 1);
    }
    Connection(schema_.conninfo()).Query(fmt::format(fmt::runtime(script), schema_.name()));
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
