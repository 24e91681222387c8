// The version of the library that was linked, such as "0.1.0": for health answers, metrics and bug
// reports.
//
// Thread-safety: a pure function; the text lives as long as the program.
#ifndef OUTLIVE_CORE_VERSION_H_
#define OUTLIVE_CORE_VERSION_H_

#include <string_view>

namespace outlive {

std::string_view LibraryVersion();

}  // namespace outlive

#endif  // OUTLIVE_CORE_VERSION_H_
