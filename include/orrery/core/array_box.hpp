// A part of an array: where it begins and how far it goes. Chunks, shards and what of them is wanted are boxes of one array; here is the
// little arithmetic that all of them share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "orrery/core/array_view.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"

namespace orrery::inline v0 {

// The elements from origin on, extents of them in each dimension.
struct ArrayBox {
  Shape origin{};
  Shape extents{};

  template <OnUse = OnUse()>
  static ArrayBox whole(const Shape& shape) {
    return {Shape::zeros(shape.size()), shape};
  }

  std::size_t rank() const noexcept { return extents.size(); }
  template <OnUse = OnUse()>
  bool empty() const noexcept {
    return std::find(extents.begin(), extents.end(), Dim{0}) != extents.end();
  }
  // Elements, where the box lies in an array that can be.
  std::size_t size() const noexcept {
    std::size_t count = 1;
    for (const Dim extent : extents) count *= static_cast<std::size_t>(extent);
    return count;
  }

  friend bool operator==(const ArrayBox&, const ArrayBox&) = default;
};

// ArgumentError unless the box lies in an array of that shape.
template <OnUse = OnUse()>
inline void check_box(std::span<const Dim> shape, const ArrayBox& box) {
  bool inside = box.origin.size() == shape.size() && box.extents.size() == shape.size();
  for (std::size_t i = 0; inside && i < shape.size(); ++i)
    inside = box.origin[i] >= 0 && box.extents[i] >= 0 && box.origin[i] <= shape[i] && box.extents[i] <= shape[i] - box.origin[i];
  if (!inside)
    throw ArgumentError("the box of extents " + to_string(box.extents) + " at " + to_string(box.origin) +
                        " is not inside an array of shape " + to_string(shape));
}

// What two boxes of one array have in common. Where that is nothing, the result is empty().
template <OnUse = OnUse()>
inline ArrayBox intersection(const ArrayBox& a, const ArrayBox& b) {
  ArrayBox common{Shape::zeros(a.rank()), Shape::zeros(a.rank())};
  for (std::size_t i = 0; i < a.rank(); ++i) {
    common.origin[i] = std::max(a.origin[i], b.origin[i]);
    const Dim end = std::min(a.origin[i] + a.extents[i], b.origin[i] + b.extents[i]);
    common.extents[i] = std::max<Dim>(end - common.origin[i], 0);
  }
  return common;
}

// The same part counted from the origin of a box that holds it.
template <OnUse = OnUse()>
inline ArrayBox relative_to(const ArrayBox& part, const ArrayBox& whole) {
  ArrayBox out = part;
  for (std::size_t i = 0; i < part.rank(); ++i) out.origin[i] -= whole.origin[i];
  return out;
}

// What a view of a whole array shows of that box.
template <OnUse = OnUse()>
inline ArrayView part_of(const ArrayView& whole, const ArrayBox& box) {
  const char* data = static_cast<const char*>(whole.data);
  if (data && !box.empty())
    for (std::size_t i = 0; i < box.rank(); ++i) data += box.origin[i] * whole.strides[i];
  return {whole.dtype, box.extents, whole.strides, data};
}

}  // namespace orrery::inline v0
