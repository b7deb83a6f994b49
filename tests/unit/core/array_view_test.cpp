#include <doctest/doctest.h>

#include <vector>

#include "orrery/core/array_view.hpp"

using namespace orrery;

TEST_CASE("a dense view has C strides and counts its bytes") {
  const std::vector<float> data(24);
  const ArrayView view = ArrayView::dense(DType::float32, data.data(), {2, 3, 4});
  CHECK(view.strides == Shape{48, 16, 4});
  CHECK(view.size() == 24);
  CHECK(view.nbytes() == 96);
  CHECK(view.is_c_contiguous());
  CHECK_FALSE(view.is_f_contiguous());
  CHECK(f_strides(view.shape, 4) == Shape{4, 8, 24});
}

TEST_CASE("contiguity ignores the strides of extents of one, and empty arrays are contiguous") {
  CHECK(ArrayView{DType::int8, {1, 4}, {999, 1}, nullptr}.is_c_contiguous());
  CHECK(ArrayView{DType::int8, {4, 1}, {1, 999}, nullptr}.is_f_contiguous());
  CHECK(ArrayView{DType::int8, {0, 4}, {7, 7}, nullptr}.is_c_contiguous());
  CHECK_FALSE(ArrayView{DType::int8, {2, 4}, {8, 2}, nullptr}.is_c_contiguous());
  CHECK(ArrayView{DType::int8, {}, {}, nullptr}.is_c_contiguous());
}

TEST_CASE("elements are looked at by index, with type and range checked") {
  const std::vector<std::int32_t> data{0, 1, 2, 3, 4, 5};
  const ArrayView view{DType::int32, {2, 3}, {4, 8}, data.data()};
  CHECK(view.at<std::int32_t>({1, 2}) == 5);
  CHECK(view.at<std::int32_t>({0, 1}) == 2);
  CHECK_THROWS_AS(view.at<float>({0, 0}), ArgumentError);
  CHECK_THROWS_AS(view.at<std::int32_t>({2, 0}), ArgumentError);
  CHECK_THROWS_AS(view.at<std::int32_t>({0}), ArgumentError);
  CHECK_THROWS_AS(view.values<std::int32_t>(), ArgumentError);
  CHECK(ArrayView::dense(DType::int32, data.data(), {6}).values<std::int32_t>()[4] == 4);
}
