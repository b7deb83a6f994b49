#include <doctest/doctest.h>

#include <array>
#include <complex>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <valarray>
#include <vector>

#include "round_trip.hpp"

enum class Plain : std::int16_t { a = 7, b = -2 };
enum class Wide : std::int64_t { a = 7 };
enum class Colour { red, green, other };
template <>
struct orrery::EnumNames<Colour> {
  static constexpr auto names = orrery::enum_names(orrery::enum_name(Colour::red, "red"), orrery::enum_name(Colour::green, "green"));
};

// Somebody's matrix: column-major, resizable.
struct Matrix {
  std::int64_t rows = 0, columns = 0;
  std::vector<float> elements{};
};
template <>
struct orrery::LeafTraits<Matrix> {
  using element = float;
  static constexpr std::array<std::int64_t, 2> extents{-1, -1};
  static std::array<std::int64_t, 2> shape(const Matrix& m) { return {m.rows, m.columns}; }
  static const float* data(const Matrix& m) { return m.elements.data(); }
  static std::array<std::int64_t, 2> strides(const Matrix& m) { return {1, m.rows}; }
  static void resize(Matrix& m, std::span<const std::int64_t> shape) {
    m = {shape[0], shape[1], std::vector<float>(static_cast<std::size_t>(shape[0] * shape[1]))};
  }
};
// Somebody's vector of three: its shape is fixed.
struct Vec3 {
  double x = 0, y = 0, z = 0;
  friend bool operator==(const Vec3&, const Vec3&) = default;
};
template <>
struct orrery::LeafTraits<Vec3> {
  using element = double;
  static constexpr std::array<std::int64_t, 1> extents{3};
  static std::array<std::int64_t, 1> shape(const Vec3&) { return {3}; }
  static const double* data(const Vec3& v) { return &v.x; }
};

namespace {

using namespace orrery;
using round_trip::copy_of;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;

template <class T>
LeafView leaf_of(const T& value) {
  return describe(value).leaves.at(0);
}
template <class T>
bool is(LeafKind kind, DType dtype, const T& value = {}) {
  const LeafView leaf = leaf_of(value);
  return ops<T>().kind == TypeKind::leaf && ops<T>().leaf.kind == kind && ops<T>().leaf.dtype == dtype && leaf.kind == kind &&
         leaf.array.dtype == dtype && leaf.array.rank() == 0 && leaf.array.data == &value && copy_of(value) == value;
}

TEST_CASE("bool, int64, double and complex<double> are Python scalars, other widths 0-d arrays") {
  CHECK(is<bool>(LeafKind::scalar, DType::bool_, true));
  CHECK(is<std::int64_t>(LeafKind::scalar, DType::int64, -3));
  CHECK(is<double>(LeafKind::scalar, DType::float64, 0.5));
  CHECK(is<std::complex<double>>(LeafKind::scalar, DType::complex128, {1, 2}));
  CHECK(is<std::int32_t>(LeafKind::array, DType::int32, 3));
  CHECK(is<std::uint64_t>(LeafKind::array, DType::uint64, 3));
  CHECK(is<char>(LeafKind::array, DType::int8, 'x'));
  CHECK(is<float>(LeafKind::array, DType::float32, 0.25f));
  CHECK(is<bfloat16>(LeafKind::array, DType::bfloat16, bfloat16(1.5f)));
  CHECK(is<float8_e4m3fn>(LeafKind::array, DType::float8_e4m3fn, float8_e4m3fn(2.0f)));
  CHECK(is<int4>(LeafKind::array, DType::int4, int4(-3)));
  CHECK(is<std::complex<float>>(LeafKind::array, DType::complex64, {1, 2}));
  CHECK(is<NumpyScalar<float>>(LeafKind::numpy_scalar, DType::float32, {2.5f}));
  CHECK(is<NumpyScalar<bool>>(LeafKind::numpy_scalar, DType::bool_, {true}));
}

TEST_CASE("an enum is its underlying integer") {
  CHECK(is<Plain>(LeafKind::array, DType::int16, Plain::b));
  CHECK(is<Wide>(LeafKind::scalar, DType::int64, Wide::a));
}

TEST_CASE("an enum with EnumNames is stored by name") {
  CHECK(ops<Colour>().leaf.kind == LeafKind::string);
  CHECK(tree_of(Colour::green).string() == "green");
  CHECK(copy_of(Colour::green) == Colour::green);
  CHECK_THROWS_AS(tree_of(Colour::other), ArgumentError);
  CHECK_THROWS_AS(restore<Colour>(Tree::string("purple")), FormatError);
}

TEST_CASE("text is a string leaf, and a string_view can only be saved") {
  const std::string text("h\0llo", 5);
  CHECK(leaf_of(text).kind == LeafKind::string);
  CHECK(leaf_of(text).text.data() == text.data());
  CHECK(copy_of(text) == text);
  CHECK(copy_of(std::string()) == "");
  CHECK(tree_of(std::string_view("abc")).string() == "abc");
  std::string_view kept = "kept";
  restore_into(kept, Tree::string("new"));
  CHECK(kept == "kept");
}

TEST_CASE("Array, vector, array, valarray and span of numbers are arrays without a copy") {
  auto array = Array<float>::arange(6).reshape({2, 3});
  CHECK(leaf_of(array).array.data == array.data());
  CHECK(leaf_of(array).array.shape == Shape{2, 3});
  CHECK(copy_of(array) == array);
  CHECK(copy_of(Array<float>({})) == Array<float>({}));

  std::vector<std::int32_t> vector{1, 2, 3};
  CHECK(leaf_of(vector).array.data == vector.data());
  CHECK(copy_of(vector) == vector);
  CHECK(copy_of(std::vector<bfloat16>(2, bfloat16(3.0f)))[1] == bfloat16(3.0f));

  std::array<double, 2> fixed{3, 4};
  CHECK(leaf_of(fixed).array.data == fixed.data());
  CHECK(copy_of(fixed) == fixed);
  CHECK_THROWS_AS((restore<std::array<double, 3>>(tree_of(fixed))), ShapeError);

  std::valarray<float> values{1, 2, 3};
  CHECK(leaf_of(values).array.data == &values[0]);
  CHECK((copy_of(values) == values).min());
  CHECK(copy_of(std::valarray<float>()).size() == 0);
}

TEST_CASE("an AnyArray takes whatever dtype is stored") {
  AnyArray any(Array<std::int16_t>::arange(3));
  CHECK(leaf_of(any).array.data == any.data());
  CHECK(copy_of(any) == any);
  AnyArray other(Array<double>::zeros({2}));
  restore_into(other, tree_of(any));
  CHECK(other == any);
  const void* memory = other.data();
  restore_into(other, tree_of(AnyArray(Array<std::int16_t>::from({7, 8, 9}))));  // in place, where shape and dtype agree
  CHECK(other.data() == memory);
  CHECK(other.at<std::int16_t>({2}) == 9);
}

TEST_CASE("a span is restored in place, one of constants never") {
  float storage[3]{1, 2, 3};
  const Tree tree = tree_of(std::vector<float>{4, 5, 6});
  std::span<float> span(storage);
  restore_into(span, tree);
  CHECK(storage[2] == 6);
  std::span<float, 3> fixed(storage);
  CHECK(leaf_of(fixed).array.data == storage);
  CHECK_THROWS_AS(restore_into(span, tree_of(std::vector<float>{1, 2})), ShapeError);
  std::span<const float> constant(storage);
  restore_into(constant, tree_of(std::vector<float>{0, 0, 0}));
  CHECK(storage[2] == 6);
}

TEST_CASE("C arrays of numbers are arrays of their rank") {
  struct State {
    float flat[3]{1, 2, 3};
    std::int32_t deep[2][3][2]{};
    char text[4]{'a', 'b', 'c', 0};
    bool flags[2]{true, false};
  } state;
  state.deep[1][2][1] = 42;
  const TreeView view = describe(state);
  CHECK(view.leaves[1].array.shape == Shape{2, 3, 2});
  CHECK(view.leaves[1].array.at<std::int32_t>({1, 2, 1}) == 42);
  CHECK(view.leaves[2].array.dtype == DType::int8);
  CHECK(view.leaves[3].array.dtype == DType::bool_);
  const State same = copy_of(state);
  CHECK(same.deep[1][2][1] == 42);
  CHECK(same.text[2] == 'c');
  CHECK(same.flags[0]);
}

TEST_CASE("vector<bool> goes through bytes") {
  const std::vector<bool> bits{true, false, true};
  CHECK(leaf_of(bits).array.dtype == DType::bool_);
  CHECK(copy_of(bits) == bits);
  CHECK(copy_of(std::vector<bool>()).empty());
}

TEST_CASE("a PRNG key keeps its implementation and its data") {
  PrngKey key{"rbg", Array<std::uint32_t>::from({1, 2, 3, 4})};
  CHECK(leaf_of(key).kind == LeafKind::prng_key);
  CHECK(leaf_of(key).text == "rbg");
  CHECK(copy_of(key) == key);
}

TEST_CASE("a Tree is whatever it holds") {
  Tree tree = Tree::dict();
  tree["a"] = Array<float>::arange(3);
  tree["b"] = Tree::list({Tree::none(), Tree::string("x")});
  CHECK(ops<Tree>().kind == TypeKind::tree);
  CHECK(copy_of(tree) == tree);
}

TEST_CASE("LeafTraits make a type an array, with its own strides and resizing") {
  Matrix matrix{2, 3, {1, 2, 3, 4, 5, 6}};
  const LeafView leaf = leaf_of(matrix);
  CHECK(leaf.array.data == matrix.elements.data());
  CHECK(leaf.array.shape == Shape{2, 3});
  CHECK(leaf.array.strides == Shape{4, 8});
  CHECK(leaf.array.at<float>({0, 1}) == 3);
  CHECK(tree_of(matrix).array() == AnyArray(Array<float>::from({{1, 3, 5}, {2, 4, 6}})));
  CHECK(copy_of(matrix).elements == matrix.elements);
  CHECK_THROWS_AS(restore<Matrix>(tree_of(std::vector<float>{1})), ShapeError);

  CHECK(copy_of(Vec3{1, 2, 3}) == Vec3{1, 2, 3});
  CHECK_THROWS_AS(restore<Vec3>(tree_of(std::vector<double>{1, 2})), ShapeError);
  CHECK(ops<Vec3>().type_name == "Vec3");
}

TEST_CASE("the row of a const type looks and never writes") {
  const TypeOps& row = ops_of<const std::vector<float>>::value;
  CHECK(row.read_only);
  CHECK(bool(row.view));
  CHECK(!row.resize);
  CHECK(!row.make);
}

}  // namespace
