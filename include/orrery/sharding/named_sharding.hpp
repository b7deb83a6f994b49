// Which part of an array each device of a mesh holds, as jax.sharding.NamedSharding: a mesh and a PartitionSpec. Arithmetic alone, in
// time that does not depend on the size of the mesh, but for the functions that list all devices.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "orrery/core/array_box.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/sharding/mesh.hpp"
#include "orrery/sharding/partition_spec.hpp"

namespace orrery::inline v0 {

// A dimension that its shards do not divide evenly, where none asked for it.
struct IndivisibleError : ArgumentError {
  using ArgumentError::ArgumentError;
};

// What becomes of such a dimension.
enum class Uneven : std::uint8_t {
  refuse,  // IndivisibleError, as in JAX
  clip,    // the last shards are smaller, or empty
  pad,     // ... and lie in memory that is as large as that of the others
};

// A cheap handle that never changes. Equal shardings cut every array alike.
class NamedSharding {
 public:
  // ArgumentError if the spec names an axis that the mesh lacks, or one twice.
  template <OnUse = OnUse()>
  NamedSharding(Mesh mesh, PartitionSpec spec, Uneven uneven = Uneven::refuse)
      : state_(std::make_shared<const State>(std::move(mesh), std::move(spec), uneven)) {}
  NamedSharding(const NamedSharding&) = default;  // and no move: a handle is never empty
  NamedSharding& operator=(const NamedSharding&) = default;
  ~NamedSharding() = default;

  template <OnUse = OnUse()>
  const Mesh& mesh() const noexcept {
    return state_->mesh;
  }
  template <OnUse = OnUse()>
  const PartitionSpec& spec() const noexcept {
    return state_->spec;
  }
  template <OnUse = OnUse()>
  Uneven uneven() const noexcept {
    return state_->uneven;
  }
  template <OnUse = OnUse()>
  std::size_t num_devices() const noexcept {
    return mesh().num_devices();
  }
  template <OnUse = OnUse()>
  bool is_fully_addressable() const noexcept {
    return mesh().is_fully_addressable();
  }
  template <OnUse = OnUse()>
  bool is_fully_replicated() const noexcept {
    return std::all_of(state_->cuts.begin(), state_->cuts.end(), [](const auto& cut) { return cut.empty(); });
  }

  // Into how many shards each dimension of an array of that rank is cut. ArgumentError where the spec has more dimensions.
  template <OnUse = OnUse()>
  Shape partitions(std::size_t rank) const {
    check_rank(rank);
    Shape parts = Shape::zeros(rank);
    for (std::size_t i = 0; i < rank; ++i) {
      parts[i] = 1;
      if (i < state_->cuts.size())
        for (const std::size_t axis : state_->cuts[i]) parts[i] *= mesh().shape()[axis];
    }
    return parts;
  }

  // The largest shard of an array of that shape: of all of them, unless the sizes are uneven. IndivisibleError.
  template <OnUse = OnUse()>
  Shape shard_shape(const Shape& global) const {
    const Shape parts = partitions(global.size());
    Shape shard = global;
    for (std::size_t i = 0; i < global.size(); ++i) {
      if (global[i] < 0) throw ArgumentError("an array cannot have the shape " + to_string(global));
      if (global[i] % parts[i] != 0 && uneven() == Uneven::refuse) throw_indivisible(global, parts, i);
      shard[i] = global[i] / parts[i] + (global[i] % parts[i] != 0);
    }
    return shard;
  }

  // What the device at that position holds of an array of that shape.
  template <OnUse = OnUse()>
  ArrayBox shard_index(std::size_t position, const Shape& global) const {
    const Shape shard = shard_shape(global), at = mesh().coordinates(position);
    ArrayBox box = ArrayBox::whole(global);
    for (std::size_t i = 0; i < global.size() && i < state_->cuts.size(); ++i) {
      Dim part = 0;
      for (const std::size_t axis : state_->cuts[i]) part = part * mesh().shape()[axis] + at[axis];
      box.origin[i] = part == 0 ? 0 : std::min(begin_of(part, shard[i], global[i]), global[i]);
      box.extents[i] = std::min(shard[i], global[i] - box.origin[i]);
    }
    return box;
  }

  // How many devices before that one, in the order of positions, hold the same part.
  template <OnUse = OnUse()>
  std::size_t replica_id(std::size_t position, const Shape& global) const {
    check_rank(global.size());
    const Shape at = mesh().coordinates(position);
    std::size_t id = 0;
    for (std::size_t axis = 0; axis < at.size(); ++axis)
      if (is_free(axis, global)) id = id * extent(axis) + static_cast<std::size_t>(at[axis]);
    return id;
  }
  // How many devices hold each part.
  template <OnUse = OnUse()>
  std::size_t replica_count(const Shape& global) const {
    check_rank(global.size());
    std::size_t count = 1;
    for (std::size_t axis = 0; axis < mesh().rank(); ++axis)
      if (is_free(axis, global)) count *= extent(axis);
    return count;
  }
  // The device that holds that replica of what the device at `position` holds.
  template <OnUse = OnUse()>
  std::size_t replica_position(std::size_t position, std::size_t replica, const Shape& global) const {
    check_rank(global.size());
    Shape at = mesh().coordinates(position);
    for (std::size_t axis = at.size(); axis-- > 0;) {
      if (!is_free(axis, global)) continue;
      at[axis] = static_cast<Dim>(replica % extent(axis));
      replica /= extent(axis);
    }
    std::size_t found = 0;
    for (std::size_t axis = 0; axis < at.size(); ++axis) found = found * extent(axis) + static_cast<std::size_t>(at[axis]);
    return found;
  }

  // Of every device, in the order of positions.
  template <OnUse = OnUse()>
  std::vector<std::pair<MeshDevice, ArrayBox>> devices_indices_map(const Shape& global) const {
    std::vector<std::pair<MeshDevice, ArrayBox>> map;
    map.reserve(num_devices());
    for (std::size_t position = 0; position < num_devices(); ++position)
      map.emplace_back(mesh().device(position), shard_index(position, global));
    return map;
  }
  // ... of this process.
  template <OnUse = OnUse()>
  std::vector<std::pair<MeshDevice, ArrayBox>> addressable_devices_indices_map(const Shape& global) const {
    std::vector<std::pair<MeshDevice, ArrayBox>> map;
    for (const std::size_t position : mesh().addressable()) map.emplace_back(mesh().device(position), shard_index(position, global));
    return map;
  }

  template <OnUse = OnUse()>
  friend bool operator==(const NamedSharding& a, const NamedSharding& b) noexcept {
    return a.state_ == b.state_ || (a.mesh() == b.mesh() && a.spec() == b.spec() && a.uneven() == b.uneven());
  }

 private:
  static constexpr std::size_t whole = ~std::size_t{0};
  struct State {
    Mesh mesh;
    PartitionSpec spec;
    Uneven uneven;
    std::vector<std::vector<std::size_t>> cuts{};  // of each dimension of the spec: the axes with more than one device
    std::vector<std::size_t> cut_by;               // of each axis: the dimension that it cuts, or `whole`

    template <OnUse = OnUse()>
    State(Mesh over, PartitionSpec by, Uneven uneven_sizes)
        : mesh(std::move(over)), spec(std::move(by)), uneven(uneven_sizes), cut_by(mesh.rank(), whole) {
      std::vector<bool> used(mesh.rank());
      for (const PartitionSpec::Entry& entry : spec.entries()) {
        std::vector<std::size_t>& cut = cuts.emplace_back();
        for (const std::string& name : entry.axes()) {
          const auto axis = mesh.find_axis(name);
          if (!axis) throw_unknown_axis(name);
          if (used[*axis])
            throw ArgumentError(
                "A single NamedSharding spec specification can map every mesh axis to at most one positional dimension, but " +
                to_string(spec) + " has duplicate entries for `" + name + "`");
          used[*axis] = true;
          if (mesh.shape()[*axis] == 1) continue;
          cut.push_back(*axis);
          cut_by[*axis] = cuts.size() - 1;
        }
      }
    }
    template <OnUse = OnUse()>
    [[noreturn]] void throw_unknown_axis(const std::string& name) const {
      std::string names;
      for (const std::string& axis : mesh.axis_names()) names += (names.empty() ? "'" : ", '") + axis + "'";
      if (mesh.rank() == 1) names += ',';
      throw ArgumentError("Resource axis: " + name + " of " + to_string(spec) + " is not found in mesh: (" + names + ").");
    }
  };

  // Along such an axis neighbours hold the same: it cuts nothing, or a dimension without elements.
  template <OnUse = OnUse()>
  bool is_free(std::size_t axis, const Shape& global) const noexcept {
    const std::size_t dimension = state_->cut_by[axis];
    return dimension == whole || global[dimension] == 0;
  }

  template <OnUse = OnUse()>
  std::size_t extent(std::size_t axis) const noexcept {
    return static_cast<std::size_t>(mesh().shape()[axis]);
  }

  // Shards that lie behind the end of an uneven dimension begin at it; the product could be too large for 63 bits.
  static Dim begin_of(Dim part, Dim shard, Dim extent) noexcept { return shard > 0 && part > extent / shard ? extent : part * shard; }

  template <OnUse = OnUse()>
  std::string text() const {
    return "NamedSharding(mesh=" + to_string(mesh()) + ", spec=" + to_string(spec()) + ")";
  }

  template <OnUse = OnUse()>
  void check_rank(std::size_t rank) const {
    if (spec().size() > rank)
      throw ArgumentError("Sharding " + text() + " is only valid for values of rank at least " + std::to_string(spec().size()) +
                          ", but was applied to a value of rank " + std::to_string(rank));
  }
  template <OnUse = OnUse()>
  [[noreturn]] void throw_indivisible(const Shape& global, const Shape& parts, std::size_t dim) const {
    std::string factors;
    for (const Dim part : parts) factors += (factors.empty() ? "" : ", ") + std::to_string(part);
    throw IndivisibleError("Sharding " + text() + " implies that array axis " + std::to_string(dim) + " is partitioned " +
                           std::to_string(parts[dim]) + " times, but the dimension size is " + std::to_string(global[dim]) +
                           " (full shape: " + to_string(global) + ", per-dimension tiling factors: [" + factors +
                           "] should evenly divide the shape); make the sharding with Uneven::clip or Uneven::pad to allow that");
  }

  std::shared_ptr<const State> state_;
};

template <OnUse = OnUse()>
inline std::string to_string(const NamedSharding& sharding) {
  return "NamedSharding(mesh=" + to_string(sharding.mesh()) + ", spec=" + to_string(sharding.spec()) + ")";
}

}  // namespace orrery::inline v0
