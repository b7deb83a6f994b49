#include "orrery/orbax/item_place.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "item_files.hpp"
#include "orrery/orbax/array_checkpointer.hpp"
#include "orrery/tree.hpp"

using namespace orrery;
using namespace item_files;

namespace {

const SaveOptions fast{.durability = Durability::fast};
const PyTreeCheckpointer checkpointer;

Tree number(std::int64_t value) {
  Tree tree = Tree::dict();
  tree["n"] = value;
  return tree;
}

// An item below a step or a v1 checkpoint: what PyTreeCheckpointer writes, without the files of a step.
void save_item(const std::string& path, const Tree& tree) {
  checkpointer.save(path, tree, fast);
  storage::remove_file(path + "/_CHECKPOINT_METADATA");
}

void save_random_key(const std::string& path, const std::string& name, const std::string& about, const Tree& key) {
  if (key.is_leaf())
    ArrayCheckpointer().save(path + "/" + name, key, fast);
  else
    save_item(path + "/" + name, key);
  storage::make_directory(path + "/" + name + "_metadata");
  write(path + "/" + name + "_metadata/metadata", about);
}

const Tree key_data{Array<std::uint32_t>::from({0, 7})};

}  // namespace

TEST_CASE("a checkpoint of Orbax v1 is its item `state`, else `pytree`, else the first by name that is a pytree") {
  ScratchDirectory scratch;
  write(scratch / "orbax.checkpoint", "");
  save_item(scratch / "metrics", number(0));
  CHECK_THROWS_AS(checkpointer.restore(scratch.path()), NotFoundError);
  save_item(scratch / "zeta", number(1));
  storage::make_directory(scratch / "config");
  write(scratch / "config/data.json", "{}");
  CHECK(checkpointer.restore(scratch.path()) == number(1));
  save_item(scratch / "alpha", number(2));
  CHECK(checkpointer.restore(scratch.path()) == number(2));
  save_item(scratch / "pytree", number(3));
  CHECK(checkpointer.restore(scratch.path()) == number(3));
  save_item(scratch / "state", number(4));
  CHECK(checkpointer.restore(scratch.path()) == number(4));
  CHECK(checkpointer.restore<std::map<std::string, std::int64_t>>(scratch.path()) == std::map<std::string, std::int64_t>{{"n", 4}});
  CHECK(checkpointer.metadata(scratch.path()).leaves().at(0).path == "n");
  CHECK(checkpointer.restore(scratch / "alpha") == number(2));
}

TEST_CASE("a v1 checkpoint may be an item itself, the indicator file beside its _METADATA") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "flat", number(5), fast);
  write(scratch / "flat/orbax.checkpoint", "");
  CHECK(checkpointer.restore(scratch / "flat") == number(5));
}

TEST_CASE("what a died save and Orbax's evaluators leave in a v1 checkpoint is no item of it") {
  ScratchDirectory scratch;
  write(scratch / "orbax.checkpoint", "");
  save_item(scratch / "saved", number(1));
  for (const char* foreign :
       {"LOCKED", "_SNAPSHOTS", "a.orbax-checkpoint-tmp", "a.orbax-checkpoint-tmp-3", "a.orbax-checkpoint-tmp-1700000000123456"})
    storage::rename((save_item(scratch / "other", number(9)), scratch / "other"), scratch / foreign);
  CHECK(checkpointer.restore(scratch.path()) == number(1));
}

TEST_CASE("before the indicator file a v1 checkpoint had one item, `pytree`, and _CHECKPOINT_METADATA") {
  ScratchDirectory scratch;
  save_item(scratch / "pytree", number(1));
  CHECK_THROWS_AS(checkpointer.restore(scratch.path()), NotFoundError);
  write(scratch / "_CHECKPOINT_METADATA", "{}");
  CHECK(checkpointer.restore(scratch.path()) == number(1));
  save_item(scratch / "params", number(2));
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch.path()), doctest::Contains("whose items are: params, pytree"), NotFoundError);
}

TEST_CASE("a step of a manager is refused with the names of its items and the path of one") {
  ScratchDirectory scratch;
  save_item(scratch / "default", number(1));
  const std::string advice = "whose items are: default; give one of them, as " + (scratch / "default");
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch.path()), doctest::Contains(advice.c_str()), NotFoundError);
  ArrayCheckpointer().save(scratch / "array", 1.5, fast);
  save_random_key(scratch / "key", "jax_random_key", R"({"typed": true})", key_data);
  storage::make_directory(scratch / "metrics");
  write(scratch / "metrics/metrics", "{}");
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch.path()), doctest::Contains("whose items are: array, default, key;"), NotFoundError);
}

TEST_CASE("a path that was never committed is refused in every form that its name ever had") {
  ScratchDirectory scratch;
  for (const std::string suffix : {".orbax-checkpoint-tmp", ".orbax-checkpoint-tmp-3", ".orbax-checkpoint-tmp-1700000000123456"}) {
    save_item(scratch / "item", number(1));
    storage::rename(scratch / "item", scratch / ("item" + suffix));
    CHECK_THROWS_WITH_AS(checkpointer.restore(scratch / ("item" + suffix)), doctest::Contains("Found incomplete checkpoint"), FormatError);
  }
}

TEST_CASE("a typed key of JAX is restored as one of its default implementation, an old one as its data") {
  ScratchDirectory scratch;
  save_random_key(scratch / "typed", "jax_random_key", R"({"typed": true})", key_data);
  CHECK(checkpointer.restore(scratch / "typed") == Tree::prng_key("threefry2x32", Array<std::uint32_t>::from({0, 7})));
  CHECK(checkpointer.restore<PrngKey>(scratch / "typed").data == Array<std::uint32_t>::from({0, 7}));
  save_random_key(scratch / "old", "any_name", R"({"typed": false})", key_data);
  CHECK(checkpointer.restore(scratch / "old") == key_data);
  CHECK(checkpointer.metadata(scratch / "typed").leaves().at(0).kind == LeafKind::prng_key);
}

TEST_CASE("the state of a NumPy generator is a tuple in its old form, a dict in its new one") {
  ScratchDirectory scratch;
  const Tree numbers[] = {Tree::scalar(17), Tree::scalar(0), Tree::scalar(0.0)};
  const Tree words{Array<std::uint32_t>::from({1, 2, 3})};
  save_random_key(scratch / "old", "np_random_key", R"({"legacy": true})",
                  Tree::list({Tree::string("MT19937"), words, numbers[0], numbers[1], numbers[2]}));
  CHECK(checkpointer.restore(scratch / "old") == Tree::tuple({Tree::string("MT19937"), words, numbers[0], numbers[1], numbers[2]}));
  const auto state =
      checkpointer.restore<std::tuple<std::string, Array<std::uint32_t>, std::int64_t, std::int64_t, double>>(scratch / "old");
  CHECK(std::get<0>(state) == "MT19937");
  CHECK(std::get<2>(state) == 17);
  save_random_key(scratch / "new", "np_random_key", R"({"legacy": false})", number(3));
  CHECK(checkpointer.restore(scratch / "new") == number(3));
}

TEST_CASE("two folders that only look like a random key are a step") {
  ScratchDirectory scratch;
  save_random_key(scratch / "a", "state", R"({"author": "me"})", number(1));
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch / "a"), doctest::Contains("whose items are: state"), NotFoundError);
  save_random_key(scratch / "b", "state", R"({"typed": "yes"})", number(1));
  CHECK_THROWS_AS(checkpointer.restore(scratch / "b"), NotFoundError);
  save_random_key(scratch / "c", "state", R"({"typed": true})", key_data);
  save_item(scratch / "c/third", number(1));
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch / "c"), doctest::Contains("whose items are: state, third"), NotFoundError);
}

TEST_CASE("random keys that hold something else are refused") {
  ScratchDirectory scratch;
  save_random_key(scratch / "broken", "k", R"({"typed": )", key_data);
  CHECK_THROWS_AS(checkpointer.restore(scratch / "broken"), FormatError);
  save_random_key(scratch / "tree", "k", R"({"typed": true})", number(1));
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch / "tree"), doctest::Contains("expected one array"), FormatError);
  save_random_key(scratch / "floats", "k", R"({"typed": true})", Tree(Array<float>({2})));
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch / "floats"), doctest::Contains("pairs of uint32, found float32 (2,)"), FormatError);
  save_random_key(scratch / "three", "k", R"({"typed": true})", Tree(Array<std::uint32_t>({3})));
  CHECK_THROWS_AS(checkpointer.restore(scratch / "three"), FormatError);
  save_random_key(scratch / "dict", "k", R"({"legacy": true})", number(1));
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch / "dict"), doctest::Contains("as a list, found a dict"), FormatError);
  write(scratch / "broken/k_metadata/metadata", std::string(std::size_t{1} << 20, ' '));
  CHECK_THROWS_AS(checkpointer.restore(scratch / "broken"), FormatError);
}

namespace {

// As Orbax 0.12.8 writes it.
std::string record_of(const std::string& item, const std::string& before, const std::string& after) {
  return R"({"checkpointable_name": ")" + item + R"(", "destination": null, "operation_id": "2353e028054c483891a5fd50425db1be", )" +
         R"("original_metadata": )" + before + R"(, "updated_metadata": )" + after + "}";
}

const std::string both = R"({"item_handlers": {"state": "h", "other": "h"}, "metrics": {}})";
const std::string both_sorted = R"({"metrics": {}, "item_handlers": {"other": "h", "state": "h"}})";
const std::string one_left = R"({"item_handlers": {"other": "h"}, "metrics": {}})";

}  // namespace

TEST_CASE("an item whose deletion has begun is passed over, and refused where it is asked for") {
  ScratchDirectory scratch;
  write(scratch / "orbax.checkpoint", "");
  write(scratch / "_CHECKPOINT_METADATA", both);
  save_item(scratch / "state", number(1));
  save_item(scratch / "other", number(2));
  CHECK(checkpointer.restore(scratch.path()) == number(1));
  write(scratch / "_CHECKPOINT_DELETION", record_of("state", both_sorted, one_left));
  const auto pending = doctest::Contains("Checkpointable 'state' at ");
  CHECK(checkpointer.restore(scratch.path()) == number(2));
  CHECK(checkpointer.restore(scratch / "other") == number(2));
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch / "state"), pending, NotFoundError);
  CHECK_THROWS_WITH_AS(checkpointer.metadata(scratch / "state/"), pending, NotFoundError);
  CHECK_THROWS_WITH_AS(checkpointer.restore_mapped(scratch / "state"), pending, NotFoundError);
  write(scratch / "_CHECKPOINT_METADATA", one_left);  // the deletion came further
  CHECK(checkpointer.restore(scratch.path()) == number(2));
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch / "state"), pending, NotFoundError);
  storage::remove_tree(scratch / "other");
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch.path()), pending, NotFoundError);
}

TEST_CASE("a record of deletion that does not fit its checkpoint stops every restore from it") {
  ScratchDirectory scratch;
  write(scratch / "orbax.checkpoint", "");
  write(scratch / "_CHECKPOINT_METADATA", both);
  save_item(scratch / "state", number(1));
  save_item(scratch / "other", number(2));
  const std::string good = record_of("state", both, one_left);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  for (const std::string& record : {std::string(), std::string("[]"), std::string("{}"), good.substr(0, good.size() / 2),
                                    with("2353", "235"), with("2353", "23X3"), with("\"state\"", "\"other\""), with("\"state\"", "\"a/b\""),
                                    with("\"state\"", "\"\""), with("\"state\"", "7"), with("null", "7"), with("\"h\"", "\"g\""),
                                    record_of("state", R"({"item_handlers": "h"})", "{}"), record_of("state", one_left, one_left),
                                    record_of("state", R"({"item_handlers": {"state": "h", "other": "g"}})", R"({"item_handlers": {"other": "g"}})")}) {
    CAPTURE(record);
    write(scratch / "_CHECKPOINT_DELETION", record);
    for (const char* path : {"", "/state", "/other"}) CHECK_THROWS_AS(checkpointer.restore(scratch.path() + path), FormatError);
  }
  write(scratch / "_CHECKPOINT_DELETION", with("null", "\"/trash/7\""));
  CHECK(checkpointer.restore(scratch.path()) == number(2));
  storage::remove_file(scratch / "_CHECKPOINT_METADATA");
  CHECK_THROWS_AS(checkpointer.restore(scratch.path()), FormatError);
}

TEST_CASE("a partial save that was never finalized is no checkpoint, and said to be one") {
  ScratchDirectory scratch;
  save_item(scratch / "c.partial_save/c.partial_save.pending_1_ab/state", number(1));
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch / "c.partial_save"), doctest::Contains("partial save"), NotFoundError);
}
