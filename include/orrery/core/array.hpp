// Array<T>: an array that owns its elements, dense and C-ordered, for programs that know the element type. AnyArray
// (core/any_array.hpp) is for those that do not; the two turn into each other without copying.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <span>
#include <type_traits>
#include <utility>

#include "orrery/core/any_array.hpp"
#include "orrery/core/array_view.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/float_types.hpp"
#include "orrery/core/memory.hpp"
#include "orrery/core/shape.hpp"

namespace orrery::inline v0 {

namespace detail {
[[noreturn]] inline void throw_ragged_rows() { throw ArgumentError("the rows of a matrix must be of one length"); }
}  // namespace detail

// An array whose elements are of type T. Always constructed from a shape, zero-filled: Array<float>({5, 3}) has 15 elements, Array<float>()
// has shape (0,), Array<float>({}) is a scalar. Values come by from(), full() and arange(). Moving leaves shape (0,).
template <Element T>
class Array {
  static_assert(std::is_trivially_copyable_v<T> && !std::is_const_v<T>, "orrery: an Array holds plain, non-const elements");

 public:
  using value_type = T;

  Array() = default;
  explicit Array(Shape shape)
      : memory_(Memory::zeros(detail::array_bytes(shape, sizeof(T)))), shape_(std::move(shape)), size_(count(shape_)) {}
  explicit Array(std::initializer_list<Dim> shape) : Array(Shape(shape)) {}
  Array(const Array& other) : Array(uninitialized(other.shape_)) {
    if (size_ > 0) std::memcpy(memory_.data(), other.memory_.data(), size_ * sizeof(T));
  }
  Array(Array&& other) noexcept
      : memory_(std::move(other.memory_)), shape_(std::exchange(other.shape_, Shape{0})), size_(std::exchange(other.size_, 0)) {}
  // Copying into an array reuses its memory where that suffices.
  Array& operator=(const Array& other) {
    if (this != &other) {
      resize(other.shape_);
      if (size_ > 0) std::memcpy(memory_.data(), other.memory_.data(), size_ * sizeof(T));
    }
    return *this;
  }
  Array& operator=(Array&& other) noexcept {
    memory_ = std::move(other.memory_);
    if (this != &other) {
      shape_ = std::exchange(other.shape_, Shape{0});
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }

  // Takes the elements of an array of this dtype; ArgumentError if it is of another.
  explicit Array(AnyArray any) {
    if (any.dtype() != dtype_of<T>) detail::throw_wrong_element(any.dtype(), dtype_of<T>);
    shape_ = any.shape();
    size_ = any.size();
    memory_ = std::move(any).release();
  }
  operator AnyArray() && {
    size_ = 0;
    return AnyArray::adopt(dtype_of<T>, std::exchange(shape_, Shape{0}), std::move(memory_));
  }
  operator AnyArray() const& { return AnyArray::copy_of(view()); }

  static Array zeros(Shape shape) { return Array(std::move(shape)); }
  static Array uninitialized(Shape shape) {
    Array array;
    array.resize(std::move(shape));
    return array;
  }
  static Array full(Shape shape, T value) {
    Array array = uninitialized(std::move(shape));
    std::fill(array.begin(), array.end(), value);
    return array;
  }
  // 0, 1, ..., n - 1.
  static Array arange(Dim n) { return arange(0, n); }
  // begin, ..., end - 1; nothing if end is not above begin.
  static Array arange(Dim begin, Dim end) {
    Array array = uninitialized(Shape{std::max<Dim>(end - begin, 0)});
    for (T& element : array) element = from_index(begin++);
    return array;
  }
  // One-dimensional.
  static Array from(std::initializer_list<T> values) { return from(std::span<const T>(values.begin(), values.size())); }
  static Array from(std::span<const T> values) {
    Array array = uninitialized(Shape{static_cast<Dim>(values.size())});
    std::copy(values.begin(), values.end(), array.begin());
    return array;
  }
  // Two-dimensional, by rows; ArgumentError unless they are of one length.
  static Array from(std::initializer_list<std::initializer_list<T>> rows)
    requires std::is_arithmetic_v<T>
  {
    const std::size_t columns = rows.size() > 0 ? rows.begin()->size() : 0;
    Array array = uninitialized(Shape{static_cast<Dim>(rows.size()), static_cast<Dim>(columns)});
    T* to = array.data();
    for (const auto& row : rows) {
      if (row.size() != columns) detail::throw_ragged_rows();
      to = std::copy(row.begin(), row.end(), to);
    }
    return array;
  }

  T* data() noexcept { return reinterpret_cast<T*>(memory_.data()); }
  const T* data() const noexcept { return reinterpret_cast<const T*>(memory_.data()); }
  std::size_t size() const noexcept { return size_; }
  std::size_t nbytes() const noexcept { return size_ * sizeof(T); }
  bool empty() const noexcept { return size_ == 0; }
  const Shape& shape() const noexcept { return shape_; }
  std::size_t rank() const noexcept { return shape_.size(); }
  static constexpr DType dtype() noexcept { return dtype_of<T>; }
  T* begin() noexcept { return data(); }
  T* end() noexcept { return data() + size_; }
  const T* begin() const noexcept { return data(); }
  const T* end() const noexcept { return data() + size_; }
  std::span<T> values() noexcept { return {data(), size_}; }
  std::span<const T> values() const noexcept { return {data(), size_}; }
  ArrayView view() const { return ArrayView::dense(dtype_of<T>, memory_.data(), shape_); }

  // Unchecked: one index per dimension, or the position in C order.
  template <std::integral... Index>
  T& operator()(Index... index) noexcept {
    return data()[linear(index...)];
  }
  template <std::integral... Index>
  const T& operator()(Index... index) const noexcept {
    return data()[linear(index...)];
  }
  T& operator[](std::size_t i) noexcept { return data()[i]; }
  const T& operator[](std::size_t i) const noexcept { return data()[i]; }
  // Checked; ArgumentError.
  T& at(std::initializer_list<Dim> index) { return data()[checked(index)]; }
  const T& at(std::initializer_list<Dim> index) const { return data()[checked(index)]; }

  // Contents are unspecified afterwards; memory is kept if it suffices. On an exception nothing has changed.
  void resize(Shape shape) {
    const std::size_t bytes = detail::array_bytes(shape, sizeof(T));
    if (bytes > memory_.size()) memory_ = Memory::uninitialized(bytes);
    shape_ = std::move(shape);
    size_ = bytes / sizeof(T);
  }
  // Same elements in another shape; ArgumentError if their number differs.
  Array& reshape(Shape shape) & {
    if (checked_count(shape) != static_cast<Dim>(size_)) detail::throw_bad_reshape(shape_, shape);
    shape_ = std::move(shape);
    return *this;
  }
  Array reshape(Shape shape) && { return std::move(reshape(std::move(shape))); }

  // Same shape and bytes: a NaN equals itself, +0 and -0 differ.
  friend bool operator==(const Array& a, const Array& b) noexcept {
    return a.shape_ == b.shape_ && detail::same_bytes(a.data(), b.data(), a.nbytes());
  }

 private:
  static std::size_t count(const Shape& shape) noexcept { return static_cast<std::size_t>(*checked_count(shape)); }

  static T from_index(Dim i) {
    if constexpr (std::is_arithmetic_v<T>)
      return static_cast<T>(i);
    else if constexpr (info(dtype_of<T>).kind == DTypeKind::complex)
      return T(static_cast<typename T::value_type>(i));
    else if constexpr (info(dtype_of<T>).kind == DTypeKind::floating)
      return T(static_cast<float>(i));
    else
      return T(static_cast<int>(i));
  }

  template <class... Index>
  std::size_t linear(Index... index) const noexcept {
    std::size_t position = 0, dimension = 0;
    ((position = position * static_cast<std::size_t>(shape_[dimension++]) + static_cast<std::size_t>(index)), ...);
    return position;
  }

  std::size_t checked(std::initializer_list<Dim> index) const {
    const std::span<const Dim> where(index.begin(), index.size());
    if (where.size() != rank()) detail::throw_bad_index(where, shape_);
    std::size_t position = 0;
    for (std::size_t i = 0; i < where.size(); ++i) {
      if (where[i] < 0 || where[i] >= shape_[i]) detail::throw_bad_index(where, shape_);
      position = position * static_cast<std::size_t>(shape_[i]) + static_cast<std::size_t>(where[i]);
    }
    return position;
  }

  Memory memory_{};
  Shape shape_{0};
  std::size_t size_ = 0;
};

}  // namespace orrery::inline v0
