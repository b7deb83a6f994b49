// Who passes messages to whom: the ranks as a binomial tree under rank 0, in which news travel in as many hops as the number of ranks has
// bits. Below rank r are the ranks from r on, as many as r's lowest set bit says.
#pragma once

#include <algorithm>
#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "orrery/core/on_use.hpp"

namespace orrery::inline v0::distributed {

inline int parent_of(int rank) noexcept { return rank & (rank - 1); }
template <OnUse = OnUse()>
inline int depth_of(int rank) noexcept {
  return std::popcount(static_cast<unsigned>(rank));
}

// The rank itself and all below it: from first, and before second.
inline std::pair<int, int> ranks_below(int rank, int size) noexcept {
  if (rank == 0) return {0, size};
  const int below = rank & -rank;
  return {rank, below > size - rank ? size : rank + below};
}

template <OnUse = OnUse()>
inline std::vector<int> children_of(int rank, int size) {
  std::vector<int> children;
  for (long long bit = 1; bit < size && (rank & bit) == 0; bit <<= 1)
    if (rank + bit < size) children.push_back(static_cast<int>(rank + bit));
  return children;
}

// "rank 3", "ranks 3, 5 to 9 and 12": sorted, without repetitions.
template <OnUse = OnUse()>
inline std::string rank_list(std::vector<int> ranks) {
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  std::vector<std::string> runs;
  for (std::size_t i = 0; i < ranks.size();) {
    std::size_t j = i;
    while (j + 1 < ranks.size() && ranks[j + 1] == ranks[j] + 1) ++j;
    if (j - i < 2) j = i;  // two neighbours stay two
    runs.push_back(std::to_string(ranks[i]) + (j > i ? " to " + std::to_string(ranks[j]) : ""));
    i = j + 1;
  }
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (std::size_t i = 0; i < runs.size(); ++i) text += (i == 0 ? "" : i + 1 == runs.size() ? " and " : ", ") + runs[i];
  return text;
}

}  // namespace orrery::inline v0::distributed
