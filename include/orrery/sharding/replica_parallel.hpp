// Who writes which part of a sharded array, so that everything is written once although several devices may hold it: a shard's replicas
// share the work, each writing a slice of it. Arithmetic that every process does alone and that comes out the same in all of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "orrery/core/array_box.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/sharding/named_sharding.hpp"

namespace orrery::inline v0 {

struct ReplicaParallel {
  std::size_t min_slice_bytes = std::size_t{1} << 18;                  // smaller slices are not worth a file access of their own
  std::size_t max_replicas = std::numeric_limits<std::size_t>::max();  // 1: no slices
};

// How one array is written. All parts are cells of one grid, whose cells at the upper ends of uneven dimensions stick out: what Orbax calls
// write_shape, and the largest chunk that can be stored without two devices writing into it.
struct WriteLayout {
  Shape write_shape{};
  std::size_t axis = 0;    // along which shards are sliced
  std::size_t slices = 1;  // of each shard
};

// As many slices as there are replicas, or the most below that which divide an axis evenly; the first axis that allows them. Errors as
// NamedSharding::shard_shape.
template <OnUse = OnUse()>
inline WriteLayout write_layout(const NamedSharding& sharding, const Shape& global, std::size_t item_size,
                                const ReplicaParallel& options = {}) {
  WriteLayout layout{sharding.shard_shape(global), 0, 1};
  const auto bytes = checked_bytes(layout.write_shape, item_size);
  if (!bytes || *bytes == 0) return layout;
  const std::size_t worth = *bytes / std::max<std::size_t>(options.min_slice_bytes, 1);
  for (std::size_t slices = std::min({sharding.replica_count(global), options.max_replicas, worth}); slices > 1; --slices)
    for (std::size_t axis = 0; axis < global.size(); ++axis) {
      if (layout.write_shape[axis] % static_cast<Dim>(slices) != 0) continue;
      layout.write_shape[axis] /= static_cast<Dim>(slices);
      layout.axis = axis;
      layout.slices = slices;
      return layout;
    }
  return layout;
}

// What the device at that position writes, in the coordinates of the whole array. `turn`: the replica that writes the first slice;
// equal in all processes, and another one for the next array, so that small ones are spread over all.
template <OnUse = OnUse()>
inline std::optional<ArrayBox> written_by(std::size_t position, const WriteLayout& layout, const NamedSharding& sharding,
                                          const Shape& global, std::size_t turn = 0) {
  const std::size_t replicas = sharding.replica_count(global);
  const std::size_t slice = (sharding.replica_id(position, global) + replicas - turn % replicas) % replicas;
  if (slice >= layout.slices) return std::nullopt;
  ArrayBox box = sharding.shard_index(position, global);
  if (layout.slices > 1) {
    const Dim step = layout.write_shape[layout.axis], end = box.origin[layout.axis] + box.extents[layout.axis];
    box.origin[layout.axis] = std::min(box.origin[layout.axis] + static_cast<Dim>(slice) * step, end);
    box.extents[layout.axis] = std::min(step, end - box.origin[layout.axis]);
  }
  if (box.empty()) return std::nullopt;
  return box;
}

}  // namespace orrery::inline v0
