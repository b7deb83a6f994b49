// Which chunks an array is cut into, what their keys are, and which of them a part of the array touches. Index arithmetic alone: no
// bytes (array.hpp), no metadata text (metadata.hpp). Rules: spec/zarr.md 1, 2, 7.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "orrery/core/array_box.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"

namespace orrery::inline v0::zarr {

using Box = ArrayBox;
using orrery::check_box;

// Chunks in every dimension, a zero where the array has no elements. Chunk extents are at least 1 and of the array's rank.
template <OnUse = OnUse()>
inline Shape grid_extents(std::span<const Dim> shape, std::span<const Dim> chunks) {
  Shape grid = Shape::zeros(shape.size());
  for (std::size_t i = 0; i < grid.size(); ++i) grid[i] = shape[i] / chunks[i] + (shape[i] % chunks[i] != 0);
  return grid;
}

// Chunks in all, or nothing where 63 bits do not hold their number. None where the array has no elements, one at rank 0.
template <OnUse = OnUse()>
inline std::optional<Dim> chunk_count(std::span<const Dim> shape, std::span<const Dim> chunks) {
  return checked_count(grid_extents(shape, chunks));
}

// "0", "1.2", "1/2": the part of a chunk's key behind the array's name.
template <OnUse = OnUse()>
inline std::string chunk_key(std::span<const Dim> index, char separator) {
  if (index.empty()) return "0";
  std::string key;
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (i) key += separator;
    key += std::to_string(index[i]);
  }
  return key;
}

// How an array's chunks are named. zarr v2: indexes joined with the separator; v3's default: behind a "c".
struct KeyEncoding {
  bool prefixed = false;
  char separator = '.';

  static constexpr KeyEncoding v3() noexcept { return {true, '/'}; }
  friend bool operator==(const KeyEncoding&, const KeyEncoding&) = default;
};

// "0.1", "c/0/1"; at rank 0 "0", "c".
template <OnUse = OnUse()>
inline std::string chunk_key(std::span<const Dim> index, KeyEncoding keys) {
  if (!keys.prefixed) return chunk_key(index, keys.separator);
  return index.empty() ? "c" : "c" + (keys.separator + chunk_key(index, keys.separator));
}

// The next index of a grid in C order; false behind the last one.
template <OnUse = OnUse()>
inline bool next_index(Shape& index, std::span<const Dim> grid) {
  for (std::size_t i = grid.size(); i-- > 0;) {
    if (++index[i] < grid[i]) return true;
    index[i] = 0;
  }
  return false;
}

// What the chunk at that index, which is in the grid, covers of the array, without what sticks out.
template <OnUse = OnUse()>
inline Box chunk_part(std::span<const Dim> shape, std::span<const Dim> chunks, std::span<const Dim> index) {
  Box part{Shape::zeros(index.size()), Shape::zeros(index.size())};
  for (std::size_t i = 0; i < index.size(); ++i) {
    part.origin[i] = index[i] * chunks[i];
    part.extents[i] = std::min(chunks[i], shape[i] - part.origin[i]);
  }
  return part;
}

// Calls visit(index, part) for every chunk that the box touches, in C order: the chunk's index in the grid, and what the chunk and the box
// have in common, in the array's coordinates. Nothing for a box without elements. Cost: the chunks visited.
template <class Visit>
void for_each_chunk(std::span<const Dim> shape, std::span<const Dim> chunks, const Box& box, Visit&& visit) {
  check_box(shape, box);
  const std::size_t rank = shape.size();
  Shape first = Shape::zeros(rank), last = Shape::zeros(rank);
  for (std::size_t i = 0; i < rank; ++i) {
    if (box.extents[i] == 0) return;
    first[i] = box.origin[i] / chunks[i];
    last[i] = (box.origin[i] + box.extents[i] - 1) / chunks[i];
  }
  Shape index = first;
  Box part{Shape::zeros(rank), Shape::zeros(rank)};
  for (;;) {
    for (std::size_t i = 0; i < rank; ++i) {
      const Dim begin = index[i] * chunks[i], end = box.origin[i] + box.extents[i];
      part.origin[i] = std::max(box.origin[i], begin);
      part.extents[i] = std::min(chunks[i] - (part.origin[i] - begin), end - part.origin[i]);
    }
    visit(std::as_const(index), std::as_const(part));
    std::size_t i = rank;
    for (; i > 0; --i) {
      if (++index[i - 1] <= last[i - 1]) break;
      index[i - 1] = first[i - 1];
    }
    if (i == 0) return;
  }
}

}  // namespace orrery::inline v0::zarr
