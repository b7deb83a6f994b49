#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <map>
#include <mdspan>
#include <string>

#include "orrery/adapters/mdspan.hpp"
#include "reflect/round_trip.hpp"

namespace {

using orrery::AnyArray;
using orrery::Array;
using orrery::Shape;
using orrery::ShapeError;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;
using Free = std::dextents<std::size_t, 2>;

const Array<float> numbers = Array<float>::from({{0, 1, 2}, {10, 11, 12}});

template <class T>
orrery::ArrayView view_of(const T& value) {
  return orrery::describe(value).leaves.at(0).array;
}

TEST_CASE("an mdspan of any layout shows its memory and is restored in place") {
  std::array<float, 6> elements{};
  std::mdspan<float, Free> right(elements.data(), 2, 3);
  CHECK(view_of(right).data == elements.data());
  restore_into(right, tree_of(numbers));
  CHECK(elements == std::array<float, 6>{0, 1, 2, 10, 11, 12});
  CHECK(tree_of(right).array() == AnyArray(numbers));

  std::mdspan<float, Free, std::layout_left> left(elements.data(), 2, 3);
  CHECK(view_of(left).is_f_contiguous());
  restore_into(left, tree_of(numbers));
  CHECK(elements == std::array<float, 6>{0, 10, 1, 11, 2, 12});
  CHECK(tree_of(left).array() == AnyArray(numbers));

  std::array<float, 12> wide{};
  std::mdspan<float, Free, std::layout_stride> strided(wide.data(),
                                                       std::layout_stride::mapping<Free>(Free(2, 3), std::array<std::size_t, 2>{6, 2}));
  CHECK(view_of(strided).strides == Shape{24, 8});
  restore_into(strided, tree_of(numbers));
  CHECK(wide[8] == 11);
  CHECK(wide[1] == 0);
}

TEST_CASE("shapes must be equal, and an mdspan is never made") {
  std::array<float, 6> elements{};
  std::mdspan<float, Free> turned(elements.data(), 3, 2);
  CHECK_THROWS_AS(restore_into(turned, tree_of(numbers)), ShapeError);
  CHECK_THROWS_AS((restore<std::mdspan<float, Free>>(tree_of(numbers))), ShapeError);
  std::mdspan<float, std::extents<int, 2, std::dynamic_extent>> half(elements.data(), 3);
  restore_into(half, tree_of(numbers));
  CHECK(elements[5] == 12);
  CHECK(orrery::ops<decltype(half)>().leaf.extents[0] == 2);
  std::mdspan<float, std::extents<int, 3, 3>> other(elements.data());
  CHECK_THROWS_AS(restore_into(other, tree_of(numbers)), ShapeError);
  std::mdspan<float, std::extents<int>> scalar(elements.data());
  CHECK(tree_of(scalar).array().shape() == Shape{});
}

TEST_CASE("constants are saved and never written, also in a map") {
  const std::array<float, 6> elements{0, 1, 2, 10, 11, 12};
  std::map<std::string, std::mdspan<const float, Free>> state;
  state["kernel"] = std::mdspan<const float, Free>(elements.data(), 2, 3);
  CHECK(tree_of(state)["kernel"].array() == AnyArray(numbers));
  Array<float> zeros({2, 3});
  restore_into(state, tree_of(std::map<std::string, Array<float>>{{"kernel", zeros}}));
  CHECK(elements[5] == 12);
}

}  // namespace
