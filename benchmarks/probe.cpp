// What Compression::automatic() costs where nothing is to be gained: its question about every array of an incompressible state, as a share
// of the save of that state uncompressed into the page cache, which is the cheapest there is. Processor time of all threads, so that what
// the machine does beside counts for little; interleaved, the median of the shares with the lowest and highest.
//
//   probe [DIRECTORY] [BLOCKS=9] [MEBIBYTES=1000]
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "orrery/checkpoint.hpp"
#include "orrery/orbax/array_layout.hpp"
#include "orrery/orbax/params.hpp"
#include "orrery/tree/describe.hpp"

namespace {

using State = std::map<std::string, orrery::Array<float>>;

template <class F>
double seconds(F&& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  work();
  return now() - start;
}

// Normal weights as they are in training, or bits that no compressor has a word for.
State make_state(std::size_t bytes, std::size_t arrays, bool weights) {
  State state;
  std::minstd_rand random(7);
  std::mt19937 bits(7);
  for (std::size_t i = 0; i < arrays; ++i) {
    char name[24];
    std::snprintf(name, sizeof name, "w%06zu", i);
    orrery::Array<float> array({static_cast<orrery::Dim>(bytes / arrays / sizeof(float))});
    for (std::size_t j = 0; j < array.size(); ++j) {
      if (weights)
        array.data()[j] = (static_cast<float>(random() % 65536) + static_cast<float>(random() % 65536)) / 65536.0f - 1.0f;
      else
        reinterpret_cast<std::uint32_t*>(array.data())[j] = static_cast<std::uint32_t>(bits());
    }
    state.emplace(name, std::move(array));
  }
  return state;
}

void compare(const std::string& root, std::size_t bytes, std::size_t arrays, bool weights, int blocks) {
  const State state = make_state(bytes, arrays, weights);
  const orrery::PyTreeCheckpointer checkpointer;
  const orrery::SaveOptions plain{.compression = orrery::Compression::none(), .durability = orrery::Durability::fast};
  const orrery::SaveOptions automatic{.durability = orrery::Durability::fast};
  const orrery::TreeView view = orrery::describe(state);
  const orrery::orbax::Params params = orrery::orbax::flatten_params(view);
  std::vector<double> shares, saves, probes, wholes;
  for (int block = 0; block <= blocks; ++block) {  // the first warms up
    double save = 0, whole = 0;
    for (int turn = 0; turn < 2; ++turn) {
      const bool first = (turn + block) % 2 == 0;
      (first ? save : whole) = seconds([&] { checkpointer.save(root + "/item", state, first ? plain : automatic); });
      orrery::storage::remove_tree(root + "/item");
    }
    std::size_t compressed = 0;
    const double probe = seconds([&] {
      for (const orrery::orbax::Param& param : params.list) {
        orrery::zarr::ArrayMetadata layout = orrery::orbax::layout_of(param, param.leaf->array.dtype, automatic);
        orrery::orbax::choose_codecs(layout, param.leaf->array, automatic);
        compressed += layout.codecs.is_compressed();
      }
    });
    if (compressed > 0) std::printf("  %zu arrays would be compressed\n", compressed);
    if (block == 0) continue;
    shares.push_back(100 * probe / save);
    saves.push_back(save);
    probes.push_back(probe);
    wholes.push_back(100 * whole / save);
  }
  for (auto* each : {&shares, &saves, &probes, &wholes}) std::sort(each->begin(), each->end());
  const std::size_t half = shares.size() / 2;
  std::printf(
      "  %5zu arrays of %7zu KiB of %-12s probe %7.3f ms, save %8.1f ms: %5.2f %% (%.2f - %.2f); save, automatic: %5.1f %% of save, none\n",
      arrays, bytes / arrays >> 10, weights ? "weights:" : "random bits:", 1e3 * probes[half], 1e3 * saves[half], shares[half],
      shares.front(), shares.back(), wholes[half]);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string root = std::string(argc > 1 ? argv[1] : ".") + "/orrery-probe-" + std::to_string(::getpid());
  const int blocks = argc > 2 ? std::max(1, std::atoi(argv[2])) : 9;
  const std::size_t bytes = (argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1000) << 20;
  orrery::storage::make_directories(root);
  std::printf("asking whether to compress, against saving uncompressed\n");
  for (const bool weights : {false, true})
    for (const std::size_t arrays : {bytes >> 20, std::max<std::size_t>(bytes / 100 >> 20, 1)})
      compare(root, bytes, arrays, weights, blocks);
  orrery::storage::remove_tree(root);
}
