#include "orrery/formats/ocdbt/encode.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ocdbt_examples.hpp"
#include "orrery/formats/ocdbt/decode_btree.hpp"

namespace {

using namespace orrery::ocdbt;
using namespace ocdbt_examples;

const std::vector<DataFile> files{{"", data_name}};

}  // namespace

TEST_CASE("the worked example encodes to its bytes") {
  const LeafEntry leaf[] = {{.key = "ab/k1", .inline_value = "v1"}, {.key = "ab/k2", .is_inline = false, .value = {0, 0, 12}}};
  CHECK(encode_leaf(leaf, files, 4, {}) == data_file.substr(12, 70));
  const LeafEntry small[] = {{.key = "b"}};
  CHECK(encode_leaf(small, files, 1, {}) == data_file.substr(82, 24));
  const InteriorEntry root[] = {{"ab/k1", 4, {0, 12, 70}, {2, 70, 12}}, {"b", 1, {0, 82, 24}, {1, 24, 0}}};
  CHECK(encode_interior(1, root, files, 0, {}) == data_file.substr(106));
  Manifest m;
  m.config = config();
  m.files = files;
  m.versions = {{1, 1, {0, 106, 80}, {3, 174, 12}, commit_time}};
  CHECK(encode_manifest(m, {}) == manifest);
}

TEST_CASE("file tables are written unique and sorted, with the files that are referred to") {
  const std::string a = "d/" + std::string(32, 'a'), b = "d/" + std::string(32, 'b');
  const std::vector<DataFile> many{{"ocdbt.process_1/", b}, {"unused/", "x"}, {"ocdbt.process_0/", a}, {"ocdbt.process_1/", b}};
  const LeafEntry entries[] = {{.key = "w/.zarray", .inline_value = "{}"},
                               {.key = "w/0.0", .is_inline = false, .value = {2, 0, 8}},
                               {.key = "w/0.1", .is_inline = false, .value = {3, 0, 8}}};
  CHECK(encode_leaf(entries, many, 0, {}) == merged_node);
}

TEST_CASE("what was decoded encodes to the same bytes") {
  const Manifest m = decode_manifest(manifest, {});
  CHECK(encode_manifest(m, {}) == manifest);
  const BtreeNode merged = decode_btree_node(merged_node, {});
  CHECK(encode_leaf(merged.entries, merged.files, 0, {}) == merged_node);
  const BtreeNode root = decode_btree_node(data_file.substr(106), {});
  CHECK(encode_interior(1, root.children, root.files, 0, {}) == data_file.substr(106));
}

TEST_CASE("a numbered manifest ends after its configuration") {
  Manifest m;
  m.config = config();
  m.config.kind = ManifestKind::numbered;
  const std::string blob = encode_manifest(m, {});
  CHECK(blob.size() == 14 + 21 + 4);
  CHECK(decode_manifest(blob, {}).config == m.config);
}

TEST_CASE("version tree nodes come back") {
  VersionTreeNode node{.version_tree_arity_log2 = 2, .height = 0, .files = files};
  node.versions = {{5, 1, {0, 106, 80}, {3, 174, 12}, 77}, {8, 0, Reference::missing(0), {}, 78}};
  const VersionTreeNode again = decode_version_tree_node(encode_version_tree_node(node, 3), {});
  REQUIRE(again.versions.size() == 2);
  CHECK(again.versions[0].root == Reference{0, 106, 80});
  CHECK(again.versions[0].commit_time == 77);
  CHECK(again.versions[1].root.is_missing());
}

TEST_CASE("an empty node and a reference without a file are argument errors") {
  CHECK_THROWS_AS(encode_leaf({}, files, 0, {}), orrery::ArgumentError);
  const LeafEntry stray[] = {{.key = "k", .is_inline = false, .value = {1, 0, 8}}};
  CHECK_THROWS_AS(encode_leaf(stray, files, 0, {}), orrery::ArgumentError);
}
