// The three kinds of OCDBT blobs. The input is a whole blob, or else a body, around which the envelope is put: mutations of a blob die of
// its checksum, mutations of a body do not.
#include "contract.hpp"

#include <algorithm>
#include <vector>

#include "orrery/formats/ocdbt/decode.hpp"
#include "orrery/formats/ocdbt/decode_btree.hpp"
#include "orrery/formats/ocdbt/encode.hpp"

namespace orrery::fuzz {

namespace {

const ocdbt::BlobContext context{.file = "manifest.ocdbt", .offset = 7, .transitive_path = "", .max_decoded_bytes = std::size_t{64} << 20};

std::string encode(const ocdbt::BtreeNode& node) {
  return node.height == 0 ? ocdbt::encode_leaf(node.entries, node.files, 0, std::nullopt)
                          : ocdbt::encode_interior(node.height, node.children, node.files, 0, std::nullopt);
}

// References are renumbered: a blob lists the files that it refers to.
template <class T>
bool same_files(const T& a, const ocdbt::Reference& from, const T& b, const ocdbt::Reference& to) {
  return from.offset == to.offset && from.length == to.length && a.files[from.file] == b.files[to.file];
}
template <class T>
bool same_versions(const T& a, const T& b) {
  return std::equal(a.versions.begin(), a.versions.end(), b.versions.begin(), b.versions.end(), [&](const auto& x, const auto& y) {
    return x.generation == y.generation && x.root_height == y.root_height && x.statistics == y.statistics &&
           x.commit_time == y.commit_time && same_files(a, x.root, b, y.root);
  });
}
template <class T>
bool same_nodes(const T& a, const std::vector<ocdbt::VersionNodeReference>& from, const T& b,
                const std::vector<ocdbt::VersionNodeReference>& to) {
  return std::equal(from.begin(), from.end(), to.begin(), to.end(), [&](const auto& x, const auto& y) {
    return x.generation == y.generation && x.num_generations == y.num_generations && x.commit_time == y.commit_time &&
           x.height == y.height && same_files(a, x.node, b, y.node);
  });
}
bool same(const ocdbt::Manifest& a, const ocdbt::Manifest& b) {
  return a.config == b.config && same_versions(a, b) && same_nodes(a, a.version_nodes, b, b.version_nodes);
}
bool same(const ocdbt::VersionTreeNode& a, const ocdbt::VersionTreeNode& b) {
  return a.height == b.height && a.version_tree_arity_log2 == b.version_tree_arity_log2 && same_versions(a, b) &&
         same_nodes(a, a.children, b, b.children);
}
bool same(const ocdbt::BtreeNode& a, const ocdbt::BtreeNode& b) {
  return a.height == b.height &&
         std::equal(a.entries.begin(), a.entries.end(), b.entries.begin(), b.entries.end(),
                    [&](const auto& x, const auto& y) {
                      return x.key == y.key && x.is_inline == y.is_inline &&
                             (x.is_inline ? x.inline_value == y.inline_value : same_files(a, x.value, b, y.value));
                    }) &&
         std::equal(a.children.begin(), a.children.end(), b.children.begin(), b.children.end(), [&](const auto& x, const auto& y) {
           return x.key == y.key && x.common_prefix_length == y.common_prefix_length && x.statistics == y.statistics &&
                  same_files(a, x.child, b, y.child);
         });
}

template <class Decode, class Encode>
void blob(std::string_view input, std::uint32_t magic, Decode decode, Encode encode) {
  for (const bool whole : {true, false}) {
    const auto value = read([&] { return decode(whole ? std::string(input) : ocdbt::seal_envelope(magic, input, std::nullopt), context); });
    if (value)
      expect_stable(
          *value, encode, [&](const std::string& text) { return decode(text, context); },
          [](const auto& a, const auto& b) { return same(a, b); });
  }
}

}  // namespace

void ocdbt_manifest(std::string_view input) {
  blob(input, ocdbt::manifest_magic, ocdbt::decode_manifest,
       [](const ocdbt::Manifest& m) { return ocdbt::encode_manifest(m, std::nullopt); });
}
void ocdbt_btree(std::string_view input) { blob(input, ocdbt::btree_node_magic, ocdbt::decode_btree_node, encode); }
void ocdbt_version_tree(std::string_view input) {
  blob(input, ocdbt::version_node_magic, ocdbt::decode_version_tree_node,
       [](const ocdbt::VersionTreeNode& node) { return ocdbt::encode_version_tree_node(node, std::nullopt); });
}

}  // namespace orrery::fuzz
