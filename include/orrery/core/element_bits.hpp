// Elements put right in place after reading: byte order, and the unused upper bits of types narrower than a byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "orrery/core/array_view.hpp"
#include "orrery/core/dtype.hpp"
#include "orrery/core/loop_nest.hpp"
#include "orrery/core/on_use.hpp"

namespace orrery::inline v0 {

// Reverses the bytes of each of `count` elements; a complex number is two. Types of one byte stay as they are.
template <OnUse = OnUse()>
void swap_bytes(DType dtype, void* data, std::size_t count) noexcept;

// Sign-extends int2 and int4 and clears the upper bits of uint2, uint4, float4 and float6: some files keep noise there (spec/zarr.md 6).
// Other dtypes stay as they are.
void normalize_sub_byte(DType dtype, void* data, std::size_t count) noexcept;

// Clears the upper bits of all narrow types, signed ones too: what files hold (Orbax and Flax write int4 -8 as 08).
void clear_unused_bits(DType dtype, void* data, std::size_t count) noexcept;

// normalize_sub_byte of an array with any strides. Its data must be writable though a view says const.
template <OnUse = OnUse()>
void normalize_sub_byte(const ArrayView& array);

namespace detail {

inline std::uint16_t reversed(std::uint16_t value) noexcept { return __builtin_bswap16(value); }
inline std::uint32_t reversed(std::uint32_t value) noexcept { return __builtin_bswap32(value); }
inline std::uint64_t reversed(std::uint64_t value) noexcept { return __builtin_bswap64(value); }

template <class Word>
void swap_words(void* data, std::size_t count) noexcept {
  char* at = static_cast<char*>(data);
  for (std::size_t i = 0; i < count; ++i, at += sizeof(Word)) {
    Word word;
    std::memcpy(&word, at, sizeof word);
    word = reversed(word);
    std::memcpy(at, &word, sizeof word);
  }
}

// The low `bits` bits of a byte, sign-extended for signed integers.
inline std::uint8_t normalized_byte(std::uint8_t byte, unsigned bits, bool is_signed) noexcept {
  const unsigned low = byte & ((1u << bits) - 1);
  const unsigned sign = is_signed ? 1u << (bits - 1) : 0u;
  return static_cast<std::uint8_t>((low ^ sign) - sign);
}

}  // namespace detail

template <OnUse>
inline void swap_bytes(DType dtype, void* data, std::size_t count) noexcept {
  const bool complex = info(dtype).kind == DTypeKind::complex;
  if (complex) count *= 2;
  switch (complex ? item_size(dtype) / 2 : item_size(dtype)) {
    case 2: return detail::swap_words<std::uint16_t>(data, count);
    case 4: return detail::swap_words<std::uint32_t>(data, count);
    case 8: return detail::swap_words<std::uint64_t>(data, count);
    default: return;
  }
}

inline void normalize_sub_byte(DType dtype, void* data, std::size_t count) noexcept {
  if (!is_sub_byte(dtype)) return;
  const unsigned bits = info(dtype).bits;
  const bool is_signed = info(dtype).kind == DTypeKind::signed_integer;
  auto* at = static_cast<std::uint8_t*>(data);
  for (std::size_t i = 0; i < count; ++i) at[i] = detail::normalized_byte(at[i], bits, is_signed);
}

inline void clear_unused_bits(DType dtype, void* data, std::size_t count) noexcept {
  if (!is_sub_byte(dtype)) return;
  auto* at = static_cast<std::uint8_t*>(data);
  for (std::size_t i = 0; i < count; ++i) at[i] = detail::normalized_byte(at[i], info(dtype).bits, false);
}

template <OnUse>
inline void normalize_sub_byte(const ArrayView& array) {
  if (!is_sub_byte(array.dtype)) return;
  const detail::LoopNest nest = detail::make_loop_nest(array, array);
  if (nest.empty) return;
  if (nest.rank() == 0) return normalize_sub_byte(array.dtype, nest.to, 1);
  const std::size_t last = nest.last();
  const Dim step = nest.to_steps[last], extent = nest.extents[last];
  detail::for_each_outer(nest, last, last, [&](const char*, char* row) {
    if (step == 1) return normalize_sub_byte(array.dtype, row, static_cast<std::size_t>(extent));
    for (Dim i = 0; i < extent; ++i) normalize_sub_byte(array.dtype, row + i * step, 1);
  });
}

}  // namespace orrery::inline v0
