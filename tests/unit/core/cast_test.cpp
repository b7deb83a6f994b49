#include <doctest/doctest.h>

#include <cmath>
#include <complex>
#include <limits>
#include <vector>

#include "orrery/core/array.hpp"
#include "orrery/core/cast.hpp"

using namespace orrery;

namespace {

template <Element To, Element From>
std::vector<To> cast(std::initializer_list<From> values) {
  const Array<From> from = Array<From>::from(values);
  Array<To> to(from.shape());
  cast_copy(from.view(), to.view());
  return std::vector<To>(to.begin(), to.end());
}

template <class Narrow>
std::vector<unsigned> bits(const std::vector<Narrow>& values) {
  std::vector<unsigned> out;
  for (Narrow value : values) out.push_back(value.bits());
  return out;
}

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("floats become integers by truncation, and saturate out of range") {
  using Limits64 = std::numeric_limits<std::int64_t>;
  CHECK(cast<std::int8_t>({1.9, -1.9, 300.7, -200.5, nan_value, infinity, -infinity}) ==
        std::vector<std::int8_t>{1, -1, 127, -128, 0, 127, -128});
  CHECK(cast<std::uint8_t>({255.9, -0.5, -3.0, 1e30}) == std::vector<std::uint8_t>{255, 0, 0, 255});
  CHECK(cast<std::int64_t>({9.3e18, -9.3e18, 9007199254740993.0}) ==
        std::vector<std::int64_t>{Limits64::max(), Limits64::min(), 9007199254740992});
  CHECK(cast<std::uint64_t>({1.8e19, 1.9e19, -1.0}) == std::vector<std::uint64_t>{18000000000000000000u, ~std::uint64_t{0}, 0});
  CHECK(cast<std::int32_t>({2147483648.0f, -2147483648.0f, 2147483520.0f}) ==
        std::vector<std::int32_t>{2147483647, -2147483647 - 1, 2147483520});
  CHECK(int(cast<int4>({300.0f})[0]) == 7);
  CHECK(int(cast<int4>({-8.9f})[0]) == -8);
  CHECK(int(cast<uint2>({2.5f})[0]) == 2);
}

TEST_CASE("integers wrap when they become narrower, and stay exact when they do not") {
  constexpr std::int64_t large = (std::int64_t{1} << 40) + 5;
  CHECK(cast<std::int8_t>({std::int64_t{300}, std::int64_t{-129}, large}) == std::vector<std::int8_t>{44, 127, 5});
  CHECK(cast<std::uint64_t>({std::int64_t{-1}, std::int64_t{7}}) == std::vector<std::uint64_t>{~std::uint64_t{0}, 7});
  CHECK(cast<std::int64_t>({~std::uint64_t{0}}) == std::vector<std::int64_t>{-1});
  CHECK(cast<std::int64_t>({std::numeric_limits<std::int64_t>::min()}) ==
        std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min()});
  CHECK(int(cast<int4>({std::int64_t{300}})[0]) == -4);
  CHECK(int(cast<int2>({std::int64_t{-2}})[0]) == -2);
  CHECK(cast<double>({std::uint64_t{1} << 63}) == std::vector<double>{9223372036854775808.0});
  CHECK(cast<double>({std::int64_t{9007199254740993}}) == std::vector<double>{9007199254740992.0});
}

TEST_CASE("noise above int4 does not reach what it is cast to") {
  const std::uint8_t noisy[3] = {0x1f, 0x18, 0x97};
  Array<std::int32_t> out({3});
  cast_copy(ArrayView::dense(DType::int4, noisy, {3}), out.view());
  CHECK(out == Array<std::int32_t>::from({-1, -8, 7}));
}

TEST_CASE("anything but zero is true") {
  CHECK(cast<bool>({0.0, -0.0, 0.1, nan_value}) == std::vector<bool>{false, false, true, true});
  CHECK(cast<bool>({std::int64_t{1} << 40, std::int64_t{0}}) == std::vector<bool>{true, false});
  CHECK(cast<bool>({std::complex<float>(0, 1), std::complex<float>(0, 0)}) == std::vector<bool>{true, false});
  CHECK(cast<bool>({bfloat16(0.5f), bfloat16(0.0f)}) == std::vector<bool>{true, false});
  CHECK(cast<float>({true, false}) == std::vector<float>{1, 0});
}

TEST_CASE("float64 is rounded once to types of a byte, and by way of float32 to those of two, as in TensorStore") {
  auto just_above_tie = [](int digits) { return 1 + std::ldexp(1.0, -digits) + std::ldexp(1.0, -40); };
  CHECK(bits(cast<float8_e4m3fn>({just_above_tie(4), 1 + std::ldexp(1.0, -4)})) == std::vector<unsigned>{57, 56});
  CHECK(bits(cast<float8_e3m4>({just_above_tie(5)})) == std::vector<unsigned>{49});
  CHECK(bits(cast<float8_e5m2>({just_above_tie(3), -1e300, 1e-300, -1e-300})) == std::vector<unsigned>{61, 0xfc, 0, 0x80});
  CHECK(bits(cast<float4_e2m1fn>({just_above_tie(2), 1e300})) == std::vector<unsigned>{3, 7});
  CHECK(bits(cast<bfloat16>({just_above_tie(8)})) == std::vector<unsigned>{0x3f80});
  CHECK(bits(cast<float16>({just_above_tie(11), 70000.0})) == std::vector<unsigned>{0x3c00, 0x7c00});
  CHECK(bits(cast<bfloat16>({(std::int64_t{1} << 40) + (std::int64_t{1} << 32) + 1})) == std::vector<unsigned>{21376});
  CHECK(bits(cast<float8_e4m3fn>({std::int64_t{300}, std::int64_t{-129}})) == std::vector<unsigned>{0x79, 0xf0});
}

TEST_CASE("complex numbers lose their imaginary part, or gain a zero one") {
  using C = std::complex<float>;
  using Z = std::complex<double>;
  CHECK(cast<float>({Z(1, 2), Z(2.5, -1)}) == std::vector<float>{1, 2.5});
  CHECK(cast<std::int32_t>({C(-3.7f, 2)}) == std::vector<std::int32_t>{-3});
  CHECK(cast<Z>({1.5f, -2.0f}) == std::vector<Z>{{1.5, 0}, {-2, 0}});
  CHECK(cast<C>({Z(0.1, 1e300)}) == std::vector<C>{{0.1f, std::numeric_limits<float>::infinity()}});
  CHECK(cast<Z>({C(1, 2)}) == std::vector<Z>{{1, 2}});
  CHECK(cast<C>({std::int64_t{16777217}}) == std::vector<C>{{16777216, 0}});
}

TEST_CASE("time is int64 and nothing else") {
  const std::int64_t moment = std::numeric_limits<std::int64_t>::min();
  const ArrayView time = ArrayView::dense(DType::datetime64_s, &moment, {1});
  std::int64_t out = 0;
  cast_copy(time, ArrayView::dense(DType::int64, &out, {1}));
  CHECK(out == moment);
  out = 0;
  cast_copy(time, ArrayView::dense(DType::datetime64_s, &out, {1}));
  CHECK(out == moment);
  CHECK_THROWS_AS(cast_copy(time, ArrayView::dense(DType::datetime64_ms, &out, {1})), ArgumentError);
  CHECK_THROWS_AS(cast_copy(time, ArrayView::dense(DType::float64, &out, {1})), ArgumentError);
}

TEST_CASE("strided arrays are converted wherever their elements lie") {
  const Shape shape{300, 7, 70};
  const Array<std::int32_t> dense = std::move(Array<std::int32_t>::arange(300 * 7 * 70)).reshape(shape);
  const Shape backwards{70, 7, 300};
  const ArrayView from{DType::int32, shape, f_strides(shape, 4), dense.data()};
  std::vector<double> out(2 * dense.size(), -1);
  const ArrayView to{DType::float64, shape, {16 * 70 * 7, 16 * 70, 16}, out.data()};
  cast_copy(from, to);
  bool same = true;
  for (Dim i = 0; i < 300; ++i)
    for (Dim j = 0; j < 7; ++j)
      for (Dim k = 0; k < 70; ++k) same = same && to.at<double>({i, j, k}) == from.at<std::int32_t>({i, j, k});
  CHECK(same);
  CHECK(out[1] == -1);
  const float scalar = 2.75f;
  std::uint8_t byte = 0;
  cast_copy(ArrayView::dense(DType::float32, &scalar, {}), ArrayView::dense(DType::uint8, &byte, {}));
  CHECK(byte == 2);
  CHECK_THROWS_AS(cast_copy(from, ArrayView::dense(DType::float64, out.data(), backwards)), ArgumentError);
}
