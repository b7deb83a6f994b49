#include "orrery/formats/zarr/chunk_shape.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <vector>

using namespace orrery;

namespace {

// float32, the limit in elements.
Shape chosen(const Shape& global, const Shape& write, std::optional<std::uint64_t> elements, const std::vector<std::size_t>& axes = {}) {
  return zarr::choose_chunk_shape(global, write, 4, elements ? std::optional(*elements * 4) : std::nullopt, axes);
}

}  // namespace

TEST_CASE("without a limit and shard axes a chunk is what one write covers, with extents of at least 1") {
  CHECK(chosen({10, 100, 200}, {10, 100, 200}, {}) == Shape{10, 100, 200});
  CHECK(chosen({0, 3}, {0, 3}, {}) == Shape{1, 3});
  CHECK(chosen({}, {}, {}) == Shape{});
  CHECK(chosen({}, {}, 1) == Shape{});
}

TEST_CASE("the longest axis is divided first") {
  const Shape all{10, 100, 200};
  CHECK(chosen(all, all, 1) == Shape{1, 1, 1});
  CHECK(chosen(all, all, 125) == Shape{5, 5, 5});
  CHECK(chosen(all, all, 625) == Shape{5, 10, 10});
  CHECK(chosen(all, all, 10 * 100 * 200) == all);
}

TEST_CASE("axes along which the array is sharded are divided before others") {
  CHECK(chosen({10, 500, 200}, {10, 100, 200}, 10 * 5 * 200) == Shape{10, 5, 200});
  CHECK(chosen({10, 100, 200}, {10, 100, 100}, 10 * 100 * 25) == Shape{10, 100, 25});
  CHECK(chosen({10, 100, 200}, {10, 100, 100}, 10 * 50) == Shape{10, 50, 1});
}

TEST_CASE("shard axes go down to 1, limit or not") {
  const Shape all{4, 90, 6, 128};
  CHECK(chosen(all, all, {}, {0, 2}) == Shape{1, 90, 1, 128});
  CHECK(chosen(all, all, 90 * 64, {0, 2}) == Shape{1, 90, 1, 64});
  CHECK(chosen(all, all, 90 * 32, {0, 2}) == Shape{1, 45, 1, 64});
}

TEST_CASE("every extent divides that of the write shape, also for primes and huge extents") {
  CHECK(chosen({104729}, {104729}, 104728) == Shape{1});
  CHECK(chosen({Dim{1} << 40, Dim{1} << 40}, {Dim{1} << 40, Dim{1} << 40}, 1) == Shape{1, 1});
}

TEST_CASE("impossible requests are refused") {
  CHECK_THROWS_AS(zarr::choose_chunk_shape(Shape{4}, Shape{4}, 4, 3), ArgumentError);
  CHECK_THROWS_AS(zarr::choose_chunk_shape(Shape{4}, Shape{4, 1}, 4, 8), ArgumentError);
  CHECK_THROWS_AS(chosen({4}, {4}, {}, {1}), ArgumentError);
}

TEST_CASE("the limit comes from the data file size and the user's chunk size") {
  using zarr::target_chunk_bytes;
  constexpr std::uint64_t file = std::uint64_t{1} << 31;
  CHECK(target_chunk_bytes(file, {}, file) == std::nullopt);
  CHECK(target_chunk_bytes(file + 1, {}, file) == file);
  CHECK(target_chunk_bytes(10, 100, file) == 100);
  CHECK(target_chunk_bytes(10, file + 5, file) == file);
  CHECK(target_chunk_bytes(file + 1, {}, 0) == std::nullopt);
  CHECK(target_chunk_bytes(file + 1, 100, 0) == 100);
  CHECK(target_chunk_bytes(file + 1, {}, {}) == std::nullopt);
  CHECK(target_chunk_bytes(file + 1, 100, {}) == 100);
}
