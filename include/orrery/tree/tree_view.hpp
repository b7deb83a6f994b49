// A value described for saving: a flat pre-order list of nodes with names, and views of the leaves. Made by describe(), read by every
// layout (flax/, orbax/); owns nothing but the few names and staged bytes that the value itself does not hold as text or elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/on_use.hpp"
#include "orrery/tree/leaf_view.hpp"

namespace orrery::inline v0 {

// How a node nests. A record is a struct (Flax's dataclass or optax's namedtuple): a dict of its fields, but where it has none it is
// an EmptyState: none for Orbax, {} for Flax's msgpack.
enum class NodeKind : std::uint8_t { none, leaf, dict, list, tuple, record };

struct ViewNode {
  NodeKind kind = NodeKind::none;
  std::string_view name{};  // the key below its parent; empty for list and tuple elements and for the root
  std::uint32_t count = 0;  // children, or for a leaf its index in leaves
  std::uint32_t end = 0;    // one past the subtree, in nodes
};

struct TypeOps;

struct TreeView {
  const TypeOps* type = nullptr;  // of the value described; null for a Tree
  std::vector<ViewNode> nodes{};
  std::vector<LeafView> leaves{};
  std::deque<std::string> names{};                    // integer keys as text
  std::deque<ArrayParts> parts{};                     // of sharded leaves
  std::deque<std::unique_ptr<std::byte[]>> staged{};  // elements of values that have none to point at (vector<bool>)
  std::vector<std::shared_ptr<void>> asides{};        // values that no object holds (what getters returned)

  template <OnUse = OnUse()>
  std::size_t enter(NodeKind kind, std::string_view name, std::size_t count) {
    nodes.push_back({kind, name, static_cast<std::uint32_t>(count), 0});
    return nodes.size() - 1;
  }
  void leave(std::size_t node) { nodes[node].end = static_cast<std::uint32_t>(nodes.size()); }
  template <OnUse = OnUse()>
  void none(std::string_view name) {
    nodes.push_back({NodeKind::none, name, 0, static_cast<std::uint32_t>(nodes.size() + 1)});
  }
  template <OnUse = OnUse()>
  void leaf(std::string_view name, LeafView view) {
    leaf_node(name);
    leaves.push_back(std::move(view));
  }
  // ... made where it stays by row(value), which answers a LeafView.
  template <class Row>
  void leaf_of(std::string_view name, Row row, const void* value) {
    struct Made {
      Row row;
      const void* value;
      operator LeafView() const { return row(value); }
    };
    leaf_node(name);
    leaves.emplace_back(Made{row, value});
  }
  void leaf_node(std::string_view name) {
    nodes.push_back({NodeKind::leaf, name, static_cast<std::uint32_t>(leaves.size()), static_cast<std::uint32_t>(nodes.size() + 1)});
  }
  // Bytes that live as long as this view.
  template <OnUse = OnUse()>
  std::byte* stage(std::size_t size) {
    return staged.emplace_back(std::make_unique<std::byte[]>(size)).get();
  }
};

}  // namespace orrery::inline v0
