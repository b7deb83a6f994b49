#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "round_trip.hpp"

namespace {

using namespace orrery;
using round_trip::copy_of;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;

struct Item {
  std::string name{};
  std::vector<float> values{};
  friend bool operator==(const Item&, const Item&) = default;
};
struct Recursive {
  int value = 0;
  std::vector<Recursive> children{};
  std::unique_ptr<Recursive> next{};
  std::map<std::string, Recursive> named{};
};
struct NoDefault {
  explicit NoDefault(int v) : value(v) {}
  int value;
};
struct Immovable {
  std::int32_t value = 0;
  Static<std::mutex> mutex{};
};

struct EmptyState {
  using orrery_namedtuple = void;
};

TEST_CASE("vector, deque, list, array and C array of other things are lists") {
  CHECK(copy_of(std::vector<Item>{{"a", {1}}, {"b", {}}}) == std::vector<Item>{{"a", {1}}, {"b", {}}});
  CHECK(copy_of(std::deque<Item>{{"a", {1}}}) == std::deque<Item>{{"a", {1}}});
  CHECK(copy_of(std::list<Item>{{"a", {1}}, {"b", {2}}}) == std::list<Item>{{"a", {1}}, {"b", {2}}});
  CHECK(copy_of(std::deque<float>{1, 2}) == std::deque<float>{1, 2});
  CHECK(copy_of(std::array<Item, 2>{Item{"a", {1}}, Item{"b", {}}})[0].name == "a");
  CHECK(tree_of(std::vector<std::string>{"x", "y"}).is_list());
  CHECK(tree_of(std::vector<std::vector<float>>{{1}, {2, 3}}).size() == 2);
  struct State {
    Item items[2];
    std::string grid[2][2];
  } state;
  state.items[1].name = "second";
  state.grid[1][0] = "below";
  const State same = copy_of(state);
  CHECK(same.items[1].name == "second");
  CHECK(same.grid[1][0] == "below");
  CHECK_THROWS_AS((restore<std::array<Item, 3>>(tree_of(std::array<Item, 2>{}))), ShapeError);
}

TEST_CASE("tuple and pair are tuples") {
  const std::tuple<int, std::string, Item> tuple{1, "x", {"a", {1}}};
  CHECK(tree_of(tuple).is_tuple());
  CHECK(copy_of(tuple) == tuple);
  CHECK(copy_of(std::pair<std::string, double>{"x", 2}) == std::pair<std::string, double>{"x", 2});
  CHECK(tree_of(std::tuple<>()).size() == 0);
  CHECK(ops<std::pair<int, int>>().role == Role::tuple);
}

TEST_CASE("maps with string or integer keys are dicts") {
  const std::map<std::string, Item> named{{"z", {"a", {1}}}, {"b", {}}};
  CHECK(tree_of(named).keys() == std::vector<std::string>{"b", "z"});
  CHECK(copy_of(named) == named);
  const std::map<int, float> numbered{{10, 1.f}, {-2, 2.f}, {3, 3.f}};
  CHECK(tree_of(numbered).keys() == std::vector<std::string>{"-2", "3", "10"});
  CHECK(copy_of(numbered) == numbered);
  const std::map<std::uint8_t, std::string> small{{255, "x"}};
  CHECK(copy_of(small) == small);
}

TEST_CASE("an unordered map is stored in the order of its keys' texts") {
  std::unordered_map<std::string, int> named;
  for (const char* key : {"q", "c", "z", "a", "m"}) named[key] = key[0];
  CHECK(tree_of(named).keys() == std::vector<std::string>{"a", "c", "m", "q", "z"});
  CHECK(copy_of(named) == named);
  const std::unordered_map<int, std::string> numbered{{10, "ten"}, {9, "nine"}};
  const Tree tree = tree_of(numbered);
  CHECK(tree.keys() == std::vector<std::string>{"10", "9"});
  CHECK(tree["9"].string() == "nine");
  CHECK(copy_of(numbered) == numbered);
}

TEST_CASE("a key that is no integer of the map's type is refused before anything is touched") {
  for (const char* key : {"x", "", "1.5", "007", "+1", "300", " 1"}) {
    Tree tree = Tree::dict();
    tree[key] = std::int64_t{1};
    CHECK_THROWS_AS((restore<std::map<std::uint8_t, std::int64_t>>(tree)), StructureError);
  }
}

TEST_CASE("optionals and smart pointers are none or what they hold") {
  CHECK(tree_of(std::optional<Item>()).is_none());
  CHECK(copy_of(std::optional<Item>()) == std::nullopt);
  CHECK(copy_of(std::optional<Item>({"a", {1}}))->name == "a");
  CHECK(*copy_of(std::make_unique<int>(3)) == 3);
  CHECK(*copy_of(std::make_shared<std::string>("x")) == "x");
  CHECK(!copy_of(std::unique_ptr<Item>()));
  CHECK(*copy_of(std::optional<std::unique_ptr<int>>(std::make_unique<int>(4))).value() == 4);
  std::unique_ptr<int> empty;
  restore_into(empty, tree_of(3));
  CHECK(!empty);  // a given empty one stays empty
}

TEST_CASE("a variant is what it holds, and takes the first alternative that fits") {
  using Variant = std::variant<std::monostate, Item, std::vector<Item>, std::string>;
  CHECK(copy_of(Variant(std::vector<Item>{{"a", {1}}})) == Variant(std::vector<Item>{{"a", {1}}}));
  CHECK(copy_of(Variant("text")) == Variant("text"));
  CHECK(copy_of(Variant()).index() == 0);
  CHECK(copy_of(std::variant<int, int>(std::in_place_index<1>, 5)).index() == 0);
}

TEST_CASE("monostate and empty structs are nothing, Static is no part of the tree") {
  struct State {
    EmptyState empty{};
    std::monostate mono{};
    Static<int> kept{7};
    int stored = 1;
  };
  const Tree tree = tree_of(State{});
  CHECK(tree.keys() == std::vector<std::string>{"empty", "mono", "stored"});
  CHECK(tree["empty"].is_none());
  CHECK(ops<EmptyState>().kind == TypeKind::none);
  CHECK(ops<EmptyState>().role == Role::namedtuple);
  State state;
  state.kept.value = 8;
  restore_into(state, tree);
  CHECK(state.kept.value == 8);
}

TEST_CASE("recursive types work through vectors, pointers and maps") {
  Recursive root;
  root.children.resize(2);
  root.children[1].children.resize(1);
  root.children[1].children[0].value = 5;
  root.next = std::make_unique<Recursive>();
  root.next->named["deep"].value = 6;
  const Recursive same = copy_of(root);
  CHECK(same.children[1].children[0].value == 5);
  CHECK(same.next->named.at("deep").value == 6);
  CHECK(!same.next->next);
}

TEST_CASE("pointers that form a cycle are an error, not an overflow") {
  struct Cycle {
    std::shared_ptr<Cycle> next;
  };
  auto cycle = std::make_shared<Cycle>();
  cycle->next = cycle;
  CHECK_THROWS_AS(describe(*cycle), ArgumentError);
  cycle->next.reset();
}

}  // namespace

template <>
struct orrery::Reflect<NoDefault> {
  static constexpr auto fields = orrery::fields(orrery::field<&NoDefault::value>("value"));
};

namespace {

TEST_CASE("what cannot be made is saved, and restored into where it is") {
  CHECK(!ops<std::vector<NoDefault>>().make);
  CHECK(!ops<std::optional<NoDefault>>().make);
  CHECK(!ops<std::map<std::string, NoDefault>>().emplace);
  std::vector<NoDefault> list{NoDefault(1), NoDefault(2)};
  const Tree tree = tree_of(list);
  list[0].value = list[1].value = 0;
  restore_into(list, tree);
  CHECK(list[1].value == 2);
  std::vector<NoDefault> empty;
  CHECK_THROWS_AS(restore_into(empty, tree), MismatchError);
  using Map = std::map<std::string, NoDefault>;
  CHECK_THROWS_AS(restore<Map>(tree_of(Map{{"a", NoDefault(1)}})), MismatchError);
  CHECK_THROWS_AS(restore<std::optional<NoDefault>>(tree_of(NoDefault(1))), MismatchError);
  using Variant = std::variant<int, NoDefault>;
  CHECK_THROWS_AS(restore<Variant>(tree_of(1)), MismatchError);
  Variant given(2);
  restore_into(given, tree_of(1));
  CHECK(std::get<int>(given) == 1);
}

TEST_CASE("elements need not be movable") {
  std::vector<Immovable> vector(2);
  vector[1].value = 3;
  const Tree tree = tree_of(vector);
  std::vector<Immovable> same;
  restore_into(same, tree);
  CHECK(same.at(1).value == 3);
  std::list<Immovable> list;
  restore_into(list, tree);
  CHECK(list.back().value == 3);
  std::map<std::string, Immovable> map;
  map["a"].value = 4;
  CHECK(copy_of(map)["a"].value == 4);
  std::deque<std::unique_ptr<int>> pointers(2);
  pointers[0] = std::make_unique<int>(1);
  CHECK(*copy_of(pointers)[0] == 1);
}

}  // namespace
