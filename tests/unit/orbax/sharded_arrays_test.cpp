// Arrays that lie in several places, written and read as they lie: one process that holds all shards of a mesh.
#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "orrery/checkpoint.hpp"
#include "orrery/flax.hpp"
#include "orrery/sharding.hpp"
#include "storage/scratch.hpp"

namespace {

using namespace orrery;
using storage_test::ScratchDirectory;
using Model = std::map<std::string, ShardedArray<std::int32_t>>;
using Whole = std::map<std::string, Array<std::int32_t>>;

const PyTreeCheckpointer checkpointer;
SaveOptions quick(SaveOptions options = {}) {
  options.durability = Durability::fast;
  return options;
}

Array<std::int32_t> counted(Shape shape) {
  Array<std::int32_t> array(std::move(shape));
  std::iota(array.data(), array.data() + array.size(), 1);
  return array;
}

void fill(ShardedArray<std::int32_t>& array) {
  const Array<std::int32_t> whole = counted(array.shape());
  for (auto& shard : array.addressable_shards())
    if (shard.size()) copy(part_of(whole.view(), shard.index()), shard.view());
}

ShardedArray<std::int32_t> filled(Shape shape, const NamedSharding& sharding) {
  ShardedArray<std::int32_t> array(std::move(shape), sharding);
  fill(array);
  return array;
}

const Mesh mesh = Mesh::local({4, 2}, {"x", "y"});

TEST_CASE("a compressed chunk that several parts want some of is read once") {
  ScratchDirectory scratch;
  const PartitionSpec specs[] = {{"x"}, {"x", "y"}, {{"x", "y"}}, {"y", "x"}, {nullptr, "x"}};
  for (const std::uint64_t chunk_bytes : {512u, 320u, 64u})
    for (const bool cast : {false, true}) {
      storage::remove_tree(scratch / "item");
      const Whole whole{{"model", counted({8, 16})}};
      checkpointer.save(scratch / "item", whole,
                        quick({.use_ocdbt = false, .compression = Compression::zstd(), .chunk_byte_size = chunk_bytes}));
      for (const PartitionSpec& spec : specs) {
        INFO(to_string(spec) << " " << chunk_bytes << (cast ? " cast" : ""));
        Model same;
        std::map<std::string, ShardedArray<std::int64_t>> wider;
        storage_test::TestHook hook;
        {
          const storage::ScopedFileSystemHook scope(hook);
          if (cast) {
            wider.emplace("model", ShardedArray<std::int64_t>({8, 16}, NamedSharding(mesh, spec)));
            checkpointer.restore_into(scratch / "item", wider, {.cast = true});
          } else {
            same.emplace("model", ShardedArray<std::int32_t>({8, 16}, NamedSharding(mesh, spec)));
            checkpointer.restore_into(scratch / "item", same);
          }
        }
        std::map<std::string, std::size_t> reads;
        for (const auto& seen : hook.seen)
          if (seen.operation == storage::FileOperation::read && seen.path.find("/model/") != std::string::npos &&
              !seen.path.ends_with(".zarray"))
            ++reads[seen.path];
        CHECK(!reads.empty());
        for (const auto& [path, count] : reads) CHECK_MESSAGE(count == 1, path);
        if (cast) {
          for (auto& shard : wider.at("model").addressable_shards()) {
            Array<std::int64_t> expected(shard.index().extents);
            cast_copy(part_of(counted({8, 16}).view(), shard.index()), expected.view());
            Array<std::int64_t> found(shard.index().extents);
            copy(shard.view(), found.view());
            CHECK(found == expected);
          }
        } else {
          CHECK(same.at("model") == filled({8, 16}, NamedSharding(mesh, spec)));
        }
      }
    }
}

TEST_CASE("what the shards of a mesh hold is one array to who has none") {
  ScratchDirectory scratch;
  const PartitionSpec specs[] = {{}, {"x"}, {"x", "y"}, {nullptr, "x"}, {{"x", "y"}}, {"y", "x"}};
  for (const PartitionSpec& spec : specs)
    for (const SaveOptions& options : {quick(), quick({.use_ocdbt = false}), quick({.use_zarr3 = true}), quick({.chunk_byte_size = 32}),
                                       quick({.compression = Compression::zstd()}), quick({.checksums = false})}) {
      INFO(to_string(spec));
      Model model;
      model.emplace("model", filled({8, 16}, NamedSharding(mesh, spec)));
      storage::remove_tree(scratch / "item");
      checkpointer.save(scratch / "item", model, options);
      CHECK(checkpointer.restore<Whole>(scratch / "item").at("model") == counted({8, 16}));
    }
}

TEST_CASE("a sharding of the target decides what is read, whatever the array was cut into") {
  ScratchDirectory scratch;
  const PartitionSpec specs[] = {{}, {"x"}, {"x", "y"}, {nullptr, "x"}, {{"x", "y"}}, {"y", "x"}};
  for (const PartitionSpec& from : specs)
    for (const SaveOptions& options : {quick(), quick({.use_zarr3 = true}), quick({.compression = Compression::zstd()})}) {
      Model model;
      model.emplace("model", filled({8, 16}, NamedSharding(mesh, from)));
      storage::remove_tree(scratch / "item");
      checkpointer.save(scratch / "item", model, options);
      for (const PartitionSpec& to : specs) {
        INFO(to_string(from), " to ", to_string(to));
        Model target;
        target.emplace("model", ShardedArray<std::int32_t>({8, 16}, NamedSharding(mesh, to)));
        checkpointer.restore_into(scratch / "item", target);
        CHECK(target.at("model") == filled({8, 16}, NamedSharding(mesh, to)));
      }
    }
}

TEST_CASE("a target takes the stored shape, and says so before anything is touched where its sharding cannot cut it") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "item", Whole{{"model", counted({8, 4})}}, quick());
  Model target;
  target.emplace("model", ShardedArray<std::int32_t>({4, 2}, NamedSharding(mesh, {"x", "y"})));
  checkpointer.restore_into(scratch / "item", target);
  CHECK(target.at("model") == filled({8, 4}, NamedSharding(mesh, {"x", "y"})));

  checkpointer.save(scratch / "odd", Whole{{"model", counted({7, 4})}}, quick());
  CHECK_THROWS_AS(checkpointer.restore_into(scratch / "odd", target), ShapeError);
  CHECK(target.at("model").shape() == Shape{8, 4});
}

TEST_CASE("uneven shards are padded to whole chunks in the file, and come back as they were") {
  ScratchDirectory scratch;
  for (const Uneven uneven : {Uneven::clip, Uneven::pad})
    for (const SaveOptions& options : {quick(), quick({.compression = Compression::zstd()})}) {
      const NamedSharding sharding(mesh, {"x", "y"}, uneven);
      Model model;
      model.emplace("model", filled({7, 5}, sharding));
      storage::remove_tree(scratch / "item");
      checkpointer.save(scratch / "item", model, options);
      CHECK(checkpointer.restore<Whole>(scratch / "item").at("model") == counted({7, 5}));
      Model target;
      target.emplace("model", ShardedArray<std::int32_t>({7, 5}, sharding));
      checkpointer.restore_into(scratch / "item", target);
      CHECK(target.at("model") == model.at("model"));
    }
}

TEST_CASE("only the bytes of the wanted boxes are read, and what several devices want once") {
  ScratchDirectory scratch;
  constexpr Dim rows = 32, columns = 65536;  // rows in quarters of 64 KiB: gaps below 16 KiB are read along
  checkpointer.save(scratch / "item", Whole{{"model", counted({rows, columns})}}, quick());
  const Mesh one_of_four = Mesh::seen_by(1, 4, {4, 2}, {"x", "y"});
  Model target;
  target.emplace("model", ShardedArray<std::int32_t>({rows, columns}, NamedSharding(one_of_four, {nullptr, "x"})));
  storage_test::TestHook hook;
  {
    const storage::ScopedFileSystemHook scope(hook);
    checkpointer.restore_into(scratch / "item", target);
  }
  std::size_t bytes = 0;
  for (const auto& seen : hook.seen)
    if (seen.operation == storage::FileOperation::read) bytes += seen.bytes;
  CHECK(bytes >= rows * columns);  // a quarter of four bytes an element
  CHECK(bytes <= rows * columns + 8192);
  CHECK(target.at("model") == filled({rows, columns}, NamedSharding(one_of_four, {nullptr, "x"})));
}

TEST_CASE("a whole part of a stored array is verified") {
  ScratchDirectory scratch;
  Model model;
  model.emplace("model", filled({8, 16}, NamedSharding(mesh, {"x"})));
  checkpointer.save(scratch / "item", model, quick({.use_ocdbt = false}));
  const std::string file = scratch / "item/model/2.0";
  std::string bytes = storage::read_file(file, 4096);
  bytes[5] = static_cast<char>(bytes[5] ^ 1);
  storage::write_file(file, bytes);
  CHECK_THROWS_AS(checkpointer.restore_into(scratch / "item", model), DataLossError);
}

TEST_CASE("a copied snapshot is of the moment of its save, shards included") {
  ScratchDirectory scratch;
  for (const PartitionSpec& spec : {PartitionSpec{}, PartitionSpec{"x", "y"}}) {
    Model model;
    model.emplace("model", filled({8, 16}, NamedSharding(mesh, spec)));
    AsyncCheckpointer async;
    async.save(scratch / "item", model, quick({.force = true}));
    for (auto& shard : model.at("model").addressable_shards()) std::fill_n(shard.data(), shard.size(), -1);
    async.wait_until_finished();
    CHECK(checkpointer.restore<Whole>(scratch / "item").at("model") == counted({8, 16}));
  }
}

TEST_CASE("sharded arrays have a cast, other dtypes to come from, and no place in a single file") {
  ScratchDirectory scratch;
  Model model;
  model.emplace("model", filled({8, 16}, NamedSharding(mesh, {"x"})));
  checkpointer.save(scratch / "item", Whole{{"model", counted({8, 16})}}, quick({.cast = {{".*", DType::int64}}}));
  Model target;
  target.emplace("model", ShardedArray<std::int32_t>({8, 16}, NamedSharding(mesh, {"y", "x"})));
  checkpointer.restore_into(scratch / "item", target, {.cast = true});
  CHECK(target.at("model") == filled({8, 16}, NamedSharding(mesh, {"y", "x"})));
  CHECK_THROWS_AS(flax::to_bytes(model), ArgumentError);
}

}  // namespace
