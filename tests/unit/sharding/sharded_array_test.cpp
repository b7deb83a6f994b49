#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "orrery/core/array.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/float_types.hpp"
#include "orrery/sharding/sharded_array.hpp"

using namespace orrery;

namespace {

// The guide's: arange over the whole array, shard by shard.
void fill(const ArrayBox& index, const Shape& shape, std::int32_t* data) {
  for (Dim row = 0; row < index.extents[0]; ++row)
    for (Dim column = 0; column < index.extents[1]; ++column)
      *data++ = static_cast<std::int32_t>((index.origin[0] + row) * shape[1] + index.origin[1] + column);
}

ShardedArray<std::int32_t> arange(const Shape& shape, const NamedSharding& sharding) {
  ShardedArray<std::int32_t> array(shape, sharding);
  for (auto& shard : array.addressable_shards()) fill(shard.index(), shape, shard.data());
  return array;
}

Array<std::int32_t> whole(const Shape& shape) {
  Array<std::int32_t> array = Array<std::int32_t>::arange(*checked_count(shape));
  array.reshape(shape);
  return array;
}

}  // namespace

TEST_CASE("the guide's array has eight shards, filled through their indexes") {
  const ShardedArray<std::int32_t> array = arange({8, 2}, NamedSharding(Mesh::local({4, 2}, {"x", "y"}), {"x", "y"}));
  REQUIRE(array.addressable_shards().size() == 8);
  CHECK(array.shape() == Shape{8, 2});
  CHECK(array.dtype() == DType::int32);
  const Shard<std::int32_t>& shard = array.addressable_shards()[3];
  CHECK(shard.index() == ArrayBox{{2, 1}, {2, 1}});
  CHECK(shard.device() == MeshDevice{3, 0});
  CHECK(shard.values()[0] == 5);
  CHECK(shard.at({1, 0}) == 7);
  CHECK_THROWS_AS(shard.at({2, 0}), ArgumentError);
  CHECK(array.to_array() == whole({8, 2}));
}

TEST_CASE("shards of its own begin as zeros, aligned and apart, replicas too") {
  ShardedArray<float> array({3, 4}, NamedSharding(Mesh::local({2, 2}, {"x", "y"}), {nullptr, "y"}));
  float next = 1;
  for (auto& shard : array.addressable_shards()) {
    CHECK(reinterpret_cast<std::uintptr_t>(shard.data()) % Memory::alignment == 0);
    CHECK(shard.values().size() == 6);
    for (float& value : shard.values()) {
      CHECK(value == 0);
      value = next++;
    }
  }
  next = 1;
  for (const auto& shard : array.addressable_shards())
    for (const float value : shard.values()) CHECK(value == next++);
  CHECK(array.addressable_shards()[1].replica_id() == 0);
  CHECK(array.addressable_shards()[3].replica_id() == 1);
  CHECK(array.addressable_shards()[3].index() == array.addressable_shards()[1].index());
}

TEST_CASE("a process has its own shards only") {
  const Mesh mesh = Mesh::seen_by(1, 2, {2, 2}, {"x", "y"});
  ShardedArray<double> array({4, 6}, NamedSharding(mesh, {"x", "y"}));
  REQUIRE(array.addressable_shards().size() == 2);
  CHECK(array.addressable_shards()[0].index() == ArrayBox{{2, 0}, {2, 3}});
  CHECK_FALSE(array.is_fully_addressable());
  CHECK_THROWS_AS(array.to_array(), ArgumentError);
  const ShardedArray<double> none({4, 6}, NamedSharding(Mesh::seen_by(2, 3, {1}, {"x"}, std::vector<MeshDevice>{{0, 0}}), {"x"}));
  CHECK(none.addressable_shards().empty());
}

TEST_CASE("borrowed shards are the program's own memory, dense or strided") {
  const NamedSharding sharding(Mesh::local({2}, {"x"}), {"x"});
  std::array<std::int32_t, 3> first{0, 1, 2}, second{3, 4, 5};
  const std::array<std::int32_t*, 2> pointers{first.data(), second.data()};
  ShardedArray<std::int32_t> array = ShardedArray<std::int32_t>::borrow({6}, sharding, std::span<std::int32_t* const>(pointers));
  CHECK(array.is_borrowed());
  CHECK(array.addressable_shards()[1].data() == second.data());
  CHECK(array.view().shards[0].array.data == first.data());
  array.addressable_shards()[1].values()[2] = 50;
  CHECK(second[2] == 50);

  ShardedArray<std::int32_t> copied = array;
  CHECK_FALSE(copied.is_borrowed());
  CHECK(copied == array);
  second[0] = 9;
  CHECK(copied.addressable_shards()[1].values()[0] == 3);
  CHECK_FALSE(copied == array);
  const ShardedArray<std::int32_t> moved = std::move(array);
  CHECK(moved.is_borrowed());
  CHECK(moved.addressable_shards()[0].data() == first.data());

  Array<std::int32_t> columns = whole({3, 4});
  const ArrayView all = columns.view();
  const std::array<ArrayView, 2> views{part_of(all, {{0, 0}, {3, 2}}), part_of(all, {{0, 2}, {3, 2}})};
  const NamedSharding by_columns(sharding.mesh(), {nullptr, "x"});
  auto strided = ShardedArray<std::int32_t>::borrow({3, 4}, by_columns, std::span<const ArrayView>(views));
  CHECK(strided.to_array() == columns);
  CHECK(strided.addressable_shards()[1].at({2, 1}) == 11);
  CHECK_THROWS_AS(strided.addressable_shards()[1].values(), ArgumentError);
  CHECK(strided == ShardedArray<std::int32_t>::borrow_whole(by_columns, all));

  CHECK_THROWS_AS(ShardedArray<std::int32_t>::borrow({4, 3}, by_columns, std::span<const ArrayView>(views)), ArgumentError);
  CHECK_THROWS_AS(ShardedArray<float>::borrow({3, 4}, by_columns, std::span<const ArrayView>(views)), ArgumentError);
  CHECK_THROWS_WITH_AS(ShardedArray<std::int32_t>::borrow({6}, sharding, std::span<std::int32_t* const>(pointers.data(), 1)),
                       "this process has 2 devices of the mesh, but memory is given for 1 shards", ArgumentError);
}

TEST_CASE("a whole array can be lent to any sharding") {
  const Array<std::int32_t> all = whole({6, 4});
  const Mesh mesh = Mesh::local({2, 2, 2}, {"x", "y", "z"});
  for (const PartitionSpec& spec : {PartitionSpec{}, PartitionSpec{"x", "y"}, PartitionSpec{nullptr, {"z", "x"}}, PartitionSpec{"z"}}) {
    const auto lent = ShardedArray<std::int32_t>::borrow_whole(NamedSharding(mesh, spec), all.view());
    CHECK(lent.to_array() == all);
    CHECK(ShardedArray<std::int32_t>(lent).to_array() == all);
    CHECK(arange({6, 4}, lent.sharding()) == lent);
  }
}

TEST_CASE("resizing takes the new global shape under the same sharding") {
  const NamedSharding sharding(Mesh::local({4, 2}, {"x", "y"}), {"x", "y"});
  ShardedArray<std::int32_t> array({4, 2}, sharding);
  array.resize({8, 2});
  CHECK(array.shape() == Shape{8, 2});
  CHECK(array.addressable_shards()[7].index() == ArrayBox{{6, 1}, {2, 1}});
  CHECK_THROWS_AS(array.resize({9, 2}), IndivisibleError);
  CHECK(array.shape() == Shape{8, 2});
  CHECK(array.addressable_shards().size() == 8);

  const Array<std::int32_t> all = whole({4, 2});
  auto lent = ShardedArray<std::int32_t>::borrow_whole(sharding, all.view());
  CHECK_THROWS_WITH_AS(lent.resize({8, 2}), doctest::Contains("shards are borrowed cannot take the shape (8, 2)"), ArgumentError);
  lent.resize({4, 2});
  CHECK(lent.is_borrowed());
}

TEST_CASE("uneven shards are smaller, or lie in memory for a full one") {
  const Mesh mesh = Mesh::local({4}, {"x"});
  for (const Uneven uneven : {Uneven::clip, Uneven::pad}) {
    const auto array = arange({3, 5}, NamedSharding(mesh, {"x"}, uneven));
    CHECK(array.to_array() == whole({3, 5}));
    CHECK(array.addressable_shards()[3].size() == 0);
    const NamedSharding by_columns(mesh, {nullptr, "x"}, uneven);
    ShardedArray<std::int32_t> columns({3, 5}, by_columns);
    CHECK(columns.addressable_shards()[2].index() == ArrayBox{{0, 4}, {3, 1}});
    CHECK(columns.addressable_shards()[2].view().strides[0] == (uneven == Uneven::pad ? 8 : 4));
  }
  CHECK_THROWS_AS((ShardedArray<float>({3}, NamedSharding(mesh, {"x"}))), IndivisibleError);
}

TEST_CASE("arrays without elements, without dimensions and without a mesh") {
  const Mesh mesh = Mesh::local({2}, {"x"});
  const ShardedArray<float> empty({0, 3}, NamedSharding(mesh, {"x"}));
  CHECK(empty.addressable_shards().size() == 2);
  CHECK(empty.addressable_shards()[1].replica_id() == 1);
  CHECK(empty.to_array().size() == 0);
  ShardedArray<bfloat16> scalar({}, NamedSharding(mesh, {}));
  scalar.addressable_shards()[0].at({}) = bfloat16(2.0f);
  CHECK(scalar.to_array().size() == 1);
  ShardedArray<float> one;
  CHECK(one.shape() == Shape{0});
  one.resize({2, 2});
  CHECK(one.addressable_shards().size() == 1);
  CHECK(one.addressable_shards()[0].index() == ArrayBox{{0, 0}, {2, 2}});
  ShardedArray<float> taken = std::move(one);
  CHECK(taken.shape() == Shape{2, 2});
  one = taken;
  CHECK(one == taken);
  CHECK_THROWS_AS((ShardedArray<float>({Dim{1} << 40, Dim{1} << 40}, NamedSharding(mesh, {"x"}))), ArgumentError);
}
