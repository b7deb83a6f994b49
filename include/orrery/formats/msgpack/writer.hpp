// Trees to msgpack as Flax writes them: which containers become which, and in what order. Two entries, as Flax has two: state dicts
// (to_bytes) and trees as they are (msgpack_serialize).
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/msgpack/image.hpp"
#include "orrery/formats/msgpack/packer.hpp"
#include "orrery/storage/gather_string.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0::msgpack_format {

// The state dict of a value: lists and tuples become dicts of "0", "1", ..., structs dicts of their fields, empty ones {}. Keys in the
// order of insertion, or sorted at every level as image_of_tree sorts them. The value must outlive the image. Linear in nodes but for
// the sorting; copies payloads of up to 256 bytes, no others.
template <OnUse = OnUse()>
Image image_of_state_dict(const TreeView& value, PackOptions options = {}, bool sort_keys = false);

// A tree as it is: lists stay lists, keys keep their kinds. `sort_keys`: dicts in Python's order of keys at every level, as
// msgpack_serialize rebuilds them; otherwise as inserted. Tuples are refused, as by Flax.
template <OnUse = OnUse()>
Image image_of_tree(const Tree& tree, bool sort_keys, PackOptions options = {});

// The image in `out`, whose memory is used again. Costs about a memcpy of the payloads.
template <OnUse = OnUse()>
inline void to_string(const Image& image, std::string& out) {
  out.clear();
  storage::reserve_bytes(out, image.size());
  image.for_each_run(
      [&](std::span<const std::byte> bytes, bool) { out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size()); });
}

namespace detail {

// Python's packer has this limit too, with this text (3.9).
inline constexpr std::size_t max_depth = 1024;

// In the order of the strings that positions become: "0", "1", "10", "2".
template <OnUse = OnUse()>
inline bool comes_before(std::size_t a, std::size_t b) {
  char texts[2][20];
  const auto text = [](char(&to)[20], std::size_t i) {
    return std::string_view(to, static_cast<std::size_t>(std::to_chars(to, to + sizeof to, i).ptr - to));
  };
  return text(texts[0], a) < text(texts[1], b);
}

template <OnUse = OnUse()>
inline void pack_node(Packer& packer, const TreeView& view, std::size_t at, bool sort_keys, const PathLink* path) {
  packer.at(path);
  const ViewNode& node = view.nodes[at];
  switch (node.kind) {
    case NodeKind::none: return packer.none();
    case NodeKind::leaf: return packer.leaf(view.leaves[node.count], true);
    case NodeKind::dict:
    case NodeKind::record:
    case NodeKind::list:
    case NodeKind::tuple: break;
  }
  const bool keyed = node.kind == NodeKind::dict || node.kind == NodeKind::record;
  packer.map(node.count);
  const auto child = [&](std::size_t i, std::size_t child_at) {
    const PathLink link{path, view.nodes[child_at].name, i, !keyed};
    packer.at(&link);
    if (keyed)
      packer.string(link.key);
    else
      packer.index(i);
    pack_node(packer, view, child_at, sort_keys, &link);
  };
  if (!sort_keys) {
    for (std::size_t i = 0, next = at + 1; i < node.count; next = view.nodes[next].end, ++i) child(i, next);
    return;
  }
  std::vector<std::pair<std::size_t, std::size_t>> children;  // position, node
  for (std::size_t i = 0, next = at + 1; i < node.count; next = view.nodes[next].end, ++i) children.emplace_back(i, next);
  std::sort(children.begin(), children.end(), [&](const auto& a, const auto& b) {
    return keyed ? view.nodes[a.second].name < view.nodes[b.second].name : comes_before(a.first, b.first);
  });
  for (const auto& [i, child_at] : children) child(i, child_at);
}

// Python's order of the keys of one dict; it has none for keys of different kinds.
template <OnUse = OnUse()>
inline std::vector<const Tree::Item*> sorted_items(const Tree& dict) {
  std::vector<const Tree::Item*> items;
  for (const Tree::Item& item : dict.items()) items.push_back(&item);
  auto numeric = [](const Tree::Item* item) {
    return item->key.kind == DictKeyKind::integer || item->key.kind == DictKeyKind::floating || item->key.kind == DictKeyKind::boolean;
  };
  if (std::all_of(items.begin(), items.end(), numeric)) {
    std::stable_sort(items.begin(), items.end(), [](auto* a, auto* b) { return key_number(a->key) < key_number(b->key); });
    return items;
  }
  const bool mixed = items.size() > 1 && std::any_of(items.begin(), items.end(), [&](auto* item) {
                       return item->key.kind != items.front()->key.kind || item->key.kind == DictKeyKind::none;
                     });
  if (mixed)
    throw ArgumentError(
        "Comparator raised exception while sorting pytree dictionary keys.: keys of different kinds have no order; make them all strings");
  std::stable_sort(items.begin(), items.end(), [](auto* a, auto* b) { return key_content(a->key) < key_content(b->key); });
  return items;
}

template <OnUse = OnUse()>
inline void pack_tree(Packer& packer, const Tree& tree, bool sort_keys, bool below_dicts, const PathLink* path, std::size_t depth) {
  packer.at(path);
  if (depth > max_depth) throw ArgumentError("recursion limit exceeded.: the tree nests deeper than 1024 levels");
  switch (tree.kind()) {
    case Tree::Kind::none: return packer.none();
    case Tree::Kind::tuple:
      throw ArgumentError("can not serialize 'tuple' object: msgpack has lists only; use a list, or to_bytes, which makes state dicts",
                          {orrery::to_string(path)});
    case Tree::Kind::list:
      packer.list(tree.size());
      for (std::size_t i = 0; i < tree.size(); ++i) {
        const PathLink link{path, {}, i, true};
        pack_tree(packer, tree.elements()[i], sort_keys, false, &link, depth + 1);
      }
      return;
    case Tree::Kind::dict: {
      packer.map(tree.size());
      auto entry = [&](const Tree::Item& item) {
        const PathLink link{path, item.key.text, 0, false};
        packer.at(&link);
        packer.key(item.key);
        pack_tree(packer, item.value, sort_keys, below_dicts, &link, depth + 1);
      };
      if (sort_keys)
        for (const Tree::Item* item : sorted_items(tree)) entry(*item);
      else
        for (const Tree::Item& item : tree.items()) entry(item);
      return;
    }
    default: return packer.leaf(tree.leaf(), below_dicts);
  }
}

}  // namespace detail

template <OnUse>
inline Image image_of_state_dict(const TreeView& value, PackOptions options, bool sort_keys) {
  Image image;
  Packer packer(image, options);
  if (!value.nodes.empty()) detail::pack_node(packer, value, 0, sort_keys, nullptr);
  image.close_heads();
  return image;
}

template <OnUse>
inline Image image_of_tree(const Tree& tree, bool sort_keys, PackOptions options) {
  Image image;
  Packer packer(image, options);
  detail::pack_tree(packer, tree, sort_keys, true, nullptr, 1);
  image.close_heads();
  return image;
}

}  // namespace orrery::inline v0::msgpack_format
