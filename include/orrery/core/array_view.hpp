// An array somebody else owns: dtype, shape, byte strides, pointer. Saving describes arrays by views and never copies them;
// restoring writes through them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "orrery/core/dtype.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/float_types.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"

namespace orrery::inline v0 {

namespace detail {
[[noreturn]] inline void throw_wrong_element(DType stored, DType asked) {
  throw ArgumentError("this array holds " + std::string(name(stored)) + ", not " + std::string(name(asked)) +
                      "; ask for the dtype it has, or restore with cast");
}
template <OnUse = OnUse()>
[[noreturn]] inline void throw_bad_index(std::span<const Dim> index, std::span<const Dim> shape) {
  throw ArgumentError("index " + to_string(index) + " is outside the shape " + to_string(shape));
}
}  // namespace detail

namespace detail {
// Of an array without elements strides mean nothing, and those of huge extents beside a zero wrap around.
inline Dim next_stride(Dim step, Dim extent) noexcept {
  return static_cast<Dim>(static_cast<std::uint64_t>(step) * static_cast<std::uint64_t>(extent > 0 ? extent : 1));
}
}  // namespace detail

// Strides of a dense array in bytes, last index fastest.
template <OnUse = OnUse()>
inline Shape c_strides(std::span<const Dim> shape, std::size_t item) {
  Shape strides = Shape::zeros(shape.size());
  Dim step = static_cast<Dim>(item);
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    step = detail::next_stride(step, shape[i]);
  }
  return strides;
}

// Strides of a dense array in bytes, first index fastest (column-major, zarr order F).
template <OnUse = OnUse()>
inline Shape f_strides(std::span<const Dim> shape, std::size_t item) {
  Shape strides = Shape::zeros(shape.size());
  Dim step = static_cast<Dim>(item);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    strides[i] = step;
    step = detail::next_stride(step, shape[i]);
  }
  return strides;
}

struct ArrayView {
  DType dtype = DType::none;
  Shape shape{};
  Shape strides{};             // bytes; same rank as shape
  const void* data = nullptr;  // null only where size() is 0

  // A dense C-ordered array.
  template <OnUse = OnUse()>
  static ArrayView dense(DType dtype, const void* data, Shape shape) {
    Shape strides = c_strides(shape, orrery::item_size(dtype));
    return {dtype, std::move(shape), std::move(strides), data};
  }

  std::size_t rank() const noexcept { return shape.size(); }
  // Elements; the product was checked when the view was made.
  std::size_t size() const noexcept {
    std::size_t count = 1;
    for (Dim extent : shape) count *= static_cast<std::size_t>(extent);
    return count;
  }
  std::size_t item_size() const noexcept { return orrery::item_size(dtype); }
  std::size_t nbytes() const noexcept { return size() * item_size(); }

  // Elements lie without gaps, last index fastest. Extents of 1 may have any stride, as in NumPy.
  template <OnUse = OnUse()>
  bool is_c_contiguous() const noexcept {
    if (size() == 0) return true;
    Dim step = static_cast<Dim>(item_size());
    for (std::size_t i = rank(); i-- > 0;) {
      if (shape[i] != 1 && strides[i] != step) return false;
      step *= shape[i];
    }
    return true;
  }
  // ... first index fastest.
  template <OnUse = OnUse()>
  bool is_f_contiguous() const noexcept {
    if (size() == 0) return true;
    Dim step = static_cast<Dim>(item_size());
    for (std::size_t i = 0; i < rank(); ++i) {
      if (shape[i] != 1 && strides[i] != step) return false;
      step *= shape[i];
    }
    return true;
  }

  // The element at that index; ArgumentError if T is not the dtype or the index is out of range. For looking, not for loops.
  template <class T>
  T at(std::initializer_list<Dim> index) const {
    if (dtype_of<T> != dtype) detail::throw_wrong_element(dtype, dtype_of<T>);
    std::span<const Dim> where(index.begin(), index.size());
    if (where.size() != rank()) detail::throw_bad_index(where, shape);
    const char* element = static_cast<const char*>(data);
    for (std::size_t i = 0; i < rank(); ++i) {
      if (where[i] < 0 || where[i] >= shape[i]) detail::throw_bad_index(where, shape);
      element += where[i] * strides[i];
    }
    T value;
    std::memcpy(&value, element, sizeof value);
    return value;
  }

  // All elements of a C-contiguous array as a span; ArgumentError otherwise.
  template <class T>
  std::span<const T> values() const {
    if (dtype_of<T> != dtype) detail::throw_wrong_element(dtype, dtype_of<T>);
    if (!is_c_contiguous()) throw ArgumentError("values() needs a C-contiguous array; this one is strided");
    return {static_cast<const T*>(data), size()};
  }
};

}  // namespace orrery::inline v0
