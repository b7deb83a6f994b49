// One blosc container into memory behind which nothing may be touched: c-blosc, which does the work, is not built with sanitizers.
#include "contract.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <new>
#include <string>

#include "orrery/core/byte_io.hpp"
#include "orrery/formats/codec/blosc.hpp"

namespace orrery::fuzz {

namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 16, page = 4096;

// Memory whose last byte lies before a page that must not be touched, as does its first behind one.
class Guarded {
 public:
  Guarded() {
    void* memory = ::mmap(nullptr, most_bytes + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    begin_ = static_cast<char*>(memory) + page;
    ::mprotect(memory, page, PROT_NONE);
    ::mprotect(begin_ + most_bytes, page, PROT_NONE);
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { ::munmap(begin_ - page, most_bytes + 2 * page); }
  char* last(std::size_t size) const noexcept { return begin_ + most_bytes - size; }

 private:
  char* begin_;
};

// libFuzzer cannot see into the library; told what kinds of containers were met, it keeps one of each. Elsewhere this is a counter.
__attribute__((used, section("__libfuzzer_extra_counters"))) std::uint8_t kinds[2 * 256];

void decode(std::string_view container) {
  static const Guarded target, source;
  if (container.size() < BLOSC_MIN_HEADER_LENGTH || container.size() > most_bytes) return;
  const std::size_t size = load_le<std::uint32_t>(container.data() + 4);
  if (size > most_bytes) return;
  std::memcpy(source.last(container.size()), container.data(), container.size());
  const std::string_view guarded(source.last(container.size()), container.size());
  const bool whole = accepts([&] { blosc_decompress(guarded, target.last(size), size); });
  kinds[2 * static_cast<std::uint8_t>(container[2]) + (whole ? 1 : 0)] = 1;
  // The size that the header does not say.
  if (size > 0) expect(!accepts([&] { blosc_decompress(guarded, target.last(size - 1), size - 1); }), "blosc: any size will do");
}

}  // namespace

void blosc(std::string_view input) {
  decode(input);
  if (input.size() < BLOSC_MIN_HEADER_LENGTH) return;
  // ... and with a header that passes.
  std::string passing(input);
  passing[0] = BLOSC_VERSION_FORMAT;
  const auto size = static_cast<std::uint32_t>(load_le<std::uint32_t>(passing.data() + 4) % (most_bytes + 1));
  const std::uint32_t block = load_le<std::uint32_t>(passing.data() + 8);
  store_le<std::uint32_t>(passing.data() + 4, size);
  store_le<std::uint32_t>(passing.data() + 8, block == 0 || block > size ? size : block);
  store_le<std::uint32_t>(passing.data() + 12, static_cast<std::uint32_t>(passing.size()));
  if (passing != input) decode(passing);
}

}  // namespace orrery::fuzz
