// What it costs to get at a part of a large checkpoint: opening it mapped, its metadata, one leaf of it. Medians; the file is in the
// page cache.
//
//   open [DIRECTORY] [MEBIBYTES=1024] [LEAVES=1000]
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "floor.hpp"
#include "orrery/checkpoint.hpp"

namespace {

using State = std::map<std::string, orrery::Array<float>>;

template <class Work>
double median_ms(Work&& work) {
  std::vector<double> times;
  for (int i = 0; i < 21; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const std::string root = std::string(argc > 1 ? argv[1] : ".") + "/orrery-open-" + std::to_string(::getpid());
  const std::size_t bytes = (argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1024) << 20;
  const std::size_t leaves = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1000;
  const auto elements = static_cast<orrery::Dim>(bytes / leaves / sizeof(float));
  const orrery::PyTreeCheckpointer checkpointer;
  {
    State state;
    for (std::size_t i = 0; i < leaves; ++i) {
      char name[24];
      std::snprintf(name, sizeof name, "w%06zu", i);
      state.emplace(name, orrery::Array<float>::full({elements}, static_cast<float>(i)));
    }
    checkpointer.save(root, state, {.compression = orrery::Compression::none(), .durability = orrery::Durability::fast});
  }
  State one{{"w000500", orrery::Array<float>({elements})}};
  if (leaves <= 500) one = {{"w000000", orrery::Array<float>({elements})}};
  std::printf("%zu MiB in %zu leaves\n", bytes >> 20, leaves);
  double sum = 0;
  const double map = median_ms([&] { sum += checkpointer.restore_mapped(root)["w000000"].array().at<float>({0}); });
  std::printf("  restore_mapped            %8.3f ms\n", map);
  std::printf("  metadata                  %8.3f ms\n", median_ms([&] { sum += static_cast<double>(checkpointer.metadata(root).leaves().size()); }));
  const double leaf = median_ms([&] { checkpointer.restore_into(root, one); });
  auto& target = one.begin()->second;
  const std::string raw = root + "-raw";
  const orrery::benchmarks::Buffer buffer{target.data(), target.size() * sizeof(float)};
  orrery::benchmarks::write_floor(raw, {&buffer, 1});
  const double read = median_ms([&] { orrery::benchmarks::read_floor(raw, {&buffer, 1}); });
  std::printf("  restore_into of one leaf  %8.3f ms, of which its bytes %.3f ms\n", leaf, read);
  ::unlink(raw.c_str());
  orrery::storage::remove_tree(root);
  return sum < 0;
}
