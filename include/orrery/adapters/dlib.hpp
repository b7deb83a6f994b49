// dlib::matrix as an array leaf, fixed and dynamic, of either layout. Nothing is transposed: m(r, c) is m[r, c] in Python. Row and column
// vectors at compile time (matrix<T, 0, 1>, matrix<T, 1, 3>) have rank 1. Uses dlib's headers alone, and nothing that calls BLAS.
#pragma once

#include <array>
#include <span>
#include <type_traits>

#include <dlib/matrix/matrix.h>

#include "orrery/core/float_types.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/fwd.hpp"

namespace orrery::inline v0 {

template <Element S, long Rows, long Columns, class Memory, class Layout>
struct LeafTraits<dlib::matrix<S, Rows, Columns, Memory, Layout>> {
  using Matrix = dlib::matrix<S, Rows, Columns, Memory, Layout>;
  using element = S;
  static constexpr bool is_vector = Rows == 1 || Columns == 1;
  static constexpr Dim extent(long size) { return size == 0 ? -1 : size; }  // zero says dynamic
  static constexpr auto extents = [] {
    if constexpr (is_vector)
      return std::array<Dim, 1>{extent(Rows == 1 ? Columns : Rows)};
    else
      return std::array<Dim, 2>{extent(Rows), extent(Columns)};
  }();
  using Dims = std::remove_const_t<decltype(extents)>;

  static Dims shape(const Matrix& value) {
    if constexpr (is_vector)
      return {value.size()};
    else
      return {value.nr(), value.nc()};
  }
  static Dims strides(const Matrix& value) {
    if constexpr (is_vector)
      return {1};
    else if constexpr (std::is_same_v<Layout, dlib::column_major_layout>)
      return {1, value.nr()};
    else
      return {value.nc(), 1};
  }
  static const element* data(const Matrix& value) { return value.begin(); }
  static void resize(Matrix& value, std::span<const Dim> shape)
    requires(Rows == 0 || Columns == 0)
  {
    if constexpr (is_vector)
      value.set_size(Rows == 1 ? 1 : shape[0], Rows == 1 ? shape[0] : 1);
    else
      value.set_size(shape[0], shape[1]);
  }
};

}  // namespace orrery::inline v0
