#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <vector>

#include "orrery/core/strided_copy.hpp"

using namespace orrery;

namespace {

// Elements whose bytes all differ, as far as they can.
std::vector<unsigned char> pattern(std::size_t size) {
  std::mt19937 random(3);
  std::vector<unsigned char> bytes(size);
  for (auto& byte : bytes) byte = static_cast<unsigned char>(random());
  return bytes;
}

// The obvious copy, element by element in C order.
std::vector<unsigned char> linearized(const ArrayView& view) {
  std::vector<unsigned char> out;
  std::vector<Dim> index(view.rank());
  for (std::size_t n = 0; n < view.size(); ++n) {
    std::size_t rest = n;
    Dim at = 0;
    for (std::size_t i = view.rank(); i-- > 0;) {
      at += static_cast<Dim>(rest % static_cast<std::size_t>(view.shape[i])) * view.strides[i];
      rest /= static_cast<std::size_t>(view.shape[i]);
    }
    const auto* element = static_cast<const unsigned char*>(view.data) + at;
    out.insert(out.end(), element, element + view.item_size());
  }
  return out;
}

// A dense array whose dimensions lie in memory in the order given, slowest first.
ArrayView permuted(DType dtype, const void* data, const Shape& shape, const std::vector<std::size_t>& order) {
  ArrayView view{dtype, shape, Shape::zeros(shape.size()), data};
  Dim step = static_cast<Dim>(item_size(dtype));
  for (std::size_t i = order.size(); i-- > 0;) {
    view.strides[order[i]] = step;
    step *= shape[order[i]];
  }
  return view;
}

constexpr std::array<DType, 5> one_of_each_size{DType::uint8, DType::bfloat16, DType::float32, DType::int64, DType::complex128};

}  // namespace

TEST_CASE("any order of dimensions is copied to any other") {
  for (DType dtype : one_of_each_size)
    for (const Shape& shape : {Shape{3, 5, 7}, Shape{1, 300, 130}, Shape{70, 2, 33}, Shape{2, 1, 1}}) {
      CAPTURE(name(dtype));
      CAPTURE(to_string(shape));
      const std::size_t bytes = *checked_bytes(shape, item_size(dtype));
      const auto data = pattern(bytes);
      std::vector<std::size_t> from_order{0, 1, 2};
      do {
        const ArrayView from = permuted(dtype, data.data(), shape, from_order);
        const auto expected = linearized(from);
        std::vector<std::size_t> to_order{0, 1, 2};
        do {
          std::vector<unsigned char> target(bytes);
          const ArrayView to = permuted(dtype, target.data(), shape, to_order);
          copy(from, to);
          CHECK(linearized(to) == expected);
        } while (std::next_permutation(to_order.begin(), to_order.end()));
      } while (std::next_permutation(from_order.begin(), from_order.end()));
    }
}

TEST_CASE("gaps are neither read nor written") {
  const auto data = pattern(4 * 40 * 50);
  const ArrayView from{DType::float32, {20, 25}, {2 * 4, 2 * 4 * 40}, data.data()};
  std::vector<unsigned char> target(4 * 20 * 60, 0xee);
  const ArrayView to{DType::float32, {20, 25}, {60 * 4, 8}, target.data()};
  copy(from, to);
  CHECK(linearized(to) == linearized(from));
  for (std::size_t row = 0; row < 20; ++row)
    for (std::size_t column = 0; column < 60; ++column)
      if (column >= 50 || column % 2 == 1) CHECK(target[4 * (row * 60 + column)] == 0xee);
}

TEST_CASE("strides may be negative, or zero to repeat") {
  const std::vector<std::int32_t> values{0, 1, 2, 3, 4, 5};
  const ArrayView reversed{DType::int32, {2, 3}, {-12, -4}, &values[5]};
  std::vector<std::int32_t> out(6);
  copy(reversed, out.data());
  CHECK(out == std::vector<std::int32_t>{5, 4, 3, 2, 1, 0});
  const ArrayView backwards{DType::int32, {2, 3}, {-12, 4}, &out[3]};
  copy(ArrayView::dense(DType::int32, values.data(), {2, 3}), backwards);
  CHECK(out == std::vector<std::int32_t>{3, 4, 5, 0, 1, 2});
  const ArrayView repeated{DType::int32, {2, 3}, {0, 4}, values.data()};
  copy(repeated, out.data());
  CHECK(out == std::vector<std::int32_t>{0, 1, 2, 0, 1, 2});
}

TEST_CASE("scalars and empty arrays are arrays, too") {
  const double value = 2.5;
  double out = 0;
  copy(ArrayView::dense(DType::float64, &value, {}), &out);
  CHECK(out == 2.5);
  CHECK_NOTHROW(copy(ArrayView::dense(DType::float64, nullptr, {3, 0, 2}), nullptr));
}

TEST_CASE("more dimensions than fit inline are copied") {
  const auto data = pattern(256);
  const Shape shape{2, 2, 2, 2, 2, 2, 2, 2};
  const ArrayView from{DType::uint8, shape, f_strides(shape, 1), data.data()};
  std::vector<unsigned char> out(256);
  copy(from, out.data());
  CHECK(out == linearized(from));
}

TEST_CASE("copying between different shapes or dtypes is refused") {
  float data[6] = {};
  const auto view = [&](DType dtype, Shape shape) { return ArrayView::dense(dtype, data, std::move(shape)); };
  CHECK_THROWS_AS(copy(view(DType::float32, {2, 3}), view(DType::float32, {3, 2})), ArgumentError);
  CHECK_THROWS_AS(copy(view(DType::float32, {2, 3}), view(DType::int32, {2, 3})), ArgumentError);
}

TEST_CASE("a strided array can be read in C order by ranges") {
  const auto data = pattern(16 * 1000);
  for (DType dtype : one_of_each_size)
    for (const std::vector<std::size_t>& order : std::vector<std::vector<std::size_t>>{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}}) {
      const ArrayView view = permuted(dtype, data.data(), {9, 10, 11}, order);
      const auto expected = linearized(view);
      const std::size_t item = item_size(dtype);
      for (std::size_t block : {std::size_t{1}, std::size_t{7}, std::size_t{64}, std::size_t{123}, std::size_t{990}, std::size_t{5000}}) {
        std::vector<unsigned char> out(expected.size() + item, 0xcc);
        std::size_t first = 0;
        while (std::size_t n = copy_c_order_range(view, first, block, out.data() + first * item)) first += n;
        CHECK(first == 990);
        CHECK(std::equal(expected.begin(), expected.end(), out.begin()));
        CHECK(out[expected.size()] == 0xcc);
      }
    }
  float untouched = 1;
  CHECK(copy_c_order_range(ArrayView::dense(DType::float32, nullptr, {0, 3}), 0, 10, &untouched) == 0);
  CHECK(untouched == 1);
}
