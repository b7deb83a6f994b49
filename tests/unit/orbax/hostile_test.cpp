// Files that lie: only orrery::Error comes of them, soon, and nothing is allocated on their word.
#include <doctest/doctest.h>

#include <sys/resource.h>

#include <cstdint>
#include <map>
#include <new>
#include <string>
#include <vector>

#include "item_files.hpp"
#include "orrery/formats/ocdbt/writer.hpp"
#include "orrery/orbax/write_arrays.hpp"

namespace {

using namespace item_files;
const SaveOptions fast{.durability = Durability::fast};
const PyTreeCheckpointer checkpointer;

// No more address space than there is plus some: what asks for more on a file's word gets std::bad_alloc, which no test expects.
// (Sanitizers have taken terabytes of it already, and refuse huge blocks by themselves.)
class LittleMemory {
 public:
  LittleMemory() {
    ::getrlimit(RLIMIT_AS, &before_);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    rlimit little = before_;
    little.rlim_cur = rlim_t{3} << 30;
    ::setrlimit(RLIMIT_AS, &little);
#endif
  }
  ~LittleMemory() { ::setrlimit(RLIMIT_AS, &before_); }
  LittleMemory(const LittleMemory&) = delete;
  LittleMemory& operator=(const LittleMemory&) = delete;

 private:
  rlimit before_{};
};

Tree small() {
  Tree tree = Tree::dict();
  tree["a"]["w"] = Array<float>::from({1, 2, 3});
  tree["a"]["b"] = Tree::list({Tree::scalar(1), Tree::scalar(true), Tree::none()});
  tree["s"] = Tree::string("text");
  tree.insert({"key"}, Tree::prng_key("threefry2x32", Array<std::uint32_t>({2})));
  return tree;
}

// Restores in every way, and gives the message of the error, "" if there was none. Anything but orrery::Error is a failed test.
std::string outcome(const std::string& item) {
  const LittleMemory little;
  std::string message;
  try {
    checkpointer.metadata(item);
    checkpointer.restore(item);
  } catch (const Error& e) {
    message = e.what();
  }
  struct Target {
    std::map<std::string, Array<double>> a{};
    std::string s{};
    PrngKey key{};
  };
  try {
    checkpointer.restore<Target>(item);
  } catch (const Error&) {
  }
  return message;
}

// A database at `item` with exactly these keys: inline values, or places in one data file of these bytes.
struct Entry {
  std::string key;
  std::string text{};
  std::uint64_t offset = 0, length = 0;
  bool is_reference = false;
};
void write_database(const std::string& item, const std::vector<Entry>& entries, std::string data) {
  storage::make_directories(item + "/d");
  const ocdbt::DataFile file{"", "d/data"};
  ocdbt::Writer database;
  database.add_file(file);
  for (const Entry& e : entries) {
    if (e.is_reference) database.put_reference(e.key, 0, e.offset, e.length);
    else database.put_inline(e.key, e.text);
  }
  const ocdbt::WriterResult result = database.finish(file, data.size());
  write(item + "/d/data", data + result.nodes);
  write(item + "/manifest.ocdbt", result.manifest);
}
std::string zarray_text(const std::string& shape, const std::string& chunks, const std::string& dtype = "<f4", const std::string& compressor = "null") {
  return R"({"chunks":)" + chunks + R"(,"compressor":)" + compressor + R"(,"dimension_separator":".","dtype":")" + dtype +
         R"(","fill_value":null,"filters":null,"order":"C","shape":)" + shape + R"(,"zarr_format":2})";
}
std::string metadata_text(const std::string& key_metadata, bool complete = true, const std::string& type = "np.ndarray", bool ocdbt = true) {
  return R"({"tree_metadata": {"x": {"key_metadata": )" + key_metadata + R"(, "value_metadata": {"value_type": ")" + type +
         R"(", "skip_deserialize": false}}}, "use_ocdbt": )" + (ocdbt ? "true" : "false") + R"(, "store_array_data_equal_to_fill_value": )" +
         (complete ? "true" : "false") + "}";
}
const std::string one_key = R"([{"key": "w", "key_type": 2}])";

// An item of one array "w" with this metadata, one chunk of that length at 0, and a data file of 64 bytes.
std::string one_array(const std::string& zarray, std::uint64_t length, bool complete, const std::string& chunk = "w/0") {
  ScratchDirectory scratch;
  write_database(scratch / "item", {{"w/.zarray", zarray}, {chunk, "", 0, length, true}}, std::string(64, 'x'));
  write(scratch / "item/_METADATA", metadata_text(one_key, complete));
  return outcome(scratch / "item");
}
bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string nested(std::size_t depth, const std::string& open, const std::string& close, const std::string& inner) {
  std::string out;
  for (std::size_t i = 0; i < depth; ++i) out += open;
  out += inner;
  for (std::size_t i = 0; i < depth; ++i) out += close;
  return out;
}

}  // namespace

TEST_CASE("an item cut anywhere in any file is refused, or restores what it held") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "item", small(), fast);
  std::size_t refused = 0;
  for (const auto& [name, text] : files(scratch / "item")) {
    const std::string path = scratch / "item/" + name;
    const std::size_t step = std::max<std::size_t>(1, text.size() / 40);
    for (std::size_t size = 0; size < text.size(); size += step) {
      write(path, std::string_view(text).substr(0, size));
      const std::string message = outcome(scratch / "item");
      refused += !message.empty();
      INFO(name << " cut to " << size << ": " << message);
      const bool is_read = name != "commit_success.txt" && name != "_CHECKPOINT_METADATA" && name != "_sharding";
      CHECK(message.empty() != is_read);
    }
    write(path, text);
  }
  CHECK(refused > 100);
  CHECK(checkpointer.restore(scratch / "item") == small());
}

TEST_CASE("a bit flipped anywhere in any file is refused or changes nothing that is a number or a structure without notice") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "item", small(), fast);
  std::size_t refused = 0;
  for (const auto& [name, text] : files(scratch / "item")) {
    const std::string path = scratch / "item/" + name;
    const std::size_t step = std::max<std::size_t>(1, text.size() / 80);
    const bool is_database = name == "manifest.ocdbt" || name.starts_with("d/");
    for (std::size_t at = 0; at < text.size(); at += step) {
      std::string bad = text;
      bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
      write(path, bad);
      const std::string message = outcome(scratch / "item");
      refused += !message.empty();
      INFO(name << " at " << at << ": " << message);
      // Nodes and payloads have checksums; padding has none, and need not.
      if (is_database && message.empty()) CHECK(checkpointer.restore(scratch / "item") == small());
    }
    write(path, text);
  }
  CHECK(refused > 100);
}

TEST_CASE("a file that goes missing is noticed") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "item", small(), fast);
  for (const auto& [name, text] : files(scratch / "item")) {
    if (name != "manifest.ocdbt" && name != "_strings.json" && !name.starts_with("d/")) continue;
    storage::remove_file(scratch / "item/" + name);
    INFO(name);
    CHECK_FALSE(outcome(scratch / "item").empty());
    write(scratch / "item/" + name, text);
  }
}

TEST_CASE("of a damaged checkpoint the leaves that are whole can be restored") {
  ScratchDirectory scratch;
  std::map<std::string, Array<float>> state{{"a", Array<float>::from({1, 2})}, {"b", Array<float>::from({3})}}, part{{"a", Array<float>({2})}};
  checkpointer.save(scratch / "item", state, {.use_ocdbt = false, .durability = Durability::fast});
  storage::remove_tree(scratch / "item/b");
  const RestoreReport report = checkpointer.restore_into(scratch / "item", part);
  CHECK(part.at("a") == Array<float>::from({1, 2}));
  CHECK(report.ignored() == std::vector<std::string>{"b"});
  CHECK(checkpointer.restore<Array<float>>(scratch / "item", {.subtree = "a"}) == part.at("a"));
  CHECK_THROWS_AS((void)checkpointer.restore<Array<float>>(scratch / "item", {.subtree = "b"}), DataLossError);
  CHECK_THROWS_AS(checkpointer.restore_into(scratch / "item", state), DataLossError);
  CHECK_THROWS_AS((void)checkpointer.restore(scratch / "item"), DataLossError);
  CHECK_THROWS_AS((void)checkpointer.metadata(scratch / "item"), DataLossError);
  CHECK_THROWS_AS((void)checkpointer.restore_into(scratch / "item", part, {.transforms = {}}), DataLossError);
}

TEST_CASE("lengths beyond the file are found out before there is room for them") {
  CHECK(one_array(zarray_text("[16]", "[16]"), 64, true).empty());
  CHECK(contains(one_array(zarray_text("[4000000000000]", "[4000000000000]"), 16000000000000, true), "is said to end at"));
  CHECK(contains(one_array(zarray_text("[32]", "[32]"), 1 << 20, true), "is said to end at"));
  CHECK(contains(one_array(zarray_text("[32]", "[32]"), 64, true), "cannot hold"));
  CHECK(contains(one_array(zarray_text("[8]", "[8]"), 64, true), "cannot hold"));
  const std::string zstd = R"({"id":"zstd","level":1})";
  CHECK(contains(one_array(zarray_text("[1000000000000]", "[1000000000000]", "<f4", zstd), 64, true), "cannot hold"));
  CHECK_FALSE(one_array(zarray_text("[16]", "[16]", "<f4", zstd), 64, true).empty());
  CHECK_FALSE(one_array(zarray_text("[16]", "[4611686018427387904]", "|u1", zstd), 64, true).empty());
}

TEST_CASE("shapes that overflow, and huge ones of tiny or missing chunks, are refused soon") {
  const std::string huge = "[4611686018427387904]", big = "[1000000000000]";
  CHECK_FALSE(one_array(zarray_text("[4611686018427387904,4611686018427387904]", "[1,1]"), 64, true, "w/0.0").empty());
  CHECK_FALSE(one_array(zarray_text(huge, "[1]", "|u1"), 1, true).empty());
  CHECK_FALSE(one_array(zarray_text(huge, "[1]", "|u1"), 1, false).empty());
  CHECK_FALSE(one_array(zarray_text(big, "[1]", "|u1"), 1, false).empty());
  CHECK_FALSE(one_array(zarray_text("[2000000,2000000]", "[1,1]", "|u1"), 1, false, "w/0.0").empty());
  CHECK_FALSE(one_array(zarray_text(huge, huge, "|u1"), 1, false, "w/elsewhere").empty());
  CHECK_FALSE(one_array(zarray_text("[-1]", "[1]"), 64, true).empty());
  CHECK_FALSE(one_array(zarray_text("[16]", "[0]"), 64, true).empty());
  // An array without elements may be of any extents otherwise: it is read without a byte or refused, but never overflows.
  one_array(zarray_text("[0,4611686018427387904,4611686018427387904]", "[1,1,1]"), 64, true);
  one_array(zarray_text("[4611686018427387904,4611686018427387904,0]", "[1,1,1]"), 64, false);
}

TEST_CASE("the same in files of their own, where a chunk is looked for on the disk") {
  ScratchDirectory scratch;
  storage::make_directories(scratch / "item/w");
  write(scratch / "item/_METADATA", metadata_text(one_key, false, "np.ndarray", false));
  write(scratch / "item/w/.zarray", zarray_text("[1000000000000]", "[1]", "|u1"));
  CHECK(contains(outcome(scratch / "item"), "almost none"));
  write(scratch / "item/w/.zarray", zarray_text("[3,3]", "[2,2]", "|u1"));
  write(scratch / "item/w/1.1", "abcd");
  CHECK(outcome(scratch / "item").empty());
  CHECK(checkpointer.restore(scratch / "item")["w"].array().at<std::uint8_t>({2, 2}) == 'a');
  CHECK(checkpointer.restore(scratch / "item")["w"].array().at<std::uint8_t>({1, 1}) == 0);
  write(scratch / "item/_METADATA", metadata_text(R"([{"key": "../../etc", "key_type": 2}])", false, "np.ndarray", false));
  CHECK_FALSE(outcome(scratch / "item").empty());
}

TEST_CASE("an old array whose zero chunks were not stored is zeros, however few keys there are") {
  ScratchDirectory scratch;
  write_database(scratch / "item", {{"w/.zarray", zarray_text("[1000]", "[10]")}}, "");
  write(scratch / "item/_METADATA", metadata_text(one_key, false));
  CHECK(checkpointer.restore(scratch / "item")["w"] == Tree(Array<float>({1000})));
  write(scratch / "item/_METADATA", metadata_text(one_key, true));
  CHECK(contains(outcome(scratch / "item"), "the chunk w/0 is missing"));
}

TEST_CASE("dtypes and value types that are not known, scalars that are none, are refused by name") {
  CHECK(contains(one_array(zarray_text("[16]", "[16]", "<q4"), 64, true), "<q4"));
  CHECK(contains(one_array(zarray_text("[16]", "[16]", "<nt4"), 64, true), "<nt4"));
  CHECK(contains(one_array(zarray_text("[16]", "[16]", "uint4"), 64, true), "uint4"));
  CHECK(contains(one_array(zarray_text("[64]", "[64]", "|b1"), 64, true), "bool"));
  ScratchDirectory scratch;
  write_database(scratch / "item", {{"w/.zarray", zarray_text("[16]", "[16]")}, {"w/0", "", 0, 64, true}}, std::string(64, 'x'));
  write(scratch / "item/_METADATA", metadata_text(one_key, true, "scalar"));
  CHECK(contains(outcome(scratch / "item"), "shape (16,)"));
}

TEST_CASE("wrong magic, an empty manifest, a manifest that is no file") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "item", small(), fast);
  flip(scratch / "item/manifest.ocdbt", 0, 0xff);
  CHECK(contains(outcome(scratch / "item"), "manifest.ocdbt"));
  write(scratch / "item/manifest.ocdbt", "");
  CHECK_FALSE(outcome(scratch / "item").empty());
  storage::remove_file(scratch / "item/manifest.ocdbt");
  storage::make_directory(scratch / "item/manifest.ocdbt");
  CHECK_FALSE(outcome(scratch / "item").empty());
}

TEST_CASE("JSON of an item: duplicate keys, deep nesting, other types, text that is none") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "item", small(), fast);
  const std::string metadata = read(scratch / "item/_METADATA");
  const std::string deep = nested(10000, "[", "]", "1"), deep_object = nested(10000, "{\"a\":", "}", "1");
  for (const char* name : {"_METADATA", "_strings.json", "_orrery.json", "array_metadatas/process_0"}) {
    const std::string path = scratch / "item/" + name, text = read(path);
    for (const std::string& bad : {deep, deep_object, "{\"tree_metadata\": " + deep_object + "}", std::string("{\"a\": 1, \"a\": 2}"),
                                   std::string("{\"a\": \"\xff\"}"), std::string("{"), std::string("\xef\xbb\xbf{}")}) {
      write(path, bad);
      INFO(name << ": " << bad.substr(0, 40));
      CHECK_FALSE(outcome(scratch / "item").empty());
    }
    for (const char* odd : {"[]", "5", "null", "\"x\"", "{}"}) {  // no more than a missing side file
      write(path, odd);
      outcome(scratch / "item");
    }
    write(path, text);
  }
  replace(scratch / "item/_METADATA", "('a', 'w')", "('key',)");
  CHECK(contains(outcome(scratch / "item"), "twice"));
}

TEST_CASE("key paths of _METADATA: far indices, deep paths, keys that are none") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "item", small(), fast);
  for (const char* keys : {R"([{"key": "1000000000000000000", "key_type": 1}])", R"([{"key": "w", "key_type": 1}])", R"([{"key": 3, "key_type": 1}])",
                           R"([{"key": "w", "key_type": 7}])"}) {
    write(scratch / "item/_METADATA", metadata_text(keys));
    CHECK_FALSE(outcome(scratch / "item").empty());
  }
  std::string keys = "[";
  for (int i = 0; i < 10000; ++i) keys += (i ? ", " : "") + std::string(R"({"key": "k", "key_type": 2})");
  write(scratch / "item/_METADATA", metadata_text(keys + "]"));
  CHECK(contains(outcome(scratch / "item"), "512"));
  write(scratch / "item/_METADATA", R"({"other": {"x": {"key_metadata": [{"key": "a", "key_type": 2}]}}, "tree_metadata": {}})");
  CHECK_FALSE(outcome(scratch / "item").empty());
}

TEST_CASE("the file checkpoint: nesting 10 000 deep, counts beyond its end") {
  ScratchDirectory scratch;
  checkpointer.save(scratch / "item", small(), fast);
  for (const bool alone : {false, true}) {
    if (alone) storage::remove_file(scratch / "item/_METADATA");
    for (const std::string& bad : {std::string(10000, '\x91') + "\xc0", nested(10000, "\x81\xa1k", "", "\xc0"), std::string("\xdd\xff\xff\xff\xff", 5),
                                   std::string("\xdf\xff\xff\xff\xff", 5), std::string("\xdb\xff\xff\xff\xff", 5), std::string("\xc6\xff\xff\xff\xff", 5),
                                   std::string("\xc9\xff\xff\xff\xff\x01", 6), std::string("\xc1", 1), std::string()}) {
      write(scratch / "item/checkpoint", bad);
      INFO(bad.size());
      CHECK_FALSE(outcome(scratch / "item").empty());
    }
  }
}
