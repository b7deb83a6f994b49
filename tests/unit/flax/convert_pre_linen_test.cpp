#include "orrery/flax/convert_pre_linen.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace orrery;

namespace {

Tree dict(const std::vector<std::string>& keys) {
  Tree out = Tree::dict();
  for (const std::string& key : keys) out.insert({key}, Tree::dict());
  return out;
}

}  // namespace

TEST_CASE("T-C16: submodules are numbered by class, at every level, in natural order") {
  Tree params = Tree::dict();
  params["mod_0"] = dict({"submod1_0", "submod2_1", "submod1_2"});
  params["mod2_2"] = dict({"submod2_2_0"});
  params["mod2_11"] = dict({"submod2_11_0"});
  params["mod2_1"] = dict({"submod2_1_0"});
  Tree expected = Tree::dict();
  expected["mod_0"] = dict({"submod1_0", "submod1_1", "submod2_0"});
  expected["mod2_0"] = dict({"submod2_1_0"});
  expected["mod2_1"] = dict({"submod2_2_0"});
  expected["mod2_2"] = dict({"submod2_11_0"});
  CHECK(flax::convert_pre_linen(params) == expected);
  CHECK(flax::convert_pre_linen(expected) == expected);
}

TEST_CASE("names without a number stay, and the order is that of the visit") {
  Tree params = dict({"Conv_0", "Dense_1", "x_y_3", "plain", "Dense_10"});
  params["Dense_1"]["kernel"] = std::int64_t{1};
  const Tree converted = flax::convert_pre_linen(params);
  CHECK(converted.keys() == std::vector<std::string>{"Conv_0", "Dense_0", "Dense_1", "plain", "x_y_0"});
  CHECK(converted["Dense_0"]["kernel"] == Tree::scalar(1));
  CHECK(flax::convert_pre_linen(dict({"12", "_", "a_", "a1"})).keys() == std::vector<std::string>{"12", "_", "a1", "a_"});
  CHECK(flax::convert_pre_linen(Tree::scalar(3)) == Tree::scalar(3));
}
