#include <doctest/doctest.h>

#include "orrery/core/array.hpp"
#include "orrery/core/array_box.hpp"
#include "orrery/core/error.hpp"

using namespace orrery;

TEST_CASE("boxes have in common what both cover, which may be nothing") {
  CHECK(intersection({{0, 2}, {4, 4}}, {{2, 0}, {4, 3}}) == ArrayBox{{2, 2}, {2, 1}});
  CHECK(intersection({{0}, {3}}, {{3}, {3}}).empty());
  CHECK(intersection({{5}, {3}}, {{0}, {2}}).empty());
  CHECK_FALSE(intersection({{}, {}}, {{}, {}}).empty());
  CHECK(ArrayBox{{1, 1}, {2, 3}}.size() == 6);
  CHECK(ArrayBox::whole({}).size() == 1);
  CHECK(relative_to({{5, 7}, {1, 2}}, {{4, 7}, {3, 3}}) == ArrayBox{{1, 0}, {1, 2}});
}

TEST_CASE("the part of a view that a box shows is not copied") {
  Array<int> array = Array<int>::arange(12);
  array.reshape({3, 4});
  const ArrayView part = part_of(array.view(), {{1, 2}, {2, 2}});
  CHECK(part.data == &array(1, 2));
  CHECK(part.at<int>({1, 1}) == 11);
  CHECK(part_of(array.view(), {{3, 0}, {0, 4}}).data == array.data());
}

TEST_CASE("a box that is not inside the array is refused") {
  CHECK_NOTHROW(check_box(Shape{5}, {{5}, {0}}));
  CHECK_THROWS_AS(check_box(Shape{5}, {{3}, {3}}), ArgumentError);
  CHECK_THROWS_AS(check_box(Shape{5}, {{-1}, {1}}), ArgumentError);
  CHECK_THROWS_AS(check_box(Shape{5}, {{0, 0}, {1, 1}}), ArgumentError);
}
