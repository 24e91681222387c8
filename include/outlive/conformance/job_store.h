// The conformance suite of JobStore: every sentence of core/job_store.h as a test. It runs on all
// stores of this library, and on those of others:
//
//   #include <outlive/conformance/job_store.h>
//
//   struct MyBackend {
//     explicit MyBackend(outlive::testing::VirtualClock& clock);   // A new, empty store.
//     outlive::JobStore& store();
//     void Reopen();                  // Optional: as after the end of the process. store() is new.
//     outlive::JobStore& second();    // Optional: another object on the same data.
//   };
//   OUTLIVE_JOB_STORE_CONFORMANCE(MyBackend);
//   OUTLIVE_JOB_STORE_DURABLE_CONFORMANCE(MyBackend);   // Where there is Reopen().
//   OUTLIVE_JOB_STORE_SHARED_CONFORMANCE(MyBackend);    // Where there is second().
//   OUTLIVE_JOB_STORE_SEALING_CONFORMANCE(MyBackend);   // Where it is made with a cipher, or null:
//                                                       // MyBackend(clock, cipher).
//
// Link doctest, outlive::testing and outlive::store_memory (the model that the differential case
// compares with). The macros stand at global scope; MyBackend is a name that is found from there. A
// backend makes its stores with the clock it is given: the suite moves it, and never waits for real
// time. docs/guides/writing-a-store.md has an example and the order in which to go about it.
//
// A difference between two stores is a failing case here, or a field of StoreInfo.
#ifndef OUTLIVE_CONFORMANCE_JOB_STORE_H_
#define OUTLIVE_CONFORMANCE_JOB_STORE_H_

#include "outlive/conformance/job_store_admin.h"         // IWYU pragma: export
#include "outlive/conformance/job_store_claim.h"         // IWYU pragma: export
#include "outlive/conformance/job_store_differential.h"  // IWYU pragma: export
#include "outlive/conformance/job_store_durable.h"       // IWYU pragma: export
#include "outlive/conformance/job_store_finish.h"        // IWYU pragma: export
#include "outlive/conformance/job_store_follow_ups.h"    // IWYU pragma: export
#include "outlive/conformance/job_store_insert.h"        // IWYU pragma: export
#include "outlive/conformance/job_store_leases.h"        // IWYU pragma: export
#include "outlive/conformance/job_store_read.h"          // IWYU pragma: export
#include "outlive/conformance/job_store_sealing.h"       // IWYU pragma: export
#include "outlive/conformance/job_store_transactions.h"  // IWYU pragma: export
#include "outlive/conformance/job_store_write.h"         // IWYU pragma: export

// What every store must pass.
#define OUTLIVE_JOB_STORE_CONFORMANCE(Backend)         \
  OUTLIVE_JOB_STORE_INSERT_CONFORMANCE(Backend);       \
  OUTLIVE_JOB_STORE_CLAIM_CONFORMANCE(Backend);        \
  OUTLIVE_JOB_STORE_FINISH_CONFORMANCE(Backend);       \
  OUTLIVE_JOB_STORE_WRITE_CONFORMANCE(Backend);        \
  OUTLIVE_JOB_STORE_LEASES_CONFORMANCE(Backend);       \
  OUTLIVE_JOB_STORE_ADMIN_CONFORMANCE(Backend);        \
  OUTLIVE_JOB_STORE_FOLLOW_UPS_CONFORMANCE(Backend);   \
  OUTLIVE_JOB_STORE_READ_CONFORMANCE(Backend);         \
  OUTLIVE_JOB_STORE_TRANSACTIONS_CONFORMANCE(Backend); \
  OUTLIVE_JOB_STORE_DIFFERENTIAL_CONFORMANCE(Backend)

#endif  // OUTLIVE_CONFORMANCE_JOB_STORE_H_
