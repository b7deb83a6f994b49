// What it costs that several processes save and restore one state: GPT-2 with Adam's moments, 1.49 GB of float32, cut over the ranks along
// the first axis of each array. Wall time from a barrier to the commit, as ratios to one process that does the same bytes in the same run:
//
//   save      all ranks together, and rank 0 alone with all shards in its memory
//   restore   into the same sharding; into one of half the ranks; and cut along the other axis
//
// Interleaved; the median of the blocks counts. The directory should lie in memory, where what is measured is not the disk.
//
//   mpirun -n 4 ranks [DIRECTORY] [BLOCKS=5] [LAYERS=12]
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "orrery/adapters/mpi.hpp"
#include "orrery/orrery.hpp"
#include "orrery/sharding.hpp"
#include "orrery/storage/file_system.hpp"

namespace {

using State = std::map<std::string, orrery::ShardedArray<float>>;

// The arrays of GPT-2 (124 million parameters; its vocabulary filled up to a multiple of 64), each with two moments.
std::vector<std::pair<std::string, orrery::Shape>> arrays_of(int layers) {
  std::vector<std::pair<std::string, orrery::Shape>> arrays;
  for (const char* part : {"params", "mu", "nu"}) {
    const std::string under = std::string(part) + "_";
    arrays.push_back({under + "wte", {50304, 768}});
    arrays.push_back({under + "wpe", {1024, 768}});
    for (int layer = 0; layer < layers; ++layer) {
      const std::string h = under + "h" + std::to_string(layer) + "_";
      arrays.push_back({h + "attn_qkv", {768, 2304}});
      arrays.push_back({h + "attn_out", {768, 768}});
      arrays.push_back({h + "mlp_in", {768, 3072}});
      arrays.push_back({h + "mlp_out", {3072, 768}});
    }
  }
  return arrays;
}

State make_state(const orrery::Mesh& mesh, const orrery::PartitionSpec& spec, int layers) {
  State state;
  const orrery::NamedSharding sharding(mesh, spec);
  for (const auto& [name, shape] : arrays_of(layers)) {
    orrery::ShardedArray<float> array(shape, sharding);
    for (auto& shard : array.addressable_shards()) {
      float* data = shard.data();
      for (std::size_t i = 0, size = static_cast<std::size_t>(shard.shape()[0] * shard.shape()[1]); i < size; ++i)
        data[i] = static_cast<float>((i * 2654435761u) % 65536) / 65536.0f;
    }
    state.emplace(name, std::move(array));
  }
  return state;
}

struct Case {
  const char* name;
  const char* against;
  std::vector<double> blocks{};
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int run(const std::string& directory, int blocks, int layers) {
  int rank = 0, size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  orrery::mpi::Communicator world = orrery::mpi::world();
  MPI_Comm half = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, rank < size / 2 ? 0 : MPI_UNDEFINED, rank, &half);

  const orrery::Mesh mesh(world, {size}, {"model"}), alone = orrery::Mesh::local({size}, {"model"});
  State state = make_state(mesh, {"model", {}}, layers);
  std::unique_ptr<State> whole = rank == 0 ? std::make_unique<State>(make_state(alone, {"model", {}}, layers)) : nullptr;
  State transposed = make_state(mesh, {{}, "model"}, layers);
  std::unique_ptr<State> halves;
  if (half != MPI_COMM_NULL)
    halves =
        std::make_unique<State>(make_state(orrery::Mesh(orrery::mpi::Communicator(half), {size / 2}, {"model"}), {"model", {}}, layers));

  const orrery::PyTreeCheckpointer checkpointer;
  const std::string ours = directory + "/together", single = directory + "/alone";
  const orrery::SaveOptions options{.force = true, .durability = orrery::Durability::fast};
  std::vector<Case> cases{{"save, one process", nullptr},
                          {"save, together", "save, one process"},
                          {"restore, same sharding", nullptr},
                          {"restore, half the ranks", "restore, same sharding"},
                          {"restore, transposed", "restore, same sharding"}};
  const auto measure = [&](Case& each, auto&& work) {
    MPI_Barrier(MPI_COMM_WORLD);
    const double start = MPI_Wtime();
    work();
    MPI_Barrier(MPI_COMM_WORLD);
    each.blocks.push_back(MPI_Wtime() - start);
  };
  for (int block = 0; block <= blocks; ++block) {
    measure(cases[0], [&] {
      if (whole) checkpointer.save(single, *whole, options);
    });
    measure(cases[1], [&] { checkpointer.save(ours, state, options); });
    measure(cases[2], [&] { checkpointer.restore_into(ours, state); });
    measure(cases[3], [&] {
      if (halves) checkpointer.restore_into(ours, *halves);
    });
    measure(cases[4], [&] { checkpointer.restore_into(ours, transposed); });
    if (block == 0)
      for (Case& each : cases) each.blocks.clear();  // warm
  }
  if (rank == 0) {
    double bytes = 0;
    for (const auto& [name, shape] : arrays_of(layers)) bytes += 4.0 * static_cast<double>(shape[0] * shape[1]);
    std::printf("%d ranks, %.2f GB\n", size, bytes / 1e9);
    for (Case& each : cases) {
      std::vector<double> ratios;
      for (const Case& other : cases)
        if (each.against && std::string(other.name) == each.against)
          for (std::size_t i = 0; i < each.blocks.size(); ++i) ratios.push_back(each.blocks[i] / other.blocks[i]);
      std::printf("%-26s %6.3f s", each.name, median(each.blocks));
      if (!ratios.empty())
        std::printf("   %.2f of %s (%.2f to %.2f)", median(ratios), each.against, *std::min_element(ratios.begin(), ratios.end()),
                    *std::max_element(ratios.begin(), ratios.end()));
      std::printf("\n");
    }
    orrery::storage::remove_tree(ours);
    orrery::storage::remove_tree(single);
  }
  if (half != MPI_COMM_NULL) MPI_Comm_free(&half);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  int provided = MPI_THREAD_SINGLE;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
  const int status = run(argc > 1 ? argv[1] : "/dev/shm", argc > 2 ? std::atoi(argv[2]) : 5, argc > 3 ? std::atoi(argv[3]) : 12);
  MPI_Finalize();
  return status;
}
