// Where a sorted level of B+tree entries is cut into nodes: TensorStore's rule (section 12.2), so that the same content gives the same
// trees. What an entry is estimated to take is the writer's to say.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "orrery/core/on_use.hpp"
#include "orrery/formats/ocdbt/format.hpp"

namespace orrery::inline v0::ocdbt {

struct CuttingRule {
  std::uint64_t max_decoded_node_bytes = 100000000;  // 0: no bound; a soft one, a huge entry still gets its node
  std::size_t min_entries = 1;                       // 1 for leaves, 2 for interior nodes
};

// The end of each node, ascending, the last one estimates.size(). common is the length of the prefix that all keys of the level share.
// Linear in the number of entries.
template <OnUse = OnUse()>
inline std::vector<std::size_t> cut_nodes(std::span<const std::uint64_t> estimates, std::uint64_t common, const CuttingRule& rule) {
  const std::size_t n = estimates.size();
  const std::uint64_t limit = rule.max_decoded_node_bytes;
  const auto ceil_div = [](std::uint64_t a, std::uint64_t b) { return a / b + (a % b != 0); };
  std::vector<std::uint64_t> sums(n + 1);
  for (std::size_t i = 0; i < n; ++i) sums[i + 1] = sums[i] + estimates[i];

  std::vector<std::size_t> ends;
  for (std::size_t start = 0; start < n;) {
    const auto size_to = [&](std::size_t end) { return sums[end] - sums[start] - (end - start - 1) * common; };
    const std::uint64_t upper = size_to(n);
    std::uint64_t count = ceil_div(n - start, max_node_entries);
    if (limit != 0) count = std::max(count, ceil_div(upper, limit));
    const std::uint64_t target = ceil_div(upper, count);
    std::size_t end = start + 1;
    for (; end < n && end - start < max_node_entries; ++end) {
      const std::uint64_t size = size_to(end);
      if (size < target || end - start < rule.min_entries) continue;
      if (size > limit && end - start > rule.min_entries) --end;
      break;
    }
    ends.push_back(end);
    start = end;
  }
  return ends;
}

}  // namespace orrery::inline v0::ocdbt
