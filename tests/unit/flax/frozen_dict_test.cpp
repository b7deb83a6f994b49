#include <doctest/doctest.h>

#include <string>

#include "orrery/flax/frozen_dict.hpp"
#include "orrery/flax/serialization.hpp"

using namespace orrery;
using flax::FrozenDict;

TEST_CASE("a FrozenDict is replaced, never changed") {
  const FrozenDict<int> dict{{"b", 2}, {"a", 1}};
  CHECK(dict.size() == 2);
  CHECK(dict["a"] == 1);
  CHECK(dict.begin()->first == "a");
  CHECK_THROWS_AS(dict.at("c"), KeyError);
  CHECK(dict.copy({{"a", 7}, {"c", 3}}) == FrozenDict<int>{{"a", 7}, {"b", 2}, {"c", 3}});
  auto [rest, value] = dict.pop("a");
  CHECK(rest == FrozenDict<int>{{"b", 2}});
  CHECK(value == 1);
  CHECK_THROWS_AS(dict.pop("z"), KeyError);
  CHECK(dict == dict.unfreeze());
}

TEST_CASE("on disk a FrozenDict is a dict, and it comes back") {
  const FrozenDict<std::string, FrozenDict<double>> dict{{"layer", {{"w", 1.5}}}};
  const std::string bytes = flax::to_bytes(dict);
  CHECK(bytes == flax::to_bytes(std::map<std::string, std::map<std::string, double>>{{"layer", {{"w", 1.5}}}}));
  CHECK((flax::from_bytes<FrozenDict<std::string, FrozenDict<double>>>(bytes)) == dict);
  CHECK(flax::from_bytes(FrozenDict<std::string, FrozenDict<double>>{{"layer", {{"w", 0.0}}}}, bytes) == dict);
  CHECK((flax::from_bytes<FrozenDict<int, bool>>(flax::to_bytes(FrozenDict<int, bool>{{7, true}})))[7]);
}
