// The arrays of Eigen, Armadillo, xtensor, dlib and of a library of one's own for items.py.
#include <algorithm>
#include <complex>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <Eigen/Core>
#include <Eigen/Geometry>

#include "items.hpp"
#include "orrery/adapters/armadillo.hpp"
#include "orrery/adapters/dlib.hpp"
#include "orrery/adapters/eigen.hpp"
#include "orrery/adapters/eigen_sparse.hpp"
#include "orrery/adapters/eigen_tensor.hpp"
#include "orrery/adapters/xtensor.hpp"
#include "reflect/own_library.hpp"

namespace {

using items::fill;
using items::number;

struct EigenArrays {
  Eigen::MatrixXf matrix{5, 3};
  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> row_major{5, 3};
  Eigen::Matrix<std::int64_t, 3, 2> fixed{};
  Eigen::VectorXf vector{4};
  Eigen::Array<std::int16_t, Eigen::Dynamic, Eigen::Dynamic> array{2, 3};
  Eigen::MatrixXcf complex{2, 2};
  Eigen::Matrix<Eigen::half, Eigen::Dynamic, 1> half{3};
  Eigen::Matrix<Eigen::bfloat16, Eigen::Dynamic, Eigen::Dynamic> bfloat16{2, 2};
  Eigen::Matrix<bool, Eigen::Dynamic, 1> mask{2};
  Eigen::Quaterniond quaternion{4, 1, 2, 3};
  Eigen::Tensor<float, 3> tensor{2, 3, 4};
  Eigen::Tensor<double, 3, Eigen::RowMajor> row_major_tensor{2, 3, 4};
  Eigen::TensorFixedSize<std::int32_t, Eigen::Sizes<2, 2>> fixed_tensor{};
  Eigen::SparseMatrix<float, Eigen::RowMajor> csr{3, 4};
  Eigen::SparseMatrix<double> csc{3, 4};
};
struct ArmadilloArrays {
  arma::fmat matrix{5, 3, arma::fill::none};
  arma::vec column{arma::vec(4, arma::fill::none)};
  arma::Row<std::int32_t> row{arma::Row<std::int32_t>(3, arma::fill::none)};
  arma::Cube<double> cube{2, 3, 4, arma::fill::none};
  arma::cx_fmat complex{2, 2, arma::fill::none};
  arma::uvec::fixed<3> fixed{};
};
struct XtensorArrays {
  xt::xarray<float> array{xt::xarray<float>::from_shape({2, 3, 4})};
  xt::xarray<double> scalar{};
  xt::xtensor<std::uint8_t, 2> tensor{xt::xtensor<std::uint8_t, 2>::from_shape({2, 3})};
  xt::xtensor<double, 3, xt::layout_type::column_major> column_major{
      xt::xtensor<double, 3, xt::layout_type::column_major>::from_shape({2, 3, 4})};
  xt::xtensor_fixed<std::int64_t, xt::xshape<2, 2>> fixed{};
};
struct DlibArrays {
  using ColumnMajor = dlib::matrix<double, 0, 0, dlib::default_memory_manager, dlib::column_major_layout>;
  dlib::matrix<float> matrix = dlib::matrix<float>(5, 3);
  ColumnMajor column_major = ColumnMajor(5, 3);
  dlib::matrix<double, 0, 1> column = dlib::matrix<double, 0, 1>(4);
  dlib::matrix<std::int32_t, 2, 2> fixed{};
};
struct OwnArrays {
  own_library::Tensor tensor{};
  own_library::Quaternions<float> quaternions{};
};
struct State {
  EigenArrays eigen{};
  ArmadilloArrays armadillo{};
  XtensorArrays xtensor{};
  DlibArrays dlib{};
  OwnArrays own{};
};

template <class Matrix>
void fill_sparse(Matrix& matrix) {
  for (const auto& [i, j] : {std::pair{0, 1}, {0, 3}, {2, 0}, {2, 3}}) matrix.insert(i, j) = number<typename Matrix::Scalar>(i, j);
  matrix.makeCompressed();
}

State filled() {
  State s;
  EigenArrays& e = s.eigen;
  fill(e.matrix, 5, 3);
  fill(e.row_major, 5, 3);
  fill(e.fixed, 3, 2);
  fill(e.vector, 4);
  fill(e.array, 2, 3);
  fill(e.complex, 2, 2);
  fill(e.half, 3);
  fill(e.bfloat16, 2, 2);
  fill(e.mask, 2);
  fill(e.tensor, 2, 3, 4);
  fill(e.row_major_tensor, 2, 3, 4);
  fill(e.fixed_tensor, 2, 2);
  fill_sparse(e.csr);
  fill_sparse(e.csc);
  fill(s.armadillo.matrix, 5, 3);
  fill(s.armadillo.column, 4);
  fill(s.armadillo.row, 3);
  fill(s.armadillo.cube, 2, 3, 4);
  fill(s.armadillo.complex, 2, 2);
  fill(s.armadillo.fixed, 3);
  fill(s.xtensor.array, 2, 3, 4);
  s.xtensor.scalar() = 2.5;
  fill(s.xtensor.tensor, 2, 3);
  fill(s.xtensor.column_major, 2, 3, 4);
  fill(s.xtensor.fixed, 2, 2);
  fill(s.dlib.matrix, 5, 3);
  fill(s.dlib.column_major, 5, 3);
  fill(s.dlib.column, 4);
  fill(s.dlib.fixed, 2, 2);
  s.own.tensor.shape = {2, 3};
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j) s.own.tensor.elements.push_back(number<float>(i, j));
  s.own.quaternions.rows = {{0, 10, 20, 30}, {100, 110, 120, 130}};
  return s;
}

// Nothing that the files could be mistaken for: other extents where they are free, zeros where they are not.
State empty() {
  State s;
  s.eigen.matrix.resize(1, 1);
  s.eigen.fixed.setZero();
  s.eigen.quaternion.setIdentity();
  s.eigen.fixed_tensor.setZero();
  s.armadillo.matrix.reset();
  s.armadillo.cube.reset();
  s.xtensor.array.resize({7});
  s.dlib.matrix.set_size(1, 1);
  return s;
}

}  // namespace

int main(int argc, char** argv) { return items::run(argc, argv, filled(), empty(), empty()); }
