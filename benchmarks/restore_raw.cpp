// restore_raw CHECKPOINT [TIMES=5]: restores it raw that many times and prints the median in seconds; the other half of against_orbax.py.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "orrery/checkpoint.hpp"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: restore_raw CHECKPOINT [TIMES]\n");
    return 2;
  }
  const int times = argc > 2 ? std::atoi(argv[2]) : 5;
  std::vector<double> seconds;
  try {
    for (int i = 0; i < std::max(times, 1); ++i) {
      const auto start = std::chrono::steady_clock::now();
      const orrery::Tree tree = orrery::PyTreeCheckpointer().restore(argv[1]);
      seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      if (tree.size() == 0) return 1;
    }
  } catch (const orrery::Error& error) {
    std::fprintf(stderr, "restore_raw: %s\n", error.what());
    return 1;
  }
  std::sort(seconds.begin(), seconds.end());
  std::printf("%.6f\n", seconds[seconds.size() / 2]);
}
