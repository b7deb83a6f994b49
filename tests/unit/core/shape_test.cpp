#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/shape.hpp"

using namespace orrery;

TEST_CASE("shapes of any rank copy, move and compare by their extents") {
  for (std::size_t rank : {std::size_t{0}, std::size_t{1}, std::size_t{6}, std::size_t{7}, std::size_t{255}}) {
    std::vector<Dim> dims(rank);
    for (std::size_t i = 0; i < rank; ++i) dims[i] = static_cast<Dim>(i) + 1;
    const Shape shape{std::span<const Dim>(dims)};
    Shape copied = shape;
    CHECK(copied == shape);
    Shape moved = std::move(copied);
    CHECK(moved == shape);
    copied = moved;
    CHECK(copied == shape);
    copied = Shape{9, 9};
    copied = std::move(moved);
    CHECK(copied == shape);
    CHECK(copied.size() == rank);
  }
  CHECK_FALSE(Shape{2, 3} == Shape{3, 2});
  CHECK_FALSE(Shape{2} == Shape{2, 1});
}

TEST_CASE("a rank beyond 255 is refused rather than wrapped") {
  const std::vector<Dim> dims(256, 1);
  CHECK_THROWS_AS(Shape{std::span<const Dim>(dims)}, ArgumentError);
}

TEST_CASE("products are checked") {
  constexpr Dim large = Dim{1} << 32;
  CHECK(checked_count(Shape{}) == 1);
  CHECK(checked_count(Shape{5, 3}) == 15);
  CHECK_FALSE(checked_count(Shape{large, large}));
  CHECK_FALSE(checked_count(Shape{2, -1}));
  CHECK(checked_count(Shape{large, large, 0}) == 0);
  CHECK_FALSE(checked_count(Shape{0, -1}));
  CHECK(checked_bytes(Shape{2, 3}, 8) == 48);
  CHECK_FALSE(checked_bytes(Shape{Dim{1} << 60}, 8));
}

TEST_CASE("shapes are printed as NumPy prints them") {
  CHECK(to_string(Shape{}) == "()");
  CHECK(to_string(Shape{3}) == "(3,)");
  CHECK(to_string(Shape{5, 3}) == "(5, 3)");
}
