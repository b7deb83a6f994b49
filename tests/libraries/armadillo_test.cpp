#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <complex>
#include <cstdint>
#include <map>
#include <string>

#include <armadillo>

#include "orrery/adapters/armadillo.hpp"
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
template <class T>
bool same(const T& a, const T& b) {
  return arma::size(a) == arma::size(b) && std::equal(a.begin(), a.end(), b.begin());
}
arma::fmat numbered(arma::uword rows, arma::uword columns) {
  arma::fmat m(rows, columns);
  for (arma::uword i = 0; i < rows; ++i)
    for (arma::uword j = 0; j < columns; ++j) m(i, j) = static_cast<float>(10 * i + j);
  return m;
}

TEST_CASE("a matrix keeps its logical shape and is not transposed") {
  const arma::fmat m = numbered(2, 3);
  CHECK(view_of(m).data == m.memptr());
  CHECK(view_of(m).is_f_contiguous());
  CHECK(tree_of(m).array() == AnyArray(Array<float>::from({{0, 1, 2}, {10, 11, 12}})));
  CHECK(same(copy_of(m), m));
  CHECK(same(copy_of(arma::mat(0, 4)), arma::mat(0, 4)));
  CHECK(same(restore<arma::mat>(tree_of(m)), arma::conv_to<arma::mat>::from(m)));
}

TEST_CASE("columns and rows have rank 1") {
  const arma::vec column{1, 2, 3};
  const arma::Row<std::int32_t> row{4, 5};
  CHECK(tree_of(column).array() == AnyArray(Array<double>::from({1, 2, 3})));
  CHECK(tree_of(row).array() == AnyArray(Array<std::int32_t>::from({4, 5})));
  CHECK(same(copy_of(column), column));
  CHECK(same(copy_of(row), row));
  CHECK(same(restore<arma::rowvec>(tree_of(column)), arma::rowvec{1, 2, 3}));
  CHECK_THROWS_AS(restore<arma::vec>(tree_of(numbered(3, 1))), ShapeError);
}

TEST_CASE("a cube has the shape (rows, columns, slices)") {
  arma::Cube<std::complex<float>> cube(2, 3, 4);
  for (arma::uword i = 0; i < 2; ++i)
    for (arma::uword j = 0; j < 3; ++j)
      for (arma::uword k = 0; k < 4; ++k) cube(i, j, k) = {static_cast<float>(100 * i + 10 * j + k), 1};
  CHECK(view_of(cube).data == cube.memptr());
  CHECK(view_of(cube).is_f_contiguous());
  CHECK(tree_of(cube).array().shape() == Shape{2, 3, 4});
  CHECK(tree_of(cube).array().at<std::complex<float>>({1, 2, 3}) == std::complex<float>(123, 1));
  CHECK(same(copy_of(cube), cube));
}

TEST_CASE("fixed sizes must be met") {
  arma::mat::fixed<2, 3> matrix;
  matrix = arma::conv_to<arma::mat>::from(numbered(2, 3));
  const arma::fvec::fixed<2> column{1, 2};
  const arma::irowvec::fixed<2> row{3, 4};
  arma::cube::fixed<1, 2, 2> cube;
  cube.fill(7);
  CHECK(orrery::ops<arma::mat::fixed<2, 3>>().leaf.extents[1] == 3);
  CHECK(same(copy_of(matrix), matrix));
  CHECK(tree_of(column).array() == AnyArray(Array<float>::from({1, 2})));
  CHECK(same(copy_of(column), column));
  CHECK(same(copy_of(row), row));
  CHECK(same(copy_of(cube), cube));
  CHECK(tree_of(cube).array().shape() == Shape{1, 2, 2});
  CHECK_THROWS_AS((restore<arma::mat::fixed<2, 3>>(tree_of(numbered(3, 2)))), ShapeError);
  arma::cube::fixed<2, 2, 1> other;
  CHECK_THROWS_AS(restore_into(other, tree_of(cube)), ShapeError);
  CHECK_THROWS_AS((restore<arma::cube::fixed<2, 2, 1>>(tree_of(cube))), orrery::ArgumentError);
}

TEST_CASE("memory that was lent is written in place, and the shape holds where Armadillo says so") {
  std::array<float, 6> elements{};
  arma::fmat strict(elements.data(), 2, 3, false, true);
  restore_into(strict, tree_of(numbered(2, 3)));
  CHECK(elements[1] == 10);
  CHECK(elements[5] == 12);
  CHECK_THROWS_AS(restore_into(strict, tree_of(numbered(3, 3))), ShapeError);
  CHECK_THROWS_WITH(restore_into(strict, tree_of(numbered(3, 3))), doctest::Contains("stored (3, 3), wanted (2, 3)"));
  CHECK(strict.memptr() == elements.data());
  arma::fmat loose(elements.data(), 2, 3, false);
  restore_into(loose, tree_of(numbered(3, 3)));
  CHECK(same(loose, numbered(3, 3)));
}

TEST_CASE("matrices lie in structs and maps") {
  struct State {
    std::map<std::string, arma::fmat> kernels{};
    arma::uvec order{};
  } state;
  state.kernels["a"] = numbered(5, 3);
  state.order = {2, 0, 1};
  CHECK(tree_of(state)["order"].array().dtype() == orrery::DType::uint64);
  const State back = copy_of(state);
  CHECK(same(back.kernels.at("a"), state.kernels["a"]));
  CHECK(same(back.order, state.order));
}

}  // namespace
