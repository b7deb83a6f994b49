#include <doctest/doctest.h>

#include <bitset>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <ratio>
#include <string>
#include <vector>

#include "round_trip.hpp"

namespace staged_leaves {
namespace {

using namespace orrery;
using namespace std::chrono_literals;
using round_trip::copy_of;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;

struct Clock {
  using rep = std::int32_t;
  using period = std::ratio<1, 50>;
  using duration = std::chrono::duration<rep, period>;
  using time_point = std::chrono::time_point<Clock>;
};

struct Run {
  std::chrono::seconds timeout{};
  std::chrono::duration<double, std::milli> step{};
  std::chrono::duration<float> warm_up{};
  std::chrono::system_clock::time_point started{};
  Clock::time_point ticked{};
  std::filesystem::path data{};
  std::bitset<70> mask{};
  std::vector<std::chrono::nanoseconds> laps{};
};

TEST_CASE("a duration or time point is its count, in the unit of its type") {
  const Run run{.timeout = 90s,
                .step = 2.5ms,
                .warm_up = 3s,
                .started = std::chrono::system_clock::time_point(7ns),
                .ticked = Clock::time_point(Clock::duration(9)),
                .data = {},
                .mask = {},
                .laps = {1ns, 2us}};
  const Tree tree = tree_of(run);
  CHECK(tree["timeout"].scalar<std::int64_t>() == 90);
  CHECK(tree["step"].scalar<double>() == 2.5);
  CHECK(tree["warm_up"].leaf_kind() == LeafKind::array);
  CHECK(tree["warm_up"].array().at<float>({}) == 3);
  CHECK(tree["ticked"].dtype() == DType::int32);
  CHECK(tree["laps"][1].scalar<std::int64_t>() == 2000);
  const Run same = copy_of(run);
  CHECK(same.timeout == run.timeout);
  CHECK(same.step == run.step);
  CHECK(same.warm_up == run.warm_up);
  CHECK(same.started == run.started);
  CHECK(same.ticked == run.ticked);
  CHECK(same.laps == run.laps);
  CHECK_THROWS_AS((restore<std::chrono::duration<std::int8_t>>(tree["timeout"])), DTypeError);
}

TEST_CASE("a path is a string") {
  const std::filesystem::path path = std::filesystem::path("/data") / "caf\xc3\xa9" / "x y";
  CHECK(tree_of(path).string() == "/data/caf\xc3\xa9/x y");
  CHECK(copy_of(path) == path);
  CHECK(copy_of(std::filesystem::path()).empty());
  using Paths = std::map<std::string, std::filesystem::path>;
  CHECK(copy_of(Paths{{"train", "a"}, {"test", "b/"}}) == Paths{{"train", "a"}, {"test", "b/"}});
  CHECK_THROWS_AS(restore<std::filesystem::path>(tree_of(3)), StructureError);
}

TEST_CASE("what is derived from one of these is no longer one of them") {
  struct Tagged : std::filesystem::path {
    int tag = 0;
  };
  struct Named : std::chrono::seconds {
    std::string name{};
  };
  CHECK(kind_of<Tagged>() == Route::refused);
  CHECK(kind_of<Named>() == Route::refused);
  CHECK(kind_of<std::filesystem::path>() == Route::leaf);
}

TEST_CASE("a bitset is an array of truth values of its length") {
  std::bitset<70> mask;
  mask.set(0).set(69);
  const Tree tree = tree_of(mask);
  CHECK(tree.dtype() == DType::bool_);
  CHECK(tree.shape() == Shape{70});
  CHECK(tree.array().at<bool>({0}));
  CHECK_FALSE(tree.array().at<bool>({1}));
  CHECK(copy_of(mask) == mask);
  std::bitset<70> full;
  full.set();
  restore_into(full, tree);
  CHECK(full == mask);
  CHECK(copy_of(std::bitset<0>()).none());
  CHECK_THROWS_AS(restore<std::bitset<69>>(tree), ShapeError);
  CHECK_THROWS_AS(restore<std::bitset<71>>(tree), ShapeError);
}

}  // namespace
}  // namespace staged_leaves
