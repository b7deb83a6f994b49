// RestoreArgs: dtypes converted and shapes padded or cut on the way into any target, and leaves left alone. That conversions are
// TensorStore's: tests/transforms.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "item_files.hpp"

namespace {

using namespace orrery;
using item_files::ScratchDirectory;
using Paths = std::vector<std::string>;
using Floats = Array<float>;

const PyTreeCheckpointer checkpointer{};
const SaveOptions fast{.durability = Durability::fast};

struct State {
  std::int64_t step = 300;
  Floats w = Floats::from({{1.5f, -2.5f, 3}, {4, 5, 6}});
  std::string name = "n";
};
struct Fixture {
  ScratchDirectory scratch{};
  std::string path = scratch / "item";
  Fixture() { checkpointer.save(path, State{}, fast); }
};

}  // namespace

TEST_CASE("a dtype converts raw leaves and those of a target") {
  Fixture f;
  RestoreReport report;
  const Tree raw = checkpointer.restore(
      f.path, {.restore_args = {{"w", {.dtype = DType::int32}}, {"step", {.dtype = DType::float32}}}, .report = &report});
  CHECK(raw["w"] == Tree(Array<std::int32_t>::from({{1, -2, 3}, {4, 5, 6}})));
  CHECK(raw["step"] == Tree::scalar(300.0));
  CHECK(report.paths(LeafAction::cast) == Paths{"step", "w"});
  CHECK(report.leaves.back().detail == "float32 to int32");
  struct Whole {
    Array<std::int32_t> w{};
  };
  CHECK_THROWS_AS(checkpointer.restore<Whole>(f.path), DTypeError);
  CHECK(checkpointer.restore<Whole>(f.path, {.restore_args = {{"w", {.dtype = DType::int32}}}}).w ==
        Array<std::int32_t>::from({{1, -2, 3}, {4, 5, 6}}));
  // ... by way of it where the target has another: int8 saturates, and widens again.
  CHECK(checkpointer.restore<State>(f.path, {.restore_args = {{"step", {.dtype = DType::int8}}}}).step == 44);
  CHECK(checkpointer.restore<State>(f.path, {.restore_args = {{"w", {.dtype = DType::float8_e5m2}}}}).w ==
        Floats::from({{1.5f, -2.5f, 3}, {4, 5, 6}}));
}

TEST_CASE("floats outside of an integer's range saturate, NaN is zero, and anything but zero is true") {
  ScratchDirectory scratch;
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  checkpointer.save(scratch / "item", std::map<std::string, Floats>{{"x", Floats::from({-1e30f, -1.9f, -0.0f, 0.9f, 1e30f, inf, nan})}},
                    fast);
  const auto as = [&](DType dtype) { return checkpointer.restore(scratch / "item", {.restore_args = {{"x", {.dtype = dtype}}}})["x"]; };
  CHECK(as(DType::int8) == Tree(Array<std::int8_t>::from({-128, -1, 0, 0, 127, 127, 0})));
  CHECK(as(DType::uint16) == Tree(Array<std::uint16_t>::from({0, 0, 0, 0, 65535, 65535, 0})));
  CHECK(as(DType::bool_) == Tree(Array<bool>::from({true, true, false, true, true, true, true})));
}

TEST_CASE("strict = false pads with zeros and leaves out ends; a strict shape that is another one is an error") {
  Fixture f;
  RestoreReport report;
  const auto as = [&](Shape shape) {
    return checkpointer.restore(f.path, {.restore_args = {{"w", {.shape = shape, .strict = false}}}, .report = &report})["w"];
  };
  CHECK(as({3, 2}) == Tree(Floats::from({{1.5f, -2.5f}, {4, 5}, {0, 0}})));
  CHECK(report.paths(LeafAction::padded) == Paths{"w"});
  CHECK(report.leaves.back().detail == "(2, 3) to (3, 2)");
  CHECK(as({1, 4}) == Tree(Floats::from({{1.5f, -2.5f, 3, 0}})));
  CHECK(as({2, 3}) == checkpointer.restore(f.path)["w"]);
  CHECK(report.count(LeafAction::padded) == 0);
  CHECK(as({0, 3}).shape() == Shape{0, 3});
  CHECK_THROWS_AS(as({6}), ShapeError);
  CHECK_THROWS_AS(as({Dim{1} << 40, Dim{1} << 40}), ArgumentError);
  CHECK_THROWS_WITH_AS(
      checkpointer.restore(f.path, {.restore_args = {{"w", {.shape = Shape{3, 2}}}}}),
      doctest::Contains("Requested shape: (3, 2) is not compatible with the stored shape: (2, 3). Truncating/padding is disabled"),
      ShapeError);
  CHECK_NOTHROW(checkpointer.restore(f.path, {.restore_args = {{"w", {.shape = Shape{2, 3}}}}}));
}

TEST_CASE("strict = false alone takes the shape of the target's leaf") {
  Fixture f;
  struct Fixed {
    float w[3][2] = {{9, 9}, {9, 9}, {9, 9}};
  };
  CHECK_THROWS_AS(checkpointer.restore<Fixed>(f.path), ShapeError);
  const KeyedRestoreArgs lenient{{".*", {.strict = false}}};
  const auto fixed = checkpointer.restore<Fixed>(f.path, {.restore_args = lenient});
  CHECK(fixed.w[1][1] == 5);
  CHECK(fixed.w[2][0] == 0);
  State target;
  target.w = Floats({1, 1});
  CHECK(checkpointer.restore(f.path, target, {.restore_args = lenient}).w == Floats::full({1, 1}, 1.5f));
  Tree tree = Tree::dict();
  tree["w"] = Floats({1, 2});
  CHECK(checkpointer.restore(f.path, tree, {.restore_args = lenient})["w"] == Tree(Floats::from({{1.5f, -2.5f}})));
  struct Doubles {
    Array<double> w = Array<double>({3, 3});
  };
  const KeyedRestoreArgs both{{"w", {.dtype = DType::int8, .strict = false}}};
  CHECK(checkpointer.restore(f.path, Doubles{}, {.restore_args = both}).w == Array<double>::from({{1, -2, 3}, {4, 5, 6}, {0, 0, 0}}));
}

TEST_CASE("a placeholder is neither read nor checked, and need not be stored") {
  Fixture f;
  struct Target {
    std::int64_t step = 1;
    std::array<std::int8_t, 7> w{1};
    Floats lost = Floats::from({4});
    std::string name{};
  };
  RestoreReport report;
  const KeyedRestoreArgs args{{"w|lost", {.placeholder = true}}};
  const Target out = checkpointer.restore(f.path, Target{}, {.restore_args = args, .report = &report});
  CHECK(out.step == 300);
  CHECK(out.w[0] == 1);
  CHECK(out.lost == Floats::from({4}));
  CHECK(out.name == "n");
  CHECK(report.paths(LeafAction::kept) == Paths{"w", "lost"});
  const Tree raw = checkpointer.restore(f.path, {.restore_args = args, .report = &report});
  CHECK(raw["w"].is_none());  // in a raw restore it is None, so that positions stay
  CHECK(report.ignored() == Paths{"w"});
}

TEST_CASE("without transforms what is missing stays an error, and extras are told") {
  Fixture f;
  struct Target {
    Floats w{}, other{};
  };
  const KeyedRestoreArgs args{{"w", {.dtype = DType::float32}}};
  try {
    checkpointer.restore<Target>(f.path, {.restore_args = args, .allow_extra = false});
    FAIL("nothing was thrown");
  } catch (const KeyError& error) {
    CHECK(error.missing().size() == 1);
    CHECK(error.extra().size() == 2);
  }
  struct Wrong {
    std::map<std::string, Floats> w{};
    std::vector<std::int64_t> step{};
    std::int64_t name = 0;
  };
  try {
    checkpointer.restore<Wrong>(f.path, {.restore_args = args});
    FAIL("nothing was thrown");
  } catch (const MismatchError& error) {
    CHECK(error.kinds().size() == 2);
    CHECK(error.shapes().size() == 1);
  }
}

TEST_CASE("restore_args are those of the target's key where a rule renames") {
  Fixture f;
  struct Target {
    Array<std::int32_t> kernel{};
  };
  const Transforms transforms{{"kernel", Transform{.original_key = "w"}}};
  const auto out = checkpointer.restore<Target>(
      f.path, {.restore_args = {{"kernel", {.dtype = DType::int32, .shape = Shape{1, 2}, .strict = false}}}, .transforms = transforms});
  CHECK(out.kernel == Array<std::int32_t>::from({{1, -2}}));
}
