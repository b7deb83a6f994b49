// Armadillo's dense types as array leaves: Mat, Col, Row and Cube, also their fixed forms. Nothing is transposed: what is m(i, j) and
// c(i, j, k) here is m[i, j] and c[i, j, k] in Python, so that a Cube has the shape (rows, columns, slices); its memory, first index
// fastest, is written as it lies. Col and Row have rank 1. mlpack's data sets have a point in each column: (features, points).
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <span>

#include <armadillo>

#include "orrery/core/error.hpp"
#include "orrery/core/float_types.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/fwd.hpp"

namespace orrery::inline v0 {

namespace detail {

// Memory lent to Armadillo (mem_state 1: until another number of elements is wanted) stays where it is as long as it can.
template <class T>
bool armadillo_takes(const T& value, std::span<const Dim> shape) {
  Dim count = 1;
  for (const Dim extent : shape) count *= extent;
  return value.mem_state < 2 || count == static_cast<Dim>(value.n_elem);
}

template <class T>
struct ArmadilloVector {
  using element = typename T::elem_type;
  static constexpr std::array<Dim, 1> extents{-1};
  static std::array<Dim, 1> shape(const T& value) { return {static_cast<Dim>(value.n_elem)}; }
  static const element* data(const T& value) { return value.memptr(); }
  static bool takes_shape(const T& value, std::span<const Dim> shape) { return armadillo_takes(value, shape); }
};
template <class T>
struct ArmadilloMatrix {
  using element = typename T::elem_type;
  static constexpr std::array<Dim, 2> extents{-1, -1};
  static std::array<Dim, 2> shape(const T& value) { return {static_cast<Dim>(value.n_rows), static_cast<Dim>(value.n_cols)}; }
  static std::array<Dim, 2> strides(const T& value) { return {1, static_cast<Dim>(value.n_rows)}; }
  static const element* data(const T& value) { return value.memptr(); }
  static bool takes_shape(const T& value, std::span<const Dim> shape) { return armadillo_takes(value, shape); }
};
template <class T>
struct ArmadilloCube {
  using element = typename T::elem_type;
  static constexpr std::array<Dim, 3> extents{-1, -1, -1};
  static std::array<Dim, 3> shape(const T& value) {
    return {static_cast<Dim>(value.n_rows), static_cast<Dim>(value.n_cols), static_cast<Dim>(value.n_slices)};
  }
  static std::array<Dim, 3> strides(const T& value) { return {1, static_cast<Dim>(value.n_rows), static_cast<Dim>(value.n_elem_slice)}; }
  static const element* data(const T& value) { return value.memptr(); }
  static bool takes_shape(const T& value, std::span<const Dim> shape) { return armadillo_takes(value, shape); }
};

[[noreturn]] inline void throw_armadillo_fixed(std::span<const Dim> stored, std::span<const Dim> fixed) {
  throw ArgumentError("an array of shape " + to_string(stored) + " is to be restored into an arma::Cube::fixed of shape " +
                      to_string(fixed));
}

// Mat<S>::fixed<R, C> and the like: classes within class templates, which no specialization can name. The extents of all but cubes are
// static members.
template <class T>
using armadillo_element = typename T::elem_type;
template <class T, template <class> class Plain>
concept ArmadilloFixed = requires {
  requires Element<armadillo_element<T>>;
  requires std::derived_from<T, Plain<armadillo_element<T>>>;
  { &T::n_elem } -> std::same_as<const arma::uword*>;
};
template <class T>
concept ArmadilloFixedCube = requires {
  requires Element<armadillo_element<T>>;
  requires std::derived_from<T, arma::Cube<armadillo_element<T>>>;
  requires !std::same_as<T, arma::Cube<armadillo_element<T>>>;
};

}  // namespace detail

template <Element S>
struct LeafTraits<arma::Col<S>> : detail::ArmadilloVector<arma::Col<S>> {
  static void resize(arma::Col<S>& value, std::span<const Dim> shape) { value.set_size(static_cast<arma::uword>(shape[0])); }
};
template <Element S>
struct LeafTraits<arma::Row<S>> : detail::ArmadilloVector<arma::Row<S>> {
  static void resize(arma::Row<S>& value, std::span<const Dim> shape) { value.set_size(static_cast<arma::uword>(shape[0])); }
};
template <Element S>
struct LeafTraits<arma::Mat<S>> : detail::ArmadilloMatrix<arma::Mat<S>> {
  static void resize(arma::Mat<S>& value, std::span<const Dim> shape) {
    value.set_size(static_cast<arma::uword>(shape[0]), static_cast<arma::uword>(shape[1]));
  }
};
template <Element S>
struct LeafTraits<arma::Cube<S>> : detail::ArmadilloCube<arma::Cube<S>> {
  static void resize(arma::Cube<S>& value, std::span<const Dim> shape) {
    value.set_size(static_cast<arma::uword>(shape[0]), static_cast<arma::uword>(shape[1]), static_cast<arma::uword>(shape[2]));
  }
};

template <class T>
  requires detail::ArmadilloFixed<T, arma::Col> || detail::ArmadilloFixed<T, arma::Row>
struct LeafTraits<T> : detail::ArmadilloVector<T> {
  static constexpr std::array<Dim, 1> extents{T::n_elem};
};
template <class T>
  requires(detail::ArmadilloFixed<T, arma::Mat> && !detail::ArmadilloFixed<T, arma::Col> && !detail::ArmadilloFixed<T, arma::Row>)
struct LeafTraits<T> : detail::ArmadilloMatrix<T> {
  static constexpr std::array<Dim, 2> extents{T::n_rows, T::n_cols};
};
template <detail::ArmadilloFixedCube T>
struct LeafTraits<T> : detail::ArmadilloCube<T> {
  using Cube = detail::ArmadilloCube<T>;
  static bool takes_shape(const T& value, std::span<const Dim> shape) { return std::ranges::equal(shape, Cube::shape(value)); }
  static void resize(T& value, std::span<const Dim> shape) {  // a fresh one has its shape when it is made, and not before
    if (!takes_shape(value, shape)) detail::throw_armadillo_fixed(shape, Cube::shape(value));
  }
};

}  // namespace orrery::inline v0
