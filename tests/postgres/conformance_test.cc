// PostgresStore against the suite: one store, two on one schema, and opened again. Each backend has
// a schema of its own. The suite's clock is the store's: what the server's own clock is good for is
// in postgres_store_test.cc.

#include "outlive/conformance/job_store.h"
#include "tests/postgres/conformance_backend.h"

OUTLIVE_JOB_STORE_CONFORMANCE(outlive::testing::PostgresBackend);
OUTLIVE_JOB_STORE_DURABLE_CONFORMANCE(outlive::testing::PostgresBackend);
OUTLIVE_JOB_STORE_SHARED_CONFORMANCE(outlive::testing::PostgresBackend);
OUTLIVE_JOB_STORE_SEALING_CONFORMANCE(outlive::testing::PostgresBackend);
