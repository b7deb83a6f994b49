// Bytes to structs for OCDBT B+tree nodes (section 10). Keys come out relative to the node's prefix and strictly increasing; what a
// node must share with its parent is the reader's to check.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/on_use.hpp"
#include "orrery/formats/ocdbt/data_file_table.hpp"
#include "orrery/formats/ocdbt/decode.hpp"
#include "orrery/formats/ocdbt/envelope.hpp"
#include "orrery/formats/ocdbt/format.hpp"

namespace orrery::inline v0::ocdbt {

// The whole referenced range of a node. Inline values are views into the blob, keys into memory beside it; both live as long as
// any copy of the node's storage pointer. FormatError or DataLossError name the file and the offset.
template <OnUse = OnUse()>
inline BtreeNode decode_btree_node(std::string blob, const BlobContext& context);

namespace detail {

struct NodeStorage {
  OpenedBlob opened{};
  std::unique_ptr<char[]> keys{};
};

// The key columns of section 10.1, written out one after the other; on_key gets each key in turn.
template <class OnKey>
void read_keys(Body& body, std::size_t n, BtreeNode& node, NodeStorage& storage, const BlobContext& context, OnKey on_key) {
  auto& children = node.children;
  std::vector<std::uint16_t> prefix(n), suffix(n);
  for (std::size_t i = 1; i < n; ++i) prefix[i] = body.reader.v16();
  for (auto& length : suffix) length = body.reader.v16();
  for (auto& child : children) child.common_prefix_length = body.reader.v16();
  std::size_t total = 0, previous = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t length = std::size_t{prefix[i]} + suffix[i];
    if (prefix[i] > previous) body.fail("key " + std::to_string(i) + " of a B+tree node shares more bytes than the key before it has");
    if (length > max_key_length) body.fail("key " + std::to_string(i) + " of a B+tree node is longer than 65535 bytes");
    if (!children.empty() && children[i].common_prefix_length > length)
      body.fail("the subtree prefix of key " + std::to_string(i) + " of a B+tree node is longer than the key");
    total += previous = length;
  }
  // Shared prefixes let few bytes describe very long keys.
  if (total > context.max_decoded_bytes)
    body.fail("the keys of a B+tree node take " + std::to_string(total) + " bytes; " + std::to_string(context.max_decoded_bytes) +
              " are allowed");
  storage.keys = std::make_unique_for_overwrite<char[]>(total);
  node.storage_bytes += total;
  char* next = storage.keys.get();
  std::string_view before;
  for (std::size_t i = 0; i < n; ++i) {
    const std::string_view rest = body.reader.text(suffix[i]);
    if (prefix[i] != 0) std::memcpy(next, before.data(), prefix[i]);
    if (!rest.empty()) std::memcpy(next + prefix[i], rest.data(), rest.size());
    const std::string_view key(next, prefix[i] + rest.size());
    // The shared bytes are equal by construction, so only the rest needs comparing.
    if (i != 0 && !(before.substr(prefix[i]) < rest)) body.fail("the keys of a B+tree node do not increase at key " + std::to_string(i));
    on_key(i, key);
    before = key;
    next += key.size();
  }
}

template <OnUse = OnUse()>
inline void read_leaf(Body& body, std::size_t n, BtreeNode& node, NodeStorage& storage, const BlobContext& context) {
  node.entries.resize(n);
  read_keys(body, n, node, storage, context, [&](std::size_t i, std::string_view key) { node.entries[i].key = key; });
  for (auto& entry : node.entries) entry.value.length = body.reader.v64();
  for (auto& entry : node.entries) {
    const unsigned kind = body.reader.u8();
    if (kind > 1) body.fail("OCDBT value kind " + std::to_string(kind) + " is unknown");
    entry.is_inline = kind == 0;
    if (entry.is_inline && entry.value.length > max_inline_value)
      body.fail("an inline value takes at most 1048576 bytes, found " + std::to_string(entry.value.length));
  }
  for (auto& entry : node.entries)
    if (!entry.is_inline) body.set_file(entry.value, node.files.size());
  for (auto& entry : node.entries) {
    if (entry.is_inline) continue;
    entry.value.offset = body.reader.v64();
    body.check_end(entry.value);
  }
  for (auto& entry : node.entries) {
    if (!entry.is_inline) continue;
    entry.inline_value = body.reader.text(entry.value.length);
    entry.value = {};
  }
}

template <OnUse = OnUse()>
inline void read_interior(Body& body, std::size_t n, BtreeNode& node, NodeStorage& storage, const BlobContext& context) {
  node.children.resize(n);
  read_keys(body, n, node, storage, context, [&](std::size_t i, std::string_view key) { node.children[i].key = key; });
  body.references(node.children, &InteriorEntry::child, node.files.size(), false);
  body.statistics(node.children);
}

}  // namespace detail

template <OnUse>
inline BtreeNode decode_btree_node(std::string blob, const BlobContext& context) {
  const auto storage = std::make_shared<detail::NodeStorage>();
  storage->opened = open_envelope(std::move(blob), btree_node_magic, context);
  if (storage->opened.is_compressed) std::string().swap(storage->opened.blob);
  detail::Body body(storage->opened, context);
  BtreeNode node;
  node.storage_bytes = storage->opened.blob.size() + storage->opened.decompressed.size();
  node.height = body.reader.u8();
  node.files = decode_data_files(body.reader, context);
  const std::uint64_t n = body.reader.v32();
  if (n < 1 || n > max_node_entries) body.fail("a B+tree node has 1 to 1048576 entries, found " + std::to_string(n));
  // Section 10.4: 4n - 1 and 9n - 1 bytes at least.
  const std::size_t count = body.count(n, node.height == 0 ? 3 : 8, "B+tree entries");
  if (node.height == 0)
    detail::read_leaf(body, count, node, *storage, context);
  else
    detail::read_interior(body, count, node, *storage, context);
  body.reader.expect_end("a B+tree node");
  node.storage = storage;
  return node;
}

}  // namespace orrery::inline v0::ocdbt
