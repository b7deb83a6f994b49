#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <boost/hana/at_key.hpp>
#include <boost/hana/define_struct.hpp>

#include "orrery/adapters/hana.hpp"
#include "../reflect/round_trip.hpp"

namespace hana_containers {

namespace hana = boost::hana;
using namespace hana::literals;

inline auto make_map(float learning_rate, std::vector<float> kernel) {
  return hana::make_map(hana::make_pair(BOOST_HANA_STRING("rate"), learning_rate),
                        hana::make_pair(BOOST_HANA_STRING("kernel"), std::move(kernel)));
}
using Map = decltype(make_map(0, {}));

class Layer {
 public:
  Layer() {}
  BOOST_HANA_DEFINE_STRUCT(Layer, (std::string, name), (Map, hyper));
};

struct State {
  hana::tuple<std::int64_t, std::vector<float>, Layer> parts{};
  hana::pair<std::string, double> note{};
  hana::optional<std::int64_t> step{};
  hana::optional<> nothing{};
  hana::tuple<> empty{};
};

}  // namespace hana_containers

namespace {

using namespace orrery;
using hana_containers::State;
using round_trip::copy_of;
using round_trip::restore;
using round_trip::tree_of;

TEST_CASE("hana's tuples and pairs are tuples, a map of strings is a dict, an optional is what it holds") {
  State state;
  state.parts[boost::hana::size_c<0>] = 3;
  state.parts[boost::hana::size_c<1>] = {1, 2};
  hana_containers::Layer& layer = state.parts[boost::hana::size_c<2>];
  layer.name = "dense";
  layer.hyper = hana_containers::make_map(0.5f, {7, 8, 9});
  state.note = boost::hana::make_pair(std::string("loss"), 0.25);
  *state.step = 12;

  const Tree tree = tree_of(state);
  CHECK(tree["parts"].is_tuple());
  CHECK(tree["parts"][2]["hyper"].keys() == std::vector<std::string>{"rate", "kernel"});
  CHECK(tree["note"][0].string() == "loss");
  CHECK(tree["step"].scalar<std::int64_t>() == 12);
  CHECK(tree["nothing"].is_none());
  CHECK(describe(state).leaves[1].array.data == state.parts[boost::hana::size_c<1>].data());

  const State same = copy_of(state);
  CHECK(same.parts[boost::hana::size_c<0>] == 3);
  CHECK(same.parts[boost::hana::size_c<1>] == std::vector<float>{1, 2});
  CHECK(same.parts[boost::hana::size_c<2>].hyper[BOOST_HANA_STRING("kernel")] == std::vector<float>{7, 8, 9});
  CHECK(boost::hana::second(same.note) == 0.25);
  CHECK(*same.step == 12);
}

TEST_CASE("what a hana container needs and the tree lacks is told by its path") {
  State state;
  Tree tree = tree_of(state);
  tree["parts"][2]["hyper"].erase("rate");
  try {
    static_cast<void>(restore<State>(tree));
    FAIL("restored");
  } catch (const KeyError& error) {
    REQUIRE(error.missing().size() == 1);
    CHECK(error.missing()[0].path == "parts/2/hyper/rate");
  }
  tree = tree_of(state);
  tree["step"] = Tree::none();  // a hana::optional that holds something always does
  CHECK_THROWS_AS(static_cast<void>(restore<State>(tree)), StructureError);
}

}  // namespace
