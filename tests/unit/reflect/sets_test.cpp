#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_set>
#include <variant>
#include <vector>

#include "orrery/flax/state_dict.hpp"
#include "orrery/restore/dotted_names.hpp"
#include "orrery/restore/find_sources.hpp"
#include "round_trip.hpp"

namespace sets {
namespace {

using namespace orrery;
using round_trip::copy_of;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;

using Names = std::set<std::string>;

struct Item {
  std::string name{};
  std::vector<float> values{};
  friend auto operator<=>(const Item&, const Item&) = default;
};
struct State {
  Names tags{};
  std::unordered_set<std::string> seen{};
  std::set<Item, std::greater<>> items{};
  std::set<Names> groups{};
  std::map<std::string, Names> by_name{};
};

Tree list_of(const std::vector<std::string>& texts) { return tree_of(texts); }

TEST_CASE("a set of numbers is a sorted array") {
  const Tree tree = tree_of(std::set<std::int32_t>{5, -1, 3});
  CHECK(tree.dtype() == DType::int32);
  CHECK(tree.array().at<std::int32_t>({0}) == -1);
  CHECK(tree.array().at<std::int32_t>({2}) == 5);
  CHECK(copy_of(std::set<std::int32_t>{5, -1, 3}) == std::set<std::int32_t>{5, -1, 3});
  CHECK(tree_of(std::unordered_set<std::int64_t>{9, 2, 4}).array().at<std::int64_t>({0}) == 2);
  CHECK(copy_of(std::unordered_set<std::int64_t>{9, 2, 4}) == std::unordered_set<std::int64_t>{9, 2, 4});
  CHECK(tree_of(std::set<double, std::greater<>>{1, 2}).array().at<double>({0}) == 2);
  CHECK(copy_of(std::set<float>()).empty());
  CHECK(copy_of(std::multiset<int>{2, 2, 1}) == std::multiset<int>{1, 2, 2});
  using ByFunction = std::set<int, bool (*)(int, int)>;
  ByFunction downwards([](int a, int b) { return a > b; });
  restore_into(downwards, tree_of(std::vector<int>{1, 3, 2}));
  CHECK(*downwards.begin() == 3);  // the comparison stays
}

TEST_CASE("a set of anything else is a sorted list") {
  const State state{.tags = {"b", "a"},
                    .seen = {"z", "m", "c"},
                    .items = {{"x", {1}}, {"y", {}}},
                    .groups = {{"q"}, {"p", "r"}, {}},
                    .by_name = {{"one", {"1"}}, {"none", {}}}};
  const Tree tree = tree_of(state);
  CHECK(tree["tags"] == list_of({"a", "b"}));
  CHECK(tree["seen"] == list_of({"c", "m", "z"}));
  CHECK(tree["items"][0]["name"].string() == "y");
  CHECK(tree["groups"][1] == list_of({"p", "r"}));
  const State same = copy_of(state);
  CHECK(same.tags == state.tags);
  CHECK(same.seen == state.seen);
  CHECK(same.items == state.items);
  CHECK(same.groups == state.groups);
  CHECK(same.by_name == state.by_name);
  CHECK(copy_of(std::unordered_multiset<std::string>{"a", "a"}).count("a") == 2);
}

TEST_CASE("a set is restored as the file has it, whatever is in it") {
  Names tags{"old", "older", "oldest"};
  restore_into(tags, list_of({"new"}));
  CHECK(tags == Names{"new"});
  restore_into(tags, Tree::list());
  CHECK(tags.empty());
  std::set<int> numbers{1, 2, 3};
  restore_into(numbers, tree_of(std::vector<int>{7}));
  CHECK(numbers == std::set<int>{7});
  using Either = std::variant<std::int64_t, Names>;
  CHECK(std::get<Names>(restore<Either>(list_of({"a"}))) == Names{"a"});
  CHECK(std::get<0>(restore<std::tuple<Names, int>>(tree_of(std::tuple(Names{"a"}, 1)))) == Names{"a"});
}

TEST_CASE("equal elements are refused, and the set stays") {
  Names tags{"old"};
  CHECK_THROWS_AS(restore_into(tags, list_of({"a", "b", "a"})), FormatError);
  CHECK(tags == Names{"old"});
  std::set<int> numbers{1};
  CHECK_THROWS_WITH_AS(restore_into(numbers, tree_of(std::vector<int>{4, 4})),
                       doctest::Contains("element 1 of the 2 stored for a set is equal to an earlier one"), FormatError);
  CHECK(numbers == std::set<int>{1});
}

TEST_CASE("what does not fit below a set is told by its path, and touches nothing") {
  State state{.tags = {"old"}};
  Tree tree = tree_of(State{.items = {{"x", {}}}});
  tree["items"][0] = Tree::dict();
  tree["items"][0]["name"] = std::int64_t{1};
  try {
    restore_into(state, tree);
    FAIL("must not fit");
  } catch (const MismatchError& e) {
    REQUIRE(e.missing().size() == 1);
    CHECK(e.missing()[0].path == "items/0/values");
    REQUIRE(e.kinds().size() == 1);
    CHECK(e.kinds()[0].path == "items/0/name");
  }
  CHECK(state.tags == Names{"old"});
  Tree without = Tree::dict();
  try {
    restore_into(state, without);
    FAIL("must not fit");
  } catch (const KeyError& e) {
    CHECK(e.missing()[0].path == "tags");
  }
}

TEST_CASE("a set in a state dict, under transforms, and by dotted names") {
  const State state{.tags = {"b", "a"}, .groups = {{"p", "q"}}};
  const Tree dict = flax::to_state_dict(state);
  CHECK(dict["tags"]["1"].string() == "b");
  CHECK(flax::from_state_dict(State{.tags = {"gone"}}, dict).tags == state.tags);
  CHECK(flax::from_state_dict<State>(dict).groups == state.groups);

  State target{.tags = {"gone"}};
  Transforms transforms{{"seen", Transform{.original_key = "tags"}}};
  Sources sources = find_sources(ops<State>(), &target, tree_of(state), {.transforms = &transforms});
  CHECK(sources.tree.contains("groups"));

  const Tree flat = [] {
    Tree names = Tree::dict();
    names["tags.0"] = std::string("x");
    names["tags.1"] = std::string("y");
    return names;
  }();
  const NestedTree nested = nest(ops<State>(), &target, flat);
  CHECK(nested.tree["tags"].size() == 2);
}

}  // namespace
}  // namespace sets
