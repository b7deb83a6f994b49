#include "orrery/formats/ocdbt/reader.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "ocdbt_examples.hpp"
#include "orrery/formats/ocdbt/encode.hpp"
#include "orrery/formats/ocdbt/writer.hpp"

namespace {

using namespace orrery::ocdbt;
using namespace ocdbt_examples;
using orrery::DataLossError;
using orrery::FormatError;
using orrery::NotFoundError;

void put_example(const TemporaryDirectory& directory) {
  directory.put(data_name, data_file);
  directory.put("manifest.ocdbt", manifest);
}

Manifest manifest_of(Version version, DataFile file = {"", "d/x"}) {
  Manifest m;
  m.config = config();
  m.files = {std::move(file)};
  m.versions = {version};
  return m;
}

// A file "d/x" made of nodes, and a manifest whose root is the last of them.
struct NodeFile {
  std::string data{};
  std::vector<DataFile> files{{"", "d/x"}};
  Reference last{};

  Reference add(const std::string& blob) {
    last = {0, data.size(), blob.size()};
    data += blob;
    return last;
  }
  Reference leaf(std::vector<LeafEntry> entries, std::size_t skip = 0) { return add(encode_leaf(entries, files, skip, {})); }
  Reference interior(std::uint8_t height, std::vector<InteriorEntry> children) {
    return add(encode_interior(height, children, files, 0, {}));
  }
  void write(const TemporaryDirectory& directory, std::uint8_t height, std::uint64_t keys) const {
    directory.put("d/x", data);
    directory.put("manifest.ocdbt", encode_manifest(manifest_of({1, height, last, {keys, 0, 0}, 0}), {}));
  }
};

std::vector<std::string> keys_of(const Database& database) {
  std::vector<std::string> keys;
  for (const Entry& entry : database.entries()) keys.emplace_back(entry.key);
  return keys;
}

}  // namespace

TEST_CASE("the worked example opens, lists, finds and reads") {
  const TemporaryDirectory directory;
  put_example(directory);
  Database database = Database::open(directory.path());
  CHECK(keys_of(database) == std::vector<std::string>{"ab/k1", "ab/k2", "b"});
  CHECK(database.version()->generation == 1);
  CHECK(database.counted() == Statistics{3, 174, 12});
  CHECK(database.nodes() == 3);
  CHECK(database.read(*database.find("ab/k1")) == "v1");
  CHECK(database.read(*database.find("ab/", "k2")) == "hello, world");
  CHECK(database.read(*database.find("b", "")).empty());
  const Entry& far = *database.find("ab/k2");
  CHECK_FALSE(far.is_inline);
  CHECK(far.offset == 0);
  CHECK(far.length == 12);
  CHECK(database.path(far) == directory / data_name);
  for (const char* absent : {"", "a", "ab/k", "ab/k11", "ab/k3", "c"}) CHECK(database.find(absent) == nullptr);
  CHECK(database.find("ab/k1", "1") == nullptr);
  CHECK(database.find("ab/k12", "") == nullptr);
}

TEST_CASE("a prefix selects one stretch of entries") {
  const TemporaryDirectory directory;
  Writer writer;
  for (int i = 0; i < 300; ++i) writer.put_inline("k" + std::to_string(i), "");
  const WriterResult result = writer.finish({"", "d/x"}, 0);
  directory.put("d/x", result.nodes);
  directory.put("manifest.ocdbt", result.manifest);
  const Database database = Database::open(directory.path());
  CHECK(database.with_prefix("").size() == 300);
  CHECK(database.with_prefix("k").size() == 300);
  CHECK(database.with_prefix("k1").size() == 111);
  CHECK(database.with_prefix("k29").size() == 11);
  CHECK(database.with_prefix("k299").size() == 1);
  CHECK(database.with_prefix("k2999").empty());
  CHECK(database.with_prefix("z").empty());
  CHECK(database.with_prefix("a").empty());
}

TEST_CASE("a directory without manifest is no database, with a hint if it was never finalized") {
  const TemporaryDirectory directory;
  CHECK_THROWS_WITH_AS(Database::open(directory.path()), doctest::Contains("no manifest.ocdbt [file"), NotFoundError);
  CHECK_THROWS_AS(Database::open(directory / "nowhere"), NotFoundError);
  directory.put("ocdbt.process_0/manifest.ocdbt", manifest);
  CHECK_THROWS_WITH_AS(Database::open(directory.path()), doctest::Contains("never finalized"), NotFoundError);
}

TEST_CASE("missing and short data files say what needs them") {
  const TemporaryDirectory directory;
  directory.put("manifest.ocdbt", manifest);
  CHECK_THROWS_WITH_AS(Database::open(directory.path()), doctest::Contains("missing, needed by a B+tree node"), DataLossError);
  directory.put(data_name, data_file.substr(0, 185));
  CHECK_THROWS_WITH_AS(Database::open(directory.path()), doctest::Contains("has only 185"), DataLossError);

  NodeFile tree;
  tree.files = {{"", "d/x"}, {"", "d/values"}};
  tree.leaf({{.key = "w", .is_inline = false, .value = {1, 3, 8}}});
  tree.write(directory, 0, 1);
  Database database = Database::open(directory.path());
  CHECK_THROWS_WITH_AS(database.read(database.entries()[0]), doctest::Contains("needed by key 'w'"), DataLossError);
  directory.put("d/values", "1234567890");
  CHECK_THROWS_WITH_AS(database.read(database.entries()[0]), doctest::Contains("key 'w'"), DataLossError);
}

TEST_CASE("paths out of the database are not opened") {
  const TemporaryDirectory directory;
  directory.put("outside", "secret");
  const TemporaryDirectory inner;
  for (const char* path : {"../outside", "/etc/passwd", "d/../../outside", ""}) {
    NodeFile tree;
    tree.files = {{"", "d/x"}, {"", path}};
    tree.leaf({{.key = "w", .is_inline = false, .value = {1, 0, 6}}});
    tree.write(inner, 0, 1);
    CHECK_THROWS_WITH_AS(Database::open(inner.path()), doctest::Contains("the path '"), FormatError);
  }
  std::filesystem::create_symlink(directory / "outside", inner / "link");
  NodeFile tree;
  tree.files = {{"", "d/x"}, {"", "link"}};
  tree.leaf({{.key = "w", .is_inline = false, .value = {1, 0, 6}}});
  tree.write(inner, 0, 1);
  Database strict = Database::open(inner.path());
  CHECK_THROWS_WITH_AS(strict.read(strict.entries()[0]), doctest::Contains("follow_links_out"), FormatError);
  Database loose = Database::open(inner.path(), {.follow_links_out = true});
  CHECK(loose.read(loose.entries()[0]) == "secret");
}

TEST_CASE("an empty value elsewhere needs no file and no legal path") {
  const TemporaryDirectory directory;
  NodeFile tree;
  tree.files = {{"", "d/x"}, {"", ""}};
  tree.leaf({{.key = "w", .is_inline = false, .value = {1, 0, 0}}});
  tree.write(directory, 0, 1);
  Database database = Database::open(directory.path());
  CHECK(database.read(database.entries()[0]).empty());
}

TEST_CASE("base paths carry down from the root and from interior nodes") {
  const TemporaryDirectory directory;
  directory.put("sub/" + data_name, data_file);
  directory.put("manifest.ocdbt", encode_manifest(manifest_of({1, 1, {0, 106, 80}, {3, 174, 12}, 0}, {"sub/", data_name}), {}));
  Database below_root = Database::open(directory.path());
  CHECK(below_root.read(*below_root.find("ab/k2")) == "hello, world");
  CHECK(below_root.path(*below_root.find("ab/k2")) == directory / ("sub/" + data_name));

  NodeFile tree;
  tree.files = {{"", "d/x"}, {"sub/", data_name}};
  tree.interior(2, {{"ab/k1", 0, {1, 106, 80}, {3, 174, 12}}});
  tree.write(directory, 2, 3);
  Database below_interior = Database::open(directory.path());
  CHECK(below_interior.read(*below_interior.find("ab/k2")) == "hello, world");
}

TEST_CASE("children must be what their parents promise") {
  const TemporaryDirectory directory;
  const auto check = [&](const NodeFile& tree, std::uint8_t height, const char* words) {
    tree.write(directory, height, 100);
    CHECK_THROWS_WITH_AS(Database::open(directory.path()), doctest::Contains(words), FormatError);
  };
  {
    NodeFile tree;
    const Reference leaf = tree.leaf({{.key = "a"}});
    tree.interior(2, {{"a", 0, leaf, {1, 0, 0}}});
    check(tree, 2, "expected a B+tree node of height 1, found height 0");
    check(tree, 1, "expected a B+tree node of height 1, found height 2");
  }
  {
    NodeFile tree;
    const Reference leaf = tree.leaf({{.key = "a"}});
    tree.interior(1, {{"b", 0, leaf, {1, 0, 0}}});
    check(tree, 1, "starts below");
  }
  {
    NodeFile tree;
    const Reference left = tree.leaf({{.key = "a"}, {.key = "c"}}), right = tree.leaf({{.key = "d"}});
    tree.interior(1, {{"a", 0, left, {2, 0, 0}}, {"c", 0, right, {1, 0, 0}}});
    check(tree, 1, "reaches beyond");
  }
  {
    // The common prefix puts "z..." in front of keys that then lie beyond what follows.
    NodeFile tree;
    const Reference left = tree.leaf({{.key = "z"}}), right = tree.leaf({{.key = "b"}});
    tree.interior(1, {{"a", 0, left, {1, 0, 0}}, {"b", 0, right, {1, 0, 0}}});
    check(tree, 1, "reaches beyond");
  }
  {
    NodeFile tree;
    const std::string half(40000, 'k');
    const Reference leaf = tree.leaf({{.key = half}});
    tree.interior(1, {{half, 40000, leaf, {1, 0, 0}}});
    check(tree, 1, "longer than 65535");
  }
}

TEST_CASE("a node that is its own child is caught by its height") {
  const TemporaryDirectory directory;
  NodeFile tree;
  std::uint64_t length = 0;
  for (int i = 0; i < 4; ++i) {
    tree.data.clear();
    length = tree.interior(200, {{"a", 0, {0, 0, length}, {1, 0, 0}}}).length;
  }
  tree.write(directory, 200, 1);
  CHECK_THROWS_WITH_AS(Database::open(directory.path()), doctest::Contains("expected a B+tree node of height 199"), FormatError);
}

TEST_CASE("few nodes that share children cannot make a tree without bound") {
  const TemporaryDirectory directory;
  NodeFile tree;
  Reference child = tree.leaf({{.key = ""}});
  for (std::uint8_t height = 1; height <= 60; ++height)
    child = tree.interior(height, {{"a", 1, child, {1, 0, 0}}, {"b", 1, child, {1, 0, 0}}});
  tree.write(directory, 60, 1000);
  CHECK_THROWS_WITH_AS(Database::open(directory.path()), doctest::Contains("more keys than the 1000"), FormatError);
  tree.write(directory, 60, std::uint64_t{1} << 60);
  CHECK_THROWS_WITH_AS(Database::open(directory.path(), {.max_keys = 5000}), doctest::Contains("5000 keys"), FormatError);
  CHECK_THROWS_WITH_AS(Database::open(directory.path(), {.max_nodes = 5000}), doctest::Contains("5000 nodes"), FormatError);
  CHECK_THROWS_WITH_AS(Database::open(directory.path(), {.max_total_bytes = 1 << 20}), doctest::Contains("1048576 bytes"), FormatError);
}

TEST_CASE("numbered manifests: the newest one counts") {
  const TemporaryDirectory directory;
  directory.put(data_name, data_file);
  Manifest m = decode_manifest(manifest, {});
  m.config.kind = ManifestKind::numbered;
  directory.put("manifest.ocdbt", encode_manifest(m, {}));
  CHECK_FALSE(Database::open(directory.path()).version());
  CHECK(Database::open(directory.path()).entries().empty());
  m.config.kind = ManifestKind::single;
  m.versions = {{1, 0, Reference::missing(0), {}, 0}};
  directory.put("manifest.0000000000000001", encode_manifest(m, {}));
  m.versions.push_back({10, 1, {0, 106, 80}, {3, 174, 12}, commit_time});
  directory.put("manifest.000000000000000a", encode_manifest(m, {}));
  directory.put("manifest.000000000000000G", "no");
  directory.put("manifest.00f", "no");
  const Database database = Database::open(directory.path());
  CHECK(database.version()->generation == 10);
  CHECK(database.entries().size() == 3);
  CHECK(Database::open(directory.path(), {.generation = 1}).entries().empty());
  CHECK_THROWS_AS(Database::open(directory.path(), {.generation = 2}), NotFoundError);

  directory.put("manifest.000000000000000b", encode_manifest(m, {}));
  CHECK_THROWS_WITH_AS(Database::open(directory.path()), doctest::Contains("not the one in its name"), FormatError);
}

TEST_CASE("old versions are reached through the version tree") {
  const TemporaryDirectory directory;
  // Arity 2: generations 1 and 2 are in a leaf of the version tree, 3 is in the manifest.
  VersionTreeNode node{.version_tree_arity_log2 = 1, .height = 0, .files = {{"", "d/x"}, {"", data_name}}};
  node.versions = {{1, 0, Reference::missing(0), {}, 5}, {2, 1, {1, 106, 80}, {3, 174, 12}, 6}};
  const std::string blob = encode_version_tree_node(node, {});
  NodeFile tree;
  tree.leaf({{.key = "new"}});
  directory.put(data_name, data_file);
  directory.put("d/x", tree.data + blob);
  Manifest m = manifest_of({3, 0, tree.last, {1, tree.data.size(), 0}, 7});
  m.config.version_tree_arity_log2 = 1;
  m.version_nodes = {{2, {0, tree.data.size(), blob.size()}, 2, 5, 1}};
  directory.put("manifest.ocdbt", encode_manifest(m, {}));
  // Entry heights count from 1 while a node of height 1 has leaves of height 0 below it.
  CHECK_THROWS_WITH_AS(Database::open(directory.path()).all_versions(), doctest::Contains("differs from what its parent"), FormatError);

  VersionTreeNode above{.version_tree_arity_log2 = 1, .height = 1, .files = {{"", "d/x"}}};
  above.children = {{2, {0, tree.data.size(), blob.size()}, 2, 5, 0}};
  const std::string above_blob = encode_version_tree_node(above, {});
  directory.put("d/x", tree.data + blob + above_blob);
  m.version_nodes = {{2, {0, tree.data.size() + blob.size(), above_blob.size()}, 2, 5, 1}};
  directory.put("manifest.ocdbt", encode_manifest(m, {}));
  Database database = Database::open(directory.path());
  CHECK(keys_of(database) == std::vector<std::string>{"new"});
  CHECK(database.all_versions().size() == 3);
  CHECK(Database::open(directory.path(), {.generation = 2}).entries().size() == 3);
  CHECK(Database::open(directory.path(), {.generation = 1}).entries().empty());
}

TEST_CASE("no truncated or flipped file of the worked example opens with other keys") {
  const TemporaryDirectory directory;
  put_example(directory);
  for (std::size_t i = 0; i < data_file.size(); ++i) {
    directory.put(data_name, data_file.substr(0, i));
    CHECK_THROWS_AS(Database::open(directory.path()), DataLossError);
    std::string bad = data_file;
    bad[i] = static_cast<char>(bad[i] ^ 4);
    directory.put(data_name, bad);
    if (i < 12) {  // values have no checksum here
      CHECK(Database::open(directory.path()).entries().size() == 3);
    } else {
      CHECK_THROWS_AS(Database::open(directory.path()), orrery::Error);
    }
  }
  directory.put(data_name, data_file);
  for (std::size_t i = 0; i < manifest.size(); ++i) {
    directory.put("manifest.ocdbt", manifest.substr(0, i));
    CHECK_THROWS_AS(Database::open(directory.path()), orrery::Error);
  }
}

TEST_CASE("nodes with mutations and repaired checksums give errors of ours or a readable database") {
  const TemporaryDirectory directory;
  put_example(directory);
  std::mt19937 random(7);
  const std::size_t starts[] = {12, 82, 106}, lengths[] = {70, 24, 80};
  for (int round = 0; round < 1500; ++round) {
    std::string bad = data_file, bad_manifest = manifest;
    if (round % 4 == 0) {
      bad_manifest[14 + random() % 77] = static_cast<char>(random());
      bad_manifest = resealed(bad_manifest);
    } else {
      const std::size_t which = random() % 3;
      std::string blob = bad.substr(starts[which], lengths[which]);
      for (int i = 0; i < 1 + round % 2; ++i) {
        const std::size_t at = 14 + random() % (blob.size() - 18);
        blob[at] = static_cast<char>(random() % 2 ? random() : static_cast<unsigned char>(blob[at]) + 1u);
      }
      bad.replace(starts[which], lengths[which], resealed(blob));
    }
    directory.put(data_name, bad);
    directory.put("manifest.ocdbt", bad_manifest);
    try {
      Database database = Database::open(directory.path());
      for (const Entry& entry : database.entries()) (void)database.read(entry);
      for (std::size_t i = 1; i < database.entries().size(); ++i) CHECK(database.entries()[i - 1].key < database.entries()[i].key);
    } catch (const orrery::Error&) {
    }
  }
}
