// An array that is cut over devices, as saving and restoring see it: which parts of it lie in this process, and which bytes of them it
// writes. sharding/ decides what lies where; here is only what a leaf needs to say. The house below knows no meshes.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "orrery/core/array_view.hpp"
#include "orrery/core/box.hpp"
#include "orrery/core/shape.hpp"

namespace orrery::inline v0 {

class Coordinator;

struct ShardView {
  Box box{};          // of the global array
  Box write{};        // what of it this process writes: a row of whole write_shape steps, or nothing, where another replica's owner does
  ArrayView array{};  // the elements of `box`, and no others
};

struct ShardsView {
  Shape write_shape{};                  // what is written begins at multiples of it: the chunks, unless those are smaller
  std::span<const ShardView> shards{};  // of this process
  std::string_view sharding{};          // the JSON text that Orbax's _sharding file has of it (spec/orbax.md 2.2)
  Coordinator* coordinator = nullptr;   // of the processes that hold the rest; null where there is none

  // Bytes that this process writes.
  std::size_t write_bytes() const noexcept {
    std::size_t bytes = 0;
    for (const ShardView& shard : shards)
      if (!shard.write.empty()) bytes += shard.write.size() * shard.array.item_size();
    return bytes;
  }
};

}  // namespace orrery::inline v0
