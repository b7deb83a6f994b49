// Copying where the source is finest along one dimension and the destination along another: small squares are transposed in vector
// registers (any compiler, any processor), gathered into a buffer, and written out in long runs.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "orrery/core/shape.hpp"

namespace orrery::inline v0::detail {

template <std::size_t Item>
void copy_strided_run(const char* from, Dim from_step, char* to, Dim to_step, Dim count) noexcept {
  for (; count > 0; --count, from += from_step, to += to_step) std::memcpy(to, from, Item);
}

// 16 bytes as lanes of Item bytes.
template <std::size_t Item>
struct Lanes;
template <>
struct Lanes<1> {
  using type = std::uint8_t __attribute__((vector_size(16)));
};
template <>
struct Lanes<2> {
  using type = std::uint16_t __attribute__((vector_size(16)));
};
template <>
struct Lanes<4> {
  using type = std::uint32_t __attribute__((vector_size(16)));
};
template <>
struct Lanes<8> {
  using type = std::uint64_t __attribute__((vector_size(16)));
};

// The lower, or upper, halves of two vectors, interleaved.
template <bool Upper, class V, std::size_t... I>
V interleave(V a, V b, std::index_sequence<I...>) noexcept {
  constexpr std::size_t lanes = sizeof...(I);
  return __builtin_shufflevector(a, b, ((I / 2) + (Upper ? lanes / 2 : 0) + (I % 2) * lanes)...);
}

// Transposes a square of 16 / Item elements: interleaving the first half of the rows with the second, log2 times.
template <std::size_t Item>
void transpose_square(const char* from, Dim from_step, char* to, Dim to_step) noexcept {
  constexpr std::size_t side = 16 / Item;
  using V = typename Lanes<Item>::type;
  using Sequence = std::make_index_sequence<side>;
  V rows[side];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < side; ++i) std::memcpy(&rows[i], from + static_cast<Dim>(i) * from_step, 16);
#pragma GCC unroll 4
  for (std::size_t round = 1; round < side; round *= 2) {
    V mixed[side];
#pragma GCC unroll 8
    for (std::size_t i = 0; i < side / 2; ++i) {
      mixed[2 * i] = interleave<false>(rows[i], rows[i + side / 2], Sequence());
      mixed[2 * i + 1] = interleave<true>(rows[i], rows[i + side / 2], Sequence());
    }
#pragma GCC unroll 16
    for (std::size_t i = 0; i < side; ++i) rows[i] = mixed[i];
  }
#pragma GCC unroll 16
  for (std::size_t i = 0; i < side; ++i) std::memcpy(to + static_cast<Dim>(i) * to_step, &rows[i], 16);
}

// rows x columns elements, the source finest along rows, the destination along columns. Tiles of 256 bytes of source by 64 columns go
// through a buffer, so that every cache line is read and written whole, whatever the strides do to the sets of the cache.
template <std::size_t Item>
void copy_transposed(const char* from, Dim from_row, Dim from_column, char* to, Dim to_row, Dim to_column, Dim rows, Dim columns) noexcept {
  constexpr Dim item = static_cast<Dim>(Item), side = 16 / item;
  constexpr Dim tile_rows = 256 / item, tile_columns = 64;
  constexpr Dim pitch = tile_columns * item;
  alignas(64) char buffer[static_cast<std::size_t>(tile_rows * pitch)];
  for (Dim row = 0; row < rows; row += tile_rows) {
    const Dim high = std::min(tile_rows, rows - row);
    for (Dim column = 0; column < columns; column += tile_columns) {
      const Dim wide = std::min(tile_columns, columns - column);
      const char* source = from + row * from_row + column * from_column;
      // The next tile is asked for now: its columns lie too far apart for the processor to foresee them.
      const Dim ahead = std::min(tile_columns, columns - column - wide);
      for (Dim c = 0; c < ahead; ++c) {
        __builtin_prefetch(source + (wide + c) * from_column);
        __builtin_prefetch(source + (wide + c) * from_column + (high - 1) * from_row);
      }
      Dim square_rows = 0, square_columns = 0;  // as much of the tile as whole squares cover
      if constexpr (Item < 16) {
        if (from_row == item) {
          square_rows = high / side * side;
          square_columns = wide / side * side;
          for (Dim c = 0; c < square_columns; c += side)
            for (Dim r = 0; r < square_rows; r += side)
              transpose_square<Item>(source + r * item + c * from_column, from_column, buffer + r * pitch + c * item, pitch);
        }
      }
      for (Dim c = 0; c < wide; ++c) {
        const Dim r = c < square_columns ? square_rows : 0;
        copy_strided_run<Item>(source + c * from_column + r * from_row, from_row, buffer + r * pitch + c * item, pitch, high - r);
      }
      char* target = to + row * to_row + column * to_column;
      for (Dim r = 0; r < high; ++r, target += to_row) {
        if (to_column == item)
          std::memcpy(target, buffer + r * pitch, static_cast<std::size_t>(wide * item));
        else
          copy_strided_run<Item>(buffer + r * pitch, item, target, to_column, wide);
      }
    }
  }
}

}  // namespace orrery::inline v0::detail
