// One stored array: its chunks, their keys, and the way from stored bytes to elements in the caller's memory. Where the bytes come from
// is decided above (orbax/); rules: spec/zarr.md 1, 2, 3.3, 6, 7, 11.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "orrery/core/copy.hpp"
#include "orrery/core/error.hpp"
#include "orrery/formats/codec/zstd.hpp"
#include "orrery/formats/zarr/metadata.hpp"

namespace orrery::inline v0::zarr {

// Chunks in every dimension; a zero where the array has no elements.
inline Shape grid_extents(const ArrayMetadata& metadata) {
  Shape grid = Shape::zeros(metadata.shape.size());
  for (std::size_t i = 0; i < grid.size(); ++i) grid[i] = metadata.shape[i] / metadata.chunks[i] + (metadata.shape[i] % metadata.chunks[i] != 0);
  return grid;
}

// "0", "1.2", "1/2": the part of a chunk's key behind the array's name.
inline std::string chunk_key(std::span<const Dim> index, char separator) {
  if (index.empty()) return "0";
  std::string key;
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (i) key += separator;
    key += std::to_string(index[i]);
  }
  return key;
}

// The next index of a grid in C order; false behind the last one.
inline bool next_index(Shape& index, std::span<const Dim> grid) {
  for (std::size_t i = grid.size(); i-- > 0;) {
    if (++index[i] < grid[i]) return true;
    index[i] = 0;
  }
  return false;
}

// The stored bytes of the array's only chunk are the elements as `to` wants them, so that they can be read straight into it;
// finish_elements() is still due afterwards.
inline bool reads_in_place(const ArrayMetadata& metadata, const ArrayView& to) {
  if (metadata.compressor != Compressor::none || (metadata.big_endian && item_size(metadata.dtype) > 1)) return false;
  if (to.dtype != metadata.dtype || metadata.chunks != metadata.shape) return false;
  return metadata.order == Order::f ? to.is_f_contiguous() : to.is_c_contiguous();
}

// Checks and puts right what a format leaves open in an element: bools are 0 or 1 (FormatError), unused bits of narrow types are
// cleared.
inline void finish_elements(DType dtype, void* elements, std::size_t count, const Where& where) {
  if (dtype == DType::bool_) {
    const auto* bytes = static_cast<const unsigned char*>(elements);
    if (std::any_of(bytes, bytes + count, [](unsigned char byte) { return byte > 1; }))
      throw FormatError("a bool array holds a byte other than 0 and 1", where);
  } else if (is_sub_byte(dtype)) {
    normalize_sub_byte(dtype, elements, count);
  }
}

// Largest expansion of a zstd frame: a block of 128 KiB takes 4 bytes at least. What claims more than that is not believed.
inline bool is_plausible(const ArrayMetadata& metadata, std::uint64_t stored_bytes) {
  const std::uint64_t wanted = metadata.chunk_bytes();
  return metadata.compressor == Compressor::none ? stored_bytes == wanted : wanted / 131072 <= stored_bytes / 4 + 1;
}

// Decodes one stored chunk into chunk_bytes() bytes, elements native, in the chunk's order. FormatError or DataLossError naming `where`.
inline void decode_chunk(const ArrayMetadata& metadata, std::string_view stored, void* out, const Where& where) {
  const std::size_t bytes = metadata.chunk_bytes();
  if (metadata.compressor == Compressor::zstd) {
    zstd_decompress(stored, out, bytes, where);
  } else {
    if (stored.size() != bytes)
      throw DataLossError("a chunk of " + std::to_string(bytes) + " bytes is wanted, " + std::to_string(stored.size()) + " are stored", where);
    std::memcpy(out, stored.data(), bytes);
  }
  const std::size_t count = bytes / item_size(metadata.dtype);
  if (metadata.big_endian) swap_bytes(metadata.dtype, out, count);
  finish_elements(metadata.dtype, out, count, where);
}

// The box of `array` that the chunk at that index covers, without what sticks out.
inline ArrayView chunk_box(const ArrayMetadata& metadata, std::span<const Dim> index, const ArrayView& array) {
  ArrayView box = array;
  auto* data = const_cast<char*>(static_cast<const char*>(array.data));
  for (std::size_t i = 0; i < index.size(); ++i) {
    const Dim first = index[i] * metadata.chunks[i];
    box.shape[i] = std::min(metadata.chunks[i], metadata.shape[i] - first);
    data += first * array.strides[i];
  }
  box.data = data;
  return box;
}

// Copies a decoded chunk to its place in `to`, which has the stored dtype and the array's shape.
inline void copy_chunk(const ArrayMetadata& metadata, std::span<const Dim> index, const void* chunk, const ArrayView& to) {
  const ArrayView box = chunk_box(metadata, index, to);
  const std::size_t item = item_size(metadata.dtype);
  ArrayView from{metadata.dtype, box.shape, metadata.order == Order::f ? f_strides(metadata.chunks, item) : c_strides(metadata.chunks, item), chunk};
  copy(from, box);
}

// Fills the place of a chunk that is not stored.
inline void fill_chunk(const ArrayMetadata& metadata, std::span<const Dim> index, const ArrayView& to) {
  const ArrayView box = chunk_box(metadata, index, to);
  const std::array<std::byte, 16> fill = metadata.fill.value_or(std::array<std::byte, 16>{});
  copy(ArrayView{metadata.dtype, box.shape, Shape::zeros(box.rank()), fill.data()}, box);  // one element, seen everywhere
}

}  // namespace orrery::inline v0::zarr
