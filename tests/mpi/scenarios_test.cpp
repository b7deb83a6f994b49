// The guide's chapter on several hosts (scenarios S20 to S23 and S27), by the ranks of an MPI program.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "doctest/doctest.h"
#include "orrery/adapters/eigen.hpp"
#include "orrery/adapters/mpi.hpp"
#include "orrery/orrery.hpp"
#include "orrery/sharding.hpp"
#include "orrery/storage/file_hook.hpp"
#include "shared_directory.hpp"

namespace {

namespace scenarios {

using namespace orrery;
namespace fx = orrery::flax;
using mpi_test::SharedDirectory;
using Model = std::map<std::string, ShardedArray<std::int32_t>>;

// An array of (8, 2) over a mesh of 4 x 2, as the guide's, whatever the number of ranks.
NamedSharding sharding_of(const mpi::Communicator& world) {
  std::vector<MeshDevice> devices;
  for (int i = 0; i < 8; ++i) devices.push_back({i, i * world.size() / 8});
  return NamedSharding(Mesh(world, devices, {4, 2}, {"x", "y"}), {"x", "y"});
}

ShardedArray<std::int32_t> arange(const Shape& shape, const NamedSharding& sharding) {
  ShardedArray<std::int32_t> array(shape, sharding);
  for (auto& shard : array.addressable_shards())
    for (Dim i = 0; i < shard.shape()[0]; ++i)
      for (Dim j = 0; j < shard.shape()[1]; ++j)
        shard.at({i, j}) = static_cast<std::int32_t>((shard.index().origin[0] + i) * shape[1] + shard.index().origin[1] + j);
  return array;
}

Model model_of(const mpi::Communicator& world) {
  Model model;
  model.emplace("model", arange({8, 2}, sharding_of(world)));
  return model;
}

TEST_CASE("S20, S21: a manager saves a sharded array of all processes and restores it whole into a smaller reference") {
  const mpi::Communicator world = mpi::world();
  SharedDirectory directory(world);
  const AsyncCheckpointer checkpointer;
  CheckpointManager manager(directory / "managed", checkpointer);
  CHECK(manager.save(0, model_of(world)));
  manager.wait_until_finished();
  CHECK(manager.all_steps() == std::vector<std::int64_t>{0});

  Model reference;
  reference.emplace("model", ShardedArray<std::int32_t>({4, 2}, sharding_of(world)));
  const Model restored = manager.restore(0, reference, {.restore_args = restore_args_from_target(reference)});
  CHECK(restored.at("model").shape() == Shape{8, 2});
  CHECK(restored == model_of(world));
}

TEST_CASE("S21': without a sharding in the target every rank has the whole array, which was read once") {
  const mpi::Communicator world = mpi::world();
  SharedDirectory directory(world);
  PyTreeCheckpointer().save(directory / "item", model_of(world), {.durability = Durability::fast});
  std::map<std::string, Array<std::int32_t>> target;
  RestoreReport report;
  target = PyTreeCheckpointer().restore<decltype(target)>(directory / "item", {.report = &report, .processes = world});
  REQUIRE(target.at("model").shape() == Shape{8, 2});
  for (std::int32_t i = 0; i < 16; ++i) CHECK(target.at("model").data()[i] == i);
  if (world.size() > 1) {
    REQUIRE(report.leaves.size() == 1);
    CHECK(report.leaves[0].detail == "read once, by rank 0, and broadcast");
  }
}

// Bytes that this process reads or maps.
struct ReadCounter final : storage::FileSystemHook {
  std::atomic<std::size_t> bytes{0};
  int before(storage::FileCall& call) noexcept override {
    if (call.operation == storage::FileOperation::read || call.operation == storage::FileOperation::map) bytes += call.bytes;
    return 0;
  }
};

TEST_CASE("what is whole in the target is read from the disk by one rank alone, also into memory that is not dense") {
  const mpi::Communicator world = mpi::world();
  SharedDirectory directory(world);
  using Whole = std::map<std::string, Array<float>>;
  const Dim rows = 512, columns = 1024;  // 2 MiB
  {
    const NamedSharding sharding(Mesh(world, {world.size()}, {"x"}), {nullptr, "x"}, Uneven::clip);
    std::map<std::string, ShardedArray<float>> state;
    auto& array = state.emplace("array", ShardedArray<float>({rows, columns}, sharding)).first->second;
    for (auto& shard : array.addressable_shards())
      for (Dim i = 0; i < shard.shape()[0]; ++i)
        for (Dim j = 0; j < shard.shape()[1]; ++j) shard.at({i, j}) = static_cast<float>(i * columns + shard.index().origin[1] + j);
    PyTreeCheckpointer().save(directory / "item", state, {.durability = Durability::fast});
  }
  ReadCounter counter;
  Whole whole;
  std::map<std::string, Eigen::MatrixXf> by_columns;
  {
    const storage::ScopedFileSystemHook scope(counter);
    whole = PyTreeCheckpointer().restore<Whole>(directory / "item", {.processes = world});
    by_columns = PyTreeCheckpointer().restore<decltype(by_columns)>(directory / "item", {.processes = world});
  }
  REQUIRE(whole.at("array").shape() == Shape{rows, columns});
  bool is_right = true;
  for (Dim i = 0; i < rows; ++i)
    for (Dim j = 0; j < columns; ++j) {
      const auto expected = static_cast<float>(i * columns + j);
      is_right = is_right && whole.at("array").at({i, j}) == expected && by_columns.at("array")(i, j) == expected;
    }
  CHECK(is_right);
  constexpr std::size_t payload = 512 * 1024 * sizeof(float);
  if (world.rank() == 0)
    CHECK(counter.bytes.load() >= 2 * payload);
  else
    CHECK(counter.bytes.load() < payload / 8);
}

TEST_CASE("S22, S23: save_checkpoint_multiprocess in the background, and the restore behind it waits") {
  const mpi::Communicator world = mpi::world();
  SharedDirectory directory(world);
  AsyncCheckpointer checkpointer;
  const std::string path = fx::save_checkpoint_multiprocess(directory.path(), model_of(world), 3,
                                                            {.keep = 4, .overwrite = true, .orbax_checkpointer = &checkpointer});
  CHECK(path == directory / "checkpoint_3");
  Model reference;
  reference.emplace("model", ShardedArray<std::int32_t>({8, 2}, sharding_of(world)));
  CHECK(fx::restore_checkpoint(directory.path(), reference, {.step = 3, .orbax_checkpointer = &checkpointer}) == model_of(world));
}

TEST_CASE("S27: save_checkpoint on rank 0 alone does not hang: a warning, then who is missing and what to call") {
  const mpi::Communicator world = mpi::world();
  if (world.size() == 1) return;
  SharedDirectory directory(world);
  // A group of its own: it is out of use afterwards.
  const std::shared_ptr<Coordinator> group = world.coordinator()->duplicate("a group for S27", deadline_in(std::chrono::minutes(1)));
  const NamedSharding sharding(Mesh(group, {world.size()}, {"x"}), {"x"});
  Model model;
  model.emplace("model", ShardedArray<std::int32_t>({world.size()}, sharding));
  if (world.rank() == 0) {
    static std::string warned;
    set_log_handler([](LogLevel, std::string_view message) { warned += message; });
    std::string trouble;
    try {
      fx::save_checkpoint(directory.path(), model, 0, {.durability = Durability::fast, .meeting_timeout = std::chrono::milliseconds(300)});
    } catch (const TimeoutError& error) {
      trouble = error.what();
    }
    set_log_handler({});
    CHECK(warned.find("save_checkpoint_multiprocess") != std::string::npos);
    CHECK(trouble.find(world.size() == 2 ? "rank 1" : "ranks 1") != std::string::npos);
    CHECK(trouble.find("call save_checkpoint_multiprocess in every process") != std::string::npos);
    CHECK(fx::available_steps(directory.path()).empty());
  }
  world.coordinator()->barrier("after S27", deadline_in(std::chrono::minutes(1)));
}

TEST_CASE("a manager of all processes: rank 0 decides, deletes and writes what is not cut") {
  const mpi::Communicator world = mpi::world();
  SharedDirectory directory(world);
  for (const bool background : {false, true}) {
    CheckpointManager manager(directory / (background ? "async" : "sync"),
                              {.max_to_keep = 2,
                               .enable_async_checkpointing = background,
                               // What the others think does not count.
                               .should_save_fn = [&](std::int64_t step, auto) { return world.rank() == 0 ? step != 1 : step == 1; },
                               .processes = world});
    for (std::int64_t step = 0; step < 4; ++step) {
      const Model model = model_of(world);
      const bool saved = manager.save(step, Composite{{"state", model}, {"config", JsonItem{R"({"width": 3})"}}},
                                      {.save = {.durability = Durability::fast}});
      CHECK(saved == (step != 1));
    }
    manager.wait_until_finished();
    CHECK(manager.all_steps() == std::vector<std::int64_t>{2, 3});
    world.coordinator()->barrier("all are done", deadline_in(std::chrono::minutes(1)));
    CHECK(manager.all_steps(true) == std::vector<std::int64_t>{2, 3});
    Model reference;
    reference.emplace("model", ShardedArray<std::int32_t>({8, 2}, sharding_of(world)));
    const auto [state, config] = manager.restore(3, items<Model, JsonItem>("state", "config").into(reference, JsonItem()));
    CHECK(state == model_of(world));
    CHECK(config.text == R"({"width": 3})");
  }
}

TEST_CASE("what goes wrong in the background of one rank is thrown in all, and the step is not there") {
  const mpi::Communicator world = mpi::world();
  SharedDirectory directory(world);
  CheckpointManager manager(directory.path(), {.enable_async_checkpointing = true, .processes = world});
  SaveOptions options{.durability = Durability::fast};
  const int last = world.size() - 1;
  if (world.rank() == last) options.on_progress = [](const Progress&) { throw IoError("write this file", ENOSPC); };
  manager.save(0, model_of(world), {.save = options});
  std::string trouble;
  try {
    manager.wait_until_finished();
  } catch (const IoError& error) {
    trouble = error.what();
  }
  CHECK(trouble.find("write this file") != std::string::npos);
  if (world.size() > 1) CHECK(trouble.find("rank " + std::to_string(last)) != std::string::npos);
  CHECK(manager.all_steps().empty());
  CHECK(manager.save(0, model_of(world), {.save = {.durability = Durability::fast}}));
  manager.wait_until_finished();
  CHECK(manager.all_steps() == std::vector<std::int64_t>{0});
}

}  // namespace scenarios

}  // namespace
