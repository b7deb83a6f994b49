// What design.md section 5 promises of a restore, on trees in memory: who decides the structure, what may be absent, what is an error,
// and that an error comes before anything is touched.
#include <doctest/doctest.h>

#include <array>
#include <complex>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <typeinfo>
#include <unordered_map>
#include <variant>
#include <vector>

#include "orrery/optax/states.hpp"
#include "reflect/round_trip.hpp"

namespace {

using namespace orrery;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;

using Floats = Array<float>;

struct Dense {
  Floats kernel{};
  Floats bias{};
  friend bool operator==(const Dense&, const Dense&) = default;
};
struct State {
  std::int64_t step = 0;
  std::map<std::string, Dense> params{};
  std::vector<Dense> layers{};
  std::optional<Dense> ema{};
};

Dense dense(float first) { return {Floats::from({first, first + 1}), Floats::from({-first})}; }
State state() { return {7, {{"a", dense(1)}, {"b", dense(2)}}, {dense(3), dense(4)}, dense(5)}; }

Plan match_with(auto& target, const Tree& stored, MatchOptions options = {}) {
  return match(ops<std::remove_reference_t<decltype(target)>>(), &target, stored, options, "the checkpoint does not fit the target");
}

// The paths of one list of differences.
std::vector<std::string> paths(const std::vector<Difference>& differences) {
  std::vector<std::string> out;
  for (const Difference& d : differences) out.push_back(d.path);
  return out;
}
using Paths = std::vector<std::string>;

template <class E, class F>
E caught(F&& f) {
  try {
    f();
  } catch (const E& e) {
    CHECK(typeid(e) == typeid(E));  // not a class below it
    return e;
  }
  FAIL("nothing of that class was thrown");
  throw std::logic_error("not reached");
}

}  // namespace

TEST_CASE("for a new value the type decides names, and maps, vectors and optionals follow the file") {
  const State s = restore<State>(tree_of(state()));
  CHECK(s.step == 7);
  CHECK(s.params == state().params);
  CHECK(s.layers == state().layers);
  CHECK(s.ema == dense(5));
  CHECK_FALSE(restore<State>(tree_of(State{})).ema.has_value());
}

TEST_CASE("a given target says which keys are wanted, its empty maps and vectors follow the file") {
  State target;
  target.params["b"];
  restore_into(target, tree_of(state()));
  CHECK(target.params == std::map<std::string, Dense>{{"b", dense(2)}});
  CHECK(target.layers == state().layers);
  target.layers.resize(1);
  const auto error = caught<ShapeError>([&] { restore_into(target, tree_of(state())); });
  CHECK(paths(error.shapes()) == Paths{"layers"});
}

TEST_CASE("a given empty optional or pointer stays empty and is not read") {
  State target;
  const Tree stored = tree_of(state());
  Plan plan = match_with(target, stored);
  CHECK(report_of(plan).paths(LeafAction::kept) == Paths{"ema"});
  Slots slots = open_slots(plan, &target);
  for (const Slot& slot : slots.reads) {
    CHECK(slot.from != &stored["ema"]["kernel"]);
    CHECK(slot.from != &stored["ema"]["bias"]);
  }
  copy_held(slots);
  CHECK_FALSE(target.ema.has_value());

  struct Pointing {
    std::unique_ptr<Dense> owned{};
    std::shared_ptr<Floats> shared{};
  } pointing;
  Tree tree = Tree::dict();
  tree["owned"] = tree_of(dense(1));
  tree["shared"] = Floats::from({1});
  restore_into(pointing, tree);
  CHECK(pointing.owned == nullptr);
  CHECK(pointing.shared == nullptr);
  CHECK_NOTHROW(restore_into(pointing, Tree::dict()));  // and it is not missing either
}

TEST_CASE("a given engaged optional is filled, and wants a value") {
  struct Holder {
    std::optional<Dense> value = dense(0);
  } target;
  Tree tree = Tree::dict();
  tree["value"] = tree_of(dense(9));
  restore_into(target, tree);
  CHECK(target.value == dense(9));
  tree["value"] = Tree::none();
  CHECK_THROWS_AS(restore_into(target, tree), StructureError);
  CHECK(paths(caught<KeyError>([&] { restore_into(target, Tree::dict()); }).missing()) == Paths{"value/kernel", "value/bias"});
}

TEST_CASE("a missing optional of a new value is an error like any missing leaf") {
  struct Holder {
    std::optional<float> value{};
  };
  CHECK(paths(caught<KeyError>([] { restore<Holder>(Tree::dict()); }).missing()) == Paths{"value"});
}

TEST_CASE("a stored none is the empty map, vector or struct without leaves") {
  struct Empties {
    std::map<std::string, Dense> map{};
    std::vector<Dense> vector{};
    optax::EmptyState empty{};
    std::tuple<optax::EmptyState, std::monostate> both{};
    std::monostate nothing{};
  };
  Tree tree = Tree::dict();
  for (const char* key : {"map", "vector", "empty", "both", "nothing"}) tree[key] = Tree::none();
  CHECK_NOTHROW(restore<Empties>(tree));
  Empties target;
  CHECK_NOTHROW(restore_into(target, tree));

  struct Wanting {
    std::vector<Dense> vector{1};
    Dense with_leaves{};
    std::map<std::string, Dense> map{{"x", {}}};
    Floats array{};
  } wanting;
  Tree nones = Tree::dict();
  for (const char* key : {"vector", "with_leaves", "map", "array"}) nones[key] = Tree::none();
  CHECK(paths(caught<StructureError>([&] { restore_into(wanting, nones); }).kinds()) == Paths{"vector", "with_leaves", "map", "array"});
}

TEST_CASE("an empty dict, list or tuple is an empty state") {
  struct Empties {
    optax::EmptyState a{};
    std::monostate b{}, c{};
  };
  Tree tree = Tree::dict();
  tree["a"] = Tree::dict();
  tree["b"] = Tree::list();
  tree["c"] = Tree::tuple();
  CHECK_NOTHROW(restore<Empties>(tree));
  tree["b"] = Floats::from({1});
  CHECK_THROWS_AS(restore<Empties>(tree), StructureError);
}

TEST_CASE("extra leaves are ignored and listed, or an error that lists them") {
  Tree tree = tree_of(state());
  tree["opt"] = tree_of(dense(1));
  tree["nothing"] = Tree::none();
  tree["empty"] = Tree::dict();
  tree["list"] = Tree::list({Tree(Floats::from({1})), Tree::string("x")});
  tree["params"]["a"]["scale"] = Floats::from({1});
  State target = state();
  const Plan plan = match_with(target, tree);
  const Paths extra{"params/a/scale", "opt/kernel", "opt/bias", "list/0", "list/1"};
  CHECK(plan.ignored == extra);
  CHECK(report_of(plan).ignored() == extra);
  const auto error = caught<StructureError>([&] { match_with(target, tree, {.allow_extra = false}); });
  CHECK(paths(error.extra()) == extra);
  CHECK(std::string(error.what()).find("list/1") != std::string::npos);
  CHECK_NOTHROW(match_with(target, tree_of(state()), {.allow_extra = false}));
}

TEST_CASE("extra keys of a map whose keys are wanted are extra too") {
  std::map<std::string, float> target{{"a", 0.0f}};
  Tree tree = Tree::dict();
  tree["a"] = Array<float>::full({}, 1);
  tree["b"] = Array<float>::full({}, 2);
  CHECK(match_with(target, tree).ignored == Paths{"b"});
}

TEST_CASE("everything that is missing is listed, down to the leaves, whatever holds them") {
  struct Target {
    Dense dense{};
    std::map<int, Dense> map{{3, {}}, {4, {}}};
    std::vector<Dense> vector{2};
    std::array<Dense, 2> array{};
    std::tuple<Floats, optax::EmptyState, std::int64_t> tuple{};
    std::optional<Dense> full = Dense{};
    std::optional<Dense> empty{};
    std::vector<Dense> unknown{};
    std::string text{};
    Static<int> fixed{};
    optax::EmptyState state{};
    const std::int64_t constant = 5;
  } target;
  const auto error = caught<KeyError>([&] { restore_into(target, Tree::dict()); });
  CHECK(paths(error.missing()) ==
        Paths{"dense/kernel", "dense/bias", "map/3/kernel", "map/3/bias", "map/4/kernel", "map/4/bias", "vector/0/kernel", "vector/0/bias",
              "vector/1/kernel", "vector/1/bias", "array/0/kernel", "array/0/bias", "array/1/kernel", "array/1/bias", "tuple/0", "tuple/2",
              "full/kernel", "full/bias", "unknown", "text"});
}

TEST_CASE("all differences come in one error, whose class says whether one kind is the only trouble") {
  struct Target {
    std::array<float, 2> shape{};
    std::int32_t dtype = 0;
    Dense kind{};
    float missing = 0;
  } target;
  Tree tree = Tree::dict();
  tree["shape"] = Floats::from({1, 2, 3});
  tree["dtype"] = Array<float>::full({}, 1);
  tree["kind"] = Tree::string("text");
  const auto all = caught<KeyError>([&] { restore_into(target, tree); });
  CHECK(paths(all.missing()) == Paths{"missing"});
  CHECK(paths(all.shapes()) == Paths{"shape"});
  CHECK(paths(all.dtypes()) == Paths{"dtype"});
  CHECK(paths(all.kinds()) == Paths{"kind"});
  CHECK(all.shapes()[0].message == "stored (3,), wanted (2,)");
  CHECK(all.dtypes()[0].message == "stored float32, wanted int32 (cast = true allows it)");

  tree["missing"] = Array<float>::full({}, 1);
  CHECK(caught<MismatchError>([&] { restore_into(target, tree); }).kinds().size() == 1);
  tree["kind"] = tree_of(dense(1));
  tree["dtype"] = Array<std::int32_t>::full({}, 1);
  CHECK_THROWS_AS(restore_into(target, tree), ShapeError);
  tree["shape"] = Floats::from({1, 2});
  tree["dtype"] = Array<float>::full({}, 1);
  CHECK_THROWS_AS(restore_into(target, tree), DTypeError);
  tree["dtype"] = Tree::dict();
  CHECK_THROWS_AS(restore_into(target, tree), StructureError);
  tree["dtype"] = Array<std::int32_t>::full({}, 4);
  restore_into(target, tree);
  CHECK(target.dtype == 4);
}

TEST_CASE("a failed match leaves the target as it was, bit by bit") {
  State target = state();
  const float* kernel = target.params["a"].kernel.data();
  Tree tree = tree_of(state());
  tree["params"]["a"]["kernel"] = Floats::from({100, 200});
  tree["layers"] = Tree::list({tree_of(dense(9)), tree_of(dense(10))});
  tree["ema"]["bias"] = Array<std::int64_t>::from({1});  // does not fit
  CHECK_THROWS_AS(restore_into(target, tree), DTypeError);
  CHECK(tree_of(target) == tree_of(state()));
  CHECK(target.params["a"].kernel.data() == kernel);
}

TEST_CASE("lossless widening is done without asking, anything else needs cast") {
  struct Wide {
    Array<double> a{};
    Array<std::int64_t> b{};
    Array<std::complex<double>> c{};
    Floats d{};
  };
  Tree tree = Tree::dict();
  tree["a"] = Floats::from({0.1f, -2.0f});
  tree["b"] = Array<std::uint32_t>::from({4000000000u});
  tree["c"] = Floats::from({3});
  tree["d"] = Array<bfloat16>::from({bfloat16(1.5f)});
  const Wide wide = restore<Wide>(tree);
  CHECK(wide.a == Array<double>::from({static_cast<double>(0.1f), -2.0}));
  CHECK(wide.b == Array<std::int64_t>::from({4000000000}));
  CHECK(wide.c.data()[0] == std::complex<double>(3, 0));
  CHECK(wide.d == Floats::from({1.5f}));

  struct Narrow {
    Floats a{};
    Array<std::int8_t> b{};
  } narrow;
  Tree doubles = Tree::dict();
  doubles["a"] = Array<double>::from({0.1});
  doubles["b"] = Array<double>::from({1000, -1000, 5.9});
  CHECK(paths(caught<DTypeError>([&] { restore_into(narrow, doubles); }).dtypes()) == Paths{"a", "b"});
  Plan plan = match_with(narrow, doubles, {.cast = true});
  CHECK(report_of(plan).paths(LeafAction::cast) == Paths{"a", "b"});
  CHECK(report_of(plan).leaves[0].detail == "float64 to float32");
  Slots slots = open_slots(plan, &narrow);
  copy_held(slots);
  slots.finish();
  CHECK(narrow.a == Floats::from({0.1f}));
  CHECK(narrow.b == Array<std::int8_t>::from({127, -128, 5}));  // what is out of range saturates
}

TEST_CASE("a shape is equal, or the target can be resized") {
  struct Fixed {
    float rows[2][3] = {};
  } fixed;
  Tree tree = Tree::dict();
  tree["rows"] = Array<float>({2, 3});
  CHECK_NOTHROW(restore_into(fixed, tree));
  tree["rows"] = Array<float>({3, 2});
  CHECK_THROWS_AS(restore_into(fixed, tree), ShapeError);
  tree["rows"] = Array<float>({6});
  CHECK_THROWS_AS(restore_into(fixed, tree), ShapeError);

  Floats free = Floats::from({1, 2, 3});
  restore_into(free, Tree(Array<float>({4, 0, 2})));
  CHECK(free.shape() == Shape{4, 0, 2});
  std::vector<float> flat{1};
  restore_into(flat, Tree(Floats::from({5, 6})));
  CHECK(flat == std::vector<float>{5, 6});
  CHECK_THROWS_AS(restore_into(flat, Tree(Array<float>({1, 2}))), ShapeError);
  float number = 0;
  CHECK_THROWS_AS(restore_into(number, Tree(Floats::from({1}))), ShapeError);
}

TEST_CASE("a variant tries its active alternative first, then the others in order, by kind before by content") {
  struct A {
    float x = 0;
  };
  struct B {
    float x = 0, y = 0;
  };
  using V = std::variant<Floats, A, B>;
  Tree only_x = Tree::dict(), both = Tree::dict();
  only_x["x"] = Array<float>::full({}, 1);
  both["x"] = Array<float>::full({}, 2);
  both["y"] = Array<float>::full({}, 3);
  CHECK(restore<V>(Tree(Floats::from({1}))).index() == 0);
  CHECK(restore<V>(only_x).index() == 1);
  CHECK(restore<V>(both).index() == 1);  // in order: A takes it, y is extra
  V active = B{};
  restore_into(active, both);
  REQUIRE(active.index() == 2);
  CHECK(std::get<B>(active).y == 3);
  restore_into(active, only_x);  // B lacks y, A does not
  CHECK(active.index() == 1);
  CHECK_THROWS_AS(restore<V>(Tree::string("x")), StructureError);
  CHECK(active.index() == 1);
}

TEST_CASE("where one alternative of a variant is of the stored kind, the message is about that one") {
  struct B {
    float x = 0, y = 0;
  };
  Tree only_x = Tree::dict();
  only_x["x"] = Array<float>::full({}, 1);
  using Maybe = std::variant<std::monostate, B>;
  CHECK_THROWS_WITH_AS(restore<Maybe>(only_x), doctest::Contains("missing in the checkpoint:\n    y"), KeyError);
  using Two = std::variant<B, std::map<std::string, std::vector<float>>>;
  CHECK_THROWS_WITH_AS(restore<Two>(only_x), doctest::Contains("one of the variant's 2 alternatives"), StructureError);
}

TEST_CASE("what a failed alternative ignored or planned is forgotten") {
  struct A {
    float x = 0, z = 0;
  };
  struct B {
    float x = 0;
  };
  std::variant<A, B> target;
  Tree tree = Tree::dict();
  tree["x"] = Array<float>::full({}, 2);
  tree["extra"] = Floats::from({1});
  const Plan plan = match_with(target, tree);
  CHECK(plan.ignored == Paths{"extra"});
  CHECK(plan.steps.size() == 3);  // the variant, B, x
}

TEST_CASE("const members are saved and never restored into") {
  struct Constant {
    const std::int64_t version = 3;
    float value = 0;
  } target;
  Tree tree = tree_of(target);
  CHECK(tree.contains("version"));
  tree["version"] = std::int64_t{9};
  tree["value"] = Array<float>::full({}, 1);
  const Plan plan = match_with(target, tree);
  CHECK(report_of(plan).paths(LeafAction::kept) == Paths{"version"});
  restore_into(target, tree);
  CHECK(target.version == 3);
  CHECK(target.value == 1);
  tree.erase("version");
  CHECK_NOTHROW(restore_into(target, tree));
}

TEST_CASE("vector<bool> is staged through bytes") {
  struct Flags {
    std::vector<bool> mask{};
  };
  const Flags flags{{true, false, true, true}};
  CHECK(tree_of(flags)["mask"].dtype() == DType::bool_);
  CHECK(restore<Flags>(tree_of(flags)).mask == flags.mask);
  Flags target{{false}};
  restore_into(target, tree_of(flags));
  CHECK(target.mask == flags.mask);
}

TEST_CASE("Static keeps the target's value and is no part of the tree") {
  struct Held {
    Static<std::string> name{{"sgd"}};
    float value = 0;
  } target;
  Tree tree = tree_of(target);
  CHECK_FALSE(tree.contains("name"));
  tree["name"] = Tree::string("adam");  // from elsewhere: an extra leaf
  CHECK(match_with(target, tree).ignored == Paths{"name"});
  restore_into(target, tree);
  CHECK(target.name.value == "sgd");
}

TEST_CASE("a Tree takes whatever is stored there") {
  struct Open {
    float value = 0;
    Tree rest{};
  } target;
  target.rest = Tree::string("old");
  Tree tree = Tree::dict();
  tree["value"] = Array<float>::full({}, 1);
  tree["rest"] = tree_of(state());
  restore_into(target, tree);
  CHECK(target.rest == tree_of(state()));
  CHECK(restore<Tree>(tree) == tree);
  CHECK(paths(caught<KeyError>([&] {
          tree.erase("rest");
          restore_into(target, tree);
        }).missing()) == Paths{"rest"});
}

TEST_CASE("a tuple wants as many elements as it has, a list or a tuple of them") {
  std::tuple<float, std::int64_t> target;
  restore_into(target, Tree::list({Tree(Array<float>::full({}, 2)), Tree::scalar(3)}));
  CHECK(std::get<1>(target) == 3);
  CHECK_THROWS_AS(restore_into(target, Tree::list({Tree::scalar(3)})), ShapeError);
  CHECK_THROWS_AS(restore_into(target, Tree::dict()), StructureError);
}

TEST_CASE("keys that a map cannot have are named") {
  Tree tree = Tree::dict();
  tree["12"] = Array<float>::full({}, 2);
  tree["-7"] = Array<float>::full({}, 3);
  CHECK(restore<std::map<int, float>>(tree) == std::map<int, float>{{-7, 3.0f}, {12, 2.0f}});
  tree["twelve"] = Array<float>::full({}, 2);
  tree["0x1"] = Array<float>::full({}, 2);
  CHECK(paths(caught<StructureError>([&] { restore<std::map<int, float>>(tree); }).kinds()) == Paths{"twelve", "0x1"});
}

TEST_CASE("a hash map of very many new keys keeps its slots") {
  Tree tree = Tree::dict();
  for (int i = 0; i < 1000; ++i) tree[std::to_string(i)] = Array<std::int32_t>::full({}, i);
  const auto map = restore<std::unordered_map<std::string, std::int32_t>>(tree);
  REQUIRE(map.size() == 1000);
  for (int i = 0; i < 1000; ++i) CHECK(map.at(std::to_string(i)) == i);
}

TEST_CASE("kinds of leaves: text is text, bytes and extensions fit nothing, a typed key wants a PrngKey") {
  std::string text;
  Floats floats;
  PrngKey key;
  CHECK_THROWS_AS(restore_into(text, Tree(Floats::from({1}))), StructureError);
  CHECK_THROWS_AS(restore_into(floats, Tree::string("1")), StructureError);
  CHECK_THROWS_AS(restore_into(text, Tree::bytes("raw")), StructureError);
  CHECK_THROWS_AS(restore_into(floats, Tree::ext(5, "raw")), StructureError);
  const Tree typed = Tree::prng_key("rbg", Array<std::uint32_t>::from({1, 2, 3, 4}));
  restore_into(key, typed);
  CHECK(key.impl == "rbg");
  CHECK(key.data == Array<std::uint32_t>::from({1, 2, 3, 4}));
  Array<std::uint32_t> raw;
  CHECK_THROWS_AS(restore_into(raw, typed), StructureError);
  restore_into(key, Tree(Array<std::uint32_t>::from({5, 6})));  // older files have the data alone
  CHECK(key.data == Array<std::uint32_t>::from({5, 6}));
}

TEST_CASE("a stored tree that nests too deep is refused, not followed") {
  struct Node {
    std::vector<Node> below{};
  };
  Tree tree = Tree::dict();
  tree["below"] = Tree::list();
  for (int i = 0; i < 2000; ++i) {
    Tree up = Tree::dict();
    std::vector<Tree> one;
    one.push_back(std::move(tree));
    up["below"] = Tree::none();
    up.insert({"below"}, Tree::list(std::move(one)));
    tree = std::move(up);
  }
  CHECK_THROWS_AS(restore<Node>(tree), FormatError);
}

TEST_CASE("a dict of indices is a list or tuple to whoever wants one; elements without leaves may be absent") {
  Tree stored = Tree::dict();
  for (const char* index : {"0", "1", "10", "2", "3", "4", "5", "6", "7", "8", "9"}) stored[index] = Floats::from({static_cast<float>(std::stoi(index))});
  const auto list = restore<std::vector<Floats>>(stored);
  REQUIRE(list.size() == 11);
  CHECK(list[10] == Floats::from({10}));
  CHECK(restore<std::map<std::string, Floats>>(stored).size() == 11);
  Tree second = Tree::dict();
  second["1"] = Floats::from({1});
  using Pair = std::tuple<std::monostate, Floats>;
  CHECK(std::get<1>(restore<Pair>(second)) == Floats::from({1}));
  using Two = std::tuple<Floats, Floats>;
  CHECK_THROWS_WITH_AS(restore<Two>(second), doctest::Contains("0"), KeyError);
  CHECK_THROWS_AS(restore<std::vector<Floats>>(second), KeyError);
  for (const char* key : {"", "01", "a", "-1", "1 ", "18446744073709551616"}) {
    Tree odd = Tree::dict();
    odd[key] = Floats::from({1});
    CHECK_THROWS_AS(restore<std::vector<Floats>>(odd), MismatchError);
  }
  std::vector<Floats> three(3);
  CHECK_THROWS_AS(restore_into(three, second), KeyError);
}
