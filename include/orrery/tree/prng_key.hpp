// A JAX random key as a member of a state: what jax.random.key makes and Orbax stores as key data and the name of its implementation.
#pragma once

#include <cstdint>
#include <string>

#include "orrery/core/array.hpp"

namespace orrery::inline v0 {

// One key, or an array of them: `data` has the shape of the keys and one more dimension, of 2 for threefry2x32.
struct PrngKey {
  std::string impl = "threefry2x32";
  Array<std::uint32_t> data{};
  friend bool operator==(const PrngKey&, const PrngKey&) = default;
};

}  // namespace orrery::inline v0
