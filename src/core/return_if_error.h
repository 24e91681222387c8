// Passes an error on to the caller.
#ifndef OUTLIVE_SRC_CORE_RETURN_IF_ERROR_H_
#define OUTLIVE_SRC_CORE_RETURN_IF_ERROR_H_

#include <absl/status/status.h>

// Returns from the function that it stands in, unless `expression` is OK.
#define OUTLIVE_RETURN_IF_ERROR(expression)                                 \
  do {                                                                      \
    if (absl::Status outlive_status = (expression); !outlive_status.ok()) { \
      return outlive_status;                                                \
    }                                                                       \
  } while (false)

#endif  // OUTLIVE_SRC_CORE_RETURN_IF_ERROR_H_
