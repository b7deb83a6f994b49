// Eigen's tensors as array leaves: Tensor and TensorFixedSize of either layout, and TensorMap of them. Nothing is transposed: a
// column-major tensor (Eigen's default) keeps its logical shape and shows its strides, so that t(i, j, k) is t[i, j, k] in Python.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include <unsupported/Eigen/CXX11/Tensor>

#include "orrery/adapters/eigen.hpp"
#include "orrery/core/float_types.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/fwd.hpp"

namespace orrery::inline v0 {

namespace detail {

template <class T>
struct EigenTensorLeaf {
  static constexpr std::size_t rank = static_cast<std::size_t>(T::NumDimensions);
  using element = std::remove_const_t<typename T::Scalar>;
  using Dims = std::array<Dim, rank>;
  static constexpr Dims extents = [] {
    Dims free{};
    free.fill(-1);
    return free;
  }();

  static Dims shape(const T& value) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) { return Dims{value.dimension(I)...}; }(std::make_index_sequence<rank>{});
  }
  static Dims strides(const T& value) {
    const Dims dims = shape(value);
    Dims steps{};
    Dim step = 1;
    for (std::size_t i = 0; i < rank; ++i) {
      const std::size_t axis = int{T::Layout} == int{Eigen::ColMajor} ? i : rank - 1 - i;
      steps[axis] = step;
      step *= dims[axis];
    }
    return steps;
  }
  static const element* data(const T& value) { return value.data(); }
};

}  // namespace detail

template <Element S, int Rank, int Options, class Index>
struct LeafTraits<Eigen::Tensor<S, Rank, Options, Index>> : detail::EigenTensorLeaf<Eigen::Tensor<S, Rank, Options, Index>> {
  using Tensor = Eigen::Tensor<S, Rank, Options, Index>;
  static void resize(Tensor& value, std::span<const Dim> shape) {
    typename Tensor::Dimensions dims;
    for (std::size_t i = 0; i < shape.size(); ++i) dims[i] = static_cast<Index>(shape[i]);
    value.resize(dims);
  }
};
template <Element S, std::ptrdiff_t... N, int Options, class Index>
struct LeafTraits<Eigen::TensorFixedSize<S, Eigen::Sizes<N...>, Options, Index>>
    : detail::EigenTensorLeaf<Eigen::TensorFixedSize<S, Eigen::Sizes<N...>, Options, Index>> {
  static constexpr std::array<Dim, sizeof...(N)> extents{N...};
};
// Restored in place where the shape is equal; a map of constants is never written.
template <class Plain, int Options, template <class> class Pointer>
  requires Element<typename Plain::Scalar>
struct LeafTraits<Eigen::TensorMap<Plain, Options, Pointer>> : detail::EigenTensorLeaf<Eigen::TensorMap<Plain, Options, Pointer>> {
  static constexpr bool read_only = std::is_const_v<Plain> || std::is_const_v<typename Plain::Scalar>;
};

}  // namespace orrery::inline v0
