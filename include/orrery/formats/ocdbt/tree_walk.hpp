// Loads a whole B+tree, leaf by leaf, and checks what one node alone cannot tell (sections 10.1 and 14): heights, bounds, the order of
// keys, and that the tree is no bigger than it says and than allowed. Values outside of leaves are not read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/ocdbt/data_files.hpp"
#include "orrery/formats/ocdbt/decode_btree.hpp"
#include "orrery/formats/ocdbt/format.hpp"

namespace orrery::inline v0::ocdbt {

struct ReadOptions {
  std::size_t max_decoded_bytes = std::size_t{1} << 30;  // of one manifest or node
  std::size_t max_total_bytes = std::size_t{1} << 32;    // of all nodes, keys and entries together
  std::uint64_t max_keys = std::uint64_t{1} << 25;
  std::uint64_t max_nodes = std::uint64_t{1} << 21;
  std::uint64_t generation = 0;   // 0: the newest
  bool follow_links_out = false;  // data files may be symbolic links to outside of the database
};

// A key with its value: inline, or bytes [offset, offset + length) of a data file.
struct Entry {
  std::string_view key{};
  std::string_view inline_value{};
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // of the value, wherever it is
  std::uint32_t file = 0;    // where not inline: a DataFiles id
  bool is_inline = true;
};

struct LoadedTree {
  std::vector<Entry> entries{};                        // keys strictly increasing
  std::vector<std::shared_ptr<const void>> storage{};  // what the views of the entries point into
  Statistics counted{};                                // as found; a sound version says the same
  std::uint64_t nodes = 0;
};

// The tree of a version whose root lies in root_file. FormatError, DataLossError or IoError name file and offset.
template <OnUse = OnUse()>
inline LoadedTree load_tree(const Version& version, const DataFile& root_file, DataFiles& files, const ReadOptions& options);

namespace detail {

class TreeWalk {
 public:
  TreeWalk(DataFiles& files, const ReadOptions& options, std::uint64_t stated_keys)
      : files_(files), options_(options), stated_keys_(stated_keys) {}

  // lower and upper bound the full keys: lower is what the parent says (without the prefix), upper is null for the last branch.
  template <OnUse = OnUse()>
  void visit(const DataFile& file, const Reference& reference, unsigned height, const std::string& prefix, std::string_view lower,
             const std::string* upper) {
    BlobContext context{.transitive_path = file.base, .max_decoded_bytes = options_.max_decoded_bytes};
    const BtreeNode node = load(file, reference, context);
    if (node.height != height)
      fail("expected a B+tree node of height " + std::to_string(height) + ", found height " + std::to_string(node.height), context);
    const std::string_view first = node.height == 0 ? node.entries.front().key : node.children.front().key;
    if (first < lower) fail("a B+tree node starts below the key that its parent promises", context);
    tree_.counted.num_tree_bytes += reference.length;
    if (node.height == 0) return add_leaf(node, prefix, upper, context);
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const InteriorEntry& entry = node.children[i];
      std::string child_prefix = prefix + std::string(entry.key.substr(0, entry.common_prefix_length)), bound;
      const bool last = i + 1 == node.children.size();
      if (!last) bound = prefix + std::string(node.children[i + 1].key);
      visit(node.files[entry.child.file], entry.child, height - 1, child_prefix, entry.key.substr(entry.common_prefix_length),
            last ? upper : &bound);
    }
  }

  LoadedTree take() { return std::move(tree_); }

 private:
  [[noreturn]] void fail(const std::string& message, const BlobContext& context) const { throw FormatError(message, context.where()); }

  // A few small nodes that share children can describe a huge tree, so sums are bounded, not only single nodes.
  void charge(std::size_t bytes, const BlobContext& context) {
    total_ += bytes;
    if (total_ > options_.max_total_bytes)
      fail("an OCDBT tree takes more than the allowed " + std::to_string(options_.max_total_bytes) + " bytes of memory", context);
  }

  template <OnUse = OnUse()>
  BtreeNode load(const DataFile& file, const Reference& reference, BlobContext& context) {
    constexpr std::string_view needed_by = "a B+tree node";
    const std::uint32_t id = files_.id(file, {{}, files_.directory(), {}});
    context.file = files_.path(id, needed_by);
    context.offset = reference.offset;
    if (++tree_.nodes > options_.max_nodes)
      fail("an OCDBT tree has more than the allowed " + std::to_string(options_.max_nodes) + " nodes", context);
    if (reference.length > options_.max_decoded_bytes)
      fail("a B+tree node of " + std::to_string(reference.length) + " bytes is larger than allowed", context);
    BtreeNode node = decode_btree_node(files_.read(id, reference.offset, reference.length, needed_by), context);
    charge(node.storage_bytes, context);
    return node;
  }

  template <OnUse = OnUse()>
  void add_leaf(const BtreeNode& node, const std::string& prefix, const std::string* upper, const BlobContext& context) {
    const std::size_t count = tree_.entries.size() + node.entries.size();
    if (count > stated_keys_)
      fail("an OCDBT tree has more keys than the " + std::to_string(stated_keys_) + " that its version states", context);
    if (count > options_.max_keys) fail("an OCDBT tree has more than the allowed " + std::to_string(options_.max_keys) + " keys", context);
    charge(node.entries.size() * sizeof(Entry), context);

    std::shared_ptr<char[]> keys;
    if (!prefix.empty()) {
      std::size_t total = 0;
      for (const LeafEntry& entry : node.entries) total += prefix.size() + entry.key.size();
      charge(total, context);
      keys = std::shared_ptr<char[]>(new char[total]);
      tree_.storage.push_back(keys);
    }
    tree_.storage.push_back(node.storage);

    const std::size_t start = tree_.entries.size();
    constexpr std::uint32_t unknown = UINT32_MAX;
    std::vector<std::uint32_t> ids(node.files.size(), unknown);
    char* next = keys.get();
    for (const LeafEntry& leaf : node.entries) {
      Entry entry{.key = leaf.key, .is_inline = leaf.is_inline || leaf.value.length == 0};
      if (!prefix.empty()) {
        std::memcpy(next, prefix.data(), prefix.size());
        if (!leaf.key.empty()) std::memcpy(next + prefix.size(), leaf.key.data(), leaf.key.size());
        entry.key = {next, prefix.size() + leaf.key.size()};
        next += entry.key.size();
      }
      if (entry.key.size() > max_key_length) fail("an OCDBT key is longer than 65535 bytes", context);
      if (entry.is_inline) {  // nothing needs opening for an empty value, not even a file with a legal path
        entry.inline_value = leaf.inline_value;
        entry.length = leaf.inline_value.size();
      } else {
        std::uint32_t& id = ids[leaf.value.file];
        if (id == unknown) id = files_.id(node.files[leaf.value.file], context.where());
        entry.file = id;
        entry.offset = leaf.value.offset;
        entry.length = leaf.value.length;
        tree_.counted += {0, 0, leaf.value.length};
      }
      tree_.entries.push_back(entry);
    }
    tree_.counted.num_keys = tree_.entries.size();
    if (start != 0 && !(tree_.entries[start - 1].key < tree_.entries[start].key))
      fail("the keys of an OCDBT tree do not increase from one node to the next", context);
    if (upper && !(tree_.entries.back().key < *upper)) fail("a B+tree node reaches beyond the keys that its parent promises", context);
  }

  DataFiles& files_;
  const ReadOptions& options_;
  std::uint64_t stated_keys_;
  std::size_t total_ = 0;
  LoadedTree tree_{};
};

}  // namespace detail

template <OnUse>
inline LoadedTree load_tree(const Version& version, const DataFile& root_file, DataFiles& files, const ReadOptions& options) {
  if (version.root.is_missing()) return {};
  detail::TreeWalk walk(files, options, version.statistics.num_keys);
  walk.visit(root_file, version.root, version.root_height, {}, {}, nullptr);
  return walk.take();
}

}  // namespace orrery::inline v0::ocdbt
