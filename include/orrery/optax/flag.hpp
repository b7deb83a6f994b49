// A truth value as optax keeps one: an array of bool without dimensions. A plain bool is Python's own scalar.
#pragma once

#include <array>
#include <cstdint>

#include "orrery/fwd.hpp"

namespace orrery::inline v0::optax {

struct Flag {
  bool value = false;
  constexpr Flag() = default;
  constexpr Flag(bool v) : value(v) {}
  constexpr operator bool() const noexcept { return value; }
};

}  // namespace orrery::inline v0::optax

template <>
struct orrery::LeafTraits<orrery::optax::Flag> {
  using element = bool;
  static constexpr std::array<std::int64_t, 0> extents{};
  static std::array<std::int64_t, 0> shape(const optax::Flag&) { return {}; }
  static const bool* data(const optax::Flag& flag) { return &flag.value; }
};
