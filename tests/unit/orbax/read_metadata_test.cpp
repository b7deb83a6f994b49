#include <doctest/doctest.h>

#include <string>

#include "orrery/orbax/metadata_files.hpp"
#include "orrery/orbax/read_metadata.hpp"
#include "orrery/tree/describe.hpp"

namespace {

using namespace orrery;
using namespace orrery::orbax;
using orrery::orbax::ItemMetadata;  // the manager has one too

const Where here{{}, "_METADATA", {}};
ItemMetadata parsed(std::string_view text) { return parse_metadata_file(text, here); }
std::string entry(const std::string& key_metadata) {
  return R"({"tree_metadata": {"x": {"key_metadata": )" + key_metadata +
         R"(, "value_metadata": {"value_type": "scalar", "skip_deserialize": false}}}})";
}

}  // namespace

TEST_CASE("what is written is read: paths, types, flags") {
  Tree tree = Tree::dict();
  tree["a"] = Tree::list({Tree::scalar(1), Tree::none(), Tree::string("s")});
  tree["b"]["\u00e9\""] = Array<float>::from({1});
  const TreeView view = describe(tree);
  const ItemMetadata metadata = parsed(metadata_file(flatten_params(view), ""));
  CHECK(metadata.use_ocdbt == true);
  CHECK_FALSE(metadata.use_zarr3);
  CHECK(metadata.chunks_are_complete);
  REQUIRE(metadata.entries.size() == 4);
  CHECK(metadata.entries[0].type == ValueType::scalar);
  CHECK(metadata.entries[0].path[0].text == "a");
  CHECK_FALSE(metadata.entries[0].path[0].is_index);
  CHECK(metadata.entries[0].path[1].is_index);
  CHECK(metadata.entries[1].type == ValueType::none);
  CHECK(metadata.entries[1].skip_deserialize);
  CHECK(metadata.entries[2].type == ValueType::string);
  CHECK(metadata.entries[3].path[1].text == "\u00e9\"");
}

TEST_CASE("older and newer files: flags may be absent, unknown members and types are passed over") {
  const ItemMetadata metadata = parsed(
      R"({"future": [{"key_metadata": [{"key": 1}]}],
          "tree_metadata": {"a": {"more": {"key": 5}, "key_metadata": [{"key": "a", "key_type": 2, "hint": {"key": 7}}],
                                  "value_metadata": {"value_type": "novelty", "skip_deserialize": false, "write_shape": [8],
                                                     "sharding": {"value_type": "scalar"}}}},
          "value_metadata_tree": "{}"})");
  CHECK_FALSE(metadata.use_ocdbt.has_value());
  CHECK_FALSE(metadata.chunks_are_complete);
  REQUIRE(metadata.entries.size() == 1);
  CHECK(metadata.entries[0].type == ValueType::unknown);
  CHECK(metadata.entries[0].path.size() == 1);
}

TEST_CASE("what is like the tree but elsewhere is not taken for it") {
  CHECK(parsed(R"({"zzz": {"a": {"key_metadata": [{"key": "x", "key_type": 9}]}}, "tree_metadata": {}})").entries.empty());
  CHECK(parsed(R"({"tree_metadata": {}, "zzz": {"a": {"value_metadata": {"value_type": "scalar"}}}})").entries.empty());
  CHECK_NOTHROW(parsed(R"({"tree_metadata": {"a": [[{"key_metadata": [{"key": "x"}]}]]}})"));
}

TEST_CASE("a file without a tree, of another type, or of keys that are none is refused") {
  CHECK_THROWS_AS(parsed("{}"), FormatError);
  CHECK_THROWS_AS(parsed("[]"), FormatError);
  CHECK_THROWS_AS(parsed("7"), FormatError);
  CHECK_THROWS_AS(parsed(""), FormatError);
  CHECK_THROWS_AS(parsed(R"({"tree_metadata": []})"), FormatError);
  CHECK_THROWS_WITH_AS(parsed(entry(R"([{"key": 5, "key_type": 2}])")), doctest::Contains("a key must be a string"), FormatError);
  CHECK_THROWS_AS(parsed(entry(R"([{"key_type": 2}])")), FormatError);
  CHECK_THROWS_WITH_AS(parsed(entry(R"([{"key": "a", "key_type": 3}])")), doctest::Contains("[file _METADATA]"), FormatError);
  CHECK_NOTHROW(parsed(entry(R"([{"key": "a", "key_type": 2}])")));
}

TEST_CASE("an entry that stands twice is refused") {
  CHECK_THROWS_AS(parsed(R"({"tree_metadata": {"a": {}, "a": {}}})"), FormatError);
}

TEST_CASE("strings are found by name as TensorStore finds them") {
  const StoredStrings strings(
      R"({"model.name":"abc","a":{"b":"nested","":"empty"},"a/b":"one","c~":"zero","":{"x":"rooted"},"n":5})", {{}, "_strings.json", {}});
  CHECK(strings.at("model.name") == "abc");
  CHECK(strings.at("a/b") == "nested");
  CHECK(strings.at("a/") == "empty");
  CHECK(strings.at("a~1b") == "one");
  CHECK(strings.at("c~0") == "zero");
  CHECK(strings.at("/x") == "rooted");
  CHECK_THROWS_WITH_AS(strings.at("n"), doctest::Contains("[at n] [file _strings.json]"), DataLossError);
  CHECK_THROWS_AS(strings.at("a"), DataLossError);
  CHECK_THROWS_AS(strings.at(""), DataLossError);
}

TEST_CASE("every string has a name that finds it") {
  const StoredStrings strings(R"({"m.n":"abc","a":{"b":"nested","":"empty"},"a/b":"one","c~":"zero","n":5})", {{}, "_strings.json", {}});
  CHECK(strings.names() == std::vector<std::string>{"a/", "a/b", "a~1b", "c~0", "m.n"});
  for (const std::string& name : strings.names()) CHECK(strings.find(name));
  CHECK_FALSE(strings.find("n"));
}

TEST_CASE("every string that is written is found again") {
  Tree tree = Tree::dict();
  for (const std::string key : {"//a", "/x", "a/b", "a/c/d", "a..b", " ", "\u00e9", "q\""})
    tree.insert({key}, Tree::string("text of " + key));
  const TreeView view = describe(tree);
  const StoredStrings strings(strings_file(flatten_params(view)), {});
  for (const auto& [key, value] : tree.items()) CHECK(strings.at(key.text) == value.string());
  const Tree bare = Tree::string("bare");
  const TreeView bare_view = describe(bare);
  CHECK(StoredStrings(strings_file(flatten_params(bare_view)), {}).at("") == "bare");
}

TEST_CASE("checksums are read back, foreign members are not taken for them") {
  const StoredChecksums checksums(checksums_file({{"b/0.0", 4294967295u}, {"a/0", 7}}), {});
  CHECK(checksums.find("a/0") == 7u);
  CHECK(checksums.find("b/0.0") == 4294967295u);
  CHECK_FALSE(checksums.find("a/1"));
  const StoredChecksums foreign(R"({"crc32c": {"a": -1, "b": 4294967296, "c": "7", "d": {"e": 5}}, "other": {"f": 6}})", {});
  for (const char* key : {"a", "b", "c", "d", "e", "f", ""}) CHECK_FALSE(foreign.find(key));
}

TEST_CASE("implementations of typed keys are found by parameter") {
  const auto impls = prng_impls(
      R"({"array_metadatas": [{"array_metadata": {"param_name": "data.0", "ext_metadata": null}}, {"array_metadata": {"param_name": "key",
          "ext_metadata": {"random_key_impl": "rbg"}}}, 5, {"array_metadata": []}]})", {});
  CHECK(impls.size() == 1);
  CHECK(impls.at("key") == "rbg");
  CHECK(prng_impls("{}", {}).empty());
}
