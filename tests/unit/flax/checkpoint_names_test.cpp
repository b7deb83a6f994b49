#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "orrery/flax/checkpoint_names.hpp"

using namespace orrery;
using Names = std::vector<std::string>;

namespace {
// Sorting any shuffle of them gives them back.
bool is_order(const Names& names, bool signed_numbers = true) {
  Names reversed(names.rbegin(), names.rend()), rotated = names;
  std::rotate(rotated.begin(), rotated.begin() + static_cast<std::ptrdiff_t>(names.size() / 2), rotated.end());
  return flax::natural_sort(reversed, signed_numbers) == names && flax::natural_sort(rotated, signed_numbers) == names;
}
}  // namespace

TEST_CASE("T-C1: numbers in names are compared as numbers") {
  CHECK(is_order({"file_1", "file_2", "file_10", "file_11", "file_21"}));
  CHECK(is_order({"file_0.001", "file_0.01", "file_0.1", "file_1"}));
  CHECK(is_order({"file_-3.0", "file_-2", "file_-1", "file_0.0"}));
  CHECK(is_order({"file_1e1", "file_1.0e2", "file_1e3", "file_1.0e4"}));
  CHECK(is_order({"file_1", "file_2", "file_9", "file_1.0e1", "file_11"}));
  CHECK(is_order({"x1", "x1y2", "x01y3", "x1y10"}));
  CHECK(is_order({"v1.10", "v1.2.3", "v1.9"}));
  CHECK(is_order({"checkpoint_", "checkpoint_1", "checkpoint_a", "checkpoint_tmp"}));
  CHECK(is_order({"checkpoint_4", "checkpoint_5", "checkpoint_5.orbax-checkpoint-tmp", "checkpoint_10", "checkpoint_tmp"}));
  CHECK(is_order({"f-10", "f-3", "f-2"}));
  CHECK(is_order({"f-2", "f-3", "f-10"}, false));
  CHECK(is_order({"1e5", "1e400"}));
}

TEST_CASE("names that compare equal keep their order") { CHECK(flax::natural_sort({"a1.0", "a1", "a01"}) == Names{"a1.0", "a1", "a01"}); }

TEST_CASE("T-C2: paths are made plain as Flax does it") {
  CHECK(flax::safe_normpath("./a/b/c") == "a/b/c");
  CHECK(flax::safe_normpath("/a//b/c") == "/a/b/c");
  CHECK(flax::safe_normpath("/a/../b/c") == "/b/c");
  CHECK(flax::safe_normpath("a/b/./c") == "a/b/c");
  CHECK(flax::safe_normpath("gs://a//b/c") == "gs://a/b/c");
  CHECK(flax::safe_normpath("GS://x/../y") == "GS://y");
  CHECK(flax::safe_normpath("") == ".");
  CHECK(flax::safe_normpath("//a") == "//a");
  CHECK(flax::safe_normpath("///a") == "/a");
  CHECK(flax::safe_normpath("a/") == "a");
  CHECK(flax::safe_normpath("../a/../..") == "../..");
  CHECK(flax::safe_normpath("/..") == "/");
  CHECK(flax::safe_normpath("a\nb") == "a");
}

TEST_CASE("steps are spelled as Python prints them") {
  CHECK(flax::Step(7).text() == "7");
  CHECK(flax::Step(-1).text() == "-1");
  CHECK(flax::Step(std::uint64_t{18446744073709551615u}).text() == "18446744073709551615");
  CHECK(flax::Step(0.0).text() == "0.0");
  CHECK(flax::Step(1e5).text() == "100000.0");
  CHECK(flax::Step(1e16).text() == "1e+16");
  CHECK(flax::Step(1e-5).text() == "1e-05");
}

TEST_CASE("the step of a path is the last number in it") {
  CHECK(flax::step_of_path("/run7/checkpoint_3") == 3.0);
  CHECK(flax::step_of_path("/run7/best") == 7.0);
  CHECK(flax::step_of_path("checkpoint_5.orbax-checkpoint-tmp-123") == -123.0);
  CHECK_FALSE(flax::step_of_path("/best").has_value());
}
