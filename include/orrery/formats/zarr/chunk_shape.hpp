// Which chunk shape Orbax chooses for what one write covers. Rules: spec/orbax.md 3.4, spec/zarr.md 10.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"

namespace orrery::inline v0::zarr {

// The limit on a chunk's bytes, nothing for none. `file_bytes` is ocdbt_target_data_file_size (0: unlimited) with OCDBT and nothing
// without; `chunk_byte_size` is the user's.
template <OnUse = OnUse()>
inline std::optional<std::uint64_t> target_chunk_bytes(std::uint64_t write_bytes, std::optional<std::uint64_t> chunk_byte_size,
                                                       std::optional<std::uint64_t> file_bytes) {
  if (!file_bytes || *file_bytes == 0) return chunk_byte_size;
  if (chunk_byte_size) return std::min(*chunk_byte_size, *file_bytes);
  return write_bytes > *file_bytes ? file_bytes : std::nullopt;
}

// Divides write_shape (extents of 0 count as 1): the axes in shard_axes down to 1, then, while a chunk has more bytes than target_bytes,
// the longest axis among those along which the array is sharded, or was divided before, then among all. Every extent divides that of
// write_shape. ArgumentError for a target below item_bytes, axes that do not exist, shapes of two ranks. Cost: the square roots of the
// extents that are divided.
template <OnUse = OnUse()>
inline Shape choose_chunk_shape(std::span<const Dim> global_shape, std::span<const Dim> write_shape, std::size_t item_bytes,
                                std::optional<std::uint64_t> target_bytes, std::span<const std::size_t> shard_axes = {});

namespace detail {

template <OnUse = OnUse()>
inline std::vector<Dim> ascending_divisors(Dim extent) {
  std::vector<Dim> low, high;
  for (Dim d = 1; d <= extent / d; ++d) {
    if (extent % d != 0) continue;
    low.push_back(d);
    if (d != extent / d) high.push_back(extent / d);
  }
  low.insert(low.end(), high.rbegin(), high.rend());
  return low;
}

[[noreturn]] inline void throw_chunk_shape(const std::string& what) { throw ArgumentError("no chunk shape can be chosen: " + what); }

// More elements than that, whatever the product is.
template <OnUse = OnUse()>
inline bool exceeds(std::span<const Dim> shape, std::uint64_t elements) noexcept {
  std::uint64_t count = 1;
  for (Dim extent : shape)
    if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(extent), &count)) return true;
  return count > elements;
}

}  // namespace detail

template <OnUse>
inline Shape choose_chunk_shape(std::span<const Dim> global_shape, std::span<const Dim> write_shape, std::size_t item_bytes,
                                std::optional<std::uint64_t> target_bytes, std::span<const std::size_t> shard_axes) {
  const std::size_t rank = write_shape.size();
  if (global_shape.size() != rank)
    detail::throw_chunk_shape("the array has shape " + to_string(global_shape) + ", its parts " + to_string(write_shape));
  if (target_bytes && (item_bytes == 0 || *target_bytes < item_bytes))
    detail::throw_chunk_shape("a chunk may have " + std::to_string(*target_bytes) + " bytes, an element takes " +
                              std::to_string(item_bytes));
  Shape chunk{write_shape};
  for (Dim& extent : chunk) extent = std::max<Dim>(extent, 1);

  std::vector<std::uint8_t> sharded(rank);
  for (std::size_t i = 0; i < rank; ++i) sharded[i] = global_shape[i] != write_shape[i];
  for (std::size_t axis : shard_axes) {
    if (axis >= rank) detail::throw_chunk_shape("axis " + std::to_string(axis) + " is not one of " + std::to_string(rank));
    sharded[axis] = sharded[axis] || chunk[axis] > 1;
    chunk[axis] = 1;
  }
  if (!target_bytes) return chunk;

  std::vector<std::vector<Dim>> divisors(rank);  // ascending up to the current extent; empty until the axis is divided
  while (detail::exceeds(chunk, *target_bytes / item_bytes)) {
    std::size_t longest = rank;
    for (std::size_t i = 0; i < rank; ++i)
      if (sharded[i] && chunk[i] > (longest == rank ? 1 : chunk[longest])) longest = i;
    if (longest == rank) {
      std::fill(sharded.begin(), sharded.end(), std::uint8_t{1});
      continue;
    }
    if (divisors[longest].empty()) divisors[longest] = detail::ascending_divisors(chunk[longest]);
    divisors[longest].pop_back();
    chunk[longest] = divisors[longest].back();
  }
  return chunk;
}

}  // namespace orrery::inline v0::zarr
