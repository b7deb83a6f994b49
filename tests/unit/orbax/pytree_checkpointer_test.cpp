// One checkpoint at one path: what is saved comes back, bit by bit, in every way of asking for it; what is damaged is refused.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "item_files.hpp"
#include "orrery/optax/states.hpp"

namespace {

using namespace item_files;
using Paths = std::vector<std::string>;
const SaveOptions fast{.durability = Durability::fast};
const PyTreeCheckpointer checkpointer;

struct Dense {
  Array<float> kernel{};
  std::vector<double> bias{};
  friend bool operator==(const Dense&, const Dense&) = default;
};
struct State {
  std::int64_t step = 0;
  std::map<std::string, Dense> params{};
  std::tuple<optax::EmptyState, std::vector<std::string>> rest{};
  std::vector<bool> mask{};
  PrngKey key{};
  std::optional<float> scale{};
  friend bool operator==(const State& a, const State& b) {
    return a.step == b.step && a.params == b.params && std::get<1>(a.rest) == std::get<1>(b.rest) && a.mask == b.mask && a.key == b.key && a.scale == b.scale;
  }
};

State sample() {
  State s;
  s.step = std::int64_t{1} << 60;
  s.params["Dense_0"] = {Array<float>::from({{1, -0.0f, 3}, {4, std::numeric_limits<float>::infinity(), 6}}), {0.1, 0.2, 0.3}};
  s.params["Dense_1"] = {Array<float>({3, 0, 2}), {}};
  std::get<1>(s.rest) = {"\u00e9t\u00e9", "", "a\nb\"\\"};
  s.mask = {true, false, true};
  s.key = {"threefry2x32", Array<std::uint32_t>::from({0, 42})};
  s.scale = 0.5f;
  return s;
}

// An array of any dtype whose bytes are all different, as far as the dtype has such values.
AnyArray pattern(DType dtype, Shape shape) {
  AnyArray array = AnyArray::zeros(dtype, std::move(shape));
  auto* bytes = static_cast<unsigned char*>(array.data());
  for (std::size_t i = 0; i < array.nbytes(); ++i) bytes[i] = static_cast<unsigned char>(i * 37 + 11);
  if (dtype == DType::bool_)
    for (std::size_t i = 0; i < array.nbytes(); ++i) bytes[i] &= 1;
  normalize_sub_byte(dtype, array.data(), array.size());
  return array;
}

Tree every_dtype_and_rank() {
  Tree tree = Tree::dict();
  for (int i = 1; i <= static_cast<int>(DType::complex128); ++i)
    if (const auto dtype = static_cast<DType>(i); zarr::zarr2_dtype(dtype)) tree.insert({std::string(name(dtype))}, Tree(pattern(dtype, {3, 5})));
  tree["ranks"] = Tree::dict();
  tree["empties"] = Tree::dict();
  for (std::size_t rank = 0; rank <= 5; ++rank) {
    Shape shape = Shape::zeros(rank), empty = Shape::zeros(rank);
    for (std::size_t i = 0; i < rank; ++i) shape[i] = static_cast<Dim>(i + 2);
    tree["ranks"].insert({std::to_string(rank)}, Tree(pattern(DType::float32, shape)));
    if (rank > 0) tree["empties"].insert({std::to_string(rank)}, Tree(AnyArray::zeros(DType::int16, empty)));
  }
  tree["scalars"] = Tree::list({Tree::scalar(true), Tree::scalar(-3), Tree::scalar(0.1), Tree::scalar(std::numeric_limits<std::uint64_t>::max()),
                                Tree::string("text"), Tree::none()});
  tree["containers"] = Tree::list({Tree::dict(), Tree::list(), Tree::none()});
  tree.insert({"keys"}, Tree::prng_key("rbg", Array<std::uint32_t>({3, 4})));
  tree["a/b"] = Array<float>::from({1});
  return tree;
}

}  // namespace

TEST_CASE("a struct comes back as it was, new, by value and in place") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "item", sample(), fast);
  CHECK(checkpointer.restore<State>(scratch / "item") == sample());
  State target = sample();
  target.step = 0;
  target.params["Dense_0"].kernel = Array<float>({2, 3});
  target.mask = {false};
  CHECK(checkpointer.restore(scratch / "item", target) == sample());
  CHECK(target.step == 0);
  checkpointer.restore_into(scratch / "item", target);
  CHECK(target == sample());
  CHECK(std::signbit(target.params["Dense_0"].kernel.data()[1]));
}

TEST_CASE("a tree of every dtype, rank 0 to 5, empties, strings, scalars and keys comes back bit by bit") {
  ScratchDirectory scratch;
  const Tree tree = every_dtype_and_rank();
  checkpointer.save(scratch / "item", tree, fast);
  CHECK(checkpointer.restore(scratch / "item") == tree);
  CHECK(checkpointer.restore<Tree>(scratch / "item") == tree);
}

TEST_CASE("what Python has no form for comes back as Python gives it: structs and tuples as dicts and lists, empty ones as None") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "item", sample(), fast);
  const Tree raw = checkpointer.restore(scratch / "item");
  CHECK(raw.keys() == Paths{"key", "mask", "params", "rest", "scale", "step"});
  CHECK(raw["rest"].is_list());
  CHECK(raw["rest"][0].is_none());
  CHECK(raw["rest"][1][0].string() == "\u00e9t\u00e9");
  CHECK(raw["step"] == Tree::scalar(std::int64_t{1} << 60));
  CHECK(raw["mask"].dtype() == DType::bool_);
  CHECK(raw["key"].impl() == "threefry2x32");
}

TEST_CASE("column-major and strided arrays keep their logical shape; column-major ones are stored as zarr order F") {
  ScratchDirectory scratch;
  float elements[24];
  for (int i = 0; i < 24; ++i) elements[i] = static_cast<float>(i);
  TreeView view;
  const std::size_t root = view.enter(NodeKind::dict, {}, 3);
  LeafView leaf;
  leaf.array = {DType::float32, {4, 6}, {4, 16}, elements};
  view.leaf("f", leaf);
  leaf.array = {DType::float32, {2, 3}, {24 * 2, 8}, elements};
  view.leaf("strided", leaf);
  leaf.array = {DType::float32, {4}, {-8}, elements + 7};
  view.leaf("reversed", leaf);
  view.leave(root);
  orbax::save_item(scratch / "item", view, fast);
  CHECK(zarray(scratch / "item", "f").find("\"order\":\"F\"") != std::string::npos);
  CHECK(zarray(scratch / "item", "strided").find("\"order\":\"C\"") != std::string::npos);
  const Tree raw = checkpointer.restore(scratch / "item");
  CHECK(raw["f"].array().at<float>({1, 2}) == 9);
  CHECK(raw["f"].array().at<float>({3, 5}) == 23);
  CHECK(raw["strided"].array().at<float>({1, 2}) == 16);
  CHECK(raw["reversed"] == Tree(Array<float>::from({7, 5, 3, 1})));
}

TEST_CASE("a bare leaf is a checkpoint") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "array", Array<float>::from({1, 2}), fast);
  CHECK(checkpointer.restore<Array<float>>(scratch / "array") == Array<float>::from({1, 2}));
  CHECK(checkpointer.restore(scratch / "array") == Tree(Array<float>::from({1, 2})));
  checkpointer.save(scratch / "number", 0.25, fast);
  CHECK(checkpointer.restore<double>(scratch / "number") == 0.25);
  CHECK(checkpointer.restore(scratch / "number") == Tree::scalar(0.25));
  checkpointer.save(scratch / "text", std::string("abc"), fast);
  CHECK(checkpointer.restore<std::string>(scratch / "text") == "abc");
}

TEST_CASE("a state without arrays has no database, and comes back") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict();
  tree["name"] = Tree::string("x");
  tree["none"] = Tree::none();
  checkpointer.save(scratch / "item", tree, fast);
  CHECK_FALSE(storage::exists(scratch / "item/manifest.ocdbt"));
  CHECK(checkpointer.restore(scratch / "item") == tree);
}

TEST_CASE("a state as deep as describe allows can be restored") {
  ScratchDirectory scratch;
  Tree tree = Tree::scalar(1);
  for (int i = 0; i < 512; ++i) {
    Tree up = Tree::dict();
    up.insert({"k"}, std::move(tree));
    tree = std::move(up);
  }
  checkpointer.save(scratch / "item", tree, fast);
  CHECK(checkpointer.restore(scratch / "item") == tree);
  Tree deeper = Tree::dict();
  deeper.insert({"k"}, std::move(tree));
  CHECK_THROWS_AS(checkpointer.save(scratch / "deeper", deeper, fast), ArgumentError);
  CHECK_FALSE(storage::exists(scratch / "deeper"));
}

TEST_CASE("the files of an item are those of the writer profile") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "item", sample(), {.durability = Durability::fast, .custom_metadata = R"({"lr": 1})"});
  Paths names;
  for (const auto& [name, text] : files(scratch / "item")) names.push_back(name.starts_with("d/") ? "d/*" : name);
  CHECK(names == Paths{"_CHECKPOINT_METADATA", "_METADATA", "_orrery.json", "_sharding", "_strings.json", "array_metadatas/process_0", "checkpoint",
                       "commit_success.txt", "d/*", "manifest.ocdbt"});
  const std::string times = read(scratch / "item/_CHECKPOINT_METADATA");
  CHECK(times.starts_with(R"({"item_handlers": "orbax.checkpoint._src.handlers.pytree_checkpoint_handler.PyTreeCheckpointHandler", "metrics": {}, )"
                          R"("performance_metrics": {}, "init_timestamp_nsecs": 1)"));
  CHECK(times.ends_with(R"("custom_metadata": {"lr": 1}})"));
  CHECK(read(scratch / "item/_METADATA").ends_with(R"("custom_metadata": {"lr": 1}})"));
  CHECK(read(scratch / "item/_sharding") ==
        "{\"a2V5\":\"{\\\"sharding_type\\\": \\\"SingleDeviceSharding\\\", \\\"device_str\\\": \\\"TFRT_CPU_0\\\"}\"}");
  CHECK(zarray(scratch / "item", "params.Dense_0.kernel") ==
        R"({"chunks":[2,3],"compressor":null,"dimension_separator":".","dtype":"<f4","fill_value":null,"filters":null,"order":"C","shape":[2,3],"zarr_format":2})");
  CHECK(zarray(scratch / "item", "params.Dense_1.kernel").find(R"("chunks":[3,1,2])") != std::string::npos);
}

TEST_CASE("payloads are aligned: small ones to 64 bytes, large ones to pages") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict();
  tree["a"] = Array<std::int8_t>::from({1});
  tree["b"] = Array<float>::from({1, 2, 3});
  tree["c"] = Array<double>({5000});
  tree["d"] = Array<double>({5000});
  checkpointer.save(scratch / "item", tree, fast);
  CHECK(place(scratch / "item", "a/0").offset % 64 == 0);
  CHECK(place(scratch / "item", "b/0").offset % 64 == 0);
  CHECK(place(scratch / "item", "c/0").offset % 4096 == 0);
  CHECK(place(scratch / "item", "d/0").offset % 4096 == 0);
}

TEST_CASE("10 and 2 000 small leaves give the same number of files") {
  ScratchDirectory scratch;
  std::size_t counts[2];
  for (const std::size_t n : {10u, 2000u}) {
    std::vector<std::map<std::string, float>> leaves(n, {{"x", 1.5f}});
    checkpointer.save(scratch / std::to_string(n), leaves, fast);
    CHECK(checkpointer.restore<decltype(leaves)>(scratch / std::to_string(n)) == leaves);
    counts[n == 10] = files(scratch / std::to_string(n)).size();
  }
  CHECK(counts[0] == counts[1]);
}

TEST_CASE("restore_into allocates nothing that fits") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "item", sample(), fast);
  State target = sample();
  const float* kernel = target.params["Dense_0"].kernel.data();
  const double* bias = target.params["Dense_0"].bias.data();
  std::fill_n(target.params["Dense_0"].kernel.data(), 6, 0.0f);
  checkpointer.restore_into(scratch / "item", target);
  CHECK(target == sample());
  CHECK(target.params["Dense_0"].kernel.data() == kernel);
  CHECK(target.params["Dense_0"].bias.data() == bias);
}

TEST_CASE("a report says what was done with every leaf") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict();
  tree["a"] = Array<float>::from({1});
  tree["b"] = Array<float>::from({2});
  tree["c"] = Array<float>::from({3});
  tree["d"]["e"] = Array<float>::from({4});
  checkpointer.save(scratch / "tree", tree, fast);
  struct Small {
    Array<float> a{};
    Array<double> b{};
    std::optional<Array<float>> c{};
  } small;
  RestoreReport report;
  const RestoreReport returned = checkpointer.restore_into(scratch / "tree", small, {.report = &report});
  CHECK(report.restored() == Paths{"a"});
  CHECK(report.paths(LeafAction::cast) == Paths{"b"});
  CHECK(report.leaves[1].detail == "float32 to float64");
  CHECK(report.paths(LeafAction::kept) == Paths{"c"});
  CHECK(report.ignored() == Paths{"d/e"});
  CHECK(returned.leaves.size() == report.leaves.size());
  checkpointer.restore(scratch / "tree", RestoreOptions{.report = &report});
  CHECK(report.restored() == Paths{"a", "b", "c", "d/e"});
  checkpointer.restore<Small>(scratch / "tree", RestoreOptions{.report = &report});
  CHECK(report.restored() == Paths{"a", "c"});
}

TEST_CASE("what does not fit is an error that leaves the target alone: extra leaves if asked, dtypes without cast") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict();
  tree["a"] = Array<double>::from({0.1, 300.7});
  tree["b"] = Tree::scalar(1);
  checkpointer.save(scratch / "item", tree, fast);
  std::map<std::string, Array<float>> target{{"a", Array<float>::from({5})}};
  CHECK_THROWS_WITH_AS(checkpointer.restore_into(scratch / "item", target), doctest::Contains("stored float64, wanted float32"), DTypeError);
  CHECK_THROWS_AS(checkpointer.restore_into(scratch / "item", target, {.allow_extra = false, .cast = true}), StructureError);
  CHECK(target["a"] == Array<float>::from({5}));
  checkpointer.restore_into(scratch / "item", target, {.cast = true});
  CHECK(target["a"] == Array<float>::from({0.1f, 300.7f}));
  std::map<std::string, Array<std::uint8_t>> bytes{{"a", {}}};
  checkpointer.restore_into(scratch / "item", bytes, {.cast = true});
  CHECK(bytes["a"] == Array<std::uint8_t>::from({0, 255}));
  struct Missing {
    float c = 0, d = 0;
  };
  CHECK_THROWS_WITH_AS(checkpointer.restore<Missing>(scratch / "item"), doctest::Contains("missing in the checkpoint:\n    c\n    d"), KeyError);
}

TEST_CASE("metadata names every leaf and reads no value") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict();
  tree["a"]["big"] = Array<float>({1 << 20});
  tree["b"] = Tree::list({Tree::scalar(1), Tree::string("x"), Tree::none()});
  checkpointer.save(scratch / "item", tree, fast);
  storage_test::TestHook hook;
  const storage::ScopedFileSystemHook scope(hook);
  const TreeMetadata metadata = checkpointer.metadata(scratch / "item");
  std::size_t bytes = 0;
  for (const auto& seen : hook.seen)
    if (seen.operation == storage::FileOperation::read || seen.operation == storage::FileOperation::map) bytes += seen.bytes;
  CHECK(bytes < 16384);
  REQUIRE(metadata.leaves().size() == 3);
  CHECK(metadata.leaves()[0].path == "a/big");
  CHECK(metadata.leaves()[0].dtype == DType::float32);
  CHECK(metadata.leaves()[0].shape == Shape{1 << 20});
  CHECK(metadata.leaves()[1].kind == LeafKind::scalar);
  CHECK(metadata.leaves()[2].kind == LeafKind::string);
  CHECK_FALSE(metadata["a"]["big"].has_value());
}

TEST_CASE("a flipped payload bit is an error that names file, offset and leaf, unless nobody asks") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict();
  tree["model"]["kernel"] = Array<float>::from({1, 2, 3});
  tree["model"]["wide"] = Array<float>({9000});
  checkpointer.save(scratch / "item", tree, fast);
  const Place payload = place(scratch / "item", "model.kernel/0");
  flip(payload.path, payload.offset + 5);
  try {
    checkpointer.restore(scratch / "item");
    FAIL("the damage was not noticed");
  } catch (const DataLossError& e) {
    CHECK(e.key_path() == "model.kernel");
    CHECK(e.file() == payload.path);
    CHECK(e.offset() == payload.offset);
  }
  const Tree damaged = checkpointer.restore(scratch / "item", RestoreOptions{.verify_checksums = false});
  CHECK_FALSE(damaged["model"]["kernel"] == tree["model"]["kernel"]);
  CHECK(damaged["model"]["wide"] == tree["model"]["wide"]);
  struct Wide {
    Array<double> kernel{};
  };
  CHECK_THROWS_AS((checkpointer.restore<std::map<std::string, Wide>>(scratch / "item")), DataLossError);  // a widened leaf is verified too
  struct Rest {
    Array<float> wide{};
  };
  CHECK_NOTHROW((checkpointer.restore<std::map<std::string, Rest>>(scratch / "item")));  // what is not wanted is not read
}

TEST_CASE("without checksums there is no side file, and nothing to verify") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "item", Array<float>::from({1, 2}), {.durability = Durability::fast, .checksums = false});
  CHECK_FALSE(storage::exists(scratch / "item/_orrery.json"));
  const Place payload = place(scratch / "item", "0");
  flip(payload.path, payload.offset);
  CHECK_NOTHROW(checkpointer.restore(scratch / "item"));
}

TEST_CASE("what is there is replaced by force alone") {
  ScratchDirectory scratch;
  for (const Durability durability : {Durability::fast, Durability::synced}) {
    checkpointer.save(scratch / "item", 1.0, {.force = true, .durability = durability});
    CHECK_THROWS_AS(checkpointer.save(scratch / "item", 2.0, fast), AlreadyExistsError);
    CHECK(checkpointer.restore<double>(scratch / "item") == 1.0);
    checkpointer.save(scratch / "item", 2.0, {.force = true, .durability = durability});
    CHECK(checkpointer.restore<double>(scratch / "item") == 2.0);
    CHECK(storage::list_directory(scratch.path()) == Paths{"item"});
  }
}

TEST_CASE("slashes at the end of a path, and parents that do not exist, are no trouble") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "a/b/item///", 1.0, fast);
  CHECK(checkpointer.restore<double>(scratch / "a/b/item/") == 1.0);
}

TEST_CASE("paths with a scheme are refused by name, in every call") {
  Array<float> array;
  for (const char* scheme : {"gs://", "s3://", "file://", "hdfs+x.y-z2://"}) {
    const std::string path = std::string(scheme) + "bucket/item";
    CHECK_THROWS_WITH_AS(checkpointer.save(path, array), doctest::Contains(scheme), ArgumentError);
    CHECK_THROWS_WITH_AS(checkpointer.restore(path), doctest::Contains(scheme), ArgumentError);
    CHECK_THROWS_WITH_AS(checkpointer.restore<Array<float>>(path), doctest::Contains(scheme), ArgumentError);
    CHECK_THROWS_WITH_AS(checkpointer.restore_into(path, array), doctest::Contains(scheme), ArgumentError);
    CHECK_THROWS_WITH_AS(checkpointer.metadata(path), doctest::Contains(scheme), ArgumentError);
  }
  CHECK_THROWS_AS(checkpointer.save("", array), ArgumentError);
  ScratchDirectory scratch;
  CHECK_NOTHROW(checkpointer.save(scratch / "odd:name/a:", array, fast));
}

TEST_CASE("what Orbax cannot hold is refused by the leaf's name, and nothing is left behind") {
  ScratchDirectory scratch;
  const auto refused = [&](Tree tree, const char* part) {
    CHECK_THROWS_WITH_AS(checkpointer.save(scratch / "item", tree, fast), doctest::Contains(part), ArgumentError);
    CHECK(storage::list_directory(scratch.path()).empty());
  };
  Tree tree = Tree::dict();
  tree["layer"] = Tree::dict();
  tree["layer"].insert({"w"}, Tree(AnyArray::zeros(DType::uint4, {2})));
  refused(tree, "no dtype uint4");
  refused(tree, "[at layer.w]");
  Tree deep = Tree::dict();
  Shape ones = Shape::zeros(33);
  std::fill(ones.begin(), ones.end(), 1);
  deep.insert({"deep"}, Tree(AnyArray::zeros(DType::int8, ones)));
  refused(deep, "at most 32 dimensions, this one has 33");
  refused(Tree::dict(), "Found empty item.");
  Tree not_text = Tree::dict();
  not_text.insert({"\xff"}, Tree::scalar(1));
  CHECK_THROWS_AS(checkpointer.save(scratch / "item", not_text, fast), ArgumentError);
  Tree text = Tree::dict();
  text["name"] = Tree::string("\xc3");
  CHECK_THROWS_AS(checkpointer.save(scratch / "item", text, fast), ArgumentError);
  for (const char* custom : {"[1]", "{", "5", "{\"a\": 1, \"a\": 2}"})
    CHECK_THROWS_WITH_AS(checkpointer.save(scratch / "item", 1.0, {.custom_metadata = custom}), doctest::Contains("custom_metadata"), ArgumentError);
  CHECK(storage::list_directory(scratch.path()).empty());
}

TEST_CASE("arrays of 32 dimensions and of more than an inline value of metadata are stored") {
  ScratchDirectory scratch;
  Shape shape = Shape::zeros(32);
  std::fill(shape.begin(), shape.end(), 1);
  shape[31] = 3;
  const Tree tree(pattern(DType::int16, shape));
  checkpointer.save(scratch / "item", tree, fast);
  CHECK(checkpointer.restore(scratch / "item") == tree);
}

TEST_CASE("where there is nothing, or something else, that is said") {
  ScratchDirectory scratch;
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch / "none"), doctest::Contains("not found"), NotFoundError);
  storage::make_directory(scratch / "empty");
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch / "empty"), doctest::Contains("neither _METADATA nor checkpoint"), NotFoundError);
  checkpointer.save(scratch / "step/default", 1.0, fast);
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch / "step"), doctest::Contains("step/default"), NotFoundError);
  checkpointer.save(scratch / "x", 1.0, fast);
  storage::rename(scratch / "x", scratch / "x.orbax-checkpoint-tmp");
  CHECK_THROWS_WITH_AS(checkpointer.restore(scratch / "x.orbax-checkpoint-tmp"), doctest::Contains("incomplete"), FormatError);
  write(scratch / "file", "text");
  CHECK_THROWS_AS(checkpointer.restore(scratch / "file"), Error);
  CHECK_THROWS_AS(checkpointer.save(scratch / "file", 1.0, fast), AlreadyExistsError);
}

// Fails every call of a save in turn, or cuts the process off there, and looks at what is left.
TEST_CASE("a save that fails at any call leaves the old checkpoint as it was; one that dies leaves the old or the new") {
  ScratchDirectory scratch;
  const std::string path = scratch / "item";
  Tree old_tree = Tree::dict(), new_tree = Tree::dict();
  old_tree["a"] = Array<float>::from({1});
  old_tree["s"] = Tree::string("old");
  new_tree["a"] = Array<float>::full({100}, 2);
  new_tree["s"] = Tree::string("new");
  new_tree.insert({"key"}, Tree::prng_key("threefry2x32", Array<std::uint32_t>({2})));
  for (const bool cut : {false, true}) {
    for (const bool no_exchange : {false, true}) {
      std::size_t call = 0, failures = 0;
      for (bool failed = true; failed; ++call) {
        storage::remove_tree(path);
        checkpointer.save(path, old_tree, fast);
        storage_test::TestHook hook;
        hook.fail_at = call;
        hook.cut = cut;
        hook.no_exchange = no_exchange;
        bool threw = false;
        {
          const storage::ScopedFileSystemHook scope(hook);
          try {
            checkpointer.save(path, new_tree, {.force = true});
          } catch (const Error&) {
            threw = true;
          }
        }
        failed = hook.failed;
        failures += failed;
        const Tree found = checkpointer.restore(path);
        const bool is_old = found == old_tree, is_new = found == new_tree;
        INFO("call " << call << " of " << hook.seen.size() << (cut ? ", cut" : ""));
        CHECK((is_old || is_new));
        if (!failed) CHECK((is_new && !threw));
        if (!threw) CHECK(is_new);
        const bool last_flush = hook.seen[std::min(call, hook.seen.size() - 1)].operation == storage::FileOperation::sync_directory;
        if (threw && !cut && !last_flush) CHECK(is_old);
        checkpointer.save(path, old_tree, {.force = true, .durability = Durability::fast});  // and the next save works
        CHECK(checkpointer.restore(path) == old_tree);
        CHECK(storage::list_directory(scratch.path()) == Paths{"item"});
      }
      CHECK(failures > 20);
    }
  }
}

TEST_CASE("short writes and reads are carried on") {
  ScratchDirectory scratch;
  storage_test::TestHook hook;
  hook.most_bytes = 7;
  const storage::ScopedFileSystemHook scope(hook);
  checkpointer.save(scratch / "item", sample(), fast);
  CHECK(checkpointer.restore<State>(scratch / "item") == sample());
}

TEST_CASE("a read that fails while restoring leaves a valid target and says so") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "item", sample(), fast);
  std::size_t call = 0;
  for (bool failed = true; failed; ++call) {
    State target = sample();
    storage_test::TestHook hook;
    hook.fail_at = call;
    const storage::ScopedFileSystemHook scope(hook);
    try {
      checkpointer.restore_into(scratch / "item", target);
    } catch (const Error&) {
    }
    failed = hook.failed;
  }
  CHECK(call > 10);
}
