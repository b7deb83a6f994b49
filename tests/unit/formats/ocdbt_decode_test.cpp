#include "orrery/formats/ocdbt/decode.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "ocdbt_examples.hpp"
#include "orrery/formats/ocdbt/decode_btree.hpp"
#include "orrery/formats/ocdbt/encode.hpp"

namespace {

using namespace orrery::ocdbt;
using namespace ocdbt_examples;
using namespace std::string_literals;
using orrery::DataLossError;
using orrery::FormatError;

const std::string leaf_blob = data_file.substr(12, 70), small_leaf_blob = data_file.substr(82, 24), root_blob = data_file.substr(106, 80);

std::vector<DataFile> table(const std::string& bytes, const std::string& transitive = {}) {
  orrery::ByteReader reader(bytes);
  BlobContext context;
  context.transitive_path = transitive;
  auto files = decode_data_files(reader, context);
  reader.expect_end("the table");
  return files;
}

template <class Decode>
void check_rejected(const std::string& blob, std::size_t at, const std::string& bytes, Decode decode, const char* words) {
  std::string bad = blob;
  bad.replace(at, bytes.size(), bytes);
  CAPTURE(at);
  CHECK_THROWS_WITH_AS(decode(resealed(bad), BlobContext{.file = "f", .offset = 7}), doctest::Contains(words), FormatError);
}

Manifest manifest_with(std::vector<Version> versions, std::vector<VersionNodeReference> nodes, std::uint8_t arity = 2) {
  Manifest m;
  m.config = config();
  m.config.version_tree_arity_log2 = arity;
  m.files = {{"", "d/x"}};
  m.versions = std::move(versions);
  m.version_nodes = std::move(nodes);
  return m;
}
Version version(std::uint64_t generation) { return {generation, 0, {0, 0, 30}, {1, 30, 0}, 5}; }
VersionNodeReference node(std::uint64_t generation, std::uint8_t height) { return {generation, {0, 0, 30}, 1, 5, height}; }
void redecode(const Manifest& m) { decode_manifest(encode_manifest(m, {}), {}); }

}  // namespace

TEST_CASE("the manifest of the worked example decodes") {
  const Manifest m = decode_manifest(manifest, {});
  CHECK(m.config == config());
  REQUIRE(m.files.size() == 1);
  CHECK(m.files[0].path() == data_name);
  REQUIRE(m.versions.size() == 1);
  const Version& v = m.versions[0];
  CHECK(v.generation == 1);
  CHECK(v.root_height == 1);
  CHECK(v.root == Reference{0, 106, 80});
  CHECK(v.statistics == Statistics{3, 174, 12});
  CHECK(v.commit_time == commit_time);
  CHECK(m.version_nodes.empty());
}

TEST_CASE("the nodes of the worked example decode") {
  const BtreeNode leaf = decode_btree_node(leaf_blob, {});
  REQUIRE(leaf.entries.size() == 2);
  CHECK(leaf.entries[0].key == "1");
  CHECK(leaf.entries[0].inline_value == "v1");
  CHECK(leaf.entries[1].key == "2");
  CHECK_FALSE(leaf.entries[1].is_inline);
  CHECK(leaf.entries[1].value == Reference{0, 0, 12});

  const BtreeNode small = decode_btree_node(small_leaf_blob, {});
  REQUIRE(small.entries.size() == 1);
  CHECK(small.entries[0].key.empty());
  CHECK(small.entries[0].inline_value.empty());

  const BtreeNode root = decode_btree_node(root_blob, {});
  CHECK(root.height == 1);
  REQUIRE(root.children.size() == 2);
  CHECK(root.children[0].key == "ab/k1");
  CHECK(root.children[0].common_prefix_length == 4);
  CHECK(root.children[0].child == Reference{0, 12, 70});
  CHECK(root.children[1].key == "b");
  CHECK(root.children[1].statistics == Statistics{1, 24, 0});
}

TEST_CASE("views of a node outlive it as long as its storage is held") {
  std::shared_ptr<const void> storage;
  std::string_view key, value;
  {
    BtreeNode leaf = decode_btree_node(leaf_blob, {});
    storage = leaf.storage;
    const BtreeNode moved = std::move(leaf);
    key = moved.entries[0].key;
    value = moved.entries[0].inline_value;
  }
  CHECK(key == "1");
  CHECK(value == "v1");
}

TEST_CASE("base paths of a merged node are told from the rest") {
  const BtreeNode merged = decode_btree_node(merged_node, {.transitive_path = "outer/"});
  REQUIRE(merged.files.size() == 2);
  CHECK(merged.files[0].base == "outer/ocdbt.process_0/");
  CHECK(merged.files[0].relative == "d/" + std::string(32, 'a'));
  CHECK(merged.files[1].base == "outer/ocdbt.process_1/");
  CHECK(merged.files[1].relative == "d/" + std::string(32, 'b'));
  REQUIRE(merged.entries.size() == 3);
  CHECK(merged.entries[0].inline_value == "{}");
  CHECK(merged.entries[2].key == "w/0.1");
  CHECK(merged.entries[2].value == Reference{1, 0, 8});
}

TEST_CASE("compressed blobs decode as plain ones do") {
  const Manifest m = decode_manifest(encode_manifest(decode_manifest(manifest, {}), 3), {});
  CHECK(m.versions[0].statistics == Statistics{3, 174, 12});
  const BtreeNode leaf = decode_btree_node(leaf_blob, {});
  const BtreeNode again = decode_btree_node(encode_leaf(leaf.entries, leaf.files, 0, 0), {});
  CHECK(again.entries[1].key == "2");
  CHECK(again.entries[0].inline_value == "v1");
}

TEST_CASE("data file tables follow the rules of TensorStore's own tests") {
  CHECK(table("\x00"s).empty());
  CHECK_THROWS_AS(table(""), FormatError);
  CHECK_THROWS_AS(table("\x01\x80\x80\x04"s), FormatError);
  CHECK_THROWS_AS(table("\x01\x05\x80\x80\x04"s), FormatError);
  CHECK_THROWS_AS(table("\x02\x80\x80\x04"s), FormatError);
  CHECK_THROWS_AS(table("\x01\x05\x06"s), FormatError);
  CHECK_THROWS_WITH_AS(table("\x02\x02\x02\x00\x00\x01"s + "ab"), doctest::Contains("across the end"), FormatError);
  CHECK_THROWS_WITH_AS(table("\x02\x03\x02\x01\x00\x00"s + "abc"), doctest::Contains("longer prefix"), FormatError);
  CHECK(table("\x02\x01\x02\x01\x01\x01"s + "abc") == std::vector<DataFile>{{"a", "b"}, {"a", "c"}});
  CHECK(table("\x01\x03\x02"s + "xyz", "q/") == std::vector<DataFile>{{"q/xy", "z"}});
  CHECK_THROWS_WITH_AS(table("\xff\xff\xff\xff\x0f\x01\x01"s), doctest::Contains("claims"), FormatError);
  CHECK_THROWS_AS(table("\x01\x03\x02"s + "xyz", std::string(65533, 'q')), FormatError);
}

TEST_CASE("paths that lead elsewhere are unsafe") {
  for (const char* bad : {"", "/etc/passwd", "d/", "d//x", "..", "../x", "d/../x", "./x", "d/.", "a\\b", "d/x.__lock", "d.__lock/x"}) {
    CAPTURE(bad);
    CHECK_FALSE(unsafe_path_reason(bad).empty());
  }
  CHECK_FALSE(unsafe_path_reason("d/\0x"s).empty());
  for (const char* good : {"d/x", "x", "a/.b", "..c/d", "d/UPPER case.bin"}) CHECK(unsafe_path_reason(good).empty());
}

TEST_CASE("the envelope is checked, and errors name file and offset") {
  const auto open = [](const std::string& blob) { open_envelope(blob, btree_node_magic, {.file = "f", .offset = 7}); };
  CHECK_THROWS_WITH_AS(open(leaf_blob.substr(0, 17)), doctest::Contains("at least 18"), FormatError);
  CHECK_THROWS_WITH_AS(open(resealed("x" + leaf_blob.substr(1))), doctest::Contains("magic"), FormatError);
  CHECK_THROWS_WITH_AS(open(leaf_blob + "x"), doctest::Contains("has 70 bytes, but there are 71 [file f, offset 11]"), FormatError);
  CHECK_THROWS_WITH_AS(open(leaf_blob.substr(0, 69) + "x"), doctest::Contains("CRC-32C"), DataLossError);
  check_rejected(leaf_blob, 12, "\x01", decode_btree_node<>, "version 1");
  check_rejected(leaf_blob, 13, "\x02", decode_btree_node<>, "method 2");
  check_rejected(leaf_blob, 13, "\x01", decode_btree_node<>, "zstd");
  // Padded varints are legal.
  const std::string padded = leaf_blob.substr(0, 12) + "\x80\x00\x80\x80\x00"s + leaf_blob.substr(14);
  CHECK(decode_btree_node(resealed(padded), {}).entries.size() == 2);
}

TEST_CASE("a body must end where its last field does, plain and compressed") {
  for (const std::optional<int> level : {std::optional<int>(), std::optional<int>(1)}) {
    const std::string body = leaf_blob.substr(14, 52);
    CHECK_NOTHROW(decode_btree_node(seal_envelope(btree_node_magic, body, level), {}));
    CHECK_THROWS_AS(decode_btree_node(seal_envelope(btree_node_magic, body + "x", level), {}), FormatError);
    for (std::size_t length = 0; length < body.size(); ++length)
      CHECK_THROWS_AS(decode_btree_node(seal_envelope(btree_node_magic, body.substr(0, length), level), {}), FormatError);
  }
  CHECK_THROWS_WITH_AS(decode_btree_node(seal_envelope(btree_node_magic, leaf_blob.substr(14, 51), 1), {.file = "f", .offset = 9}),
                       doctest::Contains("decompressed body of the blob at offset 9"), FormatError);
}

TEST_CASE("the decoded size of a body is capped") {
  const std::string big = seal_envelope(btree_node_magic, std::string(100000, '\0'), 1);
  CHECK_THROWS_WITH_AS(open_envelope(big, btree_node_magic, {.max_decoded_bytes = 99999}), doctest::Contains("99999"), FormatError);
}

TEST_CASE("configurations out of range are rejected") {
  check_rejected(manifest, 30, "\x02", decode_manifest<>, "kind 2");
  check_rejected(manifest, 33, "\x00"s, decode_manifest<>, "arity");
  check_rejected(manifest, 33, "\x11", decode_manifest<>, "arity");
  check_rejected(manifest, 34, "\x02", decode_manifest<>, "compression method 2");
  Manifest m = decode_manifest(manifest, {});
  m.config.zstd_level = 23;
  CHECK_THROWS_AS(redecode(m), FormatError);
  m.config.zstd_level = -131072;
  CHECK_NOTHROW(redecode(m));
}

TEST_CASE("references outside of the table or of 63 bits are rejected") {
  check_rejected(manifest, 75, "\x01", decode_manifest<>, "data file 1 of 1");
  check_rejected(root_blob, 65, "\x01", decode_btree_node<>, "data file 1 of 1");
  check_rejected(leaf_blob, 62, "\x01", decode_btree_node<>, "data file 1 of 1");
  LeafEntry far{.key = "k", .is_inline = false, .value = {0, max_file_end, 1}};
  const std::vector<DataFile> files{{"", "d/x"}};
  CHECK_THROWS_WITH_AS(decode_btree_node(encode_leaf({&far, 1}, files, 0, {}), {}), doctest::Contains("2^63"), FormatError);
  far.value = Reference::missing(0);
  CHECK_THROWS_AS(decode_btree_node(encode_leaf({&far, 1}, files, 0, {}), {}), FormatError);
  far.value = {0, max_file_end, 0};
  CHECK_NOTHROW(decode_btree_node(encode_leaf({&far, 1}, files, 0, {}), {}));
}

TEST_CASE("keys must increase, share what is there and stay within 65535 bytes") {
  check_rejected(leaf_blob, 57, "1", decode_btree_node<>, "do not increase");
  check_rejected(leaf_blob, 53, "\x02", decode_btree_node<>, "shares more bytes");
  check_rejected(root_blob, 56, "\x06", decode_btree_node<>, "subtree prefix");
  check_rejected(leaf_blob, 52, "\x00"s, decode_btree_node<>, "found 0");
  check_rejected(leaf_blob, 52, "\x7f", decode_btree_node<>, "claims 127");
  check_rejected(leaf_blob, 60, "\x02", decode_btree_node<>, "value kind 2");
  const std::string longest(65535, 'k');
  LeafEntry entry{.key = longest};
  CHECK(decode_btree_node(encode_leaf({&entry, 1}, {}, 0, {}), {}).entries[0].key == longest);
}

TEST_CASE("few bytes cannot ask for keys without bound") {
  // 4000 keys that all share 65000 bytes with the one before.
  std::vector<std::string> keys;
  std::string body("\x00\x00"s);
  orrery::ByteWriter writer(body);
  writer.varint(4000);
  for (int i = 1; i < 4000; ++i) writer.varint(i < 500 ? 65000u + static_cast<unsigned>(i) : 65499u);
  for (int i = 0; i < 4000; ++i) writer.varint(i == 0 ? 65001 : 1);
  body += std::string(65001, 'a') + std::string(3999, 'b');
  CHECK_THROWS_WITH_AS(decode_btree_node(seal_envelope(btree_node_magic, body, 1), {.max_decoded_bytes = 1 << 20}),
                       doctest::Contains("1048576 are allowed"), FormatError);
}

TEST_CASE("versions must increase within one block, and empty ones be empty") {
  CHECK_NOTHROW(redecode(manifest_with({version(5), version(8)}, {})));
  CHECK_THROWS_AS(redecode(manifest_with({}, {})), FormatError);
  CHECK_THROWS_AS(redecode(manifest_with({version(0)}, {})), FormatError);
  CHECK_THROWS_AS(redecode(manifest_with({version(6), version(6)}, {})), FormatError);
  CHECK_THROWS_AS(redecode(manifest_with({version(4), version(5)}, {})), FormatError);
  CHECK_THROWS_AS(redecode(manifest_with({version(1), version(2), version(3), version(4), version(5)}, {})), FormatError);
  Version empty{1, 0, Reference::missing(0), {}, 0};
  CHECK_NOTHROW(redecode(manifest_with({empty}, {})));
  empty.root_height = 1;
  CHECK_THROWS_AS(redecode(manifest_with({empty}, {})), FormatError);
  empty.root_height = 0;
  empty.statistics.num_keys = 1;
  CHECK_THROWS_AS(redecode(manifest_with({empty}, {})), FormatError);
}

TEST_CASE("version tree nodes must fit their slots") {
  CHECK_NOTHROW(redecode(manifest_with({version(30)}, {node(16, 2), node(28, 1)})));
  CHECK_NOTHROW(redecode(manifest_with({version(30)}, {node(17, 1)})));
  CHECK_THROWS_AS(redecode(manifest_with({version(30)}, {node(16, 1)})), FormatError);
  CHECK_THROWS_AS(redecode(manifest_with({version(30)}, {node(29, 1)})), FormatError);
  CHECK_THROWS_AS(redecode(manifest_with({version(30)}, {node(17, 2)})), FormatError);
  CHECK_THROWS_AS(redecode(manifest_with({version(30)}, {node(8, 3)})), FormatError);
  CHECK_THROWS_AS(redecode(manifest_with({version(30)}, {node(16, 1), node(28, 2)})), FormatError);
  CHECK_NOTHROW(redecode(manifest_with({version(17)}, {node(8, 3), node(10, 2), node(14, 1)}, 1)));
  CHECK_THROWS_AS(redecode(manifest_with({version(4)}, {node(4, 1)})), FormatError);
}

TEST_CASE("version tree nodes hold complete blocks of one parent") {
  VersionTreeNode n;
  n.version_tree_arity_log2 = 2;
  n.height = 1;
  n.files = {{"", "d/x"}};
  n.children = {node(4, 0), node(16, 0)};
  const auto decode = [&] { return decode_version_tree_node(encode_version_tree_node(n, {}), {}); };
  CHECK(decode().children[1].generation == 16);
  n.children[0].generation = 5;
  CHECK_THROWS_AS(decode(), FormatError);
  n.children[0].generation = 4;
  n.children[1].generation = 20;
  CHECK_THROWS_AS(decode(), FormatError);
  n.children = {node(4, 0)};
  n.children[0].num_generations = 5;
  CHECK_THROWS_AS(decode(), FormatError);
  n.children = {};
  CHECK_THROWS_AS(decode(), FormatError);
  n.height = 31;
  CHECK_THROWS_AS(decode(), FormatError);
}

TEST_CASE("no truncated or flipped blob of the worked example decodes") {
  for (std::size_t i = 0; i < manifest.size(); ++i) {
    CHECK_THROWS_AS(decode_manifest(manifest.substr(0, i), {}), FormatError);
    std::string bad = manifest;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    CHECK_THROWS_AS(decode_manifest(bad, {}), orrery::Error);
  }
  for (const std::string& blob : {leaf_blob, small_leaf_blob, root_blob}) {
    for (std::size_t i = 0; i < blob.size(); ++i) {
      CHECK_THROWS_AS(decode_btree_node(blob.substr(0, i), {}), FormatError);
      std::string bad = blob;
      bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
      CHECK_THROWS_AS(decode_btree_node(bad, {}), orrery::Error);
    }
  }
}

TEST_CASE("mutations with repaired length and checksum give errors of ours or valid nodes") {
  std::mt19937 random(20240229);
  VersionTreeNode tree_node{.version_tree_arity_log2 = 2, .height = 1, .files = {{"", "d/x"}}, .children = {node(4, 0), node(16, 0)}};
  const std::string sources[] = {manifest, leaf_blob, small_leaf_blob, root_blob, merged_node, encode_version_tree_node(tree_node, {}),
                                 encode_manifest(manifest_with({version(30)}, {node(16, 2), node(28, 1)}), {})};
  for (int round = 0; round < 5000; ++round) {
    const std::string& source = sources[random() % std::size(sources)];
    std::string bad = source;
    for (std::size_t n = 1 + random() % 3; n-- > 0;) {
      const std::size_t at = 12 + random() % (bad.size() - 16);
      const char byte = random() % 2 ? static_cast<char>(random()) : "\x00\x01\x7f\x80\xff"[random() % 5];
      switch (random() % 4) {
        case 0: bad.insert(at, 1, byte); break;
        case 1: if (bad.size() > 20) bad.erase(at, 1); break;
        default: bad[at] = byte;
      }
    }
    bad = resealed(bad);
    try {
      if (&source == &sources[0] || &source == &sources[6]) encode_manifest(decode_manifest(bad, {}), {});
      else if (&source == &sources[5]) decode_version_tree_node(bad, {});
      else {
        const BtreeNode decoded = decode_btree_node(bad, {});
        // What decodes can be written and says the same again.
        const std::string again = decoded.height == 0
                                      ? encode_leaf(decoded.entries, decoded.files, 0, {})
                                      : encode_interior(decoded.height, decoded.children, decoded.files, 0, {});
        CHECK(decode_btree_node(again, {}).entries.size() == decoded.entries.size());
        CHECK(decode_btree_node(again, {}).children.size() == decoded.children.size());
      }
    } catch (const orrery::Error&) {
    }
  }
}
