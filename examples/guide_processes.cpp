// The guide's last chapter (docs/guide.md): one state over the ranks of an MPI program.   mpirun -n 4 guide_processes DIRECTORY
#include <mpi.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

#include "orrery/adapters/mpi.hpp"
#include "orrery/orrery.hpp"
#include "orrery/sharding.hpp"

namespace fx = orrery::flax;
using Model = std::map<std::string, orrery::ShardedArray<std::int32_t>>;

static int run(const std::string& root) {
  orrery::mpi::Communicator world = orrery::mpi::world();

  // Eight devices in a grid of 4 x 2, shared evenly among the ranks: 1, 2, 4 or 8 of them.
  orrery::Mesh mesh(world, {4, 2}, {"x", "y"});
  orrery::ShardedArray<std::int32_t> array({8, 2}, orrery::NamedSharding(mesh, {"x", "y"}));
  for (auto& shard : array.addressable_shards())  // this rank's: 2 x 1 elements each
    for (std::int32_t i = 0; i < shard.shape()[0]; ++i)
      shard.at({i, 0}) = static_cast<std::int32_t>((shard.index().origin[0] + i) * 2 + shard.index().origin[1]);
  Model model{{"model", array}};

  orrery::AsyncCheckpointer async({.timeout = std::chrono::seconds(50)});
  orrery::CheckpointManager manager(root + "/orbax/managed", async, {.processes = world});
  manager.save(0, model);
  manager.wait_until_finished();

  // Another array of the same mesh decides where things go; what it holds, and its shape, are the checkpoint's.
  Model reference{{"model", orrery::ShardedArray<std::int32_t>({4, 2}, orrery::NamedSharding(mesh, {"x", "y"}))}};
  Model restored = manager.restore(0, reference, {.restore_args = orrery::restore_args_from_target(reference)});

  // Any other topology will do: here every rank has a run of rows.
  orrery::Mesh rows(world, {world.size()}, {"rows"});
  Model by_rows{{"model", orrery::ShardedArray<std::int32_t>({8, 2}, orrery::NamedSharding(rows, {"rows"}))}};
  manager.restore_into(0, by_rows);

  // No sharding at all: the whole array in every rank, read from the disk once.
  using Whole = std::map<std::string, orrery::Array<std::int32_t>>;
  orrery::RestoreReport report;
  Whole whole = manager.restore<Whole>(0, {.report = &report, .processes = world});

  const std::string path = fx::save_checkpoint_multiprocess(root, model, 3, {.keep = 4, .overwrite = true, .orbax_checkpointer = &async});
  Model again = fx::restore_checkpoint(root, reference, {.step = 3, .orbax_checkpointer = &async});  // waits for the save first

  const bool is_right = restored == model && again == model && whole.at("model").at({7, 1}) == 15 &&
                        by_rows.at("model").addressable_shards()[0].shape() == orrery::Shape{8 / world.size(), 2};
  if (world.rank() == 0) {
    std::printf("%s\n", path.substr(root.size() + 1).c_str());
    for (const auto& leaf : report.leaves) std::printf("%s: %s\n", leaf.path.c_str(), leaf.detail.c_str());
  }
  return is_right ? 0 : 1;
}

int main(int argc, char** argv) {
  int provided = MPI_THREAD_SINGLE;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
  const int status = run(argc > 1 ? argv[1] : "/tmp/orrery_guide_processes");
  MPI_Finalize();
  return status;
}
