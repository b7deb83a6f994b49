// The loops that walk two arrays of one shape together: dimensions sorted so that the last one is the finest step of the destination,
// with those merged that neither array interrupts. What is done to the elements is the caller's (core/strided_copy, core/cast).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "orrery/core/array_view.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"

namespace orrery::inline v0::detail {

template <OnUse = OnUse()>
[[noreturn]] inline void throw_shapes_differ(const ArrayView& from, const ArrayView& to) {
  throw ArgumentError("copying an array of shape " + to_string(from.shape) + " into one of shape " + to_string(to.shape) +
                      "; the shapes must be equal");
}

struct LoopNest {
  Shape extents{};     // no ones, no zeros
  Shape from_steps{};  // bytes; may be negative or zero (broadcast)
  Shape to_steps{};    // bytes, descending, not negative
  const char* from = nullptr;
  char* to = nullptr;
  bool empty = false;  // an extent is zero: nothing to do

  std::size_t rank() const noexcept { return extents.size(); }
  std::size_t last() const noexcept { return extents.size() - 1; }

  // The dimension in which the source takes its finest step, repetition aside; last() if none is finer than there. Rank at least 1.
  template <OnUse = OnUse()>
  std::size_t finest_source() const noexcept {
    std::size_t best = last();
    for (std::size_t i = last(); i-- > 0;)
      if (from_steps[i] != 0 && distance(from_steps[i]) < distance(from_steps[best])) best = i;
    return best;
  }

  static Dim distance(Dim step) noexcept { return step < 0 ? -step : step; }
};

template <OnUse = OnUse()>
inline LoopNest make_loop_nest(const ArrayView& from, const ArrayView& to) {
  if (!(from.shape == to.shape)) throw_shapes_differ(from, to);
  LoopNest nest;
  nest.from = static_cast<const char*>(from.data);
  nest.to = static_cast<char*>(const_cast<void*>(to.data));
  if (from.size() == 0) {
    nest.empty = true;
    return nest;
  }
  const std::size_t rank = from.rank();
  nest.extents.resize(rank);
  nest.from_steps.resize(rank);
  nest.to_steps.resize(rank);
  Dim* extents = nest.extents.data();
  Dim* from_steps = nest.from_steps.data();
  Dim* to_steps = nest.to_steps.data();
  std::size_t used = 0;
  for (std::size_t i = 0; i < rank; ++i) {
    const Dim extent = from.shape[i];
    if (extent == 1) continue;
    Dim from_step = from.strides[i], to_step = to.strides[i];
    if (to_step < 0) {  // walk that dimension backwards in both
      nest.from += (extent - 1) * from_step;
      nest.to += (extent - 1) * to_step;
      from_step = -from_step;
      to_step = -to_step;
    }
    std::size_t at = used++;
    for (; at > 0 && to_steps[at - 1] < to_step; --at) {
      extents[at] = extents[at - 1];
      from_steps[at] = from_steps[at - 1];
      to_steps[at] = to_steps[at - 1];
    }
    extents[at] = extent;
    from_steps[at] = from_step;
    to_steps[at] = to_step;
  }
  std::size_t kept = 0;  // entries [0, kept) are final but for merging into the last of them
  for (std::size_t i = 0; i < used; ++i) {
    const bool merges = kept > 0 && to_steps[kept - 1] == extents[i] * to_steps[i] && from_steps[kept - 1] == extents[i] * from_steps[i];
    const std::size_t at = merges ? kept - 1 : kept++;
    extents[at] = merges ? extents[at] * extents[i] : extents[i];
    from_steps[at] = from_steps[i];
    to_steps[at] = to_steps[i];
  }
  if (kept < rank) {
    auto cut = [kept](const Shape& all) { return Shape(std::span<const Dim>(all.data(), kept)); };
    nest.extents = cut(nest.extents);
    nest.from_steps = cut(nest.from_steps);
    nest.to_steps = cut(nest.to_steps);
  }
  return nest;
}

// Calls visit(from, to) for every index of all dimensions but the two named; `skip_a` and `skip_b` may be the same.
template <class Visit>
void for_each_outer(const LoopNest& nest, std::size_t skip_a, std::size_t skip_b, Visit visit) {
  Shape index = Shape::zeros(nest.rank());
  const char* from = nest.from;
  char* to = nest.to;
  for (;;) {
    visit(from, to);
    std::size_t i = nest.rank();
    for (; i-- > 0;) {
      if (i == skip_a || i == skip_b) continue;
      from += nest.from_steps[i];
      to += nest.to_steps[i];
      if (++index[i] < nest.extents[i]) break;
      from -= nest.extents[i] * nest.from_steps[i];
      to -= nest.extents[i] * nest.to_steps[i];
      index[i] = 0;
    }
    if (i == static_cast<std::size_t>(-1)) return;
  }
}

}  // namespace orrery::inline v0::detail
