// The face of gather_writer.hpp over a std::string: formats written for one write to the other.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "orrery/core/array_view.hpp"
#include "orrery/core/copy.hpp"
#include "orrery/core/crc32c.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/storage/gather_writer.hpp"

namespace orrery::inline v0::storage {

// Makes room for `size` bytes in all. Capacity that the string has is used again, which is many times faster than fresh memory; large
// fresh memory is asked for in huge pages.
template <OnUse = OnUse()>
inline void reserve_bytes(std::string& out, std::size_t size) {
  constexpr std::uintptr_t page = 4096;
  constexpr std::size_t large = std::size_t{4} << 20;
  if (out.capacity() >= size) return;
  out.reserve(size);
  if (size < large) return;
  const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(out.data()), start = (begin + page - 1) / page * page;
  ::madvise(reinterpret_cast<void*>(start), (begin + size - start) / page * page, MADV_HUGEPAGE);  // a hint: no is an answer
}

// Appends to a string that outlives it. Everything is copied at once, without being zeroed before: reserve_bytes first. Offsets count
// from the start of the string.
class GatherString {
 public:
  explicit GatherString(std::string& out, GatherOptions options = {}) noexcept : out_(out), options_(options) {}

  template <OnUse = OnUse()>
  Placed append(std::span<const std::byte> bytes) {
    Placed placed{size(), bytes.size()};
    while (!bytes.empty()) {
      const std::span<const std::byte> piece = bytes.first(options_.checksums ? std::min(bytes.size(), block) : bytes.size());
      if (options_.checksums) placed.crc32c = crc32c(piece.data(), piece.size(), placed.crc32c);
      out_.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      bytes = bytes.subspan(piece.size());
    }
    return placed;
  }

  template <OnUse = OnUse()>
  Placed append(const ArrayView& array) {
    if (array.is_c_contiguous() && !is_sub_byte(array.dtype)) return append({static_cast<const std::byte*>(array.data), array.nbytes()});
    const std::size_t item = array.item_size(), count = array.size();
    Placed placed{size(), count * item};
    for (std::size_t first = 0; first < count;) {
      const std::size_t at = out_.size(), elements = std::min(count - first, block / item);
      out_.resize(at + elements * item);  // zeroed in the cache, where the copy finds it
      copy_c_order_range(array, first, elements, out_.data() + at);
      clear_unused_bits(array.dtype, out_.data() + at, elements);
      if (options_.checksums) placed.crc32c = crc32c(out_.data() + at, elements * item, placed.crc32c);
      first += elements;
    }
    return placed;
  }

  template <OnUse = OnUse()>
  Placed append_copy(std::span<const std::byte> bytes) {
    return append(bytes);
  }
  template <OnUse = OnUse()>
  void pad_to(std::uint64_t alignment) {
    out_.append(static_cast<std::size_t>((alignment - size() % alignment) % alignment), '\0');
  }
  void flush() noexcept {}
  std::uint64_t size() const noexcept { return out_.size(); }

 private:
  static constexpr std::size_t block = std::size_t{256} << 10;

  std::string& out_;
  GatherOptions options_;
};

}  // namespace orrery::inline v0::storage
