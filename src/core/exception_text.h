// What an exception that reached our one seam, the call of a worker, has to say.
#ifndef OUTLIVE_SRC_CORE_EXCEPTION_TEXT_H_
#define OUTLIVE_SRC_CORE_EXCEPTION_TEXT_H_

#include <string>

namespace outlive::internal {

// "an exception: <text>", for whatever is being thrown. Inside a catch block.
std::string CurrentExceptionText();

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_CORE_EXCEPTION_TEXT_H_
