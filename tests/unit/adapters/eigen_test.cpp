#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <Eigen/Core>
#include <Eigen/Geometry>

#include "orrery/adapters/eigen.hpp"
#include "../reflect/round_trip.hpp"

namespace {

using namespace orrery;
using round_trip::copy_of;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Eigen::MatrixXf numbered(int rows, int columns) {
  Eigen::MatrixXf m(rows, columns);
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) m(i, j) = static_cast<float>(10 * i + j);
  return m;
}
template <class T>
ArrayView view_of(const T& value) {
  return describe(value).leaves.at(0).array;
}

TEST_CASE("a column-major matrix keeps its logical shape and shows its strides") {
  const Eigen::MatrixXf m = numbered(5, 3);
  const ArrayView view = view_of(m);
  CHECK(view.data == m.data());
  CHECK(view.shape == Shape{5, 3});
  CHECK(view.strides == Shape{4, 20});
  CHECK(view.is_f_contiguous());
  CHECK(view.at<float>({4, 2}) == 42);
  CHECK(tree_of(m).array().at<float>({1, 2}) == 12);
  CHECK(copy_of(m) == m);
}

TEST_CASE("a row-major matrix is C-contiguous") {
  const RowMajor m = numbered(2, 3).cast<double>();
  CHECK(view_of(m).is_c_contiguous());
  CHECK(copy_of(m) == m);
}

TEST_CASE("fixed sizes, arrays, maps and refs keep either storage order") {
  using FixedRows = Eigen::Matrix<float, 2, 3, Eigen::RowMajor>;
  const Tree tree = tree_of(numbered(2, 3));
  const FixedRows fixed = numbered(2, 3);
  CHECK(view_of(fixed).is_c_contiguous());
  CHECK(tree_of(fixed) == tree);
  CHECK(restore<FixedRows>(tree) == fixed);
  const Eigen::Matrix<float, 2, 3> columns = numbered(2, 3);
  CHECK(view_of(columns).is_f_contiguous());
  CHECK(tree_of(columns) == tree);
  const Eigen::Array<float, 2, Eigen::Dynamic, Eigen::RowMajor> array = numbered(2, 3).array();
  CHECK(view_of(array).is_c_contiguous());
  CHECK((copy_of(array) == array).all());
  float storage[8] = {};
  Eigen::Map<FixedRows, 0, Eigen::OuterStride<>> map(storage, Eigen::OuterStride<>(4));
  restore_into(map, tree);
  CHECK(storage[2] == 2);
  CHECK(storage[4] == 10);
  CHECK(tree_of(map) == tree);
  const Eigen::Ref<const Eigen::MatrixXf> ref(columns);
  CHECK(view_of(ref).data == columns.data());
  CHECK(tree_of(ref) == tree);
}

TEST_CASE("vectors at compile time have rank 1") {
  const Eigen::VectorXf column = Eigen::VectorXf::LinSpaced(4, 0, 3);
  const Eigen::RowVector3d row(1, 2, 3);
  CHECK(view_of(column).shape == Shape{4});
  CHECK(view_of(row).shape == Shape{3});
  CHECK(copy_of(column) == column);
  CHECK(copy_of(row) == row);
  CHECK(copy_of(Eigen::VectorXf()).size() == 0);
  CHECK_THROWS_AS(restore<Eigen::VectorXf>(tree_of(numbered(2, 2))), ShapeError);
}

TEST_CASE("fixed sizes must be met, free ones follow the file") {
  const Eigen::Matrix3f fixed = Eigen::Matrix3f::Identity();
  CHECK(copy_of(fixed) == fixed);
  CHECK_THROWS_AS(restore<Eigen::Matrix3f>(tree_of(numbered(3, 2))), ShapeError);
  CHECK_THROWS_AS(restore<Eigen::Vector3f>(tree_of(Eigen::VectorXf(4))), ShapeError);
  using Half = Eigen::Matrix<float, 2, Eigen::Dynamic>;
  CHECK(restore<Half>(tree_of(numbered(2, 5))).cols() == 5);
  CHECK_THROWS_AS(restore<Half>(tree_of(numbered(3, 5))), ShapeError);
}

TEST_CASE("a bounded matrix does not grow beyond its bounds") {
  using Bounded = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, 0, 4, 4>;
  CHECK(restore<Bounded>(tree_of(numbered(4, 3))) == numbered(4, 3));
  CHECK_THROWS_AS(restore<Bounded>(tree_of(numbered(5, 3))), ArgumentError);
}

TEST_CASE("Eigen::Array, complex and half elements are arrays too") {
  const Eigen::ArrayXXd array = numbered(2, 3).cast<double>();
  CHECK((copy_of(array) == array).all());
  const Eigen::MatrixXcf complex = Eigen::MatrixXcf::Random(2, 2);
  CHECK(copy_of(complex) == complex);
  Eigen::Matrix<Eigen::half, 2, 1> half(Eigen::half(1.5f), Eigen::half(2.0f));
  CHECK(view_of(half).dtype == DType::float16);
  CHECK(copy_of(half) == half);
  Eigen::Matrix<Eigen::bfloat16, 2, 1> brain(Eigen::bfloat16(1.5f), Eigen::bfloat16(2.0f));
  CHECK(view_of(brain).dtype == DType::bfloat16);
}

TEST_CASE("Map and Ref are restored in place where the shape is equal") {
  const Tree tree = tree_of(numbered(2, 3));
  float storage[6] = {};
  Eigen::Map<Eigen::MatrixXf> map(storage, 2, 3);
  restore_into(map, tree);
  CHECK(storage[1] == 10);
  CHECK(storage[5] == 12);
  Eigen::Map<Eigen::MatrixXf> other(storage, 3, 2);
  CHECK_THROWS_AS(restore_into(other, tree), ShapeError);

  Eigen::MatrixXf large = Eigen::MatrixXf::Zero(4, 4);
  Eigen::Ref<Eigen::MatrixXf> block(large.block(1, 1, 2, 3));
  CHECK(view_of(block).strides == Shape{4, 16});
  restore_into(block, tree);
  CHECK(large(2, 3) == 12);
  CHECK(large(0, 0) == 0);

  float strided_storage[12] = {};
  Eigen::Map<Eigen::MatrixXf, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>> strided(
      strided_storage, 2, 3, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(4, 2));
  restore_into(strided, tree);
  CHECK(strided_storage[2] == 10);
  CHECK(strided_storage[10] == 12);
}

TEST_CASE("a Map of constants is saved and never written") {
  const float storage[3] = {1, 2, 3};
  Eigen::Map<const Eigen::VectorXf> map(storage, 3);
  CHECK(view_of(map).data == storage);
  restore_into(map, tree_of(Eigen::VectorXf(Eigen::VectorXf::Zero(3))));
  CHECK(storage[1] == 2);
}

TEST_CASE("a quaternion is four numbers, w last") {
  const Eigen::Quaternionf q(4, 1, 2, 3);  // w, x, y, z
  CHECK(tree_of(q).array() == AnyArray(Array<float>::from({1, 2, 3, 4})));
  CHECK(copy_of(q).coeffs() == q.coeffs());
  double storage[4] = {};
  Eigen::Map<Eigen::Quaterniond> map(storage);
  restore_into(map, tree_of(Eigen::Vector4d(1, 2, 3, 4)));
  CHECK(map.w() == 4);
  Eigen::Map<const Eigen::Quaterniond> constant(storage);
  restore_into(constant, tree_of(Eigen::Vector4d(5, 6, 7, 8)));
  CHECK(view_of(constant).at<double>({0}) == 1);
  CHECK_THROWS_AS(restore<Eigen::Quaternionf>(tree_of(Eigen::VectorXf(3))), ShapeError);
}

TEST_CASE("structs, optionals, variants, vectors and maps of matrices go round") {
  struct Dense {
    Eigen::VectorXf bias;
    Eigen::MatrixXf kernel;
  };
  struct State {
    Dense dense{};
    std::optional<Eigen::MatrixXf> maybe{};
    std::variant<std::monostate, Eigen::VectorXf> either{};
    std::vector<Eigen::MatrixXf> many{};
    std::map<std::string, Dense> named{};
    Eigen::Matrix3f fixed = Eigen::Matrix3f::Zero();
  } state;
  state.dense = {Eigen::VectorXf::Ones(3), numbered(5, 3)};
  state.maybe = numbered(1, 2);
  state.either = Eigen::VectorXf(Eigen::VectorXf::Ones(2));
  state.many = {numbered(1, 1), numbered(2, 2)};
  state.named["a"] = state.dense;
  const Tree tree = tree_of(state);
  CHECK(tree["dense"].keys() == std::vector<std::string>{"bias", "kernel"});
  const State same = copy_of(state);
  CHECK(same.dense.kernel == state.dense.kernel);
  CHECK(*same.maybe == *state.maybe);
  CHECK(std::get<1>(same.either) == std::get<1>(state.either));
  CHECK(same.many[1] == state.many[1]);
  CHECK(same.named.at("a").bias == state.dense.bias);
}

}  // namespace
