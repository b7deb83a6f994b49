// std::mdspan for items.py, of each layout.
#include <array>
#include <cstddef>
#include <mdspan>
#include <type_traits>
#include <utility>
#include <vector>

#include "items.hpp"
#include "orrery/adapters/mdspan.hpp"

namespace {

using Free = std::dextents<std::size_t, 3>;

// Keeps the elements that the spans show.
struct Storage {
  std::vector<float> right = std::vector<float>(24), left = std::vector<float>(24), strided = std::vector<float>(48);
};
struct Spans {
  std::mdspan<float, Free> right;
  std::mdspan<float, Free, std::layout_left> left;
  std::mdspan<float, Free, std::layout_stride> strided;
};
struct State {
  Spans mdspan;
};

State show(Storage& s) {
  const std::layout_stride::mapping<Free> every_second(Free(2, 3, 4), std::array<std::size_t, 3>{24, 8, 2});
  return {{std::mdspan<float, Free>(s.right.data(), 2, 3, 4), std::mdspan<float, Free, std::layout_left>(s.left.data(), 2, 3, 4),
           std::mdspan<float, Free, std::layout_stride>(s.strided.data(), every_second)}};
}
void fill(auto& span) {
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 4; ++k)
        span[i, j, k] = items::number<float>(static_cast<long long>(i), static_cast<long long>(j), static_cast<long long>(k));
}

}  // namespace

int main(int argc, char** argv) {
  Storage written, restored, other;
  State state = show(written);
  fill(state.mdspan.right);
  fill(state.mdspan.left);
  fill(state.mdspan.strided);
  return items::run(argc, argv, state, show(restored), show(other));
}
