// Arrays of Eigen, Armadillo, xtensor, dlib and of a library of one's own in one checkpoint. Nothing is converted or transposed on the way:
// what is a(i, j) in C++ is a[i, j] in Python.
#include <array>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <orrery/orrery.hpp>
#include <orrery/adapters/armadillo.hpp>
#include <orrery/adapters/dlib.hpp>
#include <orrery/adapters/eigen.hpp>
#include <orrery/adapters/eigen_sparse.hpp>
#include <orrery/adapters/eigen_tensor.hpp>
#include <orrery/adapters/xtensor.hpp>

// In the header of your library; <orrery/fwd.hpp> is all that it includes of orrery.
namespace yours {
struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<float> elements;
};
}  // namespace yours

template <>
struct orrery::LeafTraits<yours::Tensor> {
  using element = float;
  static constexpr bool any_rank = true;  // a matrix would say: static constexpr std::array<std::int64_t, 2> extents{-1, -1};
  static const auto& shape(const yours::Tensor& t) { return t.shape; }
  static const float* data(const yours::Tensor& t) { return t.elements.data(); }
  static void resize(yours::Tensor& t, std::span<const std::int64_t> shape) {
    t.shape.assign(shape.begin(), shape.end());
    t.elements.resize(
        std::accumulate(shape.begin(), shape.end(), std::size_t{1}, [](auto n, auto m) { return n * static_cast<std::size_t>(m); }));
  }
};

struct State {
  Eigen::MatrixXf kernel;                                 // (rows, columns), column-major
  Eigen::Tensor<float, 3> images;                         // either layout; TensorFixedSize, TensorMap
  Eigen::SparseMatrix<float, Eigen::RowMajor> adjacency;  // {data, indices, indptr, shape}
  arma::mat weights;                                      // Mat, Col, Row, Cube, and their fixed forms
  arma::cube volume;                                      // (rows, columns, slices)
  xt::xarray<double> samples;                             // any rank; xtensor, xtensor_fixed, adapt
  dlib::matrix<float, 0, 1> bias;                         // a vector at compile time: rank 1
  yours::Tensor own;
};

int main(int argc, char** argv) {
  const std::string path = std::string(argc > 1 ? argv[1] : "/tmp/orrery") + "/arrays";
  State state;
  state.kernel = Eigen::MatrixXf::Random(5, 3);
  state.images = Eigen::Tensor<float, 3>(2, 4, 4);
  state.images.setRandom();
  state.adjacency.resize(3, 3);
  state.adjacency.insert(0, 2) = 1.5f;
  state.adjacency.makeCompressed();
  state.weights = arma::mat(4, 2, arma::fill::randu);
  state.volume = arma::cube(2, 3, 4, arma::fill::ones);
  state.samples = xt::xarray<double>{{1, 2, 3}, {4, 5, 6}};
  state.bias = dlib::matrix<float, 0, 1>{1, 2, 3};
  state.own = {{2, 2}, {1, 2, 3, 4}};

  orrery::PyTreeCheckpointer checkpointer;
  checkpointer.save(path, state, {.force = true});
  const State back = checkpointer.restore<State>(path);  // every array takes the shape that is stored

  std::printf("%s\n", to_string(checkpointer.restore(path)["adjacency"]).c_str());
  const bool same = back.kernel == state.kernel && back.adjacency.coeff(0, 2) == 1.5f &&
                    arma::approx_equal(back.weights, state.weights, "absdiff", 0) && back.volume.n_slices == 4 &&
                    back.samples == state.samples && back.bias == state.bias && back.own.elements == state.own.elements &&
                    back.images(1, 3, 2) == state.images(1, 3, 2);
  return same ? 0 : 1;
}
