#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <bitset>
#include <chrono>
#include <complex>
#include <cstdint>
#include <deque>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <stack>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <valarray>
#include <variant>
#include <vector>

#include <cereal/types/queue.hpp>
#include <cereal/types/stack.hpp>
#include <cereal/types/vector.hpp>  // has functions of its own for what is folded: they must not come in between

#include "orrery/adapters/cereal.hpp"
#include "../reflect/round_trip.hpp"

namespace cereal_types {

class Cell {
 public:
  Cell() {}
  explicit Cell(int number) : n(number) {}
  int n = 0;
  template <class Archive>
  void save(Archive& archive) const {
    archive(cereal::make_nvp("n", n));
  }
  template <class Archive>
  void load(Archive& archive) {
    archive(cereal::make_nvp("n", n));
  }
  friend bool operator==(const Cell&, const Cell&) = default;
};
enum class Mode : std::uint8_t { train, eval };
// No constructor, a serialize: cereal's code calls it where the aggregate is inside of a class that cereal describes.
struct Point {
  float x = 0, y = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::make_nvp("first", x), cereal::make_nvp("second", y));
  }
  friend bool operator==(const Point&, const Point&) = default;
};
struct Plain {
  std::vector<float> kernel{};
  std::optional<int> units{};
  friend bool operator==(const Plain&, const Plain&) = default;
};

class Everything {
 public:
  Everything() {}
  bool flag = false;
  std::int16_t narrow = 0;
  Mode mode = Mode::train;
  std::string text{};
  std::complex<double> complex{};
  std::vector<float> floats{};
  std::vector<bool> bits{};
  std::array<std::int32_t, 3> three{};
  double c_array[2][2]{};
  std::valarray<double> valarray{};
  std::vector<Cell> cells{};
  std::deque<Cell> deque{};
  std::list<Cell> list{};
  std::forward_list<Cell> forward{};
  std::array<Cell, 2> pair_of_cells{};
  Cell c_cells[2]{};
  std::set<std::string> names{};
  std::unordered_set<int> numbers{};
  std::multiset<double> many{};
  std::map<std::string, Cell> dict{};
  std::unordered_map<int, Cell> by_number{};
  std::map<std::pair<int, int>, Cell> by_pair{};
  std::multimap<std::string, Cell> multimap{};
  std::optional<Cell> maybe{}, nothing{};
  std::tuple<int, std::string, Cell> tuple{};
  std::pair<Cell, float> couple{};
  std::chrono::milliseconds time{};
  std::chrono::time_point<std::chrono::system_clock, std::chrono::seconds> when{};
  std::bitset<5> bitset{};
  std::atomic<std::int64_t> atomic{0};
  std::stack<int, std::vector<int>> stack{};
  std::queue<Cell> queue{};
  Point point{};
  Plain plain{};
  orrery::Array<float> array{};

  template <class Archive>
  void serialize(Archive& a) {
    a(CEREAL_NVP(flag), CEREAL_NVP(narrow), CEREAL_NVP(mode), CEREAL_NVP(text), CEREAL_NVP(complex), CEREAL_NVP(floats), CEREAL_NVP(bits));
    a(CEREAL_NVP(three), CEREAL_NVP(c_array), CEREAL_NVP(valarray), CEREAL_NVP(cells), CEREAL_NVP(deque), CEREAL_NVP(list));
    a(CEREAL_NVP(forward), CEREAL_NVP(pair_of_cells), CEREAL_NVP(c_cells), CEREAL_NVP(names), CEREAL_NVP(numbers), CEREAL_NVP(many));
    a(CEREAL_NVP(dict), CEREAL_NVP(by_number), CEREAL_NVP(by_pair), CEREAL_NVP(multimap), CEREAL_NVP(maybe), CEREAL_NVP(nothing));
    a(CEREAL_NVP(tuple), CEREAL_NVP(couple), CEREAL_NVP(time), CEREAL_NVP(when), CEREAL_NVP(bitset), CEREAL_NVP(atomic));
    a(CEREAL_NVP(stack), CEREAL_NVP(queue), CEREAL_NVP(point), CEREAL_NVP(plain), CEREAL_NVP(array));
  }
};

class Choices {
 public:
  Choices() {}
  using Told = std::variant<std::monostate, std::int64_t, float, std::vector<float>, std::string>;
  using Nested = std::variant<Cell, std::vector<Cell>, double>;
  using Alike = std::variant<Cell, Point, std::int64_t, std::map<std::string, int>>;
  Told told{};
  Nested nested{};
  Alike alike{};
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(told), CEREAL_NVP(nested), CEREAL_NVP(alike));
  }
};

}  // namespace cereal_types

namespace {

using namespace orrery;
using namespace cereal_types;
using round_trip::copy_of;
using round_trip::restore;
using round_trip::tree_of;
using Keys = std::vector<std::string>;

TEST_CASE("standard types fold into what they are in a pytree") {
  Everything all;
  all.flag = true;
  all.narrow = -3;
  all.mode = Mode::eval;
  all.text = "text";
  all.complex = {1, 2};
  all.floats = {1, 2, 3};
  all.bits = {true, false};
  all.three = {4, 5, 6};
  all.c_array[1][0] = 7;
  all.valarray = {8, 9};
  all.cells = {Cell(1), Cell(2)};
  all.deque = {Cell(3)};
  all.list = {Cell(4)};
  all.forward = {Cell(5), Cell(6)};
  all.pair_of_cells[1] = Cell(7);
  all.c_cells[1] = Cell(8);
  all.names = {"b", "a"};
  all.numbers = {3, 1};
  all.many = {1, 1};
  all.dict["x"] = Cell(9);
  all.by_number[-5] = Cell(10);
  all.by_pair[{1, 2}] = Cell(11);
  all.multimap = {{"k", Cell(12)}, {"k", Cell(13)}};
  all.maybe = Cell(14);
  all.tuple = {1, "t", Cell(15)};
  all.couple = {Cell(16), 0.5f};
  all.time = std::chrono::milliseconds(17);
  all.when += std::chrono::seconds(18);
  all.bitset[1] = true;
  all.atomic = 19;
  all.stack.push(20);
  all.stack.push(21);
  all.queue.push(Cell(22));
  all.point = {1, 2};
  all.plain = {{1}, 5};
  all.array = Array<float>::arange(4);

  const Tree tree = tree_of(all);
  CHECK(tree["flag"].scalar<bool>());
  CHECK(tree["narrow"].dtype() == DType::int16);
  CHECK(tree["mode"].scalar<int>() == 1);
  CHECK(tree["complex"].dtype() == DType::complex128);
  CHECK(tree["bits"].dtype() == DType::bool_);
  CHECK(tree["c_array"].shape() == Shape{2, 2});
  CHECK(tree["valarray"].shape() == Shape{2});
  CHECK(tree["cells"][1]["n"].scalar<int>() == 2);
  CHECK(tree["names"][0].string() == "a");
  CHECK(tree["dict"]["x"]["n"].scalar<int>() == 9);
  CHECK(tree["by_number"].keys() == Keys{"-5"});
  CHECK(tree["by_pair"][0][0][1].scalar<int>() == 2);
  CHECK(tree["maybe"].keys() == Keys{"n"});
  CHECK(tree["nothing"].is_none());
  CHECK(tree["tuple"].is_tuple());
  CHECK(tree["couple"][1].scalar<float>() == 0.5f);
  CHECK(tree["time"].scalar<std::int64_t>() == 17);
  CHECK(tree["when"].scalar<std::int64_t>() == 18);
  CHECK(tree["bitset"].shape() == Shape{5});
  CHECK(tree["atomic"].scalar<std::int64_t>() == 19);
  CHECK(tree["point"].keys() == Keys{"first", "second"});
  CHECK(tree["plain"].keys() == Keys{"kernel", "units"});
  std::size_t in_place = 0;
  const TreeView view = describe(all);
  for (const LeafView& leaf : view.leaves)
    for (const void* place : {static_cast<const void*>(all.floats.data()), static_cast<const void*>(all.three.data()),
                              static_cast<const void*>(&all.valarray[0]), static_cast<const void*>(all.plain.kernel.data())})
      in_place += leaf.array.data == place;
  CHECK(in_place == 4);

  Everything same;
  round_trip::restore_into(same, tree, true);
  CHECK(same.flag);
  CHECK(same.narrow == -3);
  CHECK(same.mode == Mode::eval);
  CHECK(same.text == "text");
  CHECK(same.complex == all.complex);
  CHECK(same.floats == all.floats);
  CHECK(same.bits == all.bits);
  CHECK(same.three == all.three);
  CHECK(same.c_array[1][0] == 7);
  CHECK((same.valarray == all.valarray).min());
  CHECK(same.cells == all.cells);
  CHECK(same.deque == all.deque);
  CHECK(same.list == all.list);
  CHECK(same.forward == all.forward);
  CHECK(same.pair_of_cells == all.pair_of_cells);
  CHECK(same.c_cells[1] == Cell(8));
  CHECK(same.names == all.names);
  CHECK(same.numbers == all.numbers);
  CHECK(same.many == all.many);
  CHECK(same.dict == all.dict);
  CHECK(same.by_number == all.by_number);
  CHECK(same.by_pair == all.by_pair);
  CHECK(same.multimap == all.multimap);
  CHECK(same.maybe == all.maybe);
  CHECK_FALSE(same.nothing);
  CHECK(same.tuple == all.tuple);
  CHECK(same.couple == all.couple);
  CHECK(same.time == all.time);
  CHECK(same.when == all.when);
  CHECK(same.bitset == all.bitset);
  CHECK(same.atomic == 19);
  CHECK(same.stack == all.stack);
  CHECK(same.queue.front() == Cell(22));
  CHECK(same.point == all.point);
  CHECK(same.plain == all.plain);
  CHECK(same.array.view().size() == 4);

  Everything empty, again;
  round_trip::restore_into(again, tree_of(all), true);
  round_trip::restore_into(again, tree_of(empty), true);
  CHECK(again.cells.empty());
  CHECK(again.dict.empty());
  CHECK_FALSE(again.maybe);
  CHECK(again.stack.empty());
}

TEST_CASE("a variant is what it holds, with its number where that does not tell the alternative") {
  Choices choices;
  for (const Choices::Told& one : {Choices::Told(), Choices::Told(std::int64_t{7}), Choices::Told(2.0f),
                                   Choices::Told(std::vector<float>{3}), Choices::Told("text")}) {
    choices.told = one;
    CHECK(copy_of(choices).told == one);
  }
  CHECK(tree_of(choices)["told"].string() == "text");
  choices.nested = std::vector<Cell>{Cell(5), Cell(6)};
  CHECK(tree_of(choices)["nested"].is_list());
  Tree as_flax = tree_of(choices);
  const Tree list = std::exchange(as_flax["nested"], Tree::dict());
  for (std::size_t i = 0; i < 2; ++i) as_flax["nested"].insert({std::to_string(i)}, list[i]);
  CHECK(restore<Choices>(as_flax).nested == choices.nested);
  choices.nested = Cell(7);
  CHECK(copy_of(choices).nested == choices.nested);
  CHECK(tree_of(choices)["alike"].keys() == Keys{"index", "data"});
  for (const Choices::Alike& one : {Choices::Alike(Cell(3)), Choices::Alike(Point{1, 2}), Choices::Alike(std::int64_t{4})}) {
    choices.alike = one;
    CHECK(copy_of(choices).alike == one);
  }
  Tree tree = tree_of(choices);
  tree["alike"]["index"] = std::int64_t{9};
  CHECK_THROWS_AS(static_cast<void>(restore<Choices>(tree)), StructureError);
  tree = tree_of(choices);
  tree["told"] = Tree::scalar_of(AnyArray(Array<std::complex<double>>::full({}, 1)));
  CHECK_THROWS_AS(static_cast<void>(restore<Choices>(tree)), StructureError);
}

}  // namespace
