// Eigen's dense types as array leaves: Matrix, Vector, Array of any storage order, fixed or dynamic, and Map and Ref of them. Nothing is
// transposed: a column-major matrix keeps its logical shape and shows its strides. Vectors at compile time have rank 1. A Quaternion is
// four numbers (x, y, z, w), as scipy's Rotation.as_quat() has them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <type_traits>

#include <Eigen/Core>

#include "orrery/core/error.hpp"
#include "orrery/core/float_types.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/fwd.hpp"

namespace orrery::inline v0 {

namespace detail {

template <>
struct DTypeOf<Eigen::half> {
  static constexpr DType value = DType::float16;
};
template <>
struct DTypeOf<Eigen::bfloat16> {
  static constexpr DType value = DType::bfloat16;
};

[[noreturn]] inline void throw_eigen_capacity(std::span<const Dim> shape) {
  throw ArgumentError("the shape " + to_string(shape) + " exceeds the maximum size of the Eigen type that it is to be restored into");
}

// The parts of LeafTraits that owners and views share.
template <class T>
struct EigenLeaf {
  using element = typename T::Scalar;
  static constexpr bool is_vector = T::IsVectorAtCompileTime;
  static constexpr Dim extent(int size) { return size == Eigen::Dynamic ? -1 : size; }
  static constexpr auto extents = [] {
    if constexpr (is_vector)
      return std::array<Dim, 1>{extent(T::SizeAtCompileTime)};
    else
      return std::array<Dim, 2>{extent(T::RowsAtCompileTime), extent(T::ColsAtCompileTime)};
  }();
  using Dims = std::remove_const_t<decltype(extents)>;

  static Dims shape(const T& value) {
    if constexpr (is_vector)
      return {value.size()};
    else
      return {value.rows(), value.cols()};
  }
  static Dims strides(const T& value) {
    if constexpr (is_vector)
      return {value.innerStride()};
    else
      return {value.rowStride(), value.colStride()};
  }
  static const element* data(const T& value) { return value.data(); }
};

template <class T>
struct EigenOwner : EigenLeaf<T> {
  static void resize(T& value, std::span<const Dim> shape)
    requires(T::SizeAtCompileTime == Eigen::Dynamic)
  {
    if constexpr (T::IsVectorAtCompileTime) {
      if (T::MaxSizeAtCompileTime != Eigen::Dynamic && shape[0] > T::MaxSizeAtCompileTime) throw_eigen_capacity(shape);
      value.resize(shape[0]);
    } else {
      if ((T::MaxRowsAtCompileTime != Eigen::Dynamic && shape[0] > T::MaxRowsAtCompileTime) ||
          (T::MaxColsAtCompileTime != Eigen::Dynamic && shape[1] > T::MaxColsAtCompileTime))
        throw_eigen_capacity(shape);
      value.resize(shape[0], shape[1]);
    }
  }
};

// Restored in place where the shape is equal; a view of constants is never written.
template <class T, class Plain>
struct EigenView : EigenLeaf<T> {
  static constexpr bool read_only = std::is_const_v<Plain>;
};

// Its class is complete where the user includes <Eigen/Geometry>.
template <class T, class Scalar>
struct EigenQuaternion {
  using element = std::remove_const_t<Scalar>;
  static constexpr std::array<Dim, 1> extents{4};
  static constexpr bool read_only = std::is_const_v<Scalar>;
  static std::array<Dim, 1> shape(const T&) { return extents; }
  static const element* data(const T& value) { return value.coeffs().data(); }
};

}  // namespace detail

template <Element S, int R, int C, int O, int MaxR, int MaxC>
struct LeafTraits<Eigen::Matrix<S, R, C, O, MaxR, MaxC>> : detail::EigenOwner<Eigen::Matrix<S, R, C, O, MaxR, MaxC>> {};
template <Element S, int R, int C, int O, int MaxR, int MaxC>
struct LeafTraits<Eigen::Array<S, R, C, O, MaxR, MaxC>> : detail::EigenOwner<Eigen::Array<S, R, C, O, MaxR, MaxC>> {};
template <class Plain, int Options, class Stride>
  requires Element<typename Plain::Scalar>
struct LeafTraits<Eigen::Map<Plain, Options, Stride>> : detail::EigenView<Eigen::Map<Plain, Options, Stride>, Plain> {};
template <class Plain, int Options, class Stride>
  requires Element<typename Plain::Scalar>
struct LeafTraits<Eigen::Ref<Plain, Options, Stride>> : detail::EigenView<Eigen::Ref<Plain, Options, Stride>, Plain> {};
template <Element S, int O>
struct LeafTraits<Eigen::Quaternion<S, O>> : detail::EigenQuaternion<Eigen::Quaternion<S, O>, S> {};
template <Element S, int O, int Options, class Stride>
struct LeafTraits<Eigen::Map<Eigen::Quaternion<S, O>, Options, Stride>>
    : detail::EigenQuaternion<Eigen::Map<Eigen::Quaternion<S, O>, Options, Stride>, S> {};
template <Element S, int O, int Options, class Stride>
struct LeafTraits<Eigen::Map<const Eigen::Quaternion<S, O>, Options, Stride>>
    : detail::EigenQuaternion<Eigen::Map<const Eigen::Quaternion<S, O>, Options, Stride>, const S> {};

}  // namespace orrery::inline v0
