#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "reflect/round_trip.hpp"

namespace {

using namespace orrery;
using round_trip::tree_of;
using Paths = std::vector<std::string>;

struct Layer {
  Array<float> kernel{};
  std::vector<bool> mask{};
};
struct Model {
  std::map<std::string, Layer> layers{};
  std::tuple<std::optional<float>, std::variant<std::int32_t, std::string>> pair{};
  std::vector<Layer> list{};
};

Model model() {
  Model m;
  m.layers["x"] = {Array<float>::from({1, 2}), {true}};
  m.pair = {2.0f, "text"};
  m.list.resize(1);
  m.list[0] = {Array<float>::from({3}), {false, true}};
  return m;
}

}  // namespace

TEST_CASE("a plan knows the path of every step, without the optionals and variants on the way") {
  Model target;
  const Tree stored = tree_of(model());
  const Plan plan = match(ops<Model>(), nullptr, stored, {}, "");
  Paths leaves;
  for (std::uint32_t i = 0; i < plan.steps.size(); ++i)
    if (plan.steps[i].what == Plan::Do::leaf) leaves.push_back(plan.path_of(i));
  CHECK(leaves == Paths{"layers/x/kernel", "layers/x/mask", "pair/0", "pair/1", "list/0/kernel", "list/0/mask"});
  CHECK(report_of(plan).restored() == leaves);
}

TEST_CASE("a parent stands before its children") {
  const Tree stored = tree_of(model());
  const Plan plan = match(ops<Model>(), nullptr, stored, {}, "");
  for (std::uint32_t i = 0; i < plan.steps.size(); ++i) CHECK((plan.steps[i].parent == Plan::root || plan.steps[i].parent < i));
}

TEST_CASE("opening makes containers and room; values come with the reads; staged ones with finish") {
  Model target;
  const Tree stored = tree_of(model());
  Plan plan = match(ops<Model>(), nullptr, stored, {}, "");
  Slots slots = open_slots(plan, &target);
  REQUIRE(target.layers.contains("x"));
  CHECK(target.layers["x"].kernel.shape() == Shape{2});
  CHECK(target.layers["x"].mask.empty());
  REQUIRE(target.list.size() == 1);
  CHECK(std::get<1>(std::get<1>(target.pair)) == "text");  // texts come with the tree
  copy_held(slots);
  CHECK(target.layers["x"].kernel == Array<float>::from({1, 2}));
  slots.finish();
  CHECK(target.layers["x"].mask == std::vector<bool>{true});
  CHECK(target.list[0].mask == std::vector<bool>{false, true});
  CHECK(std::get<0>(target.pair) == 2.0f);
}

TEST_CASE("slots of existing storage point into it") {
  Model target = model();
  const float* kernel = target.layers["x"].kernel.data();
  const Tree stored = tree_of(model());
  Plan plan = match(ops<Model>(), &target, stored, {}, "");
  const Slots slots = open_slots(plan, &target);
  CHECK(slots.reads[0].to.array.data == kernel);
  CHECK(target.layers["x"].kernel.data() == kernel);
}

TEST_CASE("a described tree is given room, and its numbers become Python's") {
  Tree described = Tree::dict();
  described["a"] = Tree::none();
  described.insert({"b"}, Tree::described(LeafKind::array, DType::bfloat16, {2, 2}, 0));
  described.insert({"c"}, Tree::described(LeafKind::scalar, DType::int32, {}, 1));
  described.insert({"d"}, Tree::described(LeafKind::prng_key, DType::uint32, {2}, 2, "threefry2x32"));
  described.insert({"e"}, Tree::list({Tree::described(LeafKind::scalar, DType::uint64, {}, 3), Tree::tuple()}));
  described.insert({"f"}, Tree::string("held"));
  Tree out;
  Slots slots;
  slots.materialize(described, out);
  REQUIRE(slots.reads.size() == 4);
  const std::int32_t seven = -7;
  const std::uint64_t huge = std::uint64_t{1} << 63;
  cast_copy(ArrayView::dense(DType::int32, &seven, {}), slots.reads[1].to.array);
  cast_copy(ArrayView::dense(DType::uint64, &huge, {}), slots.reads[3].to.array);
  slots.finish();
  CHECK(out["a"].is_none());
  CHECK(out["b"].array().shape() == Shape{2, 2});
  CHECK(out["c"] == Tree::scalar(-7));
  CHECK(out["d"].impl() == "threefry2x32");
  CHECK(out["e"][0] == Tree::scalar(huge));
  CHECK(out["e"][1].is_tuple());
  CHECK(out["f"].string() == "held");
}
