#include <doctest/doctest.h>

#include <array>
#include <complex>
#include <map>
#include <string>

#include <unsupported/Eigen/CXX11/Tensor>

#include "orrery/adapters/eigen_tensor.hpp"
#include "../reflect/round_trip.hpp"

namespace eigen_tensors {
namespace {

using orrery::Shape;
using orrery::ShapeError;
using round_trip::copy_of;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;
using Column = Eigen::Tensor<float, 3>;
using Row = Eigen::Tensor<float, 3, Eigen::RowMajor>;

template <class T>
T numbered(int a, int b, int c) {
  T t(a, b, c);
  for (int i = 0; i < a; ++i)
    for (int j = 0; j < b; ++j)
      for (int k = 0; k < c; ++k) t(i, j, k) = static_cast<float>(100 * i + 10 * j + k);
  return t;
}
template <class T>
bool same(const T& a, const T& b) {
  const Eigen::Tensor<bool, 0, T::Layout> equal = (a == b).all();
  return a.dimensions() == b.dimensions() && equal();
}
template <class T>
orrery::ArrayView view_of(const T& value) {
  return orrery::describe(value).leaves.at(0).array;
}

TEST_CASE("tensors of both layouts have the same logical shape and elements, and are not transposed") {
  const Column column = numbered<Column>(2, 3, 4);
  const Row row = numbered<Row>(2, 3, 4);
  CHECK(view_of(column).data == column.data());
  CHECK(view_of(column).strides == Shape{4, 8, 24});
  CHECK(view_of(column).is_f_contiguous());
  CHECK(view_of(row).data == row.data());
  CHECK(view_of(row).is_c_contiguous());
  CHECK(tree_of(column) == tree_of(row));
  CHECK(tree_of(row).array().at<float>({1, 2, 3}) == 123);
  CHECK(same(copy_of(column), column));
  CHECK(same(restore<Row>(tree_of(column)), row));
  CHECK(same(restore<Column>(tree_of(row)), column));
}

TEST_CASE("tensors take any extents of their rank, and none of another") {
  CHECK(same(copy_of(Column(2, 0, 3)), Column(2, 0, 3)));
  Eigen::Tensor<double, 0> scalar;
  scalar.setConstant(2.5);
  CHECK(tree_of(scalar).array().shape() == Shape{});
  CHECK(copy_of(scalar)() == 2.5);
  Column target = numbered<Column>(1, 1, 1);
  restore_into(target, tree_of(numbered<Column>(2, 2, 2)));
  CHECK(target(1, 1, 1) == 111);
  CHECK_THROWS_AS((restore<Eigen::Tensor<float, 2>>(tree_of(target))), ShapeError);
}

TEST_CASE("a tensor of fixed size must be met") {
  using Fixed = Eigen::TensorFixedSize<float, Eigen::Sizes<2, 3, 4>, Eigen::RowMajor>;
  Fixed fixed;
  fixed = numbered<Row>(2, 3, 4);
  CHECK(copy_of(fixed)(1, 2, 3) == 123);
  CHECK(tree_of(fixed) == tree_of(numbered<Row>(2, 3, 4)));
  CHECK_THROWS_AS(restore<Fixed>(tree_of(numbered<Row>(2, 3, 5))), ShapeError);
}

TEST_CASE("a TensorMap is restored in place where the shape is equal; one of constants is never written") {
  std::array<float, 24> storage{};
  Eigen::TensorMap<Row> map(storage.data(), 2, 3, 4);
  restore_into(map, tree_of(numbered<Column>(2, 3, 4)));
  CHECK(storage[23] == 123);
  CHECK(storage[1] == 1);
  Eigen::TensorMap<Row> other(storage.data(), 4, 3, 2);
  CHECK_THROWS_AS(restore_into(other, tree_of(map)), ShapeError);

  const std::array<float, 24> constants{};
  Eigen::TensorMap<const Row> read_only(constants.data(), 2, 3, 4);
  CHECK(view_of(read_only).data == constants.data());
  restore_into(read_only, tree_of(map));
  CHECK(constants[23] == 0);
  Eigen::TensorMap<Eigen::Tensor<const float, 3>> column(constants.data(), 2, 3, 4);
  CHECK(view_of(column).strides == Shape{4, 8, 24});
  restore_into(column, tree_of(map));
  CHECK(constants[23] == 0);
}

TEST_CASE("tensors of half and complex elements lie in maps and structs") {
  struct State {
    std::map<std::string, Eigen::Tensor<Eigen::bfloat16, 2>> kernels{};
    Eigen::Tensor<std::complex<float>, 1> phases{};
  } state;
  state.kernels["a"] = Eigen::Tensor<Eigen::bfloat16, 2>(2, 2);
  state.kernels["a"].setConstant(Eigen::bfloat16(1.5f));
  state.phases = Eigen::Tensor<std::complex<float>, 1>(3);
  state.phases.setConstant({1, 2});
  CHECK(tree_of(state)["kernels"]["a"].array().dtype() == orrery::DType::bfloat16);
  const State back = copy_of(state);
  CHECK(static_cast<float>(back.kernels.at("a")(1, 1)) == 1.5f);
  CHECK(back.phases(2) == std::complex<float>(1, 2));
}

}  // namespace
}  // namespace eigen_tensors
