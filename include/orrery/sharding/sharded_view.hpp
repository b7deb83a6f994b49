// The part of a sharded array that this process holds, seen without knowing its element type and without owning it: what saving describes
// and restoring writes through. ShardedArray<T> makes these.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "orrery/core/array_view.hpp"
#include "orrery/core/array_box.hpp"
#include "orrery/core/dtype.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/sharding/mesh.hpp"
#include "orrery/sharding/named_sharding.hpp"

namespace orrery::inline v0 {

// One device's box of the array. Devices that hold the same box have different replica ids.
struct ShardView {
  std::size_t position = 0;  // of the device, in the mesh
  MeshDevice device{};
  std::size_t replica_id = 0;
  ArrayBox index{};
  ArrayView array{};  // index.extents elements
};

struct ShardedView {
  DType dtype = DType::none;
  Shape shape{};  // of the whole array
  NamedSharding sharding;
  std::vector<ShardView> shards{};  // of this process, by position
};

// The shards of this process as a sharding has them, without memory; IndivisibleError or ArgumentError where the shape does not fit.
template <OnUse = OnUse()>
inline ShardedView sharded_view(DType dtype, Shape shape, const NamedSharding& sharding) {
  ShardedView view{dtype, std::move(shape), sharding, {}};
  sharding.shard_shape(view.shape);  // refuses, on processes without a device too
  for (const std::size_t position : sharding.mesh().addressable()) {
    ShardView& shard = view.shards.emplace_back();
    shard.position = position;
    shard.device = sharding.mesh().device(position);
    shard.replica_id = sharding.replica_id(position, view.shape);
    shard.index = sharding.shard_index(position, view.shape);
    shard.array = ArrayView::dense(dtype, nullptr, shard.index.extents);
  }
  return view;
}

}  // namespace orrery::inline v0
