// How a MappedTree is made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/array_view.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/zarr/array.hpp"
#include "orrery/orbax/mapped_tree.hpp"
#include "orrery/orbax/read_leaves.hpp"
#include "orrery/orbax/stored_item.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/storage/mapped_file.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0 {

// Splits an item's leaves into those that can stay in their files and slots for the others.
class MappedTree::Builder {
 public:
  Builder(orbax::StoredItem& item, Held& held) : item_(item), held_(held) {}
  Slots slots{};

  // `to` stays where it is.
  template <OnUse = OnUse()>
  void build(const Tree& from, Tree& to) {
    if (from.is_dict()) {
      to = Tree::dict();
      for (const Tree::Item& item : from.items()) to.insert(item.key, Tree());
      auto entries = to.items();
      for (std::size_t i = 0; i < entries.size(); ++i) build(from.items()[i].value, entries[i].value);
    } else if (from.is_list() || from.is_tuple()) {
      std::vector<Tree> elements(from.size());
      to = from.is_list() ? Tree::list(std::move(elements)) : Tree::tuple(std::move(elements));
      for (std::size_t i = 0; i < from.size(); ++i) build(from.elements()[i], to.elements()[i]);
    } else if (!map(from, to)) {
      slots.materialize(from, to);
    }
  }

 private:
  static constexpr std::uint64_t least_of_a_file = 4096;  // a smaller file is read sooner than mapped

  template <OnUse = OnUse()>
  bool map(const Tree& from, Tree& to) {
    if (!from.is_leaf() || from.has_value() || from.leaf_kind() != LeafKind::array) return false;
    const orbax::StoredItem::Leaf& leaf = item_.leaf(from.id());
    if (leaf.aggregated || from.dtype() == DType::bool_ || is_sub_byte(from.dtype())) return false;  // their bytes need looking at
    const std::size_t item = item_size(from.dtype());
    ArrayView view = ArrayView::dense(from.dtype(), nullptr, from.shape());
    if (view.size() == 0) return false;
    auto plain = zarr::plain_chunk(*leaf.array, view);
    if (!plain) {
      view.strides = f_strides(from.shape(), item);
      plain = zarr::plain_chunk(*leaf.array, view);
    }
    if (!plain || plain->shard) return false;
    const std::string prefix = orbax::StoredItem::prefix_of(leaf);
    const std::string key = prefix + zarr::chunk_key(Shape::zeros(view.rank()), leaf.array->keys);
    const auto value = item_.store().find(prefix, std::string_view(key).substr(prefix.size()));
    if (!value || value->is_inline || value->offset % item != 0 || (!item_.store().database() && value->length < least_of_a_file))
      return false;
    if (held_.files.size() <= value->file) held_.files.resize(value->file + 1);
    storage::MappedFile& file = held_.files[value->file];
    if (!file.data()) file = storage::MappedFile(item_.store().open(value->file));
    if (value->offset + value->length > file.size())
      throw DataLossError("this file became shorter while it was opened", {leaf.name, file.path(), value->offset});
    view.data = file.data() + value->offset;
    to = Tree::described(from.leaf_kind(), from.dtype(), from.shape(), static_cast<std::uint32_t>(held_.payloads.size()));
    held_.payloads.push_back(
        {std::move(view), leaf.name, value->file, value->offset, value->length, item_.checksum(key), plain->has_checksum});
    return true;
  }

  orbax::StoredItem& item_;
  Held& held_;
};

namespace orbax {

template <OnUse>
MappedTree map_item(const std::string& directory, bool verify_checksums) {
  StoredItem item = StoredItem::open(directory);
  auto held = std::make_shared<MappedTree::Held>();
  MappedTree::Builder builder(item, *held);
  builder.build(item.tree(), held->tree);
  read_leaves(item, builder.slots, verify_checksums);
  builder.slots.finish();
  const Tree* root = &held->tree;
  return MappedTree(std::move(held), root);
}

}  // namespace orbax

}  // namespace orrery::inline v0
