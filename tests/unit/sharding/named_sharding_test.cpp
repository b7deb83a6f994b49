#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "orrery/core/array_box.hpp"
#include "orrery/core/error.hpp"
#include "orrery/distributed/single_process.hpp"
#include "orrery/distributed/thread_coordinator.hpp"
#include "orrery/sharding/mesh.hpp"
#include "orrery/sharding/named_sharding.hpp"
#include "orrery/sharding/partition_spec.hpp"

using namespace orrery;

TEST_CASE("a PartitionSpec is written as in Python and printed as JAX prints it") {
  CHECK(to_string(PartitionSpec{}) == "PartitionSpec()");
  CHECK(to_string(PartitionSpec{"x"}) == "PartitionSpec('x',)");
  CHECK(to_string(PartitionSpec{"x", "y"}) == "PartitionSpec('x', 'y')");
  CHECK(to_string(PartitionSpec({"x", "y"})) == "PartitionSpec('x', 'y')");
  CHECK(to_string(PartitionSpec{{"x", "y"}, nullptr}) == "PartitionSpec(('x', 'y'), None)");
  CHECK(to_string(PartitionSpec{std::nullopt, {}, {"x", "y", "z"}}) == "PartitionSpec(None, None, ('x', 'y', 'z'))");
  CHECK(to_string(PartitionSpec{std::string("x"), {"y"}}) == "PartitionSpec('x', 'y')");
  CHECK(PartitionSpec{"x"} == PartitionSpec{{"x"}});
  CHECK(PartitionSpec{"x", nullptr}.size() == 2);
  CHECK(PartitionSpec{nullptr}[0].is_none());
}

TEST_CASE("the guide's array: eight shards of (2, 1) over a mesh of 4 by 2") {
  const Mesh mesh = Mesh::local({4, 2}, {"x", "y"});
  const NamedSharding sharding(mesh, {"x", "y"});
  CHECK(sharding.num_devices() == 8);
  CHECK(sharding.is_fully_addressable());
  CHECK_FALSE(sharding.is_fully_replicated());
  CHECK(sharding.shard_shape({8, 2}) == Shape{2, 1});
  CHECK(sharding.partitions(3) == Shape{4, 2, 1});
  const auto map = sharding.devices_indices_map({8, 2});
  REQUIRE(map.size() == 8);
  CHECK(map[3] == std::pair{MeshDevice{3, 0}, ArrayBox{{2, 1}, {2, 1}}});
  CHECK(to_string(sharding) == "NamedSharding(mesh=Mesh('x': 4, 'y': 2), spec=PartitionSpec('x', 'y'))");
}

TEST_CASE("a tuple of axes cuts one dimension, the first axis slowest; axes that cut nothing make replicas") {
  const Mesh mesh = Mesh::local({2, 3, 2}, {"a", "b", "c"});
  const NamedSharding sharding(mesh, {{"c", "a"}});
  const Shape shape{8, 5};
  CHECK(sharding.shard_shape(shape) == Shape{2, 5});
  CHECK(sharding.replica_count(shape) == 3);
  const std::size_t position = 1 * 6 + 2 * 2 + 1;  // a = 1, b = 2, c = 1
  CHECK(mesh.coordinates(position) == Shape{1, 2, 1});
  CHECK(sharding.shard_index(position, shape) == ArrayBox{{6, 0}, {2, 5}});
  CHECK(sharding.replica_id(position, shape) == 2);
  CHECK(sharding.replica_position(position, 0, shape) == 1 * 6 + 1);
}

TEST_CASE("a replicated array is everywhere whole") {
  const NamedSharding sharding(Mesh::local({2, 2}, {"x", "y"}), {});
  CHECK(sharding.is_fully_replicated());
  for (std::size_t position = 0; position < 4; ++position) {
    CHECK(sharding.shard_index(position, {3}) == ArrayBox{{0}, {3}});
    CHECK(sharding.replica_id(position, {3}) == position);
  }
  CHECK(sharding.shard_shape({}) == Shape{});
  CHECK(NamedSharding(Mesh::local({}, {}), {}).num_devices() == 1);
}

TEST_CASE("sizes that do not divide are refused in JAX's words, or cut where that is asked") {
  const Mesh mesh = Mesh::local({4, 2}, {"x", "y"});
  CHECK_THROWS_WITH_AS(
      NamedSharding(mesh, {"x", "y"}).shard_shape({7, 3}),
      doctest::Contains("Sharding NamedSharding(mesh=Mesh('x': 4, 'y': 2), spec=PartitionSpec('x', 'y')) implies that array axis "
                        "0 is partitioned 4 times, but the dimension size is 7 (full shape: (7, 3), per-dimension tiling "
                        "factors: [4, 2] should evenly divide the shape)"),
      IndivisibleError);
  const NamedSharding clipped(mesh, {"x", "y"}, Uneven::clip);
  CHECK(clipped.shard_shape({7, 3}) == Shape{2, 2});
  CHECK(clipped.shard_index(7, {7, 3}) == ArrayBox{{6, 2}, {1, 1}});
  CHECK(clipped.shard_index(7, {5, 2}) == ArrayBox{{5, 1}, {0, 1}});
  CHECK(clipped.shard_index(7, {1, 2}) == ArrayBox{{1, 1}, {0, 1}});
  const Dim huge = INT64_MAX;
  CHECK(clipped.shard_index(7, {huge, 2}).origin[0] + clipped.shard_index(7, {huge, 2}).extents[0] == huge);
}

TEST_CASE("every element of an uneven array is in one shard") {
  const Mesh mesh = Mesh::local({5}, {"x"});
  for (Dim extent = 0; extent < 23; ++extent) {
    const NamedSharding sharding(mesh, {"x"}, Uneven::pad);
    Dim next = 0;
    for (std::size_t position = 0; position < 5; ++position) {
      const ArrayBox box = sharding.shard_index(position, {extent});
      CHECK(box.origin[0] == next);
      CHECK(box.extents[0] <= sharding.shard_shape({extent})[0]);
      next += box.extents[0];
    }
    CHECK(next == extent);
  }
}

TEST_CASE("specs that do not fit the mesh or the array are refused") {
  const Mesh mesh = Mesh::local({4, 2}, {"x", "y"});
  CHECK_THROWS_WITH_AS(NamedSharding(mesh, {"z"}), "Resource axis: z of PartitionSpec('z',) is not found in mesh: ('x', 'y').",
                       ArgumentError);
  CHECK_THROWS_WITH_AS(NamedSharding(mesh, {"x", "x"}), doctest::Contains("has duplicate entries for `x`"), ArgumentError);
  CHECK_THROWS_WITH_AS(NamedSharding(mesh, {{"y", "y"}}), doctest::Contains("has duplicate entries for `y`"), ArgumentError);
  CHECK_THROWS_WITH_AS(NamedSharding(mesh, {"x", nullptr}).shard_shape({8}),
                       doctest::Contains("is only valid for values of rank at least 2, but was applied to a value of rank 1"),
                       ArgumentError);
  CHECK_THROWS_AS(NamedSharding(mesh, {"x"}).shard_shape({-4}), ArgumentError);
}

TEST_CASE("meshes that cannot be are refused") {
  CHECK_THROWS_AS(Mesh::local({4, 2}, {"x"}), ArgumentError);
  CHECK_THROWS_WITH_AS(Mesh::local({4, 2}, {"x", "x"}), doctest::Contains("two axes of a mesh are called \"x\""), ArgumentError);
  CHECK_THROWS_AS(Mesh::local({4, 2}, {"x", ""}), ArgumentError);
  CHECK_THROWS_AS(Mesh::local({4, 0}, {"x", "y"}), ArgumentError);
  CHECK_THROWS_AS(Mesh::local({Dim{1} << 40, Dim{1} << 40}, {"x", "y"}), ArgumentError);
  CHECK_THROWS_AS(Mesh::local({Dim{1} << 20, Dim{1} << 20}, {"x", "y"}), ArgumentError);
  CHECK_THROWS_WITH_AS(Mesh::seen_by(0, 3, {4, 2}, {"x", "y"}), doctest::Contains("8 devices, which 3 processes cannot share evenly"),
                       ArgumentError);
  CHECK_THROWS_AS(Mesh::seen_by(3, 3, {3}, {"x"}), ArgumentError);
  CHECK_THROWS_AS(Mesh(nullptr, {3}, {"x"}), ArgumentError);
  using Devices = std::vector<MeshDevice>;
  CHECK_THROWS_WITH_AS(Mesh::seen_by(0, 2, {2}, {"x"}, Devices{{5, 0}, {5, 1}}), "device 5 is listed twice in one mesh", ArgumentError);
  CHECK_THROWS_AS(Mesh::seen_by(0, 2, {2}, {"x"}, Devices{{5, 0}}), ArgumentError);
  CHECK_THROWS_AS(Mesh::seen_by(0, 2, {2}, {"x"}, Devices{{5, 0}, {6, 2}}), ArgumentError);
}

TEST_CASE("processes own equal runs of devices, or those that are listed") {
  for (int process = 0; process < 2; ++process) {
    const Mesh mesh = Mesh::seen_by(process, 2, {4, 2}, {"x", "y"});
    CHECK(std::vector<std::size_t>(mesh.addressable().begin(), mesh.addressable().end()) ==
          (process == 0 ? std::vector<std::size_t>{0, 1, 2, 3} : std::vector<std::size_t>{4, 5, 6, 7}));
    CHECK(mesh.device(5) == MeshDevice{5, 1});
    CHECK_FALSE(mesh.is_fully_addressable());
    const auto mine = NamedSharding(mesh, {"y", "x"}).addressable_devices_indices_map({2, 4});
    REQUIRE(mine.size() == 4);
    CHECK(mine[1] == std::pair{MeshDevice{process * 4 + 1, process}, ArrayBox{{1, process * 2}, {1, 1}}});
  }
  const std::vector<MeshDevice> listed{{7, 1}, {0, 0}, {3, 1}};
  const Mesh mesh = Mesh::seen_by(1, 4, {3}, {"x"}, listed);
  CHECK(std::vector<std::size_t>(mesh.addressable().begin(), mesh.addressable().end()) == std::vector<std::size_t>{0, 2});
  CHECK(Mesh::seen_by(3, 4, {3}, {"x"}, listed).addressable().empty());
}

TEST_CASE("a mesh over a coordinator is the same in every rank, each with its own devices") {
  for (const auto& world : thread_coordinators(4)) {
    const Mesh mesh(world, {4, 2}, {"x", "y"});
    CHECK(mesh.process() == world->rank());
    CHECK(mesh.processes() == 4);
    CHECK(mesh.coordinator() == world);
    CHECK(mesh.addressable().front() == static_cast<std::size_t>(world->rank()) * 2);
    CHECK(mesh == Mesh::seen_by(0, 4, {4, 2}, {"x", "y"}));
    CHECK_FALSE(mesh == Mesh::local({4, 2}, {"x", "y"}));
    CHECK_FALSE(mesh == Mesh::seen_by(0, 4, {4, 2}, {"x", "z"}));
  }
  CHECK(Mesh(single_process(), {2}, {"x"}) == Mesh::local({2}, {"x"}));
  CHECK(Mesh::local({2}, {"x"}).coordinator() == nullptr);
  CHECK(Mesh::local({2}, {"x"}) == Mesh::seen_by(0, 1, {2}, {"x"}, std::vector<MeshDevice>{{0, 0}, {1, 0}}));
}
