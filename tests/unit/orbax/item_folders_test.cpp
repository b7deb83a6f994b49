// Items that no file describes: what lies in them is their structure.
#include "orrery/orbax/item_folders.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "item_files.hpp"
#include "orrery/tree.hpp"

using namespace orrery;
using namespace item_files;

namespace {

const SaveOptions fast{.durability = Durability::fast};
const PyTreeCheckpointer checkpointer;

// Two float32 as a zarr v2 array in a folder.
void write_array(const std::string& folder, float first) {
  storage::make_directories(folder);
  write(
      folder + "/.zarray",
      R"({"chunks":[2],"compressor":null,"dimension_separator":".","dtype":"<f4","fill_value":null,"filters":null,"order":"C","shape":[2],"zarr_format":2})");
  const float elements[] = {first, 0};
  write(folder + "/0", {reinterpret_cast<const char*>(elements), sizeof elements});
}
Tree array(float first) { return Tree(Array<float>::from({first, 0})); }

struct Layer {
  Array<float> w{};
};
struct State {
  std::vector<Layer> layers{};
  std::tuple<std::monostate, Layer> opt_state{};
};

// "layers.0.w", "layers.1.w", "opt_state.1.w".
void write_state(const std::string& item) {
  write_array(item + "/layers.0.w", 1);
  write_array(item + "/layers.1.w", 2);
  write_array(item + "/opt_state.1.w", 3);
}

}  // namespace

TEST_CASE("folders of arrays are the structure: their names cut at dots, lists as dicts of their indices") {
  ScratchDirectory scratch;
  write_state(scratch.path());
  Tree want = Tree::dict();
  want["layers"]["0"]["w"] = array(1);
  want["layers"]["1"]["w"] = array(2);
  want["opt_state"]["1"]["w"] = array(3);
  CHECK(checkpointer.restore(scratch.path()) == want);
}

TEST_CASE("a target's lists and tuples take such dicts, what has no leaf being absent") {
  ScratchDirectory scratch;
  write_state(scratch.path());
  const State state = checkpointer.restore<State>(scratch.path());
  REQUIRE(state.layers.size() == 2);
  CHECK(state.layers[1].w == Array<float>::from({2, 0}));
  CHECK(std::get<1>(state.opt_state).w == Array<float>::from({3, 0}));
  State target{std::vector<Layer>(2), {}};
  checkpointer.restore_into(scratch.path(), target);
  CHECK(target.layers[0].w == Array<float>::from({1, 0}));
  State three{std::vector<Layer>(3), {}};
  CHECK_THROWS_WITH_AS(checkpointer.restore_into(scratch.path(), three), doctest::Contains("layers/2/w"), KeyError);
  State one{std::vector<Layer>(1), {}};
  RestoreReport report = checkpointer.restore_into(scratch.path(), one);
  CHECK(report.ignored() == std::vector<std::string>{"layers/1/w"});
  CHECK_THROWS_AS(checkpointer.restore_into(scratch.path(), one, {.allow_extra = false}), MismatchError);
}

TEST_CASE("the keys of a database are the structure, where there is one") {
  ScratchDirectory scratch;
  const State state{{Layer{Array<float>::from({1})}, Layer{Array<float>::from({2})}}, {std::monostate(), Layer{Array<float>::from({3})}}};
  checkpointer.save(scratch / "item", state, fast);
  for (const char* name : {"_METADATA", "checkpoint"}) storage::remove_file(scratch / "item/" + name);
  CHECK(checkpointer.restore(scratch / "item")["opt_state"]["1"]["w"] == Tree(Array<float>::from({3})));
  CHECK(checkpointer.restore<State>(scratch / "item").layers[1].w == Array<float>::from({2}));
  CHECK_FALSE(checkpointer.restore(scratch / "item")["opt_state"].contains("0"));
}

TEST_CASE("a database of one array without a name is a bare leaf") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "leaf", Array<float>::from({1, 2}), fast);
  for (const char* name : {"_METADATA", "checkpoint"}) storage::remove_file(scratch / "leaf/" + name);
  CHECK(checkpointer.restore(scratch / "leaf") == Tree(Array<float>::from({1, 2})));
}

TEST_CASE("strings are part of that structure, wherever their file lies") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict();
  tree["w"] = array(1);
  tree["deep"]["name"] = std::string("text");
  checkpointer.save(scratch / "item", tree, fast);
  for (const char* name : {"_METADATA", "checkpoint"}) storage::remove_file(scratch / "item/" + name);
  CHECK(checkpointer.restore(scratch / "item") == tree);
  storage::make_directory(scratch / "item/deep.name");  // 0.3.0 to 0.3.5
  storage::rename(scratch / "item/_strings.json", scratch / "item/deep.name/_strings.json");
  CHECK(checkpointer.restore(scratch / "item") == tree);
}

TEST_CASE("a placeholder without _METADATA stands for a string if there is one of its name") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict();
  tree["w"] = array(1);
  tree["name"] = std::string("text");
  checkpointer.save(scratch / "item", tree, fast);
  storage::remove_file(scratch / "item/_METADATA");
  CHECK(checkpointer.restore(scratch / "item") == tree);
  storage::make_directories(scratch / "item/a/b");  // 0.4.0 did so for keys with slashes
  storage::rename(scratch / "item/_strings.json", scratch / "item/a/b/_strings.json");
  CHECK(checkpointer.restore(scratch / "item") == tree);
  storage::remove_file(scratch / "item/a/b/_strings.json");
  CHECK_THROWS_AS(checkpointer.restore(scratch / "item"), DataLossError);
}

TEST_CASE("a name with a slash is a folder deeper, beside others that are not") {
  ScratchDirectory scratch;
  write_array(scratch / "a/b", 1);
  CHECK_THROWS_AS(checkpointer.restore(scratch.path()), NotFoundError);  // as well the item "a" of a step
  write_array(scratch / "c", 2);
  Tree want = Tree::dict();
  want["a/b"] = array(1);
  want["c"] = array(2);
  CHECK(checkpointer.restore(scratch.path()) == want);
}

TEST_CASE("folders of Orbax's own, of died saves and of locks are no arrays, and arrays may have their names") {
  ScratchDirectory scratch;
  write_array(scratch / "w", 1);
  write_array(scratch / "w.orbax-checkpoint-tmp-7", 9);
  write_array(scratch / "ocdbt.process_0/d/x", 9);
  write_array(scratch / "array_metadatas/x", 9);
  write_array(scratch / "LOCKED/x", 9);
  write_array(scratch / "_SNAPSHOTS/x", 9);
  write(scratch / "w/.zarray.__lock", "");
  write(scratch / "commit_success.txt", "");
  Tree want = Tree::dict();
  want["w"] = array(1);
  CHECK(checkpointer.restore(scratch.path()) == want);
  write_array(scratch / "d", 2);
  want["d"] = array(2);
  CHECK(checkpointer.restore(scratch.path()) == want);
}

TEST_CASE("links are arrays where they lead to one, and are not followed further") {
  ScratchDirectory scratch;
  write_array(scratch / "elsewhere/w", 1);
  storage::make_directory(scratch / "item");
  REQUIRE(::symlink((scratch / "elsewhere/w").c_str(), (scratch / "item/w").c_str()) == 0);
  REQUIRE(::symlink(".", (scratch / "item/circle").c_str()) == 0);
  Tree want = Tree::dict();
  want["w"] = array(1);
  CHECK(checkpointer.restore(scratch / "item") == want);
}

TEST_CASE("names that cannot be in one tree are refused") {
  ScratchDirectory scratch;
  write_array(scratch / "a", 1);
  write_array(scratch / "a.b", 2);
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch.path()), doctest::Contains("one lies below the other"), FormatError);
}

TEST_CASE("a folder without anything in it is no item") {
  ScratchDirectory scratch;
  storage::make_directory(scratch / "empty");
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch / "empty"), doctest::Contains("No structure could be identified"), NotFoundError);
  write(scratch / "file", "x");
  CHECK_THROWS_AS(checkpointer.restore(scratch / "file"), FormatError);
  Tree tree = Tree::dict();
  tree["s"] = std::string("a");
  checkpointer.save(scratch / "database", Array<float>({1}), fast);
  for (const char* name : {"_METADATA", "checkpoint", "d"}) storage::remove_tree(scratch / "database/" + name);
  CHECK_THROWS_AS(checkpointer.restore(scratch / "database"), Error);
}

TEST_CASE("an array whose name has a slash is found in the database of its folder, as 0.4.0 left it") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict(), below = Tree::dict();
  tree["a/b/c"] = array(1);
  tree["w"] = array(2);
  checkpointer.save(scratch / "item", tree, fast);
  below["c"] = array(3);
  checkpointer.save(scratch / "below", below, fast);
  storage::make_directory(scratch / "item/a");
  storage::rename(scratch / "below", scratch / "item/a/b");
  CHECK(checkpointer.restore(scratch / "item")["a/b/c"] == array(1));  // its own database comes first
  Tree without = Tree::dict();
  without["w"] = array(2);
  checkpointer.save(scratch / "without", without, fast);
  for (const char* name : {"manifest.ocdbt", "d"}) {
    storage::remove_tree(scratch / "item/" + name);
    storage::rename(scratch / "without/" + name, scratch / "item/" + name);
  }
  storage::remove_file(scratch / "item/_orrery.json");
  Tree want = tree;
  want["a/b/c"] = array(3);
  CHECK(checkpointer.restore(scratch / "item") == want);
  write(scratch / "item/a/b/manifest.ocdbt", "no manifest");
  CHECK_THROWS_AS(checkpointer.restore(scratch / "item"), FormatError);
  storage::remove_tree(scratch / "item/a");
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch / "item"), doctest::Contains("there is no key a/b/c/.zarray"), DataLossError);
}

TEST_CASE("no name leads to a database outside of the item") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict(), outside = Tree::dict();
  tree["../outside/w"] = array(1);
  tree["x"] = array(2);
  outside["w"] = array(3);
  checkpointer.save(scratch / "outside", outside, fast);
  checkpointer.save(scratch / "item", tree, fast);
  Tree without = Tree::dict();
  without["x"] = array(2);
  checkpointer.save(scratch / "without", without, fast);
  for (const char* name : {"manifest.ocdbt", "d"}) {
    storage::remove_tree(scratch / "item/" + name);
    storage::rename(scratch / "without/" + name, scratch / "item/" + name);
  }
  CHECK_THROWS_AS(checkpointer.restore(scratch / "item"), DataLossError);
}

TEST_CASE("an item in files is found by a path that goes up and down") {
  ScratchDirectory scratch;
  write_array(scratch / "item/w", 1);
  storage::make_directory(scratch / "beside");
  CHECK(checkpointer.restore(scratch / "beside/../item")["w"] == array(1));
}
