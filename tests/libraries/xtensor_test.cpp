#include <doctest/doctest.h>

#include <array>
#include <complex>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "orrery/adapters/xtensor.hpp"
#include "reflect/round_trip.hpp"

namespace {

using orrery::AnyArray;
using orrery::Array;
using orrery::Shape;
using orrery::ShapeError;
using round_trip::copy_of;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;

template <class T>
orrery::ArrayView view_of(const T& value) {
  return orrery::describe(value).leaves.at(0).array;
}
const Array<float> numbers = Array<float>::from({{0, 1, 2}, {10, 11, 12}});

TEST_CASE("an xarray takes any rank, and shows its memory") {
  const xt::xarray<float> matrix{{0, 1, 2}, {10, 11, 12}};
  CHECK(view_of(matrix).data == matrix.data());
  CHECK(view_of(matrix).is_c_contiguous());
  CHECK(tree_of(matrix).array() == AnyArray(numbers));
  CHECK(copy_of(matrix) == matrix);
  const xt::xarray<double> scalar(2.5);
  CHECK(tree_of(scalar).array().shape() == Shape{});
  CHECK(copy_of(scalar)() == 2.5);
  const xt::xarray<std::int64_t> empty = xt::xarray<std::int64_t>::from_shape({2, 0, 3});
  CHECK(tree_of(empty).array().shape() == Shape{2, 0, 3});
  CHECK(copy_of(empty).shape() == empty.shape());
  xt::xarray<float> target{1, 2};
  restore_into(target, tree_of(numbers));
  CHECK(target == matrix);
}

TEST_CASE("an xtensor takes any extents of its rank") {
  const xt::xtensor<float, 2> matrix{{0, 1, 2}, {10, 11, 12}};
  CHECK(tree_of(matrix).array() == AnyArray(numbers));
  CHECK(copy_of(matrix) == matrix);
  CHECK_THROWS_AS((restore<xt::xtensor<float, 3>>(tree_of(matrix))), ShapeError);
  const xt::xtensor<bool, 1> mask{true, false, true};
  CHECK(tree_of(mask).array().dtype() == orrery::DType::bool_);
  CHECK(copy_of(mask) == mask);
}

TEST_CASE("column-major and dynamic layouts keep the logical shape and are not transposed") {
  const xt::xtensor<float, 2, xt::layout_type::column_major> columns{{0, 1, 2}, {10, 11, 12}};
  CHECK(view_of(columns).data == columns.data());
  CHECK(view_of(columns).is_f_contiguous());
  CHECK(tree_of(columns).array() == AnyArray(numbers));
  CHECK(copy_of(columns) == columns);
  xt::xarray<float, xt::layout_type::dynamic> dynamic(xt::xarray<float, xt::layout_type::dynamic>::shape_type{2, 3},
                                                      xt::layout_type::column_major);
  dynamic = columns;
  CHECK(tree_of(dynamic).array() == AnyArray(numbers));
  CHECK(copy_of(dynamic) == dynamic);
  restore_into(dynamic, tree_of(Array<float>::from({1, 2, 3})));
  CHECK(dynamic(2) == 3);
}

TEST_CASE("fixed shapes must be met") {
  const xt::xtensor_fixed<float, xt::xshape<2, 3>> fixed{{0, 1, 2}, {10, 11, 12}};
  CHECK(tree_of(fixed).array() == AnyArray(numbers));
  CHECK(copy_of(fixed) == fixed);
  const xt::xtensor_fixed<float, xt::xshape<2, 3>, xt::layout_type::column_major> columns = fixed;
  CHECK(view_of(columns).is_f_contiguous());
  CHECK(tree_of(columns).array() == AnyArray(numbers));
  CHECK_THROWS_AS((restore<xt::xtensor_fixed<float, xt::xshape<3, 2>>>(tree_of(numbers))), ShapeError);
}

TEST_CASE("what adapt makes is restored in place where the shape is equal, and never where it is constant") {
  std::vector<float> elements(6);
  auto ranked = xt::adapt(elements, std::array<std::size_t, 2>{2, 3});
  restore_into(ranked, tree_of(numbers));
  CHECK(elements[5] == 12);
  std::array<float, 6> others{};
  auto pointed = xt::adapt(others.data(), 6, xt::no_ownership(), std::vector<std::size_t>{2, 3});
  restore_into(pointed, tree_of(numbers));
  CHECK(others[3] == 10);
  CHECK(view_of(pointed).data == others.data());
  auto wrong = xt::adapt(others.data(), 6, xt::no_ownership(), std::vector<std::size_t>{3, 2});
  CHECK_THROWS_AS(restore_into(wrong, tree_of(numbers)), ShapeError);
  auto fixed = xt::adapt(others.data(), xt::xshape<2, 3>());
  CHECK(tree_of(fixed).array() == AnyArray(numbers));

  const std::vector<float> constant(6);
  auto seen = xt::adapt(constant, std::vector<std::size_t>{2, 3});
  restore_into(seen, tree_of(numbers));
  CHECK(constant[5] == 0);
  const std::array<float, 6> constants{};
  auto looked = xt::adapt(constants.data(), 6, xt::no_ownership(), std::array<std::size_t, 2>{2, 3});
  restore_into(looked, tree_of(numbers));
  CHECK(constants[5] == 0);
}

TEST_CASE("arrays lie in structs and maps") {
  struct State {
    std::map<std::string, xt::xarray<float>> kernels{};
    xt::xtensor<std::complex<double>, 1> phases{};
  } state;
  state.kernels["a"] = {{1, 2}, {3, 4}};
  state.phases = {{1, 2}, {3, 4}};
  const State back = copy_of(state);
  CHECK(back.kernels.at("a") == state.kernels["a"]);
  CHECK(back.phases == state.phases);
}

}  // namespace
