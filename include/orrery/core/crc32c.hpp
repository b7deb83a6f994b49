// CRC-32C (Castagnoli), the checksum of OCDBT and of zarr3 (spec/ocdbt.md 3), as fast as the processor can: carry-less multiplication
// of 512 bits, else the CRC instructions of x86-64 or AArch64, else tables. Not masked.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "orrery/core/crc32c_hardware.hpp"
#include "orrery/core/crc32c_tables.hpp"
#include "orrery/core/on_use.hpp"

namespace orrery::inline v0 {

// The CRC of `data`, or of what `previous` is the CRC of with `data` appended.
template <OnUse = OnUse()>
std::uint32_t crc32c(const void* data, std::size_t size, std::uint32_t previous = 0) noexcept;

// The CRC of A followed by B, given those of A and of B and the size of B. Some hundred nanoseconds, whatever the size.
std::uint32_t crc32c_combine(std::uint32_t crc_a, std::uint32_t crc_b, std::uint64_t size_b) noexcept;

// Copies and checksums in one pass over the source. Copies of `streams_from` bytes and more bypass the caches where the processor can:
// for what is too large for them, or a part of something that is.
inline constexpr std::size_t too_large_for_caches = std::size_t{4} << 20;
template <OnUse = OnUse()>
std::uint32_t copy_crc32c(void* to, const void* from, std::size_t size, std::uint32_t previous = 0,
                          std::size_t streams_from = too_large_for_caches) noexcept;

namespace detail {

using CrcFunction = std::uint32_t (*)(std::uint32_t state, const void* data, std::size_t size) noexcept;

template <OnUse = OnUse()>
inline CrcFunction best_crc32c() noexcept {
#if defined(__x86_64__)
  if (crc_folding_supported()) return &crc32c_folding;
#endif
#if defined(__x86_64__) || defined(__aarch64__)
  if (crc_instruction_supported()) return &crc32c_instruction;
#endif
  return &crc32c_table;
}

template <OnUse = OnUse()>
inline CrcFunction chosen_crc32c() noexcept {
  static const CrcFunction chosen = best_crc32c();
  return chosen;
}

}  // namespace detail

template <OnUse>
inline std::uint32_t crc32c(const void* data, std::size_t size, std::uint32_t previous) noexcept {
  return ~detail::chosen_crc32c()(~previous, data, size);
}

inline std::uint32_t crc32c_combine(std::uint32_t crc_a, std::uint32_t crc_b, std::uint64_t size_b) noexcept {
  // x^(8 n): three doublings of the exponent are three squarings, so the table of squares is read from its fourth entry on.
  for (std::size_t k = 3; size_b != 0; size_b >>= 1, ++k)
    if ((size_b & 1) != 0) crc_a = detail::crc_multiply(detail::crc_squares[k % 31], crc_a);
  return crc_a ^ crc_b;
}

template <OnUse>
inline std::uint32_t copy_crc32c(void* to, const void* from, std::size_t size, std::uint32_t previous,
                                 [[maybe_unused]] std::size_t streams_from) noexcept {
  auto* target = static_cast<unsigned char*>(to);
  const auto* source = static_cast<const unsigned char*>(from);
  auto copy_part = [&](std::size_t part) {
    if (part == 0) return;
    std::memcpy(target, source, part);
    previous = crc32c(target, part, previous);
    target += part;
    source += part;
    size -= part;
  };
#if defined(__x86_64__)
  if (detail::chosen_crc32c() == static_cast<detail::CrcFunction>(&detail::crc32c_folding)) {
    if (size == 0) return previous;
    if (size < streams_from) return ~detail::crc32c_folding<detail::CrcStore::plain>(~previous, source, size, target);
    copy_part((64 - reinterpret_cast<std::uintptr_t>(to) % 64) % 64);
    return ~detail::crc32c_folding<detail::CrcStore::stream>(~previous, source, size, target);
  }
#endif
  constexpr std::size_t block = std::size_t{32} << 10;  // small enough to be still in the first-level cache
  while (size > 0) copy_part(std::min(size, block));
  return previous;
}

}  // namespace orrery::inline v0
