#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "orrery/core/array.hpp"
#include "orrery/core/array_box.hpp"
#include "orrery/sharding/replica_parallel.hpp"
#include "orrery/sharding/sharded_array.hpp"

using namespace orrery;

namespace {

constexpr ReplicaParallel always{.min_slice_bytes = 1};

struct Case {
  NamedSharding sharding;
  Shape shape;
};

Case random_case(std::mt19937& random) {
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  Shape mesh = Shape::zeros(static_cast<std::size_t>(1 + below(3)));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < mesh.size(); ++i) {
    mesh[i] = 1 + below(4);
    names.push_back(std::string(1, static_cast<char>('a' + static_cast<int>(i))));
  }
  std::vector<std::string> free = names;
  std::shuffle(free.begin(), free.end(), random);
  Shape shape = Shape::zeros(static_cast<std::size_t>(below(4)));
  std::vector<PartitionSpec::Entry> entries;
  for (Dim& extent : shape) {
    std::vector<std::string> axes;
    while (!free.empty() && below(3) == 0) {
      axes.push_back(free.back());
      free.pop_back();
    }
    entries.emplace_back(std::move(axes));
    extent = below(13);
  }
  const Uneven uneven = below(2) == 0 ? Uneven::clip : Uneven::pad;
  return {NamedSharding(Mesh::local(mesh, std::move(names)), PartitionSpec(std::move(entries)), uneven), shape};
}

}  // namespace

TEST_CASE("every element is written once, by a device that has it, within one cell of the write shape's grid") {
  std::mt19937 random(7);
  for (int round = 0; round < 400; ++round) {
    const auto [sharding, shape] = random_case(random);
    const WriteLayout layout = write_layout(sharding, shape, 4, round % 3 == 0 ? ReplicaParallel{.min_slice_bytes = 16} : always);
    Array<std::int32_t> written(shape);
    for (std::size_t position = 0; position < sharding.num_devices(); ++position) {
      const auto part = written_by(position, layout, sharding, shape, static_cast<std::size_t>(round));
      if (!part) continue;
      REQUIRE(intersection(*part, sharding.shard_index(position, shape)) == *part);
      for (std::size_t i = 0; i < shape.size(); ++i) {
        CHECK(part->origin[i] % layout.write_shape[i] == 0);
        CHECK(part->extents[i] == std::min(layout.write_shape[i], shape[i] - part->origin[i]));
      }
      const ArrayView to = part_of(written.view(), *part);
      Array<std::int32_t> counts(AnyArray::copy_of(to));
      for (std::int32_t& count : counts) ++count;
      copy(counts.view(), to);
    }
    for (const std::int32_t count : written) REQUIRE(count == 1);
  }
}

TEST_CASE("replicas share a shard evenly along its first axis that allows it") {
  const NamedSharding replicated(Mesh::local({4, 2}, {"x", "y"}), {});
  WriteLayout layout = write_layout(replicated, {6, 16}, 4, always);
  CHECK(layout.write_shape == Shape{6, 2});
  CHECK(layout.axis == 1);
  CHECK(layout.slices == 8);
  CHECK(*written_by(3, layout, replicated, {6, 16}) == ArrayBox{{0, 6}, {6, 2}});

  const NamedSharding by_x(replicated.mesh(), {"x"});
  layout = write_layout(by_x, {16, 3}, 4, always);
  CHECK(layout.write_shape == Shape{2, 3});
  CHECK(*written_by(5, layout, by_x, {16, 3}) == ArrayBox{{10, 0}, {2, 3}});

  layout = write_layout(replicated, {6, 9}, 4, always);  // eight do not divide it, six do
  CHECK(layout.slices == 6);
  CHECK_FALSE(written_by(7, layout, replicated, {6, 9}));
  layout = write_layout(replicated, {16, 16}, 4, {.min_slice_bytes = 1, .max_replicas = 2});
  CHECK(layout.write_shape == Shape{8, 16});
  CHECK(write_layout(replicated, {16, 16}, 4, {.min_slice_bytes = 256}).slices == 4);
  CHECK(write_layout(replicated, {16, 16}, 4).slices == 1);
}

TEST_CASE("an array without elements is written by nobody") {
  const NamedSharding sharding(Mesh::local({2}, {"x"}), {"x"});
  const WriteLayout layout = write_layout(sharding, {0, 4}, 4, always);
  for (std::size_t position = 0; position < 2; ++position) CHECK_FALSE(written_by(position, layout, sharding, {0, 4}));
}
