// The whole of outlive::outlive: core, engine, and the stores it was built with.
#ifndef OUTLIVE_OUTLIVE_H_
#define OUTLIVE_OUTLIVE_H_

#include "outlive/core/args.h"
#include "outlive/core/job.h"
#include "outlive/core/job_store.h"
#include "outlive/core/outcome.h"
#include "outlive/core/worker.h"
#include "outlive/core/worker_set.h"
#include "outlive/engine/client.h"
#include "outlive/engine/event_relay.h"
#include "outlive/engine/runner.h"
#include "outlive/store/memory_store.h"
#include "outlive/store/sqlite_store.h"

#endif  // OUTLIVE_OUTLIVE_H_
