#include "orrery/formats/zarr/array_directory.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "orrery/core/array.hpp"
#include "storage/scratch.hpp"

using namespace orrery;

namespace {

const std::string zarray =
    R"({"chunks":[2,2],"compressor":null,"dimension_separator":".","dtype":"|u1","fill_value":9,"filters":null,"order":"C","shape":[2,3],"zarr_format":2})";

std::string array_at(const storage_test::ScratchDirectory& scratch, const std::string& metadata) {
  const std::string path = scratch.path() + "/array";
  storage::make_directories(path);
  storage::write_file(path + "/.zarray", metadata);
  storage::write_file(path + "/0.0", "abcd");
  return path;
}
std::string with(std::string_view from, std::string_view to) {
  std::string text = zarray;
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("a directory with .zarray and files of chunks is an array; chunks that are not there are the fill value") {
  const storage_test::ScratchDirectory scratch;
  const std::string path = array_at(scratch, zarray);
  CHECK(zarr::ArrayDirectory::is_at(path));
  CHECK_FALSE(zarr::ArrayDirectory::is_at(scratch.path()));
  const auto array = zarr::ArrayDirectory::open(path);
  CHECK(array.metadata().shape == Shape{2, 3});
  Array<std::uint8_t> whole({2, 3});
  array.read(whole.view());
  CHECK(whole == Array<std::uint8_t>::from({'a', 'b', 9, 'c', 'd', 9}).reshape({2, 3}));
}

TEST_CASE("where no array is, that is said") {
  const storage_test::ScratchDirectory scratch;
  CHECK_THROWS_AS(zarr::ArrayDirectory::open(scratch.path()), NotFoundError);
  CHECK_THROWS_AS(zarr::ArrayDirectory::open(scratch.path() + "/nowhere"), NotFoundError);
}

TEST_CASE("chunks of another size and arrays of which almost nothing is stored are refused when they are opened") {
  const storage_test::ScratchDirectory scratch;
  const std::string path = array_at(scratch, zarray);
  const auto array = zarr::ArrayDirectory::open(path);
  storage::write_file(path + "/0.0", "abc");
  CHECK_THROWS_WITH_AS(zarr::ArrayDirectory::open(path), doctest::Contains("0.0"), DataLossError);
  Array<std::uint8_t> whole({2, 3});
  CHECK_THROWS_AS(array.read(whole.view()), DataLossError);  // it was another file when it was opened
  storage::write_file(path + "/0.0", "abcd");
  for (const char* shape : {"\"shape\":[2,1000000000000]", "\"shape\":[4000000000000,3]"}) {
    storage::write_file(path + "/.zarray", with("\"shape\":[2,3]", shape));
    CHECK_THROWS_WITH_AS(zarr::ArrayDirectory::open(path), doctest::Contains("almost none"), DataLossError);
  }
  storage::write_file(path + "/.zarray", with("\"chunks\":[2,2],\"compressor\":null", "\"chunks\":[2,1000000000],\"compressor\":{\"id\":\"zstd\"}"));
  CHECK_THROWS_WITH_AS(zarr::ArrayDirectory::open(path), doctest::Contains("cannot hold"), DataLossError);
}
