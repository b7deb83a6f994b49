#include <doctest/doctest.h>

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "orrery/flax/frozen_dict.hpp"
#include "orrery/flax/state_dict.hpp"
#include "orrery/flax/train_state.hpp"
#include "orrery/optax/states.hpp"

using namespace orrery;

namespace {

struct Point {
  std::int64_t x = 1;
  std::int64_t y = 2;
  Static<int> meta{7};
};
struct Foo {
  using orrery_namedtuple = void;
  std::int64_t a = 0, b = 0, c = 0;
};
struct Empty {};
struct ListPoint {
  std::vector<std::string> x{"one"};
  std::int64_t y = 2;
};

Tree dict(std::initializer_list<std::pair<const char*, Tree>> items) {
  Tree tree = Tree::dict();
  for (const auto& [key, value] : items) tree.insert({key}, value);
  return tree;
}
Tree num(std::int64_t value) { return Tree::scalar(value); }

// What from_state_dict says; it must begin with the text.
template <class E, class T>
bool says(T target, const Tree& state, std::string_view text) {
  try {
    flax::from_state_dict(std::move(target), state);
  } catch (const E& error) {
    const std::string what = error.what();
    INFO(what);
    CHECK(what.starts_with(text));
    return what.starts_with(text);
  }
  return false;
}

}  // namespace

TEST_CASE("lists, tuples, structs and optax states become dicts, none and empty ones as in Flax") {
  optax::TraceState<std::map<std::string, std::int64_t>> trace{{{"k", 1}}};
  std::tuple chain{trace, optax::EmptyState{}, std::vector<std::optional<std::int64_t>>{1, std::nullopt}};
  CHECK(flax::to_state_dict(chain) ==
        dict({{"0", dict({{"trace", dict({{"k", num(1)}})}})}, {"1", Tree::dict()}, {"2", dict({{"0", num(1)}, {"1", Tree::none()}})}}));
  CHECK(flax::to_state_dict(Point{}).keys() == std::vector<std::string>{"x", "y"});
  CHECK(flax::to_state_dict(Empty{}) == Tree::dict());
  CHECK(flax::to_state_dict(std::map<int, bool>{{10, true}, {9, false}}).keys() == std::vector<std::string>{"9", "10"});
  flax::FrozenDict<std::map<std::string, std::vector<std::string>>> frozen{{"a", {{"b", {"text"}}}}};
  CHECK(flax::to_state_dict(frozen) == dict({{"a", dict({{"b", dict({{"0", Tree::string("text")}})}})}}));
  Tree raw = Tree::list({num(12), dict({{"bar", Tree(Array<float>({2}))}}), Tree::list({num(1), num(4), num(10)})});
  CHECK(
      flax::to_state_dict(raw) ==
      dict({{"0", num(12)}, {"1", dict({{"bar", Tree(Array<float>({2}))}})}, {"2", dict({{"0", num(1)}, {"1", num(4)}, {"2", num(10)}})}}));
}

TEST_CASE("a dict ignores extra keys and names those that are missing") {
  std::map<std::string, std::int64_t> a{{"a", 1}};
  CHECK(flax::from_state_dict(a, dict({{"a", num(2)}, {"b", num(3)}})) == std::map<std::string, std::int64_t>{{"a", 2}});
  CHECK(says<KeyError>(a, dict({{"b", num(3)}}),
                       "The target dict keys and state dict keys do not match, target dict contains keys {'a'} which are not present in "
                       "state dict at path ."));
  std::map<int, std::int64_t> numbered{{2, 1}};
  CHECK(flax::from_state_dict(numbered, dict({{"2", num(8)}})).at(2) == 8);
  Tree integer_key = Tree::dict();
  integer_key.insert({"2", DictKeyKind::integer}, num(8));
  CHECK(says<KeyError>(numbered, integer_key, "The target dict keys and state dict keys do not match, target dict contains keys {'2'}"));
  CHECK(says<KeyError>(flax::FrozenDict<std::int64_t>{{"e", 1}}, Tree::dict(),
                       "The target dict keys and state dict keys do not match, target dict contains keys {'e'} which are not present in "
                       "state dict at path ."));
  CHECK(says<StructureError>(a, Tree::none(), "The state dict holds none where a dict is wanted, at path ."));
}

TEST_CASE("a struct wants exactly its fields") {
  CHECK(says<KeyError>(Point{}, dict({{"z", num(3)}}), "Missing field x in state dict while restoring an instance of Point, at path ."));
  CHECK(says<StructureError>(Point{}, dict({{"x", num(1)}, {"q", num(1)}, {"y", num(2)}, {"meta", num(5)}}),
                             "Unknown field(s) \"q,meta\" in state dict while restoring an instance of Point at path ."));
  Point back = flax::from_state_dict(Point{0, 0, {9}}, dict({{"y", num(4)}, {"x", num(3)}}));
  CHECK(back.x == 3);
  CHECK(back.y == 4);
  CHECK(back.meta.value == 9);
  try {
    flax::from_state_dict(Point{}, dict({{"x", num(1)}}));
  } catch (const KeyError& error) {
    REQUIRE(error.missing().size() == 1);
    CHECK(error.missing()[0].path == "y");
  }
}

TEST_CASE("an optax state is a namedtuple, in its old form too") {
  CHECK(says<StructureError>(std::map<std::string, optax::EmptyState>{{"o", {}}}, dict({{"o", dict({{"a", num(1)}})}}),
                             "The field names of the state dict and the named tuple do not match, got {'a'} and set() at path ./o"));
  CHECK(says<KeyError>(Foo{}, dict({{"a", num(1)}, {"b", num(2)}}),
                       "The field names of the state dict and the named tuple do not match, got {'a', 'b'} and {'a', 'b', 'c'} at path ."));
  Tree old = dict({{"name", Tree::string("Foo")},
                   {"fields", dict({{"0", Tree::string("a")}, {"1", Tree::string("b")}, {"2", Tree::string("c")}})},
                   {"values", dict({{"0", num(1)}, {"1", num(2)}, {"2", num(3)}})}});
  Foo foo = flax::from_state_dict(Foo{}, old);
  CHECK(std::tuple(foo.a, foo.b, foo.c) == std::tuple<std::int64_t, std::int64_t, std::int64_t>(1, 2, 3));
  old["fields"]["1"] = num(3);
  CHECK_THROWS_AS(flax::from_state_dict(Foo{}, old), StructureError);
}

TEST_CASE("lists and tuples compare lengths, target first, and want every index") {
  CHECK(says<StructureError>(std::map<std::string, ListPoint>{{"m", {}}},
                             dict({{"m", dict({{"x", dict({{"0", num(1)}, {"1", num(2)}})}, {"y", num(1)}})}}),
                             "The size of the list and the state dict do not match, got 1 and 2 at path ./m/x"));
  using Nested = std::vector<std::vector<std::vector<std::optional<bool>>>>;
  Nested saved{{{true, true, false}, {false, true}}}, wrong{{{true, true, false}, {false}}};
  CHECK(says<StructureError>(wrong, flax::to_state_dict(saved),
                             "The size of the list and the state dict do not match, got 1 and 2 at path ./0/1"));
  CHECK(says<KeyError>(std::tuple<bool>{}, dict({{"1", num(1)}}), "'0'"));
  CHECK(says<StructureError>(std::vector<std::string>{"a"}, Tree::list({Tree::string("a")}), "The state dict holds a list where"));
}

TEST_CASE("an empty vector or map of the target follows the state, and so does a new value") {
  const Tree state =
      flax::to_state_dict(std::map<std::string, std::vector<Array<float>>>{{"a", {Array<float>({2}), Array<float>({3})}}, {"b", {}}});
  using Target = std::map<std::string, std::vector<Array<float>>>;
  CHECK(flax::from_state_dict(Target{}, state).at("a").at(1).shape() == Shape{3});
  CHECK(flax::from_state_dict(Target{{"a", {}}}, state).at("a").size() == 2);
  CHECK(flax::from_state_dict<Target>(state).size() == 2);
  CHECK(flax::from_state_dict(std::list<std::string>{}, dict({{"0", Tree::string("x")}})).front() == "x");
  CHECK_THROWS_AS((flax::from_state_dict<std::map<int, bool>>(dict({{"x", Tree::scalar(true)}}))), StructureError);
}

TEST_CASE("an empty optional takes what the state has, and none empties a full one") {
  using Maybe = std::optional<Array<std::int64_t>>;
  CHECK(flax::from_state_dict(Maybe{}, Tree(Array<std::int64_t>::arange(3)))->size() == 3);
  CHECK_FALSE(flax::from_state_dict(Maybe{Array<std::int64_t>({2})}, Tree::none()).has_value());
  CHECK(flax::from_state_dict(std::map<std::string, std::unique_ptr<Point>>{}, dict({{"p", dict({{"x", num(5)}, {"y", num(6)}})}}))
            .at("p")
            ->x == 5);
}

TEST_CASE("none is taken for a struct without fields, as Orbax's raw restores have it") {
  const Tree state = dict({{"0", Tree::none()}, {"1", Tree::none()}});
  flax::from_state_dict(optax::SgdState{}, state);
  CHECK_THROWS_AS(flax::from_state_dict(Point{}, Tree::none()), StructureError);
}

TEST_CASE("a variant takes the first alternative that fits, its active one before others") {
  using Either = std::variant<Point, std::string, Foo>;
  CHECK(flax::from_state_dict(Either{}, Tree::string("x")).index() == 1);
  CHECK(flax::from_state_dict(Either{std::string()}, dict({{"x", num(1)}, {"y", num(2)}})).index() == 0);
  CHECK(flax::from_state_dict<Either>(dict({{"a", num(1)}, {"b", num(2)}, {"c", num(3)}})).index() == 2);
  CHECK(says<KeyError>(Either{}, dict({{"q", num(1)}}), "Missing field x in state dict while restoring an instance of Point, at path ."));
}

TEST_CASE("a leaf takes any shape its type can have, and dtypes that lose nothing") {
  CHECK(flax::from_state_dict(Array<float>({2, 3}), Tree(Array<float>({16, 4, 8}))).shape() == Shape{16, 4, 8});
  CHECK(flax::from_state_dict(std::int64_t{0}, Tree(Array<std::int32_t>::full({}, 9))) == 9);
  CHECK(flax::from_state_dict(0.0, Tree::numpy_scalar(1.5f)) == 1.5);
  CHECK_THROWS_AS(flax::from_state_dict(Array<float>({2}), Tree(Array<double>({2}))), DTypeError);
  CHECK(flax::from_state_dict(Array<float>({2}), Tree(Array<double>::arange(2)), {.cast = true}) == Array<float>::arange(2));
  CHECK_THROWS_AS(flax::from_state_dict(std::int64_t{0}, Tree(Array<std::int64_t>({1}))), ShapeError);
  CHECK_THROWS_AS(flax::from_state_dict(std::string(), num(1)), StructureError);
  CHECK_THROWS_AS(flax::from_state_dict(Array<float>({2}), Tree::dict()), StructureError);
}

TEST_CASE("a tree as target gives its structure, and takes the leaves") {
  Tree target = dict({{"c", Tree::none()}, {"l", Tree::list({num(0), num(0)})}, {"t", Tree::tuple({num(0)})}});
  Tree state =
      dict({{"t", dict({{"0", num(3)}})}, {"l", dict({{"0", num(1)}, {"1", num(2)}})}, {"c", dict({{"d", num(4)}})}, {"extra", num(5)}});
  CHECK(flax::from_state_dict(target, state) ==
        dict({{"c", dict({{"d", num(4)}})}, {"l", Tree::list({num(1), num(2)})}, {"t", Tree::tuple({num(3)})}}));
  CHECK(says<KeyError>(target, Tree::dict(), "The target dict keys and state dict keys do not match"));
  CHECK(says<StructureError>(Tree::list({num(0)}), Tree::dict(),
                             "The size of the list and the state dict do not match, got 1 and 0 at path ."));
}

TEST_CASE("the first problem in the order of the target wins") {
  std::vector<Point> points(2);
  CHECK(says<KeyError>(points, dict({{"0", dict({{"x", num(1)}})}, {"1", Tree::dict()}}),
                       "Missing field y in state dict while restoring an instance of Point, at path ./0"));
}

TEST_CASE("TrainState keeps what is static and is named without its template arguments") {
  using State = flax::TrainState<std::map<std::string, Array<float>>, optax::SgdState, int>;
  State state;
  state.apply_fn.value = 42;
  state.params["w"] = Array<float>::arange(2);
  CHECK(flax::to_state_dict(state).keys() == std::vector<std::string>{"step", "params", "opt_state"});
  Tree saved = flax::to_state_dict(state);
  saved["step"] = std::int64_t{3};
  State back = flax::from_state_dict(state, saved);
  CHECK(back.apply_fn.value == 42);
  CHECK(back.step == 3);
  saved.erase("step");
  CHECK(says<KeyError>(state, saved, "Missing field step in state dict while restoring an instance of TrainState, at path ."));
}
