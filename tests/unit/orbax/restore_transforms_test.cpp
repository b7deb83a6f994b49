// Restoring into targets that differ from what was saved: transforms, a subtree, and what is read, reported and refused.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "item_files.hpp"

namespace {

using namespace orrery;
using item_files::ScratchDirectory;
using Paths = std::vector<std::string>;
using Floats = Array<float>;

const PyTreeCheckpointer checkpointer{};
const SaveOptions fast{.durability = Durability::fast};

constexpr Dim large = 50000;       // elements: 200 kB, seen among the bytes read
constexpr std::size_t gap = 8192;  // between payloads, and small payloads

struct Dense {
  Floats kernel{};
  Floats bias{};
};
struct Saved {
  std::int64_t step = 5;
  std::map<std::string, Dense> weights{{"a", {Floats::full({large}, 1), Floats::from({1, 2})}},
                                       {"b", {Floats::full({large}, 2), Floats::from({3, 4})}}};
  Floats q = Floats::from({1, 2}), k = Floats::from({3, 4}), v = Floats::from({5, 6});
  std::string name = "first";
};
struct Renamed {
  std::int64_t step = 0;
  std::map<std::string, Dense> params{{"a", {Floats({large}), Floats({2})}}};
  Floats extra = Floats::from({9});
};
const Transforms renaming{{"params/(.*)", Transform{.original_key = "weights/\\1"}}};

std::size_t bytes_read(auto&& restore) {
  storage_test::TestHook hook;
  const storage::ScopedFileSystemHook scope(hook);
  restore();
  std::size_t bytes = 0;
  for (const auto& seen : hook.seen)
    if (seen.operation == storage::FileOperation::read || seen.operation == storage::FileOperation::map) bytes += seen.bytes;
  return bytes;
}

Tree concatenated(std::string_view, const Tree& original) {
  Floats out({6});
  float* to = out.data();
  for (const char* key : {"q", "k", "v"})
    for (float value : original[key].array().values<float>()) *to++ = value;
  return Tree(out);
}
Tree plus_one(const Tree& tree) {
  Floats out({static_cast<Dim>(tree.array().size())});
  for (std::size_t i = 0; i < out.size(); ++i) out.data()[i] = tree.array().values<float>()[i] + 1;
  return Tree(out);
}

struct Fixture {
  ScratchDirectory scratch{};
  std::string path = scratch / "item";
  Fixture() { checkpointer.save(path, Saved{}, fast); }
};

}  // namespace

TEST_CASE("a rule renames, the rest is taken from its own path, and what is missing keeps the target's value") {
  Fixture f;
  RestoreReport report;
  const Renamed out = checkpointer.restore(f.path, Renamed{}, {.transforms = renaming, .report = &report});
  CHECK(out.step == 5);
  CHECK(out.params.at("a").kernel == Floats::full({large}, 1));
  CHECK(out.params.at("a").bias == Floats::from({1, 2}));
  CHECK(out.extra == Floats::from({9}));
  CHECK(report.restored() == Paths{"step", "params/a/kernel", "params/a/bias"});
  CHECK(report.leaves[1].detail == "from weights/a/kernel");
  CHECK(report.filled() == Paths{"extra"});
  CHECK(report.ignored() == Paths{"k", "name", "q", "v", "weights/b/bias", "weights/b/kernel"});
}

TEST_CASE("only what is needed is read") {
  Fixture f;
  const std::size_t all = bytes_read([&] { checkpointer.restore(f.path); });
  CHECK(all > 8 * large);
  const std::size_t metadata = bytes_read([&] { checkpointer.metadata(f.path); });
  Renamed target;
  const std::size_t renamed = bytes_read([&] { checkpointer.restore_into(f.path, target, {.transforms = renaming}); });
  CHECK(renamed < metadata + 4 * large + gap);
  const Transforms fallback{{"params/.*", Transform{.use_fallback = true}}};
  CHECK(bytes_read([&] { checkpointer.restore_into(f.path, target, {.transforms = fallback}); }) < metadata + gap);
  struct Attention {
    Floats qkv = Floats({6});
  } attention;
  const Transforms combine{{"qkv", Transform{.multi_value_fn = concatenated, .multi_value_fn_input_args = {{"(q|k|v)", {}}}}}};
  CHECK(bytes_read([&] { checkpointer.restore_into(f.path, attention, {.transforms = combine}); }) < metadata + gap);
  CHECK(attention.qkv == Floats::from({1, 2, 3, 4, 5, 6}));
  CHECK(bytes_read([&] { checkpointer.restore<Floats>(f.path, {.subtree = "weights/a/bias"}); }) < metadata + gap);
  CHECK(bytes_read([&] {
          checkpointer.restore(f.path, {.restore_args = {{"weights/a/kernel", {.placeholder = true}}}});
        }) < all - 4 * large + gap);
}

TEST_CASE("functions compute values from their inputs, which are all that they can see") {
  Fixture f;
  struct Target {
    Floats q = Floats({2});
    Floats qkv = Floats({6});
    Tree open{};
  };
  RestoreReport report;
  const Transforms transforms{{"q", Transform{.original_key = "v", .value_fn = plus_one}},
                              {"qkv", Transform{.multi_value_fn = concatenated, .multi_value_fn_input_args = {{"(q|k|v)", {}}}}},
                              {"open", Transform{.multi_value_fn =
                                                     [](std::string_view key, const Tree& original) {
                                                       CHECK(key == "open");
                                                       CHECK(original["weights"]["a"]["kernel"].shape() == Shape{large});
                                                       CHECK_FALSE(original["weights"]["a"]["kernel"].has_value());
                                                       Tree out = Tree::dict();
                                                       out["step"] = original["step"];
                                                       return out;
                                                     },
                                                 .multi_value_fn_input_args = {{"step", {.dtype = DType::int16}}}}}};
  const Target out = checkpointer.restore(f.path, Target{}, {.transforms = transforms, .report = &report});
  CHECK(out.q == Floats::from({6, 7}));
  CHECK(out.qkv == Floats::from({1, 2, 3, 4, 5, 6}));
  CHECK(out.open["step"] == Tree::scalar(5));
  CHECK(report.paths(LeafAction::computed) == Paths{"q", "qkv", "open"});
  const Paths ignored = report.ignored();  // inputs are not among them
  for (const char* input : {"q", "k", "v", "step"}) CHECK(std::count(ignored.begin(), ignored.end(), input) == 0);
  CHECK(report.count(LeafAction::ignored) == 5);
}

TEST_CASE("what a function returns is checked before anything is written") {
  Fixture f;
  struct Target {
    std::int64_t step = 1;
    std::array<float, 2> q{8, 8};
  } target;
  const auto returning = [&](Tree value) {
    return RestoreOptions{.transforms = Transforms{{"q", Transform{.value_fn = [value](const Tree&) { return value; }}}}};
  };
  CHECK_THROWS_AS(checkpointer.restore_into(f.path, target, returning(Tree(Floats({3})))), ShapeError);
  CHECK_THROWS_AS(checkpointer.restore_into(f.path, target, returning(Tree(Array<double>({2})))), DTypeError);
  CHECK_THROWS_AS(checkpointer.restore_into(f.path, target, returning(Tree::dict())), StructureError);
  const Transforms unread{
      {"q", Transform{.multi_value_fn = [](std::string_view, const Tree& all) { return all["k"]; }, .multi_value_fn_input_args = {}}}};
  CHECK_THROWS_WITH_AS(checkpointer.restore_into(f.path, target, {.transforms = unread}), doctest::Contains("multi_value_fn_input_args"),
                       ArgumentError);
  const Transforms no_inputs{{"q", Transform{.multi_value_fn = concatenated}}};
  CHECK_THROWS_WITH_AS(checkpointer.restore_into(f.path, target, {.transforms = no_inputs}),
                       doctest::Contains("`multi_value_fn` was specified, but `multi_value_fn_input_args` were not"), ArgumentError);
  CHECK(target.step == 1);
  CHECK(target.q == std::array<float, 2>{8, 8});
}

TEST_CASE("differences that need no values are told before a function runs or a byte is read") {
  Fixture f;
  struct Target {
    Floats q = Floats({2});
    std::array<float, 3> k{};
    Floats lost{};
  } target;
  bool called = false;
  const Transforms transforms{{"q", Transform{.value_fn = [&](const Tree& value) { return called = true, value; }}},
                              {"lost", Transform{.original_key = "wights/a/bias"}}};
  const std::size_t metadata = bytes_read([&] { checkpointer.metadata(f.path); });
  const std::size_t bytes = bytes_read([&] {
    try {
      checkpointer.restore_into(f.path, target, {.transforms = transforms, .allow_extra = false});
      FAIL("nothing was thrown");
    } catch (const KeyError& error) {
      CHECK(error.missing().at(0).message.find("Transformation key \"wights/a/bias\" not found in origin tree.") == 0);
      CHECK(error.shapes().at(0).path == "k");
      CHECK(error.extra().size() == 7);
    }
  });
  CHECK(bytes == metadata + storage::read_file(f.path + "/_orrery.json", SIZE_MAX).size());  // which knows the type that was saved
  CHECK_FALSE(called);
}

TEST_CASE("default_to_original = false takes what rules name, and keeps the rest") {
  Fixture f;
  struct Target {
    std::int64_t step = 1;
    Floats q = Floats({2}), k = Floats({2}), v = Floats({2});
  };
  const Transforms transforms{{"q", Transform{.use_fallback = true}}, {"k", Transform{.original_key = "v"}}};
  const Target out = checkpointer.restore(f.path, Target{}, {.transforms = transforms, .transforms_default_to_original = false});
  CHECK(out.step == 1);
  CHECK(out.q == Floats::from({1, 2}));
  CHECK(out.k == Floats::from({5, 6}));
  CHECK(out.v == Floats({2}));
}

TEST_CASE("an empty map, vector or Tree takes what is stored at its key, which may be renamed") {
  Fixture f;
  struct Target {
    std::map<std::string, Dense> params{};
    Tree raw{};
  };
  const Transforms transforms{{"params|raw", Transform{.original_key = "weights"}},
                              {"params/b/bias", Transform{.original_key = "q", .value_fn = plus_one}}};
  const Target out = checkpointer.restore(f.path, Target{}, {.transforms = transforms});
  CHECK(out.params.size() == 2);
  CHECK(out.params.at("a").bias == Floats::from({1, 2}));
  CHECK(out.params.at("b").bias == Floats::from({2, 3}));
  CHECK(out.raw["b"]["bias"] == Tree(Floats::from({3, 4})));
  CHECK(out.raw.size() == 2);
  const Target filled = checkpointer.restore(f.path, Target{}, {.transforms = {}});
  CHECK(filled.params.empty());
  CHECK(filled.raw.is_none());
}

TEST_CASE("optionals: an empty one of the target stays and is not read; one of a new value is engaged where something comes") {
  Fixture f;
  struct Target {
    std::optional<Floats> q{}, moved{};
    std::unique_ptr<Dense> dense{};
    std::optional<Floats> none{};
  };
  const Transforms transforms{{"moved", Transform{.original_key = "k"}}, {"dense/(.*)", Transform{.original_key = "weights/a/\\1"}}};
  const auto made = checkpointer.restore<Target>(f.path, {.transforms = transforms});
  CHECK(made.q == Floats::from({1, 2}));
  CHECK(made.moved == Floats::from({3, 4}));
  REQUIRE(made.dense);
  CHECK(made.dense->bias == Floats::from({1, 2}));
  CHECK_FALSE(made.none.has_value());
  Target target;
  RestoreReport report = checkpointer.restore_into(f.path, target, {.transforms = transforms});
  CHECK_FALSE(target.q.has_value());
  CHECK_FALSE(target.moved.has_value());
  CHECK(report.count(LeafAction::kept) == 4);
}

TEST_CASE("a Tree as target: its structure decides, its own values fill the gaps") {
  Fixture f;
  Tree target = Tree::dict();
  target["step"] = std::int64_t{0};
  target["params"]["bias"] = Floats({2});
  target["note"] = std::string("mine");
  target["nothing"] = Tree::none();
  target["weights"]["a"]["bias"] = Floats({2});
  RestoreReport report;
  const Tree out = checkpointer.restore(
      f.path, target,
      {.transforms = Transforms{{"params/bias", Transform{.original_key = "q"}}, {"note", Transform{.original_key = "name"}}},
       .report = &report});
  Tree expected = target;
  expected["step"] = std::int64_t{5};
  expected["params"]["bias"] = Floats::from({1, 2});
  expected["note"] = std::string("first");
  expected["weights"]["a"]["bias"] = Floats::from({1, 2});
  CHECK(out == expected);
  CHECK(report.leaves[1].detail == "from q");
  CHECK(report.leaves[2].detail == "from name");
  const Tree filled = checkpointer.restore(f.path, target, {.transforms = {}, .report = &report});
  CHECK(filled["note"] == Tree::string("mine"));
  CHECK(report.filled() == Paths{"params/bias", "note"});
  try {
    checkpointer.restore(f.path, target);  // without transforms a gap is an error
    FAIL("nothing was thrown");
  } catch (const KeyError& error) {
    CHECK(error.missing().size() == 2);
  }
  target.erase("params");
  target.erase("note");
  CHECK(checkpointer.restore(f.path, target, {.report = &report}).size() == 3);
  CHECK(report.count(LeafAction::ignored) == 7);
}

TEST_CASE("lists, tuples, variants and const members have sources, too") {
  ScratchDirectory scratch;
  struct Stored {
    std::vector<Dense> layers{{Floats::from({1}), Floats::from({2})}, {Floats::from({3}), Floats::from({4})}};
    std::tuple<Floats, std::int64_t> pair{Floats::from({5}), 6};
    std::variant<std::int64_t, Floats> choice{Floats::from({7})};
    std::int64_t fixed = 8;
  };
  struct Target {
    std::vector<Dense> layers{3};
    std::tuple<Floats, std::int64_t> pair{};
    std::variant<std::int64_t, Floats> choice{std::int64_t{1}};
    const std::int64_t fixed = 1;
    std::vector<Dense> blocks{};
    std::variant<std::int64_t, Floats> other{std::int64_t{2}};
  };
  checkpointer.save(scratch / "item", Stored{}, fast);
  const Transforms transforms{{"layers/2/(.*)", Transform{.original_key = "layers/0/\\1"}},
                              {"pair/1", Transform{.use_fallback = true}},
                              {"blocks", Transform{.original_key = "layers"}}};
  RestoreReport report;
  Target target;
  report = checkpointer.restore_into(scratch / "item", target, {.transforms = transforms});
  CHECK(target.layers[1].bias == Floats::from({4}));
  CHECK(target.layers[2].kernel == Floats::from({1}));
  CHECK(std::get<0>(target.pair) == Floats::from({5}));
  CHECK(std::get<1>(target.pair) == 0);
  CHECK(std::get<1>(target.choice) == Floats::from({7}));
  CHECK(std::get<0>(target.other) == 2);
  CHECK(target.blocks.size() == 2);
  CHECK(target.blocks[1].bias == Floats::from({4}));
  CHECK(report.paths(LeafAction::kept) == Paths{"fixed"});
  CHECK(report.filled() == Paths{"pair/1", "other"});
}

TEST_CASE("a bare leaf has the empty key") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "leaf", Floats::from({1, 2}), fast);
  RestoreReport report;
  const Transforms add{{"()", Transform{.value_fn = plus_one}}};
  CHECK(checkpointer.restore(scratch / "leaf", Floats({2}), {.transforms = add, .report = &report}) == Floats::from({2, 3}));
  CHECK(report.count(LeafAction::computed) == 1);
  CHECK(checkpointer.restore(scratch / "leaf", Tree(Floats({2})), {.transforms = add}) == Tree(Floats::from({2, 3})));
}

TEST_CASE("transforms need a target") {
  Fixture f;
  CHECK_THROWS_WITH_AS(checkpointer.restore(f.path, {.transforms = {}}), doctest::Contains("must provide `item`"), ArgumentError);
}

TEST_CASE("a subtree is restored as if it were the checkpoint") {
  Fixture f;
  CHECK(checkpointer.restore<Dense>(f.path, {.subtree = "weights/a"}).bias == Floats::from({1, 2}));
  CHECK(checkpointer.restore(f.path, {.subtree = "weights"}).keys() == Paths{"a", "b"});
  CHECK(checkpointer.restore<std::int64_t>(f.path, {.subtree = "step"}) == 5);
  Dense dense;
  CHECK(checkpointer.restore_into(f.path, dense, {.subtree = "weights/b"}).restored() == Paths{"kernel", "bias"});
  const Transforms swap{{"kernel", Transform{.original_key = "bias"}}};
  CHECK(checkpointer.restore<Dense>(f.path, {.transforms = swap, .subtree = "weights/b"}).kernel == Floats::from({3, 4}));
  struct Kernel {
    Floats kernel{};
  };
  CHECK_THROWS_AS(checkpointer.restore<Kernel>(f.path, {.subtree = "weights/b", .allow_extra = false}), StructureError);
  CHECK_THROWS_WITH_AS(checkpointer.restore(f.path, {.subtree = "wieghts/a"}), doctest::Contains("did you mean \"weights\"?"), KeyError);
  CHECK_THROWS_WITH_AS(checkpointer.restore(f.path, {.subtree = "weights/c"}), doctest::Contains("there are weights/a, weights/b"),
                       KeyError);
}

TEST_CASE("a key that looks misspelt is named with the one that was meant") {
  Fixture f;
  struct Target {
    Floats kernel{}, bais{};
  } target;
  try {
    checkpointer.restore_into(f.path, target, {.subtree = "weights/a"});
    FAIL("nothing was thrown");
  } catch (const KeyError& error) {
    CHECK(error.missing().at(0).path == "bais");
    CHECK(error.missing().at(0).message == "did you mean \"bias\"?");
    CHECK(std::string(error.what()).find("bais: did you mean \"bias\"?") != std::string::npos);
  }
  struct Moved {
    Dense elsewhere{};
    struct {
      Floats q{};
    } attention{};
  } moved;
  try {
    checkpointer.restore_into(f.path, moved, {.allow_extra = false});
    FAIL("nothing was thrown");
  } catch (const KeyError& error) {
    CHECK(error.missing().at(0).message == "");  // there are two kernels
    CHECK(error.missing().at(2).message == "did you mean \"q\"?");
    CHECK(error.extra().size() == 9);
  }
}

TEST_CASE("thousands of exact rules cost no more than a look each") {
  ScratchDirectory scratch;
  std::map<std::string, std::int64_t> state, target;
  Transforms transforms;
  for (std::int64_t i = 0; i < 20000; ++i) {
    state["old" + std::to_string(i)] = i;
    target["new" + std::to_string(i)] = -1;
    transforms.add("new" + std::to_string(i), Transform{.original_key = "old" + std::to_string(i)});
  }
  Tree tree = Tree::dict(), wanted = Tree::dict();
  for (const auto& [key, value] : state) tree.insert({key}, Tree::scalar(value));
  for (const auto& [key, value] : target) wanted.insert({key}, Tree::scalar(value));
  const Tree out = apply_transformations(tree, transforms, wanted);
  for (std::int64_t i : {0, 777, 19999}) CHECK(out["new" + std::to_string(i)] == Tree::scalar(i));
}
