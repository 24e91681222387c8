#include "outlive/core/version.h"

namespace outlive {

std::string_view LibraryVersion() { return OUTLIVE_VERSION; }

}  // namespace outlive
