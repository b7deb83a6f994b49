// What saving and restoring need to know of a sharded array (tree/array_parts.hpp), and how Orbax writes its sharding down.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/sharding/named_sharding.hpp"
#include "orrery/sharding/replica_parallel.hpp"
#include "orrery/sharding/sharded_view.hpp"
#include "orrery/tree/array_parts.hpp"

namespace orrery::inline v0 {

namespace detail {

template <OnUse = OnUse()>
inline std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) {
      out += c;
    } else {
      constexpr std::string_view digits = "0123456789abcdef";
      out += "\\u00";
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 15];
    }
  }
  return out + '"';
}

// The devices of a grid, nested as its axes are.
template <OnUse = OnUse()>
inline void append_devices(std::string& out, const Mesh& mesh, std::size_t axis, std::size_t& position) {
  if (axis == mesh.rank()) {
    out += "{\"id\": " + std::to_string(mesh.device(position++).id) + "}";
    return;
  }
  out += '[';
  for (Dim i = 0; i < mesh.shape()[axis]; ++i) {
    if (i) out += ", ";
    append_devices(out, mesh, axis + 1, position);
  }
  out += ']';
}

}  // namespace detail

// The text of a sharding in Orbax's _sharding file (spec/orbax.md 2.2), from which Orbax builds the same NamedSharding where it has
// devices of these ids.
template <OnUse = OnUse()>
inline std::string orbax_text(const NamedSharding& sharding) {
  const Mesh& mesh = sharding.mesh();
  std::string shape, names, types, spec, devices;
  const auto add = [](std::string& list, const std::string& item) { list += (list.empty() ? "" : ", ") + item; };
  for (std::size_t i = 0; i < mesh.rank(); ++i) {
    add(shape, std::to_string(mesh.shape()[i]));
    add(names, detail::json_text(mesh.axis_names()[i]));
    add(types, "\"AxisType.Auto\"");
  }
  for (const PartitionSpec::Entry& entry : sharding.spec().entries()) {
    std::string axes;
    for (const std::string& axis : entry.axes()) add(axes, detail::json_text(axis));
    add(spec, entry.axes().empty() ? "null" : entry.axes().size() == 1 ? axes : "[" + axes + "]");
  }
  std::size_t position = 0;
  detail::append_devices(devices, mesh, 0, position);
  return "{\"sharding_type\": \"NamedSharding\", \"shape\": [" + shape + "], \"axis_names\": [" + names + "], \"axis_types\": [" + types +
         "], \"partition_spec\": [" + spec + "], \"device_mesh\": {\"mesh\": " + devices + "}}";
}

// Devices that hold the same part share its writing where they are of several processes; parts that are too small for that are written
// by one of them, the next part by the next, and so on with the next array: `number` counts them in their tree.
template <OnUse = OnUse()>
inline ArrayParts array_parts(const ShardedView& view, std::size_t number) {
  const Mesh& mesh = view.sharding.mesh();
  const WriteLayout layout = write_layout(view.sharding, view.shape, item_size(view.dtype),
                                          {.max_replicas = mesh.is_fully_addressable() ? 1 : static_cast<std::size_t>(mesh.processes())});
  // The text grows with the mesh, and the first process alone writes it down.
  ArrayParts out{layout.write_shape, {}, mesh.process() == 0 ? orbax_text(view.sharding) : std::string(), mesh.is_fully_addressable(),
                 mesh.coordinator()};
  const Shape grid = view.sharding.partitions(view.shape.size()), shard_shape = view.sharding.shard_shape(view.shape);
  out.parts.reserve(view.shards.size());
  for (const ShardView& shard : view.shards) {
    std::size_t part = 0;  // in C order
    for (std::size_t i = 0; i < grid.size(); ++i)
      part =
          part * static_cast<std::size_t>(grid[i]) + static_cast<std::size_t>(shard_shape[i] ? shard.index.origin[i] / shard_shape[i] : 0);
    out.parts.push_back({shard.index, shard.array, written_by(shard.position, layout, view.sharding, view.shape, number + part)});
  }
  return out;
}

}  // namespace orrery::inline v0
