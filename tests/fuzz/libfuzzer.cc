// Where libFuzzer calls in. Compiled once for each target, with OUTLIVE_FUZZ_TARGET its function.
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace outlive::fuzz {

void OUTLIVE_FUZZ_TARGET(std::string_view input);

}  // namespace outlive::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  outlive::fuzz::OUTLIVE_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
