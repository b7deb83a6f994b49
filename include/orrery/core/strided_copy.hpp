// Copies between arrays of one dtype and any strides, and reading a strided array in C order piece by piece. Elements are bytes here;
// core/cast.hpp converts them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "orrery/core/array_box.hpp"
#include "orrery/core/array_view.hpp"
#include "orrery/core/loop_nest.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/transpose.hpp"

namespace orrery::inline v0 {

// Writes the elements of `from` to `to`, whose data must be writable though a view says const, and must not overlap those of `from`.
// Same dtype and shape (ArgumentError otherwise), any strides; a source stride of 0 repeats. One memcpy where both arrays lie densely
// in the same order; a transposition is blocked for the caches.
template <OnUse = OnUse()>
void copy(const ArrayView& from, const ArrayView& to);

// ... to dense C-ordered memory of from.nbytes() bytes.
template <OnUse = OnUse()>
void copy(const ArrayView& from, void* to);

// Writes elements [first, first + count) of `from`, in C order, to `out`; fewer if the array ends before. Returns how many. Meant for
// streaming a strided array through a buffer: blocks of 1 MiB cost no more than one copy of the whole, unless the rows are so long
// that a block covers less than a cache line of a column-major source.
template <OnUse = OnUse()>
std::size_t copy_c_order_range(const ArrayView& from, std::size_t first, std::size_t count, void* out);

// Where the elements of a box of `whole`, which nobody has in memory yet, go in `to`, in runs that both hold in one piece: visit(bytes from
// the beginning of `whole`, memory, size). False, and no call, where no two elements are neighbours in both and runs would be no runs.
template <class Visit>
bool for_each_run(const ArrayView& whole, const ArrayBox& box, const ArrayView& to, Visit&& visit);

namespace detail {

[[noreturn]] inline void throw_dtypes_differ(DType from, DType to) {
  throw ArgumentError("copying " + std::string(name(from)) + " elements into an array of " + std::string(name(to)) +
                      "; use cast_copy to convert");
}

template <std::size_t Item>
void copy_nest(const LoopNest& nest) {
  constexpr Dim item = static_cast<Dim>(Item);
  if (nest.rank() == 0) {
    std::memcpy(nest.to, nest.from, Item);
    return;
  }
  const std::size_t last = nest.last(), finest = nest.finest_source();
  const Dim count = nest.extents[last], from_step = nest.from_steps[last], to_step = nest.to_steps[last];
  if (finest != last) {
    for_each_outer(nest, finest, last, [&](const char* from, char* to) {
      copy_transposed<Item>(from, nest.from_steps[finest], from_step, to, nest.to_steps[finest], to_step, nest.extents[finest], count);
    });
  } else if (from_step == item && to_step == item) {
    for_each_outer(nest, last, last, [&](const char* from, char* to) { std::memcpy(to, from, static_cast<std::size_t>(count) * Item); });
  } else {
    for_each_outer(nest, last, last, [&](const char* from, char* to) { copy_strided_run<Item>(from, from_step, to, to_step, count); });
  }
}

// The part of a view with first index [begin, begin + extent).
template <OnUse = OnUse()>
inline ArrayView first_rows(const ArrayView& view, Dim begin, Dim extent) {
  ArrayView part = view;
  part.data = static_cast<const char*>(view.data) + begin * view.strides[0];
  part.shape[0] = extent;
  return part;
}

// The view at one first index, a dimension less.
template <OnUse = OnUse()>
inline ArrayView at_first(const ArrayView& view, Dim index) {
  auto rest = [](const Shape& all) { return Shape(std::span<const Dim>(all.data() + 1, all.size() - 1)); };
  return {view.dtype, rest(view.shape), rest(view.strides), static_cast<const char*>(view.data) + index * view.strides[0]};
}

// As copy_c_order_range, with first + count within the array. The range is a few boxes: the end of a row, whole rows, the start of one.
template <OnUse = OnUse()>
inline void copy_range(const ArrayView& from, std::size_t first, std::size_t count, char* out) {
  const std::size_t item = from.item_size();
  if (count == 0) return;
  if (from.rank() == 0) {
    std::memcpy(out, from.data, item);
    return;
  }
  const std::size_t row = from.size() / static_cast<std::size_t>(from.shape[0]);
  if (const std::size_t within = first % row; within != 0) {
    const std::size_t part = std::min(count, row - within);
    copy_range(at_first(from, static_cast<Dim>(first / row)), within, part, out);
    first += part;
    count -= part;
    out += part * item;
  }
  if (const std::size_t rows = count / row; rows > 0) {
    copy(first_rows(from, static_cast<Dim>(first / row), static_cast<Dim>(rows)), out);
    first += rows * row;
    count -= rows * row;
    out += rows * row * item;
  }
  if (count > 0) copy_range(at_first(from, static_cast<Dim>(first / row)), 0, count, out);
}

}  // namespace detail

template <OnUse>
inline void copy(const ArrayView& from, const ArrayView& to) {
  if (from.dtype != to.dtype) detail::throw_dtypes_differ(from.dtype, to.dtype);
  if (from.rank() == 0 && to.rank() == 0) {  // numbers are many, and no loop nest
    if (from.dtype != DType::none) std::memcpy(const_cast<void*>(to.data), from.data, from.item_size());
    return;
  }
  const detail::LoopNest nest = detail::make_loop_nest(from, to);
  if (nest.empty) return;
  switch (from.item_size()) {
    case 1: return detail::copy_nest<1>(nest);
    case 2: return detail::copy_nest<2>(nest);
    case 4: return detail::copy_nest<4>(nest);
    case 8: return detail::copy_nest<8>(nest);
    case 16: return detail::copy_nest<16>(nest);
    default: return;  // DType::none has no elements
  }
}

template <OnUse>
inline void copy(const ArrayView& from, void* to) {
  copy(from, ArrayView::dense(from.dtype, to, from.shape));
}

template <OnUse>
inline std::size_t copy_c_order_range(const ArrayView& from, std::size_t first, std::size_t count, void* out) {
  const std::size_t size = from.size();
  if (first >= size) return 0;
  count = std::min(count, size - first);
  if (from.is_c_contiguous())
    std::memcpy(out, static_cast<const char*>(from.data) + first * from.item_size(), count * from.item_size());
  else
    detail::copy_range(from, first, count, static_cast<char*>(out));
  return count;
}

template <class Visit>
bool for_each_run(const ArrayView& whole, const ArrayBox& box, const ArrayView& to, Visit&& visit) {
  ArrayView from{whole.dtype, box.extents, whole.strides, to.data};  // only differences of its addresses are looked at
  const detail::LoopNest nest = detail::make_loop_nest(from, to);
  if (nest.empty) return true;
  const auto item = static_cast<Dim>(to.item_size());
  Dim offset = nest.from - static_cast<const char*>(to.data);
  for (std::size_t i = 0; i < box.rank(); ++i) offset += box.origin[i] * whole.strides[i];
  char* memory = nest.to;
  const auto call = [&](Dim elements) {
    visit(static_cast<std::uint64_t>(offset), static_cast<void*>(memory), static_cast<std::size_t>(elements * item));
  };
  if (nest.rank() == 0) {
    call(1);
    return true;
  }
  if (nest.from_steps[nest.last()] != item || nest.to_steps[nest.last()] != item) return false;
  Shape index = Shape::zeros(nest.rank());
  for (;;) {
    call(nest.extents[nest.last()]);
    std::size_t i = nest.last();
    for (; i-- > 0;) {
      offset += nest.from_steps[i];
      memory += nest.to_steps[i];
      if (++index[i] < nest.extents[i]) break;
      offset -= nest.extents[i] * nest.from_steps[i];
      memory -= nest.extents[i] * nest.to_steps[i];
      index[i] = 0;
    }
    if (i == static_cast<std::size_t>(-1)) return true;
  }
}

}  // namespace orrery::inline v0
