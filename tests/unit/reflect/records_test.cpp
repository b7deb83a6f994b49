#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/optax/states.hpp"
#include "round_trip.hpp"

namespace {

// Renamed, reordered, and one left out.
struct Layer {
  std::vector<float> w{};
  std::vector<float> b{};
  int cache = 0;
};

// Private, with a constructor of its own.
class Account {
 public:
  Account() = default;
  explicit Account(std::int64_t balance) : balance_(balance) {}
  std::int64_t balance() const { return balance_; }

 private:
  friend struct orrery::Reflect<Account>;
  std::int64_t balance_ = 0;
  const std::string owner_ = "nobody";
};

struct TrainState {
  std::int64_t step = 0;
  Layer params{};
};
struct CustomTrainState : TrainState {
  std::vector<std::int64_t> batch_stats{};
};
struct FurtherTrainState : CustomTrainState {
  double loss = 0;
};
struct Tuple {
  int count = 0;
};
struct Nothing {
  int cache = 0;
};
// A template within a template, with a private member.
template <class T>
class Scaled {
 public:
  Scaled() = default;
  Scaled(std::vector<T> v, T scale) : values(std::move(v)), scale_(scale) {}
  std::vector<T> values{};
  T scale() const { return scale_; }

 private:
  friend struct orrery::Reflect<Scaled>;
  T scale_{};
};
template <class T>
struct Block {
  Scaled<T> inner{};
  std::optional<Scaled<std::optional<T>>> rest{};
};

}  // namespace
template <class T>
struct orrery::Reflect<Scaled<T>> {
  static constexpr auto fields = orrery::fields(orrery::field<&Scaled<T>::scale_>("scale"), orrery::field<&Scaled<T>::values>("values"));
};

template <>
struct orrery::Reflect<Layer> {
  static constexpr auto fields = orrery::fields(orrery::field<&Layer::b>("bias"), orrery::field<&Layer::w>("kernel"));
};
template <>
struct orrery::Reflect<Account> {
  static constexpr auto fields = orrery::fields(orrery::field<&Account::balance_>("balance"), orrery::field<&Account::owner_>("owner"));
};
template <>
struct orrery::Reflect<CustomTrainState> {
  static constexpr auto fields = orrery::fields(orrery::base<TrainState>(), orrery::field<&CustomTrainState::batch_stats>("batch_stats"));
};
template <>
struct orrery::Reflect<FurtherTrainState> {
  static constexpr auto fields = orrery::fields(orrery::base<CustomTrainState>(), orrery::field<&FurtherTrainState::loss>("loss"));
};
template <>
struct orrery::Reflect<Tuple> {
  static constexpr orrery::Role role = orrery::Role::namedtuple;
  static constexpr auto fields = orrery::fields(orrery::field<&Tuple::count>("count"));
};
template <>
struct orrery::Reflect<Nothing> {
  static constexpr auto fields = orrery::fields();
};

namespace {

using namespace orrery;
using round_trip::copy_of;
using round_trip::restore_into;
using round_trip::tree_of;
using Keys = std::vector<std::string>;

TEST_CASE("an aggregate is a dict of its members under their names") {
  struct Inner {
    float x = 0;
    std::string y{};
  };
  struct Outer {
    Inner first{};
    std::optional<Inner> second{};
    std::vector<Inner> rest{};
  };
  Outer outer{{1, "a"}, Inner{2, "b"}, {{3, "c"}}};
  const Tree tree = tree_of(outer);
  CHECK(tree.keys() == Keys{"first", "second", "rest"});
  CHECK(tree["first"].keys() == Keys{"x", "y"});
  const Outer same = copy_of(outer);
  CHECK(same.second->y == "b");
  CHECK(same.rest.at(0).x == 3);
  CHECK(ops<Outer>().type_name == "Outer");
  CHECK(ops<Outer>().role == Role::dataclass);
}

TEST_CASE("Reflect renames, reorders and leaves out") {
  const Layer layer{{1, 2}, {3}, 7};
  CHECK(tree_of(layer).keys() == Keys{"bias", "kernel"});
  Layer same{{}, {}, 9};
  restore_into(same, tree_of(layer));
  CHECK(same.w == layer.w);
  CHECK(same.b == layer.b);
  CHECK(same.cache == 9);
}

TEST_CASE("Reflect reaches private members as a friend") {
  CHECK(tree_of(Account(5)).keys() == Keys{"balance", "owner"});
  CHECK(copy_of(Account(5)).balance() == 5);
}

TEST_CASE("base puts the members of a base first, at any depth") {
  FurtherTrainState state;
  state.step = 3;
  state.params.w = {1};
  state.batch_stats = {4, 5};
  state.loss = 0.5;
  const Tree tree = tree_of(state);
  CHECK(tree.keys() == Keys{"step", "params", "batch_stats", "loss"});
  CHECK(tree["params"].keys() == Keys{"bias", "kernel"});
  const FurtherTrainState same = copy_of(state);
  CHECK(same.step == 3);
  CHECK(same.params.w == state.params.w);
  CHECK(same.batch_stats == state.batch_stats);
  CHECK(same.loss == 0.5);
}

TEST_CASE("a class is a namedtuple where it says so") {
  using Adam = optax::ScaleByAdamState<Layer>;
  CHECK(ops<Adam>().role == Role::namedtuple);
  CHECK(ops<Adam>().type_name == "ScaleByAdamState");
  CHECK(tree_of(Adam{}).keys() == Keys{"count", "mu", "nu"});
  CHECK(ops<optax::EmptyState>().kind == TypeKind::none);
  CHECK(ops<Tuple>().role == Role::namedtuple);
}

TEST_CASE("a class whose fields are none is an empty state") {
  CHECK(ops<Nothing>().kind == TypeKind::none);
  CHECK(tree_of(Nothing{3}).is_none());
}

TEST_CASE("const members are saved and keep their value on restore") {
  struct State {
    const int version = 2;
    const std::vector<std::string> tags{"a"};
    int value = 0;
  };
  const Tree tree = tree_of(State{1, {"x", "y"}, 5});
  CHECK(tree["tags"].size() == 2);
  State state;
  restore_into(state, tree);
  CHECK(state.version == 2);
  CHECK(state.tags.size() == 1);
  CHECK(state.value == 5);
}

struct Empty {};
struct Based : Empty {
  int a = 0;
  float b[2]{};
};

TEST_CASE("structs with empty bases, arrays and a hundred members go round") {
  Based based;
  based.a = 1;
  based.b[1] = 2;
  CHECK(copy_of(based).b[1] == 2);
}

TEST_CASE("one Reflect describes all types of a template, nested ones too") {
  using State = Block<Block<float>>;
  State state{};
  state.inner = Scaled<Block<float>>({Block<float>{Scaled<float>({1}, 2), {}}}, Block<float>{Scaled<float>({3}, 4), {}});
  const Tree tree = tree_of(state);
  CHECK(tree["inner"].keys() == Keys{"scale", "values"});
  CHECK(tree["inner"]["values"][0]["inner"]["scale"].array().at<float>({}) == 2);
  CHECK(tree["rest"].is_none());
  const State same = copy_of(state);
  CHECK(same.inner.scale().inner.values == std::vector<float>{3});
  CHECK(same.inner.values.at(0).inner.scale() == 2);
  CHECK(ops<State>().type_name == "Block");
}

TEST_CASE("the rows of one type are one object") {
  CHECK(&ops<Layer>() == &ops<const Layer&>());
  CHECK(&ops<Layer>() == &ops_of<Layer>::value);
  constexpr const TypeOps& row = ops<TrainState>();
  CHECK(row.types[1] == &ops<Layer>());
}

}  // namespace
