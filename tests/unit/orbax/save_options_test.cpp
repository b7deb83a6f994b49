// The options of saving: whatever they are, what is saved comes back bit by bit, and the files are those that the options promise.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "item_files.hpp"

namespace {

using namespace item_files;
using Paths = std::vector<std::string>;
const PyTreeCheckpointer checkpointer;

// Bytes of which next to nothing can be saved.
AnyArray noise(DType dtype, Shape shape) {
  AnyArray array = AnyArray::zeros(dtype, std::move(shape));
  auto* bytes = static_cast<unsigned char*>(array.data());
  std::uint64_t state = array.nbytes() + 1;
  for (std::size_t i = 0; i < array.nbytes(); ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    bytes[i] = static_cast<unsigned char>(state >> 56);
    if (dtype == DType::bool_) bytes[i] &= 1;
  }
  normalize_sub_byte(dtype, array.data(), array.size());
  return array;
}

Tree sample() {
  Tree tree = Tree::dict();
  for (int i = 1; i <= static_cast<int>(DType::complex128); ++i)
    if (const auto dtype = static_cast<DType>(i); zarr::zarr2_dtype(dtype))
      tree.insert({std::string(name(dtype))}, Tree(noise(dtype, {6, 10})));
  tree["ranks"] = Tree::dict();
  for (std::size_t rank = 0; rank <= 4; ++rank) {
    Shape shape = Shape::zeros(rank), empty = Shape::zeros(rank);
    for (std::size_t i = 0; i < rank; ++i) shape[i] = static_cast<Dim>(2 * i + 3);
    tree["ranks"].insert({std::to_string(rank)}, Tree(noise(DType::float32, shape)));
    if (rank > 0) tree["ranks"].insert({"empty" + std::to_string(rank)}, Tree(AnyArray::zeros(DType::int16, empty)));
  }
  tree["scalars"] = Tree::list({Tree::scalar(true), Tree::scalar(-3), Tree::scalar(0.1), Tree::string("text"), Tree::none(), Tree::dict()});
  tree.insert({"keys"}, Tree::prng_key("rbg", Array<std::uint32_t>({3, 4})));
  tree["a/b"] = Array<float>::from({1});
  return tree;
}

// A tree of views on memory that is not C-contiguous, and what it is.
struct Strided {
  std::vector<float> memory = std::vector<float>(24 * 60);
  TreeView view{};
  Tree tree = Tree::dict();

  Strided() {
    for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<float>(i) * 0.37f;
    const std::size_t root = view.enter(NodeKind::dict, {}, 4);
    add("columns", {{24, 60}, {4, 96}});
    add("cube", {{3, 8, 60}, {4, 12, 96}});
    add("every_other", {{12, 30}, {480, 8}});
    add("backwards", {{1440}, {-4}}, memory.size() - 1);
    view.leave(root);
  }
  Strided(const Strided&) = delete;
  Strided& operator=(const Strided&) = delete;

 private:
  struct Layout {
    Shape shape, strides;
  };
  void add(const char* key, const Layout& layout, std::size_t first = 0) {
    LeafView leaf;
    leaf.array = {DType::float32, layout.shape, layout.strides, memory.data() + first};
    view.leaf(key, leaf);
    tree.insert({key}, Tree(AnyArray::copy_of(leaf.array)));
  }
};

Tree of(const AnyArray& array) {
  Tree tree = Tree::dict();
  tree.insert({"a"}, Tree(array));
  return tree;
}

SaveOptions quick(SaveOptions options) {
  options.durability = Durability::fast;
  return options;
}

std::string text_of(const SaveOptions& o) {
  return std::string(o.use_ocdbt ? "ocdbt" : "files") + (o.use_zarr3 ? ", zarr3" : "") + ", compression " +
         std::to_string(static_cast<int>(o.compression.kind())) + " level " + std::to_string(o.compression.level()) + ", chunks of " +
         std::to_string(o.chunk_byte_size.value_or(0));
}

std::vector<SaveOptions> all_options() {
  std::vector<SaveOptions> out;
  for (const bool ocdbt : {true, false})
    for (const bool zarr3 : {false, true})
      for (const Compression& compression : {Compression::automatic(), Compression::zstd(), Compression::zstd(-3)})
        for (const std::uint64_t chunk : {0u, 16u, 100u, 4096u})
          out.push_back(quick({.use_ocdbt = ocdbt,
                               .use_zarr3 = zarr3,
                               .compression = compression,
                               .chunk_byte_size = chunk ? std::optional(chunk) : std::nullopt}));
  out.push_back(quick({.use_zarr3 = true, .compression = Compression::none(), .checksums = false}));
  out.push_back(quick({.use_zarr3 = true, .compression = Compression::zstd(19), .checksums = false}));
  return out;
}

std::string text(const std::string& item, const std::string& name) { return read(item + "/" + name); }
bool is_compressed(const std::string& item, const std::string& name) {
  return zarray(item, name).find("\"id\":\"zstd\"") != std::string::npos;
}

// The keys of an item's payloads.
Paths keys(const std::string& item) {
  Paths out;
  const json::Value root = json::parse(text(item, "_orrery.json"), {});
  for (const auto& [key, value] : *root.find("crc32c")->object()) out.push_back(std::string(key));
  return out;
}

std::size_t peak_growth(auto&& work) {
  const auto line = [](const char* name) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
      if (word == name) {
        std::size_t kib = 0;
        status >> kib;
        return kib << 10;
      }
    return std::size_t{0};
  };
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak starts anew
  const std::size_t before = line("VmRSS:");
  work();
  return line("VmHWM:") - std::min(before, line("VmHWM:"));
}

}  // namespace

TEST_CASE("whatever the options of a save are, every dtype, rank and kind of leaf comes back bit by bit") {
  ScratchDirectory scratch;
  const Tree tree = sample();
  for (const SaveOptions& options : all_options()) {
    INFO(text_of(options));
    const std::string path = scratch / "item";
    storage::remove_tree(path);
    checkpointer.save(path, tree, options);
    CHECK(checkpointer.restore(path) == tree);
    CHECK(checkpointer.restore<Tree>(path) == tree);
    CHECK(storage::exists(path + "/manifest.ocdbt") == options.use_ocdbt);
    CHECK(text(path, "_METADATA").find(options.use_zarr3 ? "\"use_zarr3\": true" : "\"use_zarr3\": false") != std::string::npos);
    CHECK(text(path, "_METADATA").find(options.use_ocdbt ? "\"use_ocdbt\": true" : "\"use_ocdbt\": false") != std::string::npos);
  }
}

TEST_CASE("column-major and strided arrays come back whatever the options are, column-major ones from order F") {
  ScratchDirectory scratch;
  const Strided strided;
  for (const SaveOptions& options : all_options()) {
    if (options.chunk_byte_size == 16u) continue;
    INFO(text_of(options));
    const std::string path = scratch / "item";
    storage::remove_tree(path);
    orbax::save_item(path, strided.view, options);
    CHECK(checkpointer.restore(path) == strided.tree);
    if (!options.use_ocdbt && !options.use_zarr3) CHECK(text(path, "cube/.zarray").find("\"order\":\"F\"") != std::string::npos);
    if (!options.use_ocdbt && options.use_zarr3) CHECK(text(path, "cube/zarr.json").find("\"order\":[2,1,0]") != std::string::npos);
  }
}

TEST_CASE("without OCDBT every array is a directory of .zarray and chunks") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict();
  tree["model"]["w"] = Array<float>::arange(6);
  tree["model"]["cube"] = Tree(noise(DType::int8, {2, 2, 2}));
  tree["step"] = Tree::scalar(7);
  tree["deep/er"] = Array<float>({2});
  tree["d"] = Tree::scalar(1);  // no file of the item without a database
  tree["none"] = Tree::none();
  tree["text"] = Tree::string("x");
  checkpointer.save(scratch / "item", tree, quick({.use_ocdbt = false}));
  Paths names;
  for (const auto& [name, content] : files(scratch / "item")) names.push_back(name);
  CHECK(names == Paths{"_CHECKPOINT_METADATA", "_METADATA", "_orrery.json", "_strings.json", "checkpoint", "commit_success.txt",
                       "d/.zarray", "d/0", "deep/er/.zarray", "deep/er/0", "model.cube/.zarray", "model.cube/0.0.0", "model.w/.zarray",
                       "model.w/0", "step/.zarray", "step/0"});
  CHECK(text(scratch / "item", "step/0") == std::string("\7\0\0\0\0\0\0\0", 8));
  checkpointer.save(scratch / "bare", Array<float>::from({1, 2}), quick({.use_ocdbt = false}));
  CHECK(storage::exists(scratch / "bare/.zarray"));
  CHECK(checkpointer.restore<Array<float>>(scratch / "bare") == Array<float>::from({1, 2}));
}

TEST_CASE("without OCDBT names that no directory can have are refused by name, and nothing is left behind") {
  ScratchDirectory scratch;
  for (const std::string& name : {std::string(256, 'x'), std::string("a//b"), std::string("/a"), std::string("."), std::string("a/../b"),
                                  std::string("a\0b", 3), std::string("_METADATA"), std::string("checkpoint"), std::string("back\\slash"),
                                  std::string("array_metadatas/x"), std::string("ocdbt.process_0")}) {
    Tree tree = Tree::dict();
    tree.insert({name}, Tree(Array<float>({2})));
    CHECK_THROWS_WITH_AS(checkpointer.save(scratch / "item", tree, quick({.use_ocdbt = false})), doctest::Contains("use_ocdbt = true"),
                         ArgumentError);
    CHECK(storage::list_directory(scratch.path()).empty());
  }
  Tree text = Tree::dict();
  text.insert({std::string(300, 'x')}, Tree::string("strings lie in one file"));
  text.insert({std::string(255, 'y')}, Tree::scalar(1));
  checkpointer.save(scratch / "item", text, quick({.use_ocdbt = false}));
  CHECK(checkpointer.restore(scratch / "item") == text);
}

TEST_CASE("an array called checkpoint can be written by whoever has no file of that name") {
  ScratchDirectory scratch;
  const Array<float> array = Array<float>::from({1, 2});
  TreeView view;
  const std::size_t root = view.enter(NodeKind::dict, {}, 1);
  LeafView leaf;
  leaf.array = array.view();
  view.leaf("checkpoint", leaf);
  view.leave(root);
  storage::ProgressMeter meter({}, {});
  orbax::write_arrays(scratch.path(), orbax::flatten_params(view), quick({.use_ocdbt = false}), meter);
  CHECK(read(scratch / "checkpoint/0").size() == 8);
}

TEST_CASE("chunks are cut as Orbax cuts them, all of one size, and stored under their indices") {
  ScratchDirectory scratch;
  const auto chunks = [&](const AnyArray& array, std::uint64_t bytes) {
    storage::remove_tree(scratch / "item");
    checkpointer.save(scratch / "item", of(array), quick({.compression = Compression::none(), .chunk_byte_size = bytes}));
    CHECK(checkpointer.restore(scratch / "item")["a"] == Tree(array));
    const std::string text = zarray(scratch / "item", "a");
    return text.substr(0, text.find(']') + 1);
  };
  // spec/orbax.md 3.4
  CHECK(chunks(noise(DType::float32, {10, 100, 200}), 4 * 125) == "{\"chunks\":[5,5,5]");
  CHECK(chunks(noise(DType::float32, {10, 100, 200}), 4 * 625) == "{\"chunks\":[5,10,10]");
  CHECK(chunks(noise(DType::int64, {7, 11, 3}), 64) == "{\"chunks\":[1,1,3]");
  CHECK(chunks(noise(DType::float32, {12, 20}), 64) == "{\"chunks\":[4,4]");
  CHECK(keys(scratch / "item").size() == 15);
  CHECK(place(scratch / "item", "a/2.4").length == 64);
  CHECK(chunks(noise(DType::float32, {12, 20}), 1 << 20) == "{\"chunks\":[12,20]");
  CHECK(chunks(noise(DType::float32, {}), 4) == "{\"chunks\":[]");
  CHECK_THROWS_WITH_AS(chunks(noise(DType::float64, {3}), 7), doctest::Contains("takes 8 bytes; give at least that"), ArgumentError);
  CHECK_THROWS_AS(chunks(noise(DType::float64, {3}), 0), ArgumentError);
}

TEST_CASE("a PRNG key's metadata names the chunks that it is stored in") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict();
  tree.insert({"k"}, Tree::prng_key("rbg", Array<std::uint32_t>({6, 4})));
  checkpointer.save(scratch / "item", tree, quick({.chunk_byte_size = 32}));
  CHECK(text(scratch / "item", "array_metadatas/process_0").find(R"("write_shape": [6, 4], "chunk_shape": [3, 2])") != std::string::npos);
  CHECK(checkpointer.restore(scratch / "item") == tree);
}

TEST_CASE("zstd compresses every array at its level, in frames that state their size and carry a checksum") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict();
  tree["small"] = Array<float>::from({1, 2});
  tree["large"] = Tree(AnyArray::zeros(DType::float32, {9 << 18}));  // a stream
  tree["middle"] = Tree(AnyArray::zeros(DType::float32, {1 << 18}));
  tree["empty"] = Array<float>({0});
  for (const int level : {1, 3, -5}) {
    storage::remove_tree(scratch / "item");
    checkpointer.save(scratch / "item", tree, quick({.compression = Compression::zstd(level)}));
    for (const char* name : {"small", "middle", "large"}) {
      CHECK(zarray(scratch / "item", name).find("\"compressor\":{\"id\":\"zstd\",\"level\":" + std::to_string(level) + "}") !=
            std::string::npos);
      const Place frame = place(scratch / "item", std::string(name) + "/0");
      const std::string bytes = read(frame.path).substr(frame.offset, frame.length);
      CHECK(ZSTD_getFrameContentSize(bytes.data(), bytes.size()) == tree[name].array().nbytes());
      CHECK((static_cast<unsigned char>(bytes.at(4)) & 4) != 0);  // the descriptor: a checksum follows
      CHECK(frame.length < 2000);
    }
    CHECK(checkpointer.restore(scratch / "item") == tree);
  }
  CHECK_THROWS_WITH_AS(checkpointer.save(scratch / "other", tree, quick({.compression = Compression::zstd(23)})),
                       doctest::Contains("not 23"), ArgumentError);
  CHECK_FALSE(storage::exists(scratch / "other"));
}

TEST_CASE("by itself only an array of 1 MiB that is almost empty is compressed, seen in its stored order and dtype") {
  ScratchDirectory scratch;
  constexpr Dim million = 1 << 20;
  Tree tree = Tree::dict();
  tree["zeros"] = Tree(AnyArray::zeros(DType::float32, {million}));
  tree["ones"] = Array<double>::full({million / 4, 2}, 1);
  tree["small_zeros"] = Tree(AnyArray::zeros(DType::int8, {million - 1}));
  tree["noise"] = Tree(noise(DType::float32, {million}));
  tree["chunked"] = Tree(AnyArray::zeros(DType::int8, {2, million}));
  checkpointer.save(scratch / "item", tree, quick({}));
  CHECK(is_compressed(scratch / "item", "zeros"));
  CHECK(is_compressed(scratch / "item", "ones"));
  CHECK_FALSE(is_compressed(scratch / "item", "small_zeros"));
  CHECK_FALSE(is_compressed(scratch / "item", "noise"));
  CHECK(checkpointer.restore(scratch / "item") == tree);
  checkpointer.save(scratch / "chunked", tree, quick({.chunk_byte_size = 1 << 16}));
  CHECK(is_compressed(scratch / "chunked", "chunked"));
  CHECK(checkpointer.restore(scratch / "chunked") == tree);
  checkpointer.save(scratch / "none", tree, quick({.compression = Compression::none()}));
  CHECK_FALSE(is_compressed(scratch / "none", "zeros"));
  // Values that bfloat16 makes zeros of.
  checkpointer.save(scratch / "cast", of(Array<float>::full({2 * million}, 1e-44f)), quick({.cast = DType::bfloat16}));
  CHECK(is_compressed(scratch / "cast", "a"));
}

TEST_CASE("a plain chunk of zarr v3 is its elements and their checksum, which readers verify without our side file") {
  ScratchDirectory scratch;
  const Array<float> array = Array<float>::from({1, -2, 3});
  checkpointer.save(scratch / "item", of(array), quick({.use_ocdbt = false, .use_zarr3 = true}));
  CHECK(text(scratch / "item", "a/zarr.json") ==
        R"({"chunk_grid":{"configuration":{"chunk_shape":[3]},"name":"regular"},"chunk_key_encoding":{"name":"default"},)"
        R"("codecs":[{"configuration":{"endian":"little"},"name":"bytes"},{"name":"crc32c"}],"data_type":"float32","fill_value":0.0,)"
        R"("node_type":"array","shape":[3],"zarr_format":3})");
  const std::string chunk = text(scratch / "item", "a/c/0");
  CHECK(chunk.size() == 16);
  CHECK(std::memcmp(chunk.data(), array.data(), 12) == 0);
  storage::remove_file(scratch / "item/_orrery.json");
  CHECK(checkpointer.restore(scratch / "item") == of(array));
  flip(scratch / "item/a/c/0", 5);
  CHECK_THROWS_AS(checkpointer.restore(scratch / "item"), DataLossError);
  checkpointer.save(scratch / "plain", of(array), quick({.use_ocdbt = false, .use_zarr3 = true, .checksums = false}));
  CHECK(text(scratch / "plain", "a/c/0").size() == 12);
}

TEST_CASE("the same state and options give the same file, however many threads compress") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict();
  for (int i = 0; i < 40; ++i)
    tree.insert({std::to_string(i)}, Tree(i % 3 ? noise(DType::float32, {1 << 15, 4}) : AnyArray::zeros(DType::int64, {1 << 16})));
  std::string first;
  for (const char* name : {"1", "2", "3"}) {
    checkpointer.save(scratch / name, tree, quick({.compression = Compression::zstd()}));
    const Place payload = place(scratch / name, "7/0.0");
    std::string payloads = read(payload.path);
    payloads.resize(payloads.size() - 20000);  // but for the nodes, which name the file
    if (first.empty()) first = payloads;
    CHECK(payloads == first);
  }
}

TEST_CASE("a changed byte of a stored payload is noticed, whatever the options are") {
  ScratchDirectory scratch;
  const AnyArray array = noise(DType::int16, {20, 30});
  for (const SaveOptions& options : all_options()) {
    if ((options.chunk_byte_size && options.chunk_byte_size != 100u) || !options.checksums) continue;
    INFO(text_of(options));
    storage::remove_tree(scratch / "item");
    checkpointer.save(scratch / "item", of(array), options);
    const std::string key = keys(scratch / "item").front();
    const Place at = options.use_ocdbt ? place(scratch / "item", key) : Place{scratch / ("item/" + key), 0, 0};
    flip(at.path, at.offset + 9);
    CHECK_THROWS_AS(checkpointer.restore(scratch / "item"), DataLossError);
  }
}

TEST_CASE("a cast for all takes the arrays of its kind and leaves counters, masks, numbers and keys") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict();
  tree["w"] = Array<float>::from({1.00390625f, 1.01171875f, -0.0f, std::numeric_limits<float>::infinity(), 3.4e38f});
  tree["d"] = Array<double>::from({0.5, 1.0 / 3});
  tree["count"] = Array<std::int32_t>::full({}, 70000);
  tree["mask"] = Tree(noise(DType::bool_, {3}));
  tree["lr"] = Tree::scalar(0.1);
  tree["half"] = Array<float16>::from({float16(1.5f)});
  tree.insert({"key"}, Tree::prng_key("threefry2x32", Array<std::uint32_t>({2})));
  checkpointer.save(scratch / "item", tree, quick({.cast = DType::bfloat16}));
  const Tree got = checkpointer.restore(scratch / "item");
  // To nearest, ties to even.
  CHECK(got["w"] ==
        Tree(Array<bfloat16>::from({bfloat16(1.0f), bfloat16(1.015625f), bfloat16(-0.0f), bfloat16(std::numeric_limits<float>::infinity()),
                                    bfloat16(std::numeric_limits<float>::infinity())})));
  CHECK(got["d"].dtype() == DType::bfloat16);
  CHECK(got["half"] == Tree(Array<bfloat16>::from({bfloat16(1.5f)})));
  for (const char* same : {"count", "mask", "lr", "key"}) CHECK(got[same] == tree[same]);
  struct Back {
    Array<float> w{};
  };
  CHECK(checkpointer.restore<Back>(scratch / "item").w.at({1}) == 1.015625f);  // wider again without asking
}

TEST_CASE("cast rules match whole key paths, the last one decides, and one that matches nothing is refused") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict();
  tree["model"]["params"]["kernel"] = Array<float>::from({{1, 2}, {3, 4}});
  tree["model"]["params"]["bias"] = Array<float>::from({1.75});
  tree["model"]["step"] = Tree::scalar(300);
  tree["list"] = Tree::list({Tree(Array<float>::from({2.5f})), Tree::none()});
  const auto saved = [&](CastRules cast) {
    storage::remove_tree(scratch / "item");
    checkpointer.save(scratch / "item", tree, quick({.cast = std::move(cast)}));
    return checkpointer.restore(scratch / "item");
  };
  const Tree got =
      saved({{"model/params/.*", DType::float16}, {".*/bias", DType::int32}, {"list/0", DType::float64}, {"model/step", DType::uint8}});
  CHECK(got["model"]["params"]["kernel"].dtype() == DType::float16);
  CHECK(static_cast<float>(got["model"]["params"]["kernel"].array().at<float16>({1, 0})) == 3);
  CHECK(got["model"]["params"]["bias"] == Tree(Array<std::int32_t>::from({1})));
  CHECK(got["list"][0] == Tree(Array<double>::from({2.5})));
  CHECK(got["model"]["step"].scalar<std::int64_t>() == 44);
  CHECK_THROWS_WITH_AS(saved({{"params/.*", DType::float16}}), doctest::Contains("\"params/.*\" of cast matches no array"), ArgumentError);
  CHECK_THROWS_WITH_AS(saved({{"model/(", DType::float16}}), doctest::Contains("the pattern \"model/(\" cannot be used"), ArgumentError);
  CHECK_THROWS_WITH_AS(saved({{"list/0", DType::uint4}}), doctest::Contains("no dtype uint4"), ArgumentError);
  CHECK_FALSE(storage::exists(scratch / "item"));
}

TEST_CASE("arrays are cast block by block whatever their strides, chunks and size") {
  ScratchDirectory scratch;
  const Strided strided;
  Tree want = Tree::dict();
  for (const auto& [key, leaf] : strided.tree.items()) {
    AnyArray half = AnyArray::zeros(DType::bfloat16, leaf.shape());
    cast_copy(leaf.array().view(), half.view());
    want.insert(key, Tree(std::move(half)));
  }
  for (SaveOptions options : all_options()) {
    INFO(text_of(options));
    options.cast = DType::bfloat16;
    storage::remove_tree(scratch / "item");
    orbax::save_item(scratch / "item", strided.view, options);
    CHECK(checkpointer.restore(scratch / "item") == want);
  }
  const AnyArray large = noise(DType::int32, {3000001});
  AnyArray wide = AnyArray::zeros(DType::complex128, {3000001});
  cast_copy(large.view(), wide.view());
  checkpointer.save(scratch / "large", of(large), quick({.cast = {{"a", DType::complex128}}}));
  CHECK(checkpointer.restore(scratch / "large")["a"] == Tree(wide));
  Tree narrow = of(noise(DType::uint4, {5}));  // a dtype that Orbax has not
  checkpointer.save(scratch / "narrow", narrow, quick({.cast = {{"a", DType::uint8}}}));
  CHECK(checkpointer.restore(scratch / "narrow")["a"].dtype() == DType::uint8);
}

TEST_CASE("no payload is copied: each byte is written once, by calls of at most 1 MiB, in memory that does not grow with it") {
  ScratchDirectory scratch;
  Tree tree = Tree::dict();
  constexpr std::size_t payload = std::size_t{96} << 20;
  tree["one"] = Tree(noise(DType::float32, {1 << 20, 16}));
  for (int i = 0; i < 32; ++i) tree.insert({"many" + std::to_string(i)}, Tree(noise(DType::float32, {1 << 18})));
  struct Way {
    SaveOptions options;
    double bytes;        // written, as parts of the payload
    std::size_t memory;  // at most, besides the state
  };
  constexpr std::size_t mib = std::size_t{1} << 20;
  const Way ways[] = {{quick({}), 1.02, 6 * mib},
                      {quick({.use_ocdbt = false}), 1.02, 6 * mib},
                      {quick({.use_zarr3 = true}), 1.02, 6 * mib},
                      {quick({.chunk_byte_size = 1 << 19}), 1.02, 6 * mib},
                      {quick({.cast = DType::bfloat16}), 0.51, 6 * mib},
                      {quick({.compression = Compression::zstd()}), 1.02, 56 * mib}};
  for (const Way& way : ways) {
    INFO(text_of(way.options));
    storage_test::TestHook hook;
    std::size_t grown = 0;
    {
      const storage::ScopedFileSystemHook scope(hook);
      grown = peak_growth([&] { checkpointer.save(scratch / "item", tree, way.options); });
    }
    std::size_t bytes = 0;
    for (const auto& seen : hook.seen)
      if (seen.operation == storage::FileOperation::write) bytes += seen.bytes;
    CHECK(bytes <= static_cast<std::size_t>(way.bytes * static_cast<double>(payload)));
    CHECK(hook.largest(storage::FileOperation::write) <= storage::File::largest_write);
    const std::size_t calls = bytes / storage::File::largest_write + 16 + (way.options.use_ocdbt ? 0 : 2 * 33);
    CHECK(hook.count(storage::FileOperation::write) <= calls);
#if defined(__SANITIZE_THREAD__)
    grown = 0;  // its shadow of the state is not ours
#endif
    CHECK(grown <= way.memory);
    storage::remove_tree(scratch / "item");
  }
}
