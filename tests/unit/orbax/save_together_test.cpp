// Several ranks save one state: threads of this process play them.
#include <doctest/doctest.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "orrery/checkpoint.hpp"
#include "orrery/distributed/thread_coordinator.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/sharding.hpp"
#include "storage/scratch.hpp"

namespace {

using namespace orrery;
using storage_test::ScratchDirectory;

struct State {
  std::int64_t step = 0;
  std::string name{};
  std::map<std::string, ShardedArray<float>> params{};
  Array<float> bias{};
};
struct Whole {
  std::int64_t step = 0;
  std::string name{};
  std::map<std::string, Array<float>> params{};
  Array<float> bias{};
};

const PyTreeCheckpointer checkpointer;
SaveOptions quick(SaveOptions options = {}) {
  options.durability = Durability::fast;
  return options;
}

Array<float> counted(Shape shape) {
  Array<float> array(std::move(shape));
  std::iota(array.data(), array.data() + array.size(), 1.0f);
  return array;
}

ShardedArray<float> filled(Shape shape, const NamedSharding& sharding) {
  const Array<float> whole = counted(shape);
  ShardedArray<float> array(std::move(shape), sharding);
  for (auto& shard : array.addressable_shards())
    if (shard.size()) copy(part_of(whole.view(), shard.index()), shard.view());
  return array;
}

State state_of(const std::shared_ptr<Coordinator>& world) {
  const Mesh mesh(world, {4, 2}, {"x", "y"});
  State state{7, "together", {}, counted({3})};
  state.params.emplace("cut", filled({8, 16}, NamedSharding(mesh, {"x", "y"})));
  state.params.emplace("replicated", filled({256, 512}, NamedSharding(mesh, {})));
  state.params.emplace("scalar", filled({}, NamedSharding(mesh, {})));
  state.params.emplace("half", filled({512, 512}, NamedSharding(mesh, {"y"})));
  return state;
}

template <class Work>
void run_as_ranks(int size, Work&& work) {
  for (const std::exception_ptr& thrown : run_ranks(size, work))
    if (thrown) std::rethrow_exception(thrown);
}

std::string trouble_of(auto&& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST_CASE("what any number of processes save together is one checkpoint, and each byte is written once") {
  for (const int ranks : {2, 4, 8})
    for (const SaveOptions& options : {quick(), quick({.use_ocdbt = false}), quick({.use_zarr3 = true}),
                                       quick({.compression = Compression::zstd()}), quick({.chunk_byte_size = 4096}), SaveOptions{}}) {
      INFO(ranks);
      ScratchDirectory scratch;
      storage_test::TestHook hook;
      {
        const storage::ScopedFileSystemHook scope(hook);
        run_as_ranks(ranks,
                     [&](const std::shared_ptr<Coordinator>& world) { checkpointer.save(scratch / "item", state_of(world), options); });
      }
      std::size_t bytes = 0;
      for (const auto& seen : hook.seen)
        if (seen.operation == storage::FileOperation::write) bytes += seen.bytes;
      constexpr std::size_t payload = sizeof(float) * (8 * 16 + 256 * 512 + 1 + 512 * 512 + 3);
      CHECK(bytes <= payload + 131072);
      const Whole back = checkpointer.restore<Whole>(scratch / "item");
      CHECK(back.step == 7);
      CHECK(back.name == "together");
      CHECK(back.bias == counted({3}));
      CHECK(back.params.at("cut") == counted({8, 16}));
      CHECK(back.params.at("replicated") == counted({256, 512}));
      CHECK(back.params.at("scalar") == counted({}));
      CHECK(back.params.at("half") == counted({512, 512}));
    }
}

TEST_CASE("processes that hold the same small arrays share their writing") {
  ScratchDirectory scratch;
  run_as_ranks(4, [&](const std::shared_ptr<Coordinator>& world) {
    std::map<std::string, ShardedArray<float>> state;
    for (char name = 'a'; name < 'i'; ++name)
      state.emplace(std::string(1, name), filled({4, 4}, NamedSharding(Mesh(world, {4}, {"x"}), {})));
    checkpointer.save(scratch / "item", state, quick());
  });
  for (int rank = 0; rank < 4; ++rank) {
    const std::string directory = scratch / ("item/ocdbt.process_" + std::to_string(rank) + "/d");
    for (const storage::DirectoryEntry& entry : storage::list_entries(directory))
      CHECK(storage::read_file(directory + "/" + entry.name, 4096).size() == 2 * 64);
  }
  const auto back = checkpointer.restore<std::map<std::string, Array<float>>>(scratch / "item");
  CHECK(back.size() == 8);
  for (const auto& [name, array] : back) CHECK(array == counted({4, 4}));
}

TEST_CASE("checksums of many chunks are all written, of each process") {
  ScratchDirectory scratch;
  for (const SaveOptions& options : {quick({.chunk_byte_size = 64}), quick({.chunk_byte_size = 64, .checksums = false})}) {
    run_as_ranks(2, [&](const std::shared_ptr<Coordinator>& world) {
      std::map<std::string, ShardedArray<float>> state;
      state.emplace("a", filled({160000}, NamedSharding(Mesh(world, {2}, {"x"}), {"x"})));
      checkpointer.save(scratch / (options.checksums ? "with" : "without"), state, options);
    });
    const std::string directory = scratch / (options.checksums ? "with" : "without");
    CHECK(storage::exists(directory + "/_orrery.json") == options.checksums);
    CHECK(checkpointer.restore<std::map<std::string, Array<float>>>(directory).at("a") == counted({160000}));
  }
  const json::Value stored = json::parse(storage::read_file(scratch / "with/_orrery.json", std::size_t{1} << 20), {});
  const json::Value::Object& checksums = *stored.find("crc32c")->object();
  CHECK(checksums.size() == 10000);
  CHECK(stored.find("type") != nullptr);
}

TEST_CASE("another number of processes restores it onto another mesh, and one process the whole") {
  ScratchDirectory scratch;
  run_as_ranks(4, [&](const std::shared_ptr<Coordinator>& world) { checkpointer.save(scratch / "item", state_of(world), quick()); });
  for (const int ranks : {1, 2, 3, 6})
    run_as_ranks(ranks, [&](const std::shared_ptr<Coordinator>& world) {
      const Mesh mesh(world, {ranks}, {"z"});
      State target;
      target.params.emplace("half", ShardedArray<float>({512, 512}, NamedSharding(mesh, {nullptr, "z"}, Uneven::clip)));
      target.params.emplace("cut", ShardedArray<float>({8, 16}, NamedSharding(mesh, {})));
      checkpointer.restore_into(scratch / "item", target);
      const bool same = target.params.at("half") == filled({512, 512}, NamedSharding(mesh, {nullptr, "z"}, Uneven::clip)) &&
                        target.params.at("cut") == filled({8, 16}, NamedSharding(mesh, {}));
      if (!same) throw Error("another value");
    });
}

TEST_CASE("what goes wrong in one process is thrown in all, and nothing is left of the save") {
  ScratchDirectory scratch;
  run_as_ranks(2, [&](const std::shared_ptr<Coordinator>& world) { checkpointer.save(scratch / "item", state_of(world), quick()); });
  std::vector<std::string> troubles(4);
  run_as_ranks(4, [&](const std::shared_ptr<Coordinator>& world) {
    troubles[static_cast<std::size_t>(world->rank())] = trouble_of([&] { checkpointer.save(scratch / "item", state_of(world), quick()); });
  });
  for (const std::string& trouble : troubles) CHECK(trouble.find("already exists") != std::string::npos);

  // The third rank's disk is full.
  run_as_ranks(4, [&](const std::shared_ptr<Coordinator>& world) {
    SaveOptions options = quick({.force = true});
    if (world->rank() == 2) options.on_progress = [](const Progress&) { throw IoError("write this file", ENOSPC); };
    troubles[static_cast<std::size_t>(world->rank())] = trouble_of([&] { checkpointer.save(scratch / "item", state_of(world), options); });
  });
  for (const std::string& trouble : troubles) {
    CHECK(trouble.find("write this file") != std::string::npos);
    CHECK(trouble.find("rank 2") != std::string::npos);
  }
  CHECK(storage::list_entries(scratch.path()).size() == 1);
  CHECK(checkpointer.restore<Whole>(scratch / "item").step == 7);
}

TEST_CASE("arrays of several processes are refused where one cannot speak for all") {
  ScratchDirectory scratch;
  const Mesh mesh = Mesh::seen_by(0, 2, {2}, {"x"});
  std::map<std::string, ShardedArray<float>> state;
  state.emplace("cut", filled({4}, NamedSharding(mesh, {"x"})));
  CHECK_THROWS_WITH_AS(checkpointer.save(scratch / "item", state, quick()), doctest::Contains("make the mesh with a coordinator"),
                       ArgumentError);
  CHECK(storage::list_entries(scratch.path()).empty());
}

}  // namespace
