// What a CheckpointManager costs: 1000 saves of the guide's tiny state with max_to_keep 2, flushed and not, and how they change over time;
// opening a root of many steps. Prints medians and the ratio of the last hundred saves to the first.
//   manager DIR [saves] [steps]
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "orrery/checkpoint.hpp"

namespace {

using namespace orrery;

struct Dense {
  Array<float> bias{{3}}, kernel{{5, 3}};
};
struct TrainState {
  std::int64_t step = 0;
  Dense params{};
};
struct Checkpoint {
  TrainState model{};
  Array<std::int64_t> config{{2}};
  std::vector<Array<float>> data{Array<float>({5})};
};

template <class Body>
double milliseconds(Body&& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

void saves(const std::string& root, std::int64_t count, Durability durability, const char* name) {
  storage::remove_tree(root);
  std::vector<double> times;
  {
    CheckpointManager manager(root, {.max_to_keep = 2});
    const Checkpoint state;
    for (std::int64_t step = 0; step < count; ++step)
      times.push_back(milliseconds([&] { manager.save(step, state, {.save = {.durability = durability}}); }));
    manager.close();
    if (manager.all_steps(true).size() != static_cast<std::size_t>(std::min<std::int64_t>(count, 2))) std::abort();
  }
  const auto few = static_cast<std::ptrdiff_t>(std::min<std::size_t>(times.size(), 100));
  const double first = median({times.begin(), times.begin() + few}), last = median({times.end() - few, times.end()});
  std::printf("%-9s %5lld saves: median %.3f ms, last hundred / first hundred %.2f\n", name, static_cast<long long>(count), median(times),
              last / first);
  storage::remove_tree(root);
}

void opening(const std::string& root, std::int64_t steps) {
  storage::remove_tree(root);
  storage::make_directories(root);
  for (std::int64_t step = 0; step < steps; ++step) {
    const std::string path = root + "/" + std::to_string(step);
    storage::make_directory(path);
    storage::make_directory(path + "/default");
    storage::write_file(path + "/_CHECKPOINT_METADATA", "{\"item_handlers\": {}}");
  }
  std::vector<double> times;
  for (int round = 0; round < 9; ++round)
    times.push_back(milliseconds([&] {
      CheckpointManager manager(root, {.max_to_keep = 2});
      if (manager.latest_step() != steps - 1) std::abort();
    }));
  std::printf("opening a root of %lld steps: median %.1f ms\n", static_cast<long long>(steps), median(times));
  storage::remove_tree(root);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("usage: manager DIR [saves] [steps]\n", stderr), 2;
  const std::string root = std::string(argv[1]) + "/manager_benchmark";
  const std::int64_t count = argc > 2 ? std::atoll(argv[2]) : 1000, steps = argc > 3 ? std::atoll(argv[3]) : 10000;
  saves(root, count, Durability::synced, "synced");
  saves(root, count, Durability::fast, "unsynced");
  opening(root, steps);
  return 0;
}
