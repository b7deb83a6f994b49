// items.hpp by the ranks of an MPI program, the eight devices of the mesh shared among them:   items save DIR | items restore DIR
#include "../sharding/items.hpp"

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "orrery/adapters/mpi.hpp"

namespace {

int run(const std::string& command, const std::string& directory) {
  using namespace orrery;
  const mpi::Communicator world = mpi::world();
  std::vector<MeshDevice> devices;
  for (int i = 0; i < 8; ++i) devices.push_back({i, i * world.size() / 8});
  const Mesh mesh(world, devices, {4, 2}, {"x", "y"});
  if (command == "save") {
    items::save(mesh, directory);
    return 0;
  }
  std::vector<NamedSharding> shardings;
  for (const PartitionSpec& spec : items::specs) shardings.emplace_back(mesh, spec);
  shardings.emplace_back(Mesh(world, {world.size()}, {"all"}), PartitionSpec{});  // whole, in every rank
  int failed = 0;
  items::restore(shardings, directory, [&](const std::string& what, const std::string& trouble) {
    const auto all = world.coordinator()->gather(trouble, "what went wrong", deadline_in(std::chrono::minutes(2)));
    if (world.rank() != 0) return;
    const auto found = std::find_if(all.begin(), all.end(), [](const std::string& of_rank) { return !of_rank.empty(); });
    failed += found != all.end();
    std::printf("%s %d ranks restore %s %s\n", found == all.end() ? "PASS" : "FAIL", world.size(), what.c_str(),
                found == all.end() ? "" : found->c_str());
  });
  return failed ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  int level = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
  const int status = run(argv[1], argv[2]);
  MPI_Finalize();
  return status;
}
