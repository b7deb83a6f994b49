// Devices arranged in a grid with named axes, as jax.sharding.Mesh: what arrays are cut over. A device is a place for one shard, in the
// memory of the process that owns it; a process may own several. Which shard goes where is named_sharding.hpp's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/distributed/coordinator.hpp"

namespace orrery::inline v0 {

struct MeshDevice {
  std::int64_t id = 0;  // what JAX would call it: a checkpoint's _sharding file speaks of it
  int process = 0;
  friend bool operator==(const MeshDevice&, const MeshDevice&) = default;
};

// A cheap handle that never changes. Devices are spoken of by their position in the grid, last axis fastest. Unless they are listed, the
// device at position p has the id p, and the processes own equal runs of positions in the order of their ranks; such a mesh costs the
// same memory whatever its size. ArgumentError for a grid that cannot be.
class Mesh {
 public:
  // Over the processes of `world`: the number of devices must be a multiple of theirs.
  template <OnUse = OnUse()>
  Mesh(std::shared_ptr<Coordinator> world, Shape shape, std::vector<std::string> axis_names)
      : Mesh(checked(world).rank(), checked(world).size(), std::move(shape), std::move(axis_names), std::nullopt, world) {}
  // ... of these devices, in the order of positions; not every process needs to own one.
  template <OnUse = OnUse()>
  Mesh(std::shared_ptr<Coordinator> world, std::vector<MeshDevice> devices, Shape shape, std::vector<std::string> axis_names)
      : Mesh(checked(world).rank(), checked(world).size(), std::move(shape), std::move(axis_names), std::move(devices), world) {}
  Mesh(const Mesh&) = default;  // and no move: a handle is never empty
  Mesh& operator=(const Mesh&) = default;
  ~Mesh() = default;

  // All devices in this process.
  template <OnUse = OnUse()>
  static Mesh local(Shape shape, std::vector<std::string> axis_names) {
    return Mesh(0, 1, std::move(shape), std::move(axis_names), std::nullopt, nullptr);
  }
  // As that process of so many sees it, without any communication: for plans and simulations.
  template <OnUse = OnUse()>
  static Mesh seen_by(int process, int processes, Shape shape, std::vector<std::string> axis_names,
                      std::optional<std::vector<MeshDevice>> devices = std::nullopt) {
    return Mesh(process, processes, std::move(shape), std::move(axis_names), std::move(devices), nullptr);
  }

  template <OnUse = OnUse()>
  const Shape& shape() const noexcept {
    return state_->shape;
  }
  template <OnUse = OnUse()>
  std::size_t rank() const noexcept {
    return state_->shape.size();
  }
  template <OnUse = OnUse()>
  const std::vector<std::string>& axis_names() const noexcept {
    return state_->axis_names;
  }
  template <OnUse = OnUse()>
  std::optional<std::size_t> find_axis(std::string_view name) const noexcept {
    const auto found = std::find(axis_names().begin(), axis_names().end(), name);
    if (found == axis_names().end()) return std::nullopt;
    return static_cast<std::size_t>(found - axis_names().begin());
  }

  template <OnUse = OnUse()>
  std::size_t num_devices() const noexcept {
    return state_->count;
  }
  template <OnUse = OnUse()>
  MeshDevice device(std::size_t position) const noexcept {
    if (!state_->devices.empty()) return state_->devices[position];
    return {static_cast<std::int64_t>(position), static_cast<int>(position / state_->per_process)};
  }
  // Positions of the devices that this process owns, ascending.
  template <OnUse = OnUse()>
  std::span<const std::size_t> addressable() const noexcept {
    return state_->addressable;
  }
  template <OnUse = OnUse()>
  bool is_fully_addressable() const noexcept {
    return state_->addressable.size() == state_->count;
  }
  // Where in the grid a position is.
  template <OnUse = OnUse()>
  Shape coordinates(std::size_t position) const {
    Shape at = Shape::zeros(rank());
    for (std::size_t i = rank(); i-- > 0;) {
      const auto extent = static_cast<std::size_t>(shape()[i]);
      at[i] = static_cast<Dim>(position % extent);
      position /= extent;
    }
    return at;
  }

  template <OnUse = OnUse()>
  int process() const noexcept {
    return state_->process;
  }
  template <OnUse = OnUse()>
  int processes() const noexcept {
    return state_->processes;
  }
  // Null for meshes that were made without one.
  template <OnUse = OnUse()>
  const std::shared_ptr<Coordinator>& coordinator() const noexcept {
    return state_->coordinator;
  }

  // The same grid of the same devices under the same names.
  template <OnUse = OnUse()>
  friend bool operator==(const Mesh& a, const Mesh& b) noexcept {
    if (a.state_ == b.state_) return true;
    if (a.shape() != b.shape() || a.axis_names() != b.axis_names()) return false;
    if (a.state_->devices.empty() && b.state_->devices.empty()) return a.state_->per_process == b.state_->per_process;
    for (std::size_t position = 0; position < a.num_devices(); ++position)
      if (a.device(position) != b.device(position)) return false;
    return true;
  }

 private:
  struct State {
    Shape shape{};
    std::vector<std::string> axis_names{};
    std::size_t count = 0, per_process = 1;
    std::vector<MeshDevice> devices{};  // empty: in the order of ids, equal runs for each process
    std::vector<std::size_t> addressable{};
    int process = 0, processes = 1;
    std::shared_ptr<Coordinator> coordinator{};
  };

  template <OnUse = OnUse()>
  static const Coordinator& checked(const std::shared_ptr<Coordinator>& world) {
    if (!world) throw ArgumentError("a mesh over processes needs their coordinator, this one is null; for one process use Mesh::local");
    return *world;
  }

  template <OnUse = OnUse()>
  Mesh(int process, int processes, Shape shape, std::vector<std::string> axis_names, std::optional<std::vector<MeshDevice>> devices,
       std::shared_ptr<Coordinator> coordinator) {
    State state;
    state.shape = std::move(shape);
    state.axis_names = std::move(axis_names);
    state.process = process;
    state.processes = processes;
    state.coordinator = std::move(coordinator);
    if (processes < 1 || process < 0 || process >= processes)
      throw ArgumentError("there is no process " + std::to_string(process) + " of " + std::to_string(processes));
    check_axes(state);
    state.count = static_cast<std::size_t>(*checked_count(state.shape));
    if (devices)
      list(state, std::move(*devices));
    else
      divide(state);
    state_ = std::make_shared<const State>(std::move(state));
  }

  template <OnUse = OnUse()>
  static void check_axes(const State& state) {
    if (state.shape.size() != state.axis_names.size())
      throw ArgumentError("Mesh requires the number of dimensions of its grid to equal the number of its axis names, but got " +
                          std::to_string(state.shape.size()) + " and " + std::to_string(state.axis_names.size()));
    for (std::size_t i = 0; i < state.axis_names.size(); ++i) {
      const std::string& name = state.axis_names[i];
      if (name.empty()) throw ArgumentError("a mesh axis needs a name, that of axis " + std::to_string(i) + " is empty");
      if (std::find(state.axis_names.begin(), state.axis_names.begin() + static_cast<std::ptrdiff_t>(i), name) !=
          state.axis_names.begin() + static_cast<std::ptrdiff_t>(i))
        throw ArgumentError("two axes of a mesh are called \"" + name + "\"; give each a name of its own");
      if (state.shape[i] < 1)
        throw ArgumentError("a mesh has at least one device along each axis, this one " + std::to_string(state.shape[i]) + " along \"" +
                            name + "\"");
    }
    const auto count = checked_count(state.shape);
    if (!count || *count > std::numeric_limits<std::int32_t>::max())
      throw ArgumentError("a mesh of " + to_string(state.shape) + " has too many devices; 2147483647 is the limit");
  }

  template <OnUse = OnUse()>
  static void divide(State& state) {
    const auto processes = static_cast<std::size_t>(state.processes);
    if (state.count % processes != 0)
      throw ArgumentError("a mesh of " + to_string(state.shape) + " has " + std::to_string(state.count) + " devices, which " +
                          std::to_string(processes) + " processes cannot share evenly; change the shape, or list the devices");
    state.per_process = state.count / processes;
    state.addressable.resize(state.per_process);
    for (std::size_t i = 0; i < state.per_process; ++i)
      state.addressable[i] = static_cast<std::size_t>(state.process) * state.per_process + i;
  }

  template <OnUse = OnUse()>
  static void list(State& state, std::vector<MeshDevice> devices) {
    if (devices.size() != state.count)
      throw ArgumentError("a mesh of " + to_string(state.shape) + " has " + std::to_string(state.count) + " devices, but " +
                          std::to_string(devices.size()) + " are listed");
    std::vector<std::int64_t> ids;
    for (std::size_t position = 0; position < devices.size(); ++position) {
      const MeshDevice& device = devices[position];
      if (device.process < 0 || device.process >= state.processes)
        throw ArgumentError("device " + std::to_string(device.id) + " is said to be of process " + std::to_string(device.process) +
                            ", but there are " + std::to_string(state.processes) + " processes");
      if (device.process == state.process) state.addressable.push_back(position);
      ids.push_back(device.id);
    }
    std::sort(ids.begin(), ids.end());
    if (const auto twice = std::adjacent_find(ids.begin(), ids.end()); twice != ids.end())
      throw ArgumentError("device " + std::to_string(*twice) + " is listed twice in one mesh");
    state.devices = std::move(devices);
  }

  std::shared_ptr<const State> state_{};
};

// "Mesh('x': 4, 'y': 2)": as JAX prints it.
template <OnUse = OnUse()>
inline std::string to_string(const Mesh& mesh) {
  std::string text = "Mesh(";
  for (std::size_t i = 0; i < mesh.rank(); ++i) text += (i ? ", '" : "'") + mesh.axis_names()[i] + "': " + std::to_string(mesh.shape()[i]);
  return text + ")";
}

}  // namespace orrery::inline v0
