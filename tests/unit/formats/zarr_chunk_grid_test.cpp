#include "orrery/formats/zarr/chunk_grid.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace orrery;

namespace {

struct Visit {
  Shape index;
  zarr::Box part;
};

std::vector<Visit> visits(const Shape& shape, const Shape& chunks, const zarr::Box& box) {
  std::vector<Visit> out;
  zarr::for_each_chunk(shape, chunks, box, [&](const Shape& index, const zarr::Box& part) { out.push_back({index, part}); });
  return out;
}

constexpr Dim huge = Dim{1} << 62;

}  // namespace

TEST_CASE("chunk keys are indices joined by the separator, and 0 at rank 0") {
  CHECK(zarr::chunk_key(Shape{}, '.') == "0");
  CHECK(zarr::chunk_key(Shape{3}, '.') == "3");
  CHECK(zarr::chunk_key(Shape{1, 20}, '.') == "1.20");
  CHECK(zarr::chunk_key(Shape{1, 2}, '/') == "1/2");
}

TEST_CASE("a grid covers the array, ragged edges included") {
  CHECK(zarr::grid_extents(Shape{7, 10}, Shape{4, 6}) == Shape{2, 2});
  CHECK(zarr::grid_extents(Shape{8, 1}, Shape{4, 100}) == Shape{2, 1});
  CHECK(zarr::grid_extents(Shape{}, Shape{}) == Shape{});
  CHECK(zarr::grid_extents(Shape{INT64_MAX}, Shape{2}) == Shape{huge});
}

TEST_CASE("chunks are counted: none without elements, one at rank 0, nothing beyond 63 bits") {
  CHECK(zarr::chunk_count(Shape{7, 10}, Shape{4, 6}) == 4);
  CHECK(zarr::chunk_count(Shape{0, 3}, Shape{1, 3}) == 0);
  CHECK(zarr::chunk_count(Shape{}, Shape{}) == 1);
  CHECK(zarr::chunk_count(Shape{huge, huge}, Shape{1, 1}) == std::nullopt);
}

TEST_CASE("walking a grid ends after its last index") {
  Shape index{0, 0};
  std::string keys;
  do keys += zarr::chunk_key(index, '.') + " ";
  while (zarr::next_index(index, Shape{2, 2}));
  CHECK(keys == "0.0 0.1 1.0 1.1 ");
  Shape none;
  CHECK_FALSE(zarr::next_index(none, Shape{}));
}

TEST_CASE("a box touches its chunks alone, and each part lies in both") {
  const auto found = visits({7, 10}, {4, 6}, {{3, 2}, {2, 4}});
  REQUIRE(found.size() == 2);
  CHECK(found[0].index == Shape{0, 0});
  CHECK(found[0].part == zarr::Box{{3, 2}, {1, 4}});
  CHECK(found[1].index == Shape{1, 0});
  CHECK(found[1].part == zarr::Box{{4, 2}, {1, 4}});
}

TEST_CASE("the whole array is all chunks in C order, edges cut") {
  const auto found = visits({7, 10}, {4, 6}, zarr::Box::whole({7, 10}));
  REQUIRE(found.size() == 4);
  CHECK(found[3].index == Shape{1, 1});
  CHECK(found[3].part == zarr::Box{{4, 6}, {3, 4}});
  for (const Visit& visit : found) CHECK(visit.part == zarr::chunk_part(Shape{7, 10}, Shape{4, 6}, visit.index));
}

TEST_CASE("every element of every box is visited exactly once") {
  const Shape shape{5, 4}, chunks{2, 3};
  for (Dim y = 0; y < 5; ++y)
    for (Dim x = 0; x < 4; ++x)
      for (Dim high = 0; high <= 5 - y; ++high)
        for (Dim wide = 0; wide <= 4 - x; ++wide) {
          std::vector<int> hits(20);
          for (const Visit& visit : visits(shape, chunks, {{y, x}, {high, wide}}))
            for (Dim i = 0; i < visit.part.extents[0]; ++i)
              for (Dim j = 0; j < visit.part.extents[1]; ++j) {
                const Dim a = visit.part.origin[0] + i, b = visit.part.origin[1] + j;
                CHECK_UNARY(a / 2 == visit.index[0] && b / 3 == visit.index[1]);
                ++hits[static_cast<std::size_t>(a * 4 + b)];
              }
          for (Dim a = 0; a < 5; ++a)
            for (Dim b = 0; b < 4; ++b)
              CHECK_UNARY(hits[static_cast<std::size_t>(a * 4 + b)] == (a >= y && a < y + high && b >= x && b < x + wide));
        }
}

TEST_CASE("rank 0 has one chunk, an array or a box without elements none") {
  CHECK(visits({}, {}, {}).size() == 1);
  CHECK(visits({0, 3}, {1, 3}, zarr::Box::whole({0, 3})).empty());
  CHECK(visits({5}, {2}, {{5}, {0}}).empty());
}

TEST_CASE("boxes that are not inside the array are refused") {
  for (const zarr::Box& box : {zarr::Box{{0}, {6}}, zarr::Box{{-1}, {2}}, zarr::Box{{5}, {1}}, zarr::Box{{2}, {-1}},
                               zarr::Box{{0, 0}, {1, 1}}, zarr::Box{{1}, {INT64_MAX}}, zarr::Box{{INT64_MAX}, {1}}})
    CHECK_THROWS_AS(visits({5}, {2}, box), ArgumentError);
}

TEST_CASE("chunks larger than the array, and extents near 2^63, do not overflow") {
  const auto one = visits({5}, {INT64_MAX}, {{1}, {3}});
  REQUIRE(one.size() == 1);
  CHECK(one[0].part == zarr::Box{{1}, {3}});
  const auto two = visits({INT64_MAX}, {huge}, {{huge - 1}, {huge}});
  REQUIRE(two.size() == 2);
  CHECK(two[0].part == zarr::Box{{huge - 1}, {1}});
  CHECK(two[1].part == zarr::Box{{huge}, {huge - 1}});
}
