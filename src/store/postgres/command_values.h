// Parameters of one command, as libpq takes them.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_COMMAND_VALUES_H_
#define OUTLIVE_SRC_STORE_POSTGRES_COMMAND_VALUES_H_

#include <cstddef>
#include <vector>

#include "store/postgres/params.h"

namespace outlive::postgres {

inline constexpr int kBinaryFormat = 1;

struct CommandValues {
  // It outlives it.
  explicit CommandValues(const Params& params) {
    for (std::size_t i = 0; i < params.size(); ++i) {
      values.push_back(params[i] ? params[i]->data() : nullptr);
      lengths.push_back(params[i] ? static_cast<int>(params[i]->size()) : 0);
      formats.push_back(kBinaryFormat);
    }
  }

  int count() const { return static_cast<int>(values.size()); }

  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_COMMAND_VALUES_H_
