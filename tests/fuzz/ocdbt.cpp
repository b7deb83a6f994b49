// The three kinds of OCDBT blobs. The input is a whole blob, or else a body, around which the envelope is put: mutations of a blob die of
// its checksum, mutations of a body do not.
#include "contract.hpp"

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

template <class Decode, class Encode>
void blob(std::string_view input, std::uint32_t magic, Decode decode, Encode encode) {
  for (const bool whole : {true, false}) {
    const auto value = read([&] { return decode(whole ? std::string(input) : ocdbt::seal_envelope(magic, input, std::nullopt), context); });
    if (value) expect_stable(*value, encode, [&](const std::string& text) { return decode(text, context); });
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
