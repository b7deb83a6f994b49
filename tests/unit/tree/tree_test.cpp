#include "orrery/tree/tree.hpp"

#include <doctest/doctest.h>

#include <complex>
#include <limits>
#include <string>

#include "orrery/tree/describe.hpp"

using namespace orrery;

TEST_CASE("a dict keeps the order of insertion, and a key that is assigned again keeps its place") {
  Tree tree = Tree::dict();
  tree["b"] = std::int64_t{1};
  tree["a"] = std::int64_t{2};
  tree["b"] = std::int64_t{3};
  CHECK(tree.keys() == std::vector<std::string>{"b", "a"});
  CHECK(tree["b"].scalar<std::int64_t>() == 3);
}

TEST_CASE("a dict of many keys finds each of them, also after one was erased") {
  Tree tree = Tree::dict();
  for (int i = 0; i < 1000; ++i) tree.insert({std::to_string(i)}, Tree::scalar(i));
  CHECK(tree.size() == 1000);
  CHECK(tree.erase("17"));
  CHECK_FALSE(tree.contains("17"));
  for (int i = 0; i < 1000; ++i)
    if (i != 17) REQUIRE(tree[std::to_string(i)].scalar<int>() == i);
}

TEST_CASE("equality ignores the order of dict keys and nothing else") {
  Tree a = Tree::dict(), b = Tree::dict();
  a["x"] = std::int64_t{1};
  a["y"] = Array<float>::from({1, 2});
  b["y"] = Array<float>::from({1, 2});
  b["x"] = std::int64_t{1};
  CHECK(a == b);
  b["y"] = Array<float>::from({1, 3});
  CHECK_FALSE(a == b);
  b["y"] = Array<double>::from({1, 2});
  CHECK_FALSE(a == b);
  CHECK_FALSE(Tree::list() == Tree::tuple());
  CHECK_FALSE(Tree::scalar(1) == Tree::numpy_scalar(std::int64_t{1}));
}

TEST_CASE("a missing key is a KeyError that names it, and reading never inserts") {
  Tree tree = Tree::dict();
  const Tree& fixed = tree;
  CHECK_THROWS_WITH_AS(fixed["step"], "the tree has no key \"step\"", KeyError);
  CHECK(tree.size() == 0);
  CHECK_THROWS_AS(Tree::scalar(1)["x"], ArgumentError);
  CHECK_THROWS_AS(Tree::list()[0], ArgumentError);
}

TEST_CASE("writing below a new key makes dicts on the way") {
  Tree tree;
  tree["model"]["params"]["bias"] = Array<float>({3});
  CHECK(tree["model"]["params"]["bias"].shape() == Shape{3});
}

TEST_CASE("scalars are Python's: one int, one float, and uint64 only beyond int64") {
  CHECK(Tree::scalar(true).dtype() == DType::bool_);
  CHECK(Tree::scalar(std::int8_t{-1}).dtype() == DType::int64);
  CHECK(Tree::scalar(std::uint64_t{1}).dtype() == DType::int64);
  CHECK(Tree::scalar(std::numeric_limits<std::uint64_t>::max()).dtype() == DType::uint64);
  CHECK(Tree::scalar(1.5f).dtype() == DType::float64);
  CHECK(Tree::scalar(std::complex<float>(1, 2)).dtype() == DType::complex128);
}

TEST_CASE("a scalar is given out in any type that holds it exactly") {
  CHECK(Tree::scalar(255).scalar<std::uint8_t>() == 255);
  CHECK_THROWS_AS((void)Tree::scalar(256).scalar<std::uint8_t>(), ArgumentError);
  CHECK_THROWS_AS((void)Tree::scalar(0.5).scalar<int>(), ArgumentError);
  CHECK(Tree::scalar(2.0).scalar<int>() == 2);
}

TEST_CASE("a described leaf says what it is and refuses to give a value") {
  Tree leaf = Tree::described(LeafKind::array, DType::float32, {5, 3}, 7);
  CHECK(leaf.is_leaf());
  CHECK_FALSE(leaf.has_value());
  CHECK(leaf.id() == 7);
  CHECK(leaf.shape() == Shape{5, 3});
  CHECK_THROWS_AS((void)leaf.array(), ArgumentError);
}

TEST_CASE("a copy is deep and a moved-from tree is none") {
  Tree tree = Tree::dict();
  tree["a"] = Array<float>::from({1});
  Tree copy = tree;
  copy["a"] = Array<float>::from({2});
  CHECK(tree["a"].array().at<float>({0}) == 1);
  Tree moved = std::move(tree);
  CHECK(tree.is_none());
  Tree inner = std::move(moved["a"]);
  moved = std::move(inner);
  CHECK(moved.array().at<float>({0}) == 1);
}

TEST_CASE("sort_keys orders every level by code point and leaves lists alone") {
  Tree tree = Tree::dict();
  tree["b"] = std::int64_t{1};
  tree["B"] = std::int64_t{1};
  tree["é"] = std::int64_t{1};
  tree["a"]["2"] = std::int64_t{1};
  tree["a"]["10"] = std::int64_t{1};
  tree.sort_keys();
  CHECK(tree.keys() == std::vector<std::string>{"B", "a", "b", "é"});
  CHECK(tree["a"].keys() == std::vector<std::string>{"10", "2"});
}

TEST_CASE("describing a tree points at its arrays and copies nothing") {
  Tree tree = Tree::dict();
  tree["w"] = Array<float>({5, 3});
  tree["none"] = Tree();
  tree["list"] = Tree::list({Tree::string("x"), Tree::dict()});
  TreeView view = describe(tree);
  REQUIRE(view.leaves.size() == 2);
  CHECK(view.leaves[0].array.data == tree["w"].array().data());
  CHECK(view.leaves[1].text == "x");
  CHECK(view.nodes[0].end == view.nodes.size());
  CHECK(view.nodes[2].kind == NodeKind::none);
  CHECK(view.nodes[3].kind == NodeKind::list);
  CHECK(view.nodes[3].count == 2);
}

TEST_CASE("key paths print with slashes") {
  CHECK(to_string(KeyPath{key_entry("model"), key_entry("opt_state"), index_entry(0)}) == "model/opt_state/0");
  CHECK(to_string(KeyPath{}) == "");
  PathLink a{nullptr, "a", 0, false}, b{&a, {}, 3, true};
  CHECK(to_string(&b) == "a/3");
}
