// What a save costs as processes grow in number: the real code of every rank, one after the other in one process, the file system in
// memory. Each of `leaves` arrays is cut over all ranks, 8 elements a shard.
//   scale DIRECTORY [MOST_SHARDS]      every combination of both whose shards are at most that many
// For each: time and bytes a shard that rank 0 spends once all have written, and what the last rank takes for its own shards.
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "orrery/distributed/rank_tree.hpp"
#include "orrery/orbax/save_together.hpp"
#include "orrery/sharding.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/storage/file_system.hpp"
#include "orrery/tree/describe.hpp"

namespace {

using namespace orrery;
using Clock = std::chrono::steady_clock;
using State = std::map<std::string, ShardedArray<float>>;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Of memory, the most that was in use since reset_peak(), in bytes.
std::size_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return static_cast<std::size_t>(std::strtoull(line.c_str() + 6, nullptr, 10)) << 10;
  return 0;
}
void reset_peak() {
  ::malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

// As many arrays as that, cut over all ranks, as one of them sees them; their elements are all the same eight.
State state_of(int rank, int ranks, int leaves) {
  static float elements[8] = {};
  float* const shard[] = {elements};
  const NamedSharding sharding(Mesh::seen_by(rank, ranks, {ranks}, {"x"}), {"x"});
  State state;
  char name[32];
  for (int i = 0; i < leaves; ++i) {
    std::snprintf(name, sizeof name, "layer_%06d", i);
    state.emplace_hint(state.end(), name, ShardedArray<float>::borrow({8 * ranks}, sharding, shard));
  }
  return state;
}

void run(const std::string& directory, int ranks, int leaves) {
  const SaveOptions options{.durability = Durability::fast};
  const std::size_t shards = static_cast<std::size_t>(ranks) * static_cast<std::size_t>(leaves);
  storage::make_directory(directory);
  std::vector<std::string> encoded;
  std::vector<std::pair<std::string, std::string>> metadata;
  double of_last = 0;
  for (int rank = 0; rank < ranks; ++rank) {
    const Clock::time_point start = Clock::now();
    const State state = state_of(rank, ranks, leaves);
    const double making = seconds_since(start);
    const TreeView view = describe(ops<State>(), &state);
    const orbax::Params params = orbax::flatten_params(view);
    storage::ProgressMeter meter(options.on_progress, {});
    orbax::detail::WrittenShare written = orbax::detail::write_share(directory, params, rank, options, meter);
    encoded.push_back(written.share.encoded());
    of_last = seconds_since(start) - making;
    if (rank == 0) metadata = std::move(written.metadata);
    if (ranks > 64) storage::remove_tree(directory + "/" + orbax::process_directory(rank));  // what rank 0 needs of it has been said
  }
  const State state = state_of(0, ranks, leaves);
  const TreeView view = describe(ops<State>(), &state);
  const orbax::Params params = orbax::flatten_params(view);
  std::size_t bytes_sent = 0;
  for (const std::string& bytes : encoded) bytes_sent += bytes.size();

  reset_peak();
  const std::size_t before = peak_memory();
  const Clock::time_point start = Clock::now();
  orbax::detail::finish_shared_item(directory, view, params, metadata, std::move(encoded), options);
  const double finishing = seconds_since(start);
  const std::size_t memory = peak_memory() - before + bytes_sent;
  int depth = 0;
  for (int rank = 0; rank < ranks; ++rank) depth = std::max(depth, distributed::depth_of(rank));
  std::printf("| %d | %d | %zu | %.2f | %.0f | %.0f | %.2f | %d |\n", ranks, leaves, shards, finishing * 1e6 / static_cast<double>(shards),
              static_cast<double>(memory) / static_cast<double>(shards), static_cast<double>(bytes_sent) / static_cast<double>(shards),
              of_last * 1e6 / leaves, depth);
  std::fflush(stdout);
  storage::remove_tree(directory);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "/dev/shm";
  const std::size_t most = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : std::size_t{1} << 22;
  std::printf("| processes | leaves | shards | rank 0, µs a shard | its memory, bytes a shard | sent to it, bytes a shard | last rank, µs a leaf | hops |\n");
  std::printf("|---|---|---|---|---|---|---|---|\n");
  for (const int ranks : {1, 4, 16, 64, 256, 1024, 4096, 16384})
    for (const int leaves : {1000, 10000, 100000})
      if (static_cast<std::size_t>(ranks) * static_cast<std::size_t>(leaves) <= most) run(directory + "/orrery-scale", ranks, leaves);
}
