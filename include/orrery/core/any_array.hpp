// An array that owns its elements, dense and C-ordered, and whose dtype is a value. Restoring makes these where the caller brings no
// array; saving takes views (core/array_view.hpp). Where the dtype is known, Array<T> is nicer (core/array.hpp).
#pragma once

#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>

#include "orrery/core/array_view.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/float_types.hpp"
#include "orrery/core/memory.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/core/strided_copy.hpp"

namespace orrery::inline v0 {

namespace detail {

template <OnUse = OnUse()>
[[noreturn]] inline void throw_bad_array_shape(std::span<const Dim> shape) {
  throw ArgumentError("an array cannot have the shape " + to_string(shape) +
                      ": extents must not be negative and all bytes together must fit into 63 bits");
}
template <OnUse = OnUse()>
[[noreturn]] inline void throw_bad_reshape(std::span<const Dim> from, std::span<const Dim> to) {
  throw ArgumentError("an array of shape " + to_string(from) + " cannot take the shape " + to_string(to) +
                      ": the number of elements differs");
}

template <OnUse = OnUse()>
inline std::size_t array_bytes(std::span<const Dim> shape, std::size_t item) {
  const auto bytes = checked_bytes(shape, item);
  if (!bytes) throw_bad_array_shape(shape);
  return *bytes;
}

inline bool same_bytes(const void* a, const void* b, std::size_t size) noexcept { return size == 0 || std::memcmp(a, b, size) == 0; }

}  // namespace detail

// An array of any dtype. An empty or moved-from one has dtype none and shape (0,). ArgumentError for shapes that cannot be.
class AnyArray {
 public:
  AnyArray() = default;
  AnyArray(const AnyArray& other) : dtype_(other.dtype_), shape_(other.shape_), memory_(Memory::uninitialized(other.memory_.size())) {
    if (memory_.size() > 0) std::memcpy(memory_.data(), other.memory_.data(), memory_.size());
  }
  AnyArray(AnyArray&& other) noexcept
      : dtype_(std::exchange(other.dtype_, DType::none)),
        shape_(std::exchange(other.shape_, Shape{0})),
        memory_(std::move(other.memory_)) {}
  AnyArray& operator=(AnyArray other) noexcept {
    std::swap(dtype_, other.dtype_);
    std::swap(shape_, other.shape_);
    std::swap(memory_, other.memory_);
    return *this;
  }

  template <OnUse = OnUse()>
  static AnyArray zeros(DType dtype, Shape shape) {
    Memory memory = Memory::zeros(detail::array_bytes(shape, item_size(dtype)));
    return AnyArray(dtype, std::move(shape), std::move(memory));
  }
  // Contents unspecified; large arrays take no pages until written.
  template <OnUse = OnUse()>
  static AnyArray uninitialized(DType dtype, Shape shape) {
    Memory memory = Memory::uninitialized(detail::array_bytes(shape, item_size(dtype)));
    return AnyArray(dtype, std::move(shape), std::move(memory));
  }
  template <OnUse = OnUse()>
  static AnyArray copy_of(const ArrayView& view) {
    AnyArray array = uninitialized(view.dtype, view.shape);
    copy(view, array.data());
    return array;
  }
  // Takes memory that holds the elements already, and is at least as large as they are (ArgumentError otherwise).
  template <OnUse = OnUse()>
  static AnyArray adopt(DType dtype, Shape shape, Memory memory) {
    if (memory.size() < detail::array_bytes(shape, item_size(dtype)))
      throw ArgumentError("the memory is smaller than an array of shape " + to_string(shape));
    return AnyArray(dtype, std::move(shape), std::move(memory));
  }

  DType dtype() const noexcept { return dtype_; }
  const Shape& shape() const noexcept { return shape_; }
  std::size_t rank() const noexcept { return shape_.size(); }
  template <OnUse = OnUse()>
  std::size_t size() const noexcept {
    return static_cast<std::size_t>(*checked_count(shape_));
  }
  template <OnUse = OnUse()>
  std::size_t nbytes() const noexcept {
    return size() * item_size(dtype_);
  }
  void* data() noexcept { return memory_.data(); }
  const void* data() const noexcept { return memory_.data(); }
  template <OnUse = OnUse()>
  ArrayView view() const {
    return ArrayView::dense(dtype_, memory_.data(), shape_);
  }

  // The element at an index; ArgumentError if T is not the dtype or the index is out of range.
  template <Element T>
  T at(std::initializer_list<Dim> index) const {
    return view().at<T>(index);
  }
  // All elements in C order; ArgumentError if T is not the dtype.
  template <Element T>
  std::span<const T> values() const {
    return view().values<T>();
  }
  template <Element T>
  std::span<T> values() {
    const std::span<const T> all = view().values<T>();
    return {static_cast<T*>(data()), all.size()};
  }

  // Same elements in another shape; ArgumentError if their number differs.
  template <OnUse = OnUse()>
  void reshape(Shape shape) {
    if (checked_count(shape) != checked_count(shape_)) detail::throw_bad_reshape(shape_, shape);
    shape_ = std::move(shape);
  }

  // Gives the memory away, leaving an empty array.
  template <OnUse = OnUse()>
  Memory release() && {
    dtype_ = DType::none;
    shape_ = Shape{0};
    return std::move(memory_);
  }

  // Same dtype, shape and bytes: a NaN equals itself, +0 and -0 differ.
  template <OnUse = OnUse()>
  friend bool operator==(const AnyArray& a, const AnyArray& b) noexcept {
    return a.dtype_ == b.dtype_ && a.shape_ == b.shape_ && detail::same_bytes(a.data(), b.data(), a.nbytes());
  }

 private:
  AnyArray(DType dtype, Shape&& shape, Memory&& memory) noexcept : dtype_(dtype), shape_(std::move(shape)), memory_(std::move(memory)) {}

  DType dtype_ = DType::none;
  Shape shape_{0};
  Memory memory_{};
};

}  // namespace orrery::inline v0
