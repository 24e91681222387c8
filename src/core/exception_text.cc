#include "core/exception_text.h"

#include <cxxabi.h>
#include <fmt/format.h>

#include <exception>
#include <typeinfo>

namespace outlive::internal {

std::string CurrentExceptionText() {
  try {
    throw;
  } catch (const std::exception& exception) {
    const char* text = exception.what();
    return fmt::format("an exception: {}", text == nullptr ? "(no text)" : text);
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    return fmt::format("an exception of type {}", type == nullptr ? "unknown" : type->name());
  }
}

}  // namespace outlive::internal
