#include <doctest/doctest.h>

#include <complex>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "orrery/core/array.hpp"

using namespace orrery;

TEST_CASE("an array is constructed from a shape and filled with zeros") {
  const Array<float> matrix({5, 3});
  CHECK(matrix.shape() == Shape{5, 3});
  CHECK(matrix.size() == 15);
  for (float value : matrix) CHECK(value == 0);
  CHECK(Array<float>().shape() == Shape{0});
  CHECK(Array<float>().data() == nullptr);
  const Array<float> scalar({});
  CHECK(scalar.rank() == 0);
  CHECK(scalar.size() == 1);
  CHECK(Array<float>({0, 7}).empty());
}

TEST_CASE("values come by from, full and arange") {
  const auto list = Array<float>::from({1, 2.5f, 3});
  CHECK(list.shape() == Shape{3});
  CHECK(list[1] == 2.5f);
  const auto matrix = Array<int>::from({{1, 2, 3}, {4, 5, 6}});
  CHECK(matrix.shape() == Shape{2, 3});
  CHECK(matrix(1, 2) == 6);
  CHECK_THROWS_AS(Array<int>::from({{1, 2}, {3, 4, 5}}), ArgumentError);
  CHECK(Array<std::int64_t>::arange(3) == Array<std::int64_t>::from({0, 1, 2}));
  CHECK(Array<double>::arange(2, 4) == Array<double>::from({2, 3}));
  CHECK(Array<double>::arange(4, 2).size() == 0);
  CHECK(Array<bfloat16>::arange(3)[2] == 2.0f);
  CHECK(Array<std::complex<float>>::arange(2)[1] == std::complex<float>(1, 0));
  CHECK(int(Array<int4>::arange(9)[8]) == -8);
  CHECK(Array<bool>::full({4}, true)[3]);
  CHECK(Array<int>::from(std::vector<int>{4, 5}).size() == 2);
}

TEST_CASE("elements are found by index, unchecked and checked") {
  Array<int> cube = Array<int>::arange(24).reshape({2, 3, 4});
  CHECK(cube(1, 2, 3) == 23);
  CHECK(cube.at({0, 1, 2}) == 6);
  cube(0, 0, 1) = -5;
  cube.at({0, 0, 2}) = -6;
  CHECK(cube[1] == -5);
  CHECK(cube[2] == -6);
  CHECK_THROWS_AS(cube.at({0, 3, 0}), ArgumentError);
  CHECK_THROWS_AS(cube.at({0, -1, 0}), ArgumentError);
  CHECK_THROWS_AS(cube.at({0, 0}), ArgumentError);
}

TEST_CASE("resizing keeps the memory where it suffices") {
  Array<double> array({10, 10});
  const double* before = array.data();
  array.resize({4, 25});
  array.resize({3});
  array.resize({100});
  CHECK(array.data() == before);
  array.resize({101});
  CHECK(array.size() == 101);
  Array<double> target({101});
  const double* kept = target.data();
  target = array;
  CHECK(target.data() == kept);
  CHECK(target == array);
  CHECK_THROWS_AS(array.reshape({2}), ArgumentError);
}

TEST_CASE("impossible shapes are refused before anything is allocated") {
  constexpr Dim huge = Dim{1} << 62;
  CHECK_THROWS_AS(Array<float>({-1}), ArgumentError);
  CHECK_THROWS_AS(Array<float>({huge, 4}), ArgumentError);
  CHECK_THROWS_AS(AnyArray::uninitialized(DType::float64, {huge}), ArgumentError);
  CHECK_THROWS_AS(AnyArray::zeros(DType::int8, {2, -3}), ArgumentError);
  Array<float> array({2});
  CHECK_THROWS_AS(array.resize({huge, huge}), ArgumentError);
  CHECK(array.shape() == Shape{2});
}

TEST_CASE("moving leaves an empty array behind") {
  Array<int> a = Array<int>::arange(5);
  const int* data = a.data();
  const Array<int> b = std::move(a);
  CHECK(b.data() == data);
  CHECK(a.size() == 0);
  CHECK(a.shape() == Shape{0});
  AnyArray c = AnyArray::zeros(DType::int8, {});
  const AnyArray d = std::move(c);
  CHECK(c.size() == 0);
  CHECK(c.dtype() == DType::none);
  CHECK(d.size() == 1);
}

TEST_CASE("typed and untyped arrays turn into each other without copying") {
  Array<float> typed = Array<float>::arange(6).reshape({2, 3});
  const void* data = typed.data();
  AnyArray any = std::move(typed);
  CHECK(any.data() == data);
  CHECK(any.dtype() == DType::float32);
  CHECK(any.at<float>({1, 0}) == 3);
  CHECK_THROWS_AS(Array<double>{AnyArray(any)}, ArgumentError);
  CHECK_THROWS_AS(any.values<std::int32_t>(), ArgumentError);
  any.values<float>()[0] = 9;
  const Array<float> again{std::move(any)};
  CHECK(again.data() == data);
  CHECK(again(0, 0) == 9);
  CHECK(any.size() == 0);
  const AnyArray copied = again;
  CHECK(copied.data() != again.data());
  CHECK(copied.view().at<float>({0, 0}) == 9);
}

TEST_CASE("equality is of dtype, shape and bytes") {
  const float nan_value = std::numeric_limits<float>::quiet_NaN();
  CHECK(Array<float>::from({nan_value}) == Array<float>::from({nan_value}));
  CHECK_FALSE(Array<float>::from({0.0f}) == Array<float>::from({-0.0f}));
  CHECK_FALSE(Array<int>({2, 3}) == Array<int>({3, 2}));
  CHECK_FALSE(AnyArray::zeros(DType::int32, {2}) == AnyArray::zeros(DType::uint32, {2}));
  CHECK(AnyArray::zeros(DType::int32, {0, 2}) == AnyArray::zeros(DType::int32, {0, 2}));
}

TEST_CASE("a copy of a view is dense, whatever the view's strides") {
  const Array<std::int16_t> source = Array<std::int16_t>::arange(6);
  const AnyArray copied = AnyArray::copy_of({DType::int16, {2, 3}, {2, 4}, source.data()});
  CHECK(copied == AnyArray(Array<std::int16_t>::from({{0, 2, 4}, {1, 3, 5}})));
}
