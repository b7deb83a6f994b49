// One target under libFuzzer; which one is a definition of the build.
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace orrery::fuzz {
void ORRERY_FUZZ_TARGET(std::string_view input);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  orrery::fuzz::ORRERY_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
