#include "orrery/orbax/array_checkpointer.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "item_files.hpp"
#include "orrery/tree.hpp"

using namespace orrery;
using namespace item_files;

namespace {

const SaveOptions fast{.durability = Durability::fast};
const ArrayCheckpointer checkpointer;

Array<float> eight() {
  Array<float> array({4, 2});
  for (std::size_t i = 0; i < 8; ++i) array.values()[i] = static_cast<float>(i) / 4;
  return array;
}

// A msgpack file of 2023: {"ELEMENT": array}.
std::string aggregated(const Array<float>& array) {
  std::string payload(
      "\x93\x92\x04\x02\xa7"
      "float32\xc4\x20",
      14);
  payload.append(reinterpret_cast<const char*>(array.data()), 32);
  return std::string(
             "\x81\xa7"
             "ELEMENT\xc7\x2e\x01",
             12) +
         payload;
}

}  // namespace

TEST_CASE("an array comes back as a tree, as its type, into a target and into storage that exists") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "array", eight(), fast);
  CHECK(checkpointer.restore(scratch / "array") == Tree(eight()));
  CHECK(checkpointer.restore<Array<float>>(scratch / "array") == eight());
  CHECK(checkpointer.restore(scratch / "array", Array<float>({1})) == eight());
  CHECK(checkpointer.restore<Array<double>>(scratch / "array").at({3, 1}) == 1.75);
  std::vector<std::vector<float>> wrong;
  CHECK_THROWS_AS(checkpointer.restore_into(scratch / "array", wrong), MismatchError);
  Array<float> target({4, 2});
  const float* const before = target.data();
  CHECK(checkpointer.restore_into(scratch / "array", target).count(LeafAction::restored) == 1);
  CHECK(target == eight());
  CHECK(target.data() == before);
}

TEST_CASE("numbers, arrays of every kind and keys are single arrays too") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "int", std::int64_t{-7}, fast);
  CHECK(checkpointer.restore(scratch / "int") == Tree::scalar(-7));
  CHECK(checkpointer.restore<std::int64_t>(scratch / "int") == -7);
  checkpointer.save(scratch / "double", 0.5, fast);
  CHECK(checkpointer.restore<double>(scratch / "double") == 0.5);
  checkpointer.save(scratch / "rank0", Array<std::int16_t>::full({}, 3), fast);
  CHECK(checkpointer.restore(scratch / "rank0").kind() == Tree::Kind::array);
  checkpointer.save(scratch / "empty", Array<float>(Shape{0, 3}), fast);
  CHECK(checkpointer.restore(scratch / "empty").shape() == Shape{0, 3});
  checkpointer.save(scratch / "vector", std::vector<double>{1, 2}, fast);
  CHECK(checkpointer.restore<std::vector<double>>(scratch / "vector") == std::vector<double>{1, 2});
  checkpointer.save(scratch / "tree", Tree(eight()), fast);
  CHECK(checkpointer.restore(scratch / "tree") == Tree(eight()));
  const PrngKey key{.impl = "rbg", .data = Array<std::uint32_t>::from({1, 2, 3, 4})};
  checkpointer.save(scratch / "key", key, fast);
  CHECK(checkpointer.restore<PrngKey>(scratch / "key") == key);
}

TEST_CASE("the files are those of ArrayCheckpointHandler, and a side file of checksums") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "array", eight(), {.durability = Durability::fast, .custom_metadata = R"({"a": 1})"});
  std::vector<std::string> names;
  for (const auto& [name, content] : files(scratch / "array")) names.push_back(name);
  CHECK(names == std::vector<std::string>{"_CHECKPOINT_METADATA", "_METADATA", "_orrery.json", "checkpoint/.zarray", "checkpoint/0.0",
                                          "commit_success.txt"});
  CHECK(
      read(scratch / "array/_METADATA") ==
      R"json({"tree_metadata": {"('checkpoint',)": {"key_metadata": [{"key": "checkpoint", "key_type": 2}], "value_metadata": {"value_type": "np.ndarray", "skip_deserialize": false}}}, "use_ocdbt": false, "use_zarr3": false, "store_array_data_equal_to_fill_value": true, "custom_metadata": {"a": 1}})json");
  CHECK(read(scratch / "array/_CHECKPOINT_METADATA").find("array_checkpoint_handler.ArrayCheckpointHandler") != std::string::npos);
  CHECK(read(scratch / "array/checkpoint/0.0").size() == 32);
  checkpointer.save(scratch / "bare", eight(), {.durability = Durability::fast, .checksums = false});
  CHECK_FALSE(storage::exists(scratch / "bare/_orrery.json"));
}

TEST_CASE("the folder alone, without any metadata, is the array") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "array", eight(), fast);
  for (const char* name : {"_CHECKPOINT_METADATA", "_METADATA", "_orrery.json", "commit_success.txt"})
    storage::remove_file(scratch / "array/" + name);
  CHECK(checkpointer.restore(scratch / "array") == Tree(eight()));
}

TEST_CASE("the msgpack file of 2023 is the array under the name ELEMENT") {
  ScratchDirectory scratch;
  storage::make_directory(scratch / "array");
  write(scratch / "array/checkpoint", aggregated(eight()));
  CHECK(checkpointer.restore(scratch / "array") == Tree(eight()));
  CHECK(checkpointer.restore<Array<float>>(scratch / "array") == eight());
}

TEST_CASE("a database of the keys checkpoint/... is the array, with and without _METADATA") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict();
  tree["checkpoint"] = eight();
  PyTreeCheckpointer().save(scratch / "array", tree, fast);
  storage::remove_file(scratch / "array/checkpoint");
  CHECK(checkpointer.restore(scratch / "array") == Tree(eight()));
  storage::remove_file(scratch / "array/_METADATA");
  CHECK(checkpointer.restore(scratch / "array") == Tree(eight()));
}

TEST_CASE("a bare leaf that PyTreeCheckpointer saved is an array as well") {
  ScratchDirectory scratch;
  PyTreeCheckpointer().save(scratch / "leaf", eight(), fast);
  CHECK(checkpointer.restore<Array<float>>(scratch / "leaf") == eight());
}

TEST_CASE("what is no single array is refused with the way out, saved or stored") {
  ScratchDirectory scratch;
  CHECK_THROWS_WITH_AS(checkpointer.save(scratch / "x", std::vector<std::string>{"a"}, fast), doctest::Contains("use PyTreeCheckpointer"),
                       ArgumentError);
  CHECK_THROWS_WITH_AS(checkpointer.save(scratch / "x", std::string("a"), fast), doctest::Contains("this is a string"), ArgumentError);
  CHECK_THROWS_AS(checkpointer.save(scratch / "x", Array<float>({1}), {.custom_metadata = "[]"}), ArgumentError);
  CHECK_THROWS_AS(checkpointer.save("gs://bucket/x", Array<float>({1}), fast), ArgumentError);
  CHECK(storage::list_directory(scratch.path()).empty());
  Tree two = Tree::dict();
  two["a"] = eight();
  two["b"] = eight();
  PyTreeCheckpointer().save(scratch / "two", two, fast);
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch / "two"), doctest::Contains("found a dict of 2: use PyTreeCheckpointer"), FormatError);
  CHECK_THROWS_AS(checkpointer.restore(scratch / "nothing"), NotFoundError);
}

TEST_CASE("an array is replaced by force alone, and a save that fails at any call leaves the old one or the new one") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "array", eight(), fast);
  CHECK_THROWS_AS(checkpointer.save(scratch / "array", 1.0, fast), AlreadyExistsError);
  std::size_t call = 0;
  for (bool failed = true; failed; ++call) {
    storage_test::TestHook hook;
    hook.fail_at = call;
    {
      const storage::ScopedFileSystemHook scope(hook);
      try {
        checkpointer.save(scratch / "array", 1.0, {.force = true});
      } catch (const Error&) {
      }
    }
    failed = hook.failed;
    const Tree found = checkpointer.restore(scratch / "array");
    INFO("call " << call);
    CHECK((found == Tree::scalar(1.0) || (failed && found == Tree(eight()))));
    checkpointer.save(scratch / "array", eight(), {.force = true, .durability = Durability::fast});  // and the next save works
    CHECK(storage::list_directory(scratch.path()) == std::vector<std::string>{"array"});
  }
  CHECK(call > 20);
}

TEST_CASE("a flipped bit of a single array is noticed") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "array", eight(), fast);
  flip(scratch / "array/checkpoint/0.0", 5);
  CHECK_THROWS_AS(checkpointer.restore(scratch / "array"), DataLossError);
  CHECK_NOTHROW(checkpointer.restore(scratch / "array", {.verify_checksums = false}));
}

TEST_CASE("a single array whose files are cut anywhere is refused, or restored as it was") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "array", eight(), fast);
  for (const auto& [name, content] : files(scratch / "array"))
    for (std::size_t size = 0; size < content.size(); ++size) {
      write(scratch / "array/" + name, std::string_view(content).substr(0, size));
      std::optional<Tree> found;
      try {
        found = checkpointer.restore(scratch / "array");
      } catch (const Error&) {
      }
      INFO(name << " cut to " << size);
      const bool is_read = name != "_CHECKPOINT_METADATA" && name != "commit_success.txt";
      CHECK(found.has_value() != is_read);
      if (found) CHECK(*found == Tree(eight()));
      write(scratch / "array/" + name, content);
    }
}
