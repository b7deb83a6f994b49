#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "orrery/core/array.hpp"
#include "orrery/core/array_box.hpp"
#include "orrery/core/copy.hpp"
#include "orrery/core/error.hpp"
#include "orrery/sharding/reshard_plan.hpp"
#include "orrery/sharding/sharded_array.hpp"

using namespace orrery;

namespace {

std::vector<ArrayBox> wanted_by(const ShardedArray<std::int32_t>& array) {
  std::vector<ArrayBox> boxes;
  for (const auto& shard : array.addressable_shards()) boxes.push_back(shard.index());
  return boxes;
}

// Does what a plan says, out of an array that stands for the store; counts how often each element is read.
void carry_out(const ReshardPlan& plan, const Array<std::int32_t>& store, Array<std::int32_t>& reads, ShardedArray<std::int32_t>& to) {
  std::uint64_t elements = 0;
  std::size_t last = 0;
  bool first = true;
  plan.for_each_stored([&](std::span<const ReshardPiece> pieces) {
    CHECK((first || pieces[0].stored > last));
    first = false;
    last = pieces[0].stored;
    for (const ReshardPiece& piece : pieces) {
      auto& shard = to.addressable_shards()[piece.wanted];
      copy(part_of(store.view(), piece.part), part_of(shard.view(), relative_to(piece.part, shard.index())));
      Array<std::int32_t> counts(AnyArray::copy_of(part_of(reads.view(), piece.part)));
      for (std::int32_t& count : counts) ++count;
      copy(counts.view(), part_of(reads.view(), piece.part));
      elements += piece.part.size();
    }
  });
  CHECK(elements == plan.elements);
  for (const auto& [later, earlier] : plan.copies) copy(to.addressable_shards()[earlier].view(), to.addressable_shards()[later].view());
}

}  // namespace

TEST_CASE("random arrays come from any chunks into any sharding of any process, and no element is read twice") {
  std::mt19937 random(11);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 300; ++round) {
    Shape shape = Shape::zeros(static_cast<std::size_t>(below(4))), chunks = shape;
    Dim count = 1;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      shape[i] = below(12);
      chunks[i] = 1 + below(5);
      count *= shape[i];
    }
    Array<std::int32_t> store = Array<std::int32_t>::arange(count);
    store.reshape(shape);
    std::vector<PartitionSpec::Entry> entries;
    const char* const axes[] = {"x", "y"};
    for (std::size_t i = 0; i < shape.size() && i < 2; ++i) entries.emplace_back(below(3) ? PartitionSpec::Entry(axes[i]) : nullptr);
    const Shape mesh{2, 1 + below(4)};
    const int processes = 1 + below(2);
    for (int process = 0; process < processes; ++process) {
      const NamedSharding sharding(Mesh::seen_by(process, processes, mesh, {"x", "y"}), PartitionSpec(entries), Uneven::pad);
      ShardedArray<std::int32_t> target(shape, sharding);
      Array<std::int32_t> reads(shape);
      carry_out(plan_from_grid(shape, chunks, wanted_by(target)), store, reads, target);
      CHECK(target == ShardedArray<std::int32_t>::borrow_whole(sharding, store.view()));
      // What is read is what is wanted.
      for (const auto& shard : target.addressable_shards()) {
        const Array<std::int32_t> all(AnyArray::copy_of(part_of(reads.view(), shard.index())));
        for (const std::int32_t times : all) REQUIRE(times == 1);
      }
      std::uint64_t read = 0;
      for (const std::int32_t times : reads) read += static_cast<std::uint64_t>(times);
      std::uint64_t wanted = 0;
      for (const auto& shard : target.addressable_shards()) {
        bool again = false;
        for (const auto& other : target.addressable_shards()) again = again || (&other < &shard && other.index() == shard.index());
        wanted += again ? 0 : shard.size();
      }
      CHECK(read == wanted);

      // The same from boxes: the shards that some other mesh had.
      const NamedSharding other(Mesh::local({3}, {"z"}), shape.empty() ? PartitionSpec{} : PartitionSpec{"z"}, Uneven::clip);
      std::vector<ArrayBox> stored;
      for (std::size_t position = 0; position < 3; ++position)
        if (other.replica_id(position, shape) == 0) stored.push_back(other.shard_index(position, shape));
      ShardedArray<std::int32_t> again(shape, sharding);
      Array<std::int32_t> second(shape);
      carry_out(plan_from_boxes(stored, wanted_by(again)), store, second, again);
      CHECK(again == target);
      CHECK(second == reads);
    }
  }
}

TEST_CASE("pieces say which part of which chunk goes into which box") {
  const std::vector<ArrayBox> wanted{{{0, 0}, {4, 3}}, {{0, 3}, {4, 3}}, {{0, 0}, {4, 3}}};
  const ReshardPlan plan = plan_from_grid({4, 6}, {4, 4}, wanted);
  REQUIRE(plan.pieces.size() == 3);
  CHECK(plan.pieces[0] == ReshardPiece{0, 0, {{0, 0}, {4, 3}}});
  CHECK(plan.pieces[1] == ReshardPiece{0, 1, {{0, 3}, {4, 1}}});
  CHECK(plan.pieces[2] == ReshardPiece{1, 1, {{0, 4}, {4, 2}}});
  CHECK(plan.copies == std::vector<std::pair<std::size_t, std::size_t>>{{2, 0}});
  CHECK(plan.elements == 24);
}

TEST_CASE("what is wanted beyond what is stored has no pieces") {
  const std::vector<ArrayBox> wanted{{{0}, {5}}, {{5}, {5}}, {{10}, {5}}};
  const ReshardPlan plan = plan_from_grid({7}, {7}, wanted);
  REQUIRE(plan.pieces.size() == 2);
  CHECK(plan.pieces[1].part == ArrayBox{{5}, {2}});
  CHECK(plan.elements == 7);
}

TEST_CASE("chunks and boxes that cannot be are refused") {
  const std::vector<ArrayBox> wanted{{{0}, {5}}};
  CHECK_THROWS_AS(plan_from_grid({5}, {0}, wanted), ArgumentError);
  CHECK_THROWS_AS(plan_from_grid({5}, {5, 5}, wanted), ArgumentError);
  CHECK_THROWS_AS(plan_from_grid({5, 5}, {5, 5}, wanted), ArgumentError);
  const std::vector<ArrayBox> odd{{{-1}, {5}}};
  CHECK_THROWS_AS(plan_from_grid({5}, {5}, odd), ArgumentError);
  CHECK_THROWS_AS(plan_from_boxes(wanted, odd), ArgumentError);
  const Dim huge = Dim{1} << 40;
  CHECK_THROWS_AS(plan_from_grid({huge, huge}, {1, 1}, {}), ArgumentError);
}
