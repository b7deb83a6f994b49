#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "orrery/optax/states.hpp"
#include "orrery/orbax/params.hpp"
#include "orrery/reflect/reflectable.hpp"

namespace {

using namespace orrery;
using namespace orrery::orbax;
using Texts = std::vector<std::string>;

// "name type key_types" of every parameter in order.
Texts listed(const TreeView& view) {
  const Params params = flatten_params(view);
  Texts out;
  for (const Param& p : params.list) {
    std::string line = p.name + " " + std::string(name(p.type)) + " ";
    for (const MetadataKey& key : params.path(p)) line += std::to_string(key.type);
    out.push_back(line);
  }
  return out;
}
// The message of the refusal of a dict with these keys, all arrays.
std::string refusal(const std::vector<std::string>& keys, const Tree& leaf = Tree(Array<float>::from({1}))) {
  Tree tree = Tree::dict();
  for (const std::string& key : keys) tree.insert({key}, leaf);
  try {
    flatten_params(describe(tree));
  } catch (const ArgumentError& e) {
    return e.what();
  }
  return "";
}
bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("dict keys come sorted, fields and elements as they stand, joined with dots") {
  struct State {
    std::map<std::string, float> zeta{{"b", 1.0f}, {"a", 2.0f}};
    std::vector<std::int64_t> unused{};
    std::tuple<float, std::string> alpha{};
    std::vector<std::string> names = std::vector<std::string>(11);
  };
  Tree tree = Tree::dict();
  tree["z"] = Tree::scalar(1);
  tree["B"] = Tree::scalar(2.0);
  tree["a.b"] = Array<float>::from({1});
  CHECK(listed(describe(tree)) == Texts{"B scalar 2", "a.b np.ndarray 2", "z scalar 2"});
  const Texts state = listed(describe(State{}));
  CHECK(state[0] == "zeta.a np.ndarray 22");
  CHECK(state[1] == "zeta.b np.ndarray 22");
  CHECK(state[3] == "alpha.0 np.ndarray 21");
  CHECK(state[4] == "alpha.1 string 21");
  CHECK(state[15] == "names.10 string 21");
}

TEST_CASE("every kind of leaf and of empty node has its value type") {
  struct State {
    double number = 0;
    NumpyScalar<float> numpy{};
    std::string text{};
    PrngKey key{"threefry2x32", Array<std::uint32_t>::from({1, 2})};
    std::optional<float> none{};
    std::map<std::string, float> dict{};
    std::vector<std::string> list{};
    std::tuple<> tuple{};
    optax::EmptyState state{};
  };
  CHECK(listed(describe(State{})) == Texts{"number scalar 2", "numpy scalar 2", "text string 2", "key jax.Array 2", "none None 2",
                                           "dict Dict 2", "list List 2", "tuple None 2", "state None 2"});
}

TEST_CASE("a bare leaf is a parameter without a name") {
  CHECK(listed(describe(Tree(Array<float>::from({1})))) == Texts{" np.ndarray "});
}

TEST_CASE("an empty root is refused with Orbax's words, empties within it are not") {
  for (const Tree& tree : {Tree::none(), Tree::dict(), Tree::list(), Tree::tuple()})
    CHECK_THROWS_WITH_AS(flatten_params(describe(tree)), doctest::Contains("Found empty item."), ArgumentError);
  Tree tree = Tree::dict();
  tree["a"] = Tree::none();
  CHECK_NOTHROW(flatten_params(describe(tree)));
}

TEST_CASE("names that are equal in storage are refused") {
  Tree tree = Tree::dict();
  tree["a.b"] = Tree::scalar(1);
  tree["a"]["b"] = Tree::scalar(2);
  CHECK_THROWS_WITH_AS(flatten_params(describe(tree)), doctest::Contains("two leaves have the name \"a.b\""), ArgumentError);
  tree["a"]["b"] = Tree::dict();  // an empty node too: its entry would be the same
  CHECK_THROWS_AS(flatten_params(describe(tree)), ArgumentError);
}

TEST_CASE("names that Orbax cannot find again are refused, all others are not") {
  CHECK(contains(refusal({"a/"}), "ends in '/'"));
  CHECK(contains(refusal({"a/b", "a"}), "\"a\" would lie inside"));
  CHECK(contains(refusal({"a/b/c", "a/b"}), "\"a/b\" would lie inside"));
  CHECK(contains(refusal({"/a", ""}), "\"\" would lie inside"));
  CHECK(refusal({"a/b", "a/c", "", ".", "../x", " ", "\"", "\\", "\n", "~", "a~1", ".zarray", "\u00e9", std::string(2000, 'x')}) == "");
  CHECK(refusal({"/a", "//b"}) == "");
}

TEST_CASE("string leaves must not have a tilde in their names, nor nest beyond what JSON holds") {
  CHECK(contains(refusal({"a~1"}, Tree::string("x")), "'~'"));
  CHECK(contains(refusal({"a" + std::string(101, '/') + "b"}, Tree::string("x")), "more than 100"));
  CHECK(refusal({"a" + std::string(100, '/') + "b"}, Tree::string("x")) == "");
}

TEST_CASE("bytes and extensions are refused by the name of their leaf") {
  CHECK(contains(refusal({"blob"}, Tree::bytes("x")), "[at blob]"));
  CHECK(contains(refusal({"blob"}, Tree::ext(1, "x")), "[at blob]"));
}
