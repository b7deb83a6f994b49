#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "orrery/orbax/stored_tree.hpp"

namespace {

using namespace orrery;
using namespace orrery::orbax;

using Entries = std::vector<MetadataEntry>;
MetadataEntry entry(ValueType type, std::vector<MetadataEntry::Key> path) { return {std::move(path), type, false}; }
MetadataEntry::Key key(std::string text) { return {std::move(text), false}; }
MetadataEntry::Key index(std::string text) { return {std::move(text), true}; }

Tree built(Entries entries) {
  return build_tree(entries, [](const MetadataEntry& e) { return Tree::string(param_name(e)); }, {{}, "_METADATA", {}});
}

}  // namespace

TEST_CASE("dicts and lists are rebuilt from key paths, whatever order the entries have") {
  Entries entries;
  for (int i = 0; i < 12; ++i) entries.push_back(entry(ValueType::scalar, {key("list"), index(std::to_string(i)), key("x")}));
  entries.push_back(entry(ValueType::none, {key("none")}));
  entries.push_back(entry(ValueType::dict, {key("a"), key("dict")}));
  entries.push_back(entry(ValueType::list, {key("a"), key("list")}));
  entries.push_back(entry(ValueType::tuple, {key("a"), key("tuple")}));
  entries.push_back(entry(ValueType::named_tuple, {key("a"), key("named")}));
  const Tree tree = built(entries);
  CHECK(tree.keys() == std::vector<std::string>{"a", "list", "none"});
  REQUIRE(tree["list"].size() == 12);
  CHECK(tree["list"][10]["x"].string() == "list.10.x");
  CHECK(tree["a"]["dict"].is_dict());
  CHECK(tree["a"]["list"].is_list());
  CHECK(tree["a"]["tuple"].is_tuple());
  CHECK(tree["a"]["named"].is_none());
  std::mt19937 random(1);
  for (int i = 0; i < 20; ++i) {
    std::shuffle(entries.begin(), entries.end(), random);
    CHECK(built(entries) == tree);
  }
}

TEST_CASE("an entry without a path is the whole tree") { CHECK(built({entry(ValueType::scalar, {})}) == Tree::string("")); }

TEST_CASE("entries that contradict each other are refused by path") {
  const auto leaf = [](std::vector<MetadataEntry::Key> path) { return entry(ValueType::scalar, std::move(path)); };
  CHECK_THROWS_WITH_AS(built({leaf({key("a")}), leaf({key("a"), key("b")})}), doctest::Contains("[at a/b] [file _METADATA]"), FormatError);
  CHECK_THROWS_AS(built({leaf({key("a")}), leaf({key("a")})}), FormatError);
  CHECK_THROWS_AS(built({leaf({}), leaf({})}), FormatError);
  CHECK_THROWS_AS(built({leaf({}), leaf({key("a")})}), FormatError);
  CHECK_THROWS_AS(built({leaf({key("a"), index("0")}), leaf({key("a"), key("x")})}), FormatError);
  CHECK_THROWS_AS(built({leaf({index("0")}), leaf({index("0")})}), FormatError);
}

TEST_CASE("list indices must be 0, 1, ...: nothing is made for a large one") {
  for (const char* bad : {"1", "1000000000000000000", "99999999999999999999999999", "-1", "x", "", "0x0", "00000000000000000001"})
    CHECK_THROWS_AS(built({entry(ValueType::scalar, {index(bad)})}), FormatError);
}

TEST_CASE("paths nest as deep as a state can, not deeper") {
  std::vector<MetadataEntry::Key> path(512, key("k"));
  CHECK_NOTHROW(built({entry(ValueType::scalar, path)}));
  path.push_back(key("k"));
  CHECK_THROWS_AS(built({entry(ValueType::scalar, path)}), FormatError);
}

TEST_CASE("keys and indices in one place are refused, not sorted by two orders at once") {
  std::mt19937 random(2);
  for (int round = 0; round < 50; ++round) {
    Entries entries;
    for (int i = 0; i < 100; ++i) entries.push_back(entry(ValueType::scalar, {{std::to_string(random() % 1000), random() % 2 == 0}}));
    CHECK_THROWS_AS(built(entries), FormatError);
  }
}

TEST_CASE("names alone make a tree of dicts, keys sorted, cut at every dot") {
  const auto tree = [](const std::vector<std::string>& names) {
    return tree_of_names(names, [](const std::string& name) { return Tree::string(name); }, {{}, "item", {}});
  };
  Tree want = Tree::dict();
  want["a"]["0"]["w"] = std::string("a.0.w");
  want["a"]["1"] = std::string("a.1");
  want["b"][""]["/c"] = std::string("b../c");
  const Tree made = tree({"b../c", "a.1", "a.0.w"});
  CHECK(made == want);
  CHECK(made.keys() == std::vector<std::string>{"a", "b"});
  CHECK(tree({""}) == Tree::string(""));
  CHECK(tree({}).is_none());
  for (const auto& names : {std::vector<std::string>{"a", "a.b"}, {"a.b", "a"}, {"a", "a"}, {"", "a"}, {"a", ""}})
    CHECK_THROWS_WITH_AS(tree(names), doctest::Contains("one lies below the other"), FormatError);
  CHECK_THROWS_AS(tree({std::string(1000, '.')}), FormatError);
}
