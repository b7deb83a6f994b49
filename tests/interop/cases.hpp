// The trees of the interoperability tests, in C++. cases.py defines the same ones in NumPy; neither reads the other. Every array is
// named by a label; its bits are a stream of numbers seeded by that label, so both sides know every bit without talking.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <orrery/adapters/eigen.hpp>
#include <orrery/orrery.hpp>

namespace interop {

using orrery::AnyArray;
using orrery::Array;
using orrery::DType;
using orrery::Shape;
using orrery::Tree;

// `count` bytes of splitmix64, seeded by the FNV-1a hash of the label.
inline void fill(std::string_view label, unsigned char* to, std::size_t count) {
  std::uint64_t seed = 0xcbf29ce484222325u;
  for (char c : label) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t z = seed + (i / 8 + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    to[i] = static_cast<unsigned char>(z >> (i % 8 * 8));
  }
}

// Bits from the label's stream: whatever they mean, NaNs with odd payloads included. Narrow types use their low bits.
inline AnyArray array(std::string_view label, DType dtype, Shape shape) {
  AnyArray out = AnyArray::zeros(dtype, std::move(shape));
  auto* bytes = static_cast<unsigned char*>(out.data());
  fill(label, bytes, out.nbytes());
  const unsigned bits = dtype == DType::bool_ ? 1 : orrery::info(dtype).bits;
  if (bits < 8)
    for (std::size_t i = 0; i < out.nbytes(); ++i) {
      unsigned low = bytes[i] & ((1u << bits) - 1);
      if (orrery::info(dtype).kind == orrery::DTypeKind::signed_integer && (low >> (bits - 1))) low |= 0xffu << bits;
      bytes[i] = static_cast<unsigned char>(low);
    }
  return out;
}
inline Tree leaf(std::string_view label, DType dtype, Shape shape) { return Tree(array(label, dtype, std::move(shape))); }

// Into any matrix or array of the user's, element by element in C order: what it is in Python, whatever its storage order.
template <class Matrix>
Matrix filled(Matrix matrix, std::string_view label) {
  const AnyArray values = array(label, orrery::dtype_of<typename Matrix::Scalar>, {matrix.rows(), matrix.cols()});
  const auto* from = static_cast<const typename Matrix::Scalar*>(static_cast<const void*>(values.data()));
  for (Eigen::Index i = 0; i < matrix.rows(); ++i)
    for (Eigen::Index j = 0; j < matrix.cols(); ++j) std::memcpy(&matrix(i, j), from++, sizeof *from);
  return matrix;
}

// ----------------------------------------------------------------- structs

struct Dense {
  Eigen::VectorXf bias{};
  Eigen::MatrixXf kernel{};
};
inline Dense dense(const std::string& label, int inputs, int outputs) {
  return {filled(Eigen::VectorXf(outputs), label + "/bias"), filled(Eigen::MatrixXf(inputs, outputs), label + "/kernel")};
}

struct TrainState {
  std::int64_t step = 0;
  Dense params{};
  orrery::optax::SgdState opt_state{};
};
struct Config {
  Array<std::int64_t> dimensions{};
};
struct Guide {
  TrainState model{};
  Config config{};
  std::vector<Array<float>> data{};
};
inline Guide guide() {
  return {{1, dense("guide", 5, 3), {}}, {Array<std::int64_t>::from({5, 3})}, {Array<float>(array("guide/x1", DType::float32, {5}))}};
}

struct Mlp {
  Dense Dense_0{};
  Dense Dense_1{};
};
using Adam = orrery::flax::TrainState<Mlp, orrery::optax::AdamState<Mlp>>;
inline Mlp mlp(const std::string& label) { return {dense(label + "/Dense_0", 4, 7), dense(label + "/Dense_1", 7, 2)}; }
inline Adam adam() {
  Adam state;
  state.step = 3;
  state.params = mlp("adam/params");
  std::get<0>(state.opt_state) = {3, mlp("adam/mu"), mlp("adam/nu")};
  return state;
}

// A class of the user's with strides of its own: three axes, the first one fastest.
struct FortranCube {
  std::array<std::int64_t, 3> extents{};
  std::vector<std::int16_t> elements{};
};
inline FortranCube cube(std::string_view label, std::array<std::int64_t, 3> extents) {
  const AnyArray values = array(label, DType::int16, {extents[0], extents[1], extents[2]});
  FortranCube out{extents, std::vector<std::int16_t>(values.size())};
  for (std::int64_t i = 0; i < extents[0]; ++i)
    for (std::int64_t j = 0; j < extents[1]; ++j)
      for (std::int64_t k = 0; k < extents[2]; ++k)
        out.elements[static_cast<std::size_t>(i + extents[0] * (j + extents[1] * k))] = values.at<std::int16_t>({i, j, k});
  return out;
}

struct ColumnMajor {
  Eigen::MatrixXd matrix{};
  Eigen::Matrix<float, 3, 2> fixed = Eigen::Matrix<float, 3, 2>::Zero();
  Eigen::ArrayXXi ints{};
  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows{};
  FortranCube cube{};
};
inline ColumnMajor column_major() {
  return {filled(Eigen::MatrixXd(4, 3), "column_major/matrix"), filled(Eigen::Matrix<float, 3, 2>(), "column_major/fixed"),
          filled(Eigen::ArrayXXi(5, 2), "column_major/ints"),
          filled(Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>(2, 6), "column_major/rows"),
          cube("column_major/cube", {2, 3, 4})};
}

// ----------------------------------------------------------------- trees

struct Entry {
  std::string key;
  Tree value;
};
inline Tree dict(std::vector<Entry> entries) {
  Tree out = Tree::dict();
  for (Entry& entry : entries) out.insert({std::move(entry.key)}, std::move(entry.value));
  return out;
}
template <class... T>
std::vector<Tree> trees(T... tree) {
  std::vector<Tree> out;
  (out.push_back(std::move(tree)), ...);
  return out;
}

inline Tree dense_tree(const std::string& label, int inputs, int outputs) {
  return dict(
      {{"bias", leaf(label + "/bias", DType::float32, {outputs})}, {"kernel", leaf(label + "/kernel", DType::float32, {inputs, outputs})}});
}
inline Tree mlp_tree(const std::string& label) {
  return dict({{"Dense_0", dense_tree(label + "/Dense_0", 4, 7)}, {"Dense_1", dense_tree(label + "/Dense_1", 7, 2)}});
}

struct Case {
  std::string name;
  Tree tree;
  bool orbax = true;  // as an Orbax item
  bool flax = true;   // as a legacy Flax file
  bool write = true;  // false: Python alone writes it
};

// Every case, as a tree of dicts, lists and tuples; of the structs above the tree that Python sees.
std::vector<Case> cases();

}  // namespace interop

template <>
struct orrery::LeafTraits<interop::FortranCube> {
  using element = std::int16_t;
  static constexpr std::array<std::int64_t, 3> extents{-1, -1, -1};
  static std::array<std::int64_t, 3> shape(const interop::FortranCube& cube) { return cube.extents; }
  static const element* data(const interop::FortranCube& cube) { return cube.elements.data(); }
  static std::array<std::int64_t, 3> strides(const interop::FortranCube& cube) {
    return {1, cube.extents[0], cube.extents[0] * cube.extents[1]};
  }
  static void resize(interop::FortranCube& cube, std::span<const std::int64_t> shape) {
    cube.extents = {shape[0], shape[1], shape[2]};
    cube.elements.assign(static_cast<std::size_t>(shape[0] * shape[1] * shape[2]), 0);
  }
};
