#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/hana/adapt_adt.hpp>
#include <boost/hana/adapt_struct.hpp>
#include <boost/hana/define_struct.hpp>

#include "orrery/adapters/hana.hpp"
#include "../reflect/round_trip.hpp"

namespace hana_models {

namespace hana = boost::hana;

// Described in its own body, with private data and a constructor.
class Layer {
 public:
  Layer() = default;
  explicit Layer(std::string called) : name(std::move(called)) {}
  BOOST_HANA_DEFINE_STRUCT(Layer, (std::string, name), (std::vector<float>, weights));

 private:
  [[maybe_unused]] int cache_ = 0;
};

// Somebody else's class, described from outside.
class Foreign {
 public:
  Foreign() {}
  int count = 0;
  std::unique_ptr<Layer> layer{};
  int not_described = 5;
};

// Accessors by hand, to private members.
class Private {
 public:
  Private() {}
  explicit Private(int value) : value_(value) {}
  int value() const { return value_; }
  struct hana_accessors_impl {
    static constexpr auto apply() {
      return hana::make_tuple(hana::make_pair(BOOST_HANA_STRING("value"), [](auto&& self) -> auto& { return self.value_; }));
    }
  };

 private:
  int value_ = 0;
};

// Described by getters that return references.
class Getters {
 public:
  Getters() {}
  std::string& title() { return title_; }

 private:
  std::string title_{};
};

// An aggregate that wants its description to count.
struct Chosen {
  BOOST_HANA_DEFINE_STRUCT(Chosen, (int, a));
  int b = 0;
};
// An aggregate that says nothing: its own members count.
struct Unchosen {
  BOOST_HANA_DEFINE_STRUCT(Unchosen, (int, a));
  int b;
};

template <class T>
class Template {
 public:
  Template() {}
  BOOST_HANA_DEFINE_STRUCT(Template, (T, first), (std::vector<T>, more));
};

class Extended : public Layer {
 public:
  Extended() {}
  int extra = 0;
};

// Members of a base among its own, some of which can only be moved.
class WithBase : public Foreign {
 public:
  WithBase() {}
  std::vector<std::unique_ptr<float>> owned{};
};

}  // namespace hana_models

BOOST_HANA_ADAPT_STRUCT(hana_models::WithBase, count, layer, owned);
BOOST_HANA_ADAPT_STRUCT(hana_models::Foreign, count, layer);
BOOST_HANA_ADAPT_ADT(hana_models::Getters, (title, [](auto&& self) -> auto& { return self.title(); }));

template <>
struct orrery::Reflect<hana_models::Chosen> : orrery::via_hana<hana_models::Chosen> {};
template <>
struct orrery::Reflect<hana_models::Extended> {
  static constexpr auto fields = orrery::fields(orrery::base<hana_models::Layer>(), orrery::field<&hana_models::Extended::extra>("extra"));
};

namespace {

using namespace orrery;
using namespace hana_models;
using round_trip::copy_of;
using round_trip::restore_into;
using round_trip::tree_of;
using Keys = std::vector<std::string>;

TEST_CASE("DEFINE_STRUCT makes a class a record of its described members") {
  Layer layer("dense");
  layer.weights = {1, 2};
  CHECK(kind_of<Layer>() == Route::hana);
  CHECK(tree_of(layer).keys() == Keys{"name", "weights"});
  CHECK(describe(layer).leaves[1].array.data == layer.weights.data());
  CHECK(copy_of(layer).weights == layer.weights);
  CHECK(ops<Layer>().type_name == "Layer");
}

TEST_CASE("ADAPT_STRUCT describes somebody else's class, with move-only members") {
  Foreign foreign;
  foreign.count = 3;
  foreign.layer = std::make_unique<Layer>("inner");
  CHECK(tree_of(foreign).keys() == Keys{"count", "layer"});
  const Foreign same = copy_of(foreign);
  CHECK(same.count == 3);
  CHECK(same.layer->name == "inner");
  CHECK(same.not_described == 5);
}

TEST_CASE("ADAPT_STRUCT may list members of a base") {
  WithBase object;
  object.count = 4;
  object.owned.push_back(std::make_unique<float>(2.0f));
  CHECK(tree_of(object).keys() == Keys{"count", "layer", "owned"});
  const WithBase same = copy_of(object);
  CHECK(same.count == 4);
  CHECK(*same.owned.at(0) == 2);
}

TEST_CASE("accessors by hand and getters of references work") {
  CHECK(tree_of(Private(4)).keys() == Keys{"value"});
  CHECK(copy_of(Private(4)).value() == 4);
  Getters getters;
  getters.title() = "t";
  CHECK(copy_of(getters).title() == "t");
}

TEST_CASE("described classes nest in structs and containers") {
  struct State {
    std::map<std::string, Layer> layers{};
    std::optional<Template<float>> pair{};
  } state;
  state.layers["a"].weights = {1};
  state.pair.emplace();
  state.pair->more = {5, 6};
  const State same = copy_of(state);
  CHECK(same.layers.at("a").weights == std::vector<float>{1});
  CHECK(same.pair->more == std::vector<float>{5, 6});
}

TEST_CASE("an aggregate is described by Hana only where Reflect hands it over") {
  CHECK(kind_of<Chosen>() == Route::hana);
  CHECK(tree_of(Chosen{1, 2}).keys() == Keys{"a"});
  CHECK(kind_of<Unchosen>() == Route::aggregate);
  CHECK(tree_of(Unchosen{1, 2}).keys() == Keys{"a", "b"});
}

TEST_CASE("base takes the members that Hana describes") {
  Extended extended;
  extended.weights = {3};
  extended.extra = 4;
  CHECK(tree_of(extended).keys() == Keys{"name", "weights", "extra"});
  CHECK(copy_of(extended).weights == extended.weights);
}

}  // namespace
