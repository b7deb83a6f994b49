// A value becomes a TreeView: walks the table of its type, touches no payload, allocates for the list of nodes and leaves alone.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/tree_view.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

namespace detail {

// Deep enough for any state, shallow enough for any stack: shared pointers that form a cycle end here with an error.
inline constexpr std::size_t max_nesting = 512;

// The true row of a deferred one; what is wrong with the object is told with its path.
template <OnUse = OnUse()>
inline const TypeOps& deferred_row(const TypeOps& ops, const void* object, const PathLink* path) {
  try {
    return ops.deferred(object);
  } catch (const ArgumentError& error) {
    if (!error.key_path().empty()) throw;
    throw ArgumentError(error.what(), {to_string(path)});
  }
}

// The nodes of a value of that type, as far as the type tells: what a container holds is not counted.
inline std::size_t nodes_of(const TypeOps& ops) noexcept {
  std::size_t count = 1;
  if (ops.kind == TypeKind::record || ops.kind == TypeKind::tuple)
    for (const TypeOps* member : ops.types) count += nodes_of(*member);
  return count;
}

class Describer {
 public:
  explicit Describer(TreeView& out) : out_(out) {}

  template <OnUse = OnUse()>
  void node(const TypeOps& ops, const void* value, std::string_view name, const PathLink* path, std::size_t depth) {
    if (depth > max_nesting)
      throw ArgumentError("the state nests deeper than 512 levels; pointers that form a cycle cannot be stored", {to_string(path)});
    if (ops.deferred) return node(deferred_row(ops, value, path), value, name, path, depth);
    if (ops.aside && !ops.children) {
      out_.asides.push_back(ops.open_aside(value, false));
      return node(*ops.aside, out_.asides.back().get(), name, path, depth + 1);
    }
    switch (ops.kind) {
      case TypeKind::skipped: return;
      case TypeKind::none: out_.leave(out_.enter(NodeKind::record, name, 0)); return;
      case TypeKind::leaf: {
        if (ops.stage)
          out_.leaf(name, ops.stage(value, out_));
        else
          out_.leaf_of(name, ops.view, value);
        if (ops.parts) out_.leaves.back().parts = &out_.parts.emplace_back(ops.parts(value, out_.parts.size()));
        return;
      }
      case TypeKind::tree:
        if (ops.record) return ops.record(value, out_, name, path);
        describe_tree(*ops.tree(value), name, depth);
        return;
      case TypeKind::optional: {
        if (!ops.size(value)) return out_.none(name);
        void* child = nullptr;
        ops.children(const_cast<void*>(value), &child);
        return node(*ops.types[0], child, name, path, depth + 1);
      }
      case TypeKind::variant: {
        std::size_t active = ops.active(value);
        if (active >= ops.types.size()) throw ArgumentError("a valueless variant cannot be stored", {to_string(path)});
        void* child = nullptr;
        ops.children(const_cast<void*>(value), &child);
        return node(*ops.types[active], child, name, path, depth + 1);
      }
      case TypeKind::record:
      case TypeKind::tuple:
      case TypeKind::list:
      case TypeKind::map: return container(ops, value, name, path, depth);
    }
  }

  template <OnUse = OnUse()>
  void describe_tree(const Tree& tree, std::string_view name, std::size_t depth) {
    if (depth > max_nesting) throw ArgumentError("the tree nests deeper than 512 levels");
    if (tree.is_none()) return out_.none(name);
    if (tree.is_leaf()) return out_.leaf(name, tree.leaf());
    NodeKind kind = tree.kind() == Tree::Kind::dict ? NodeKind::dict : tree.kind() == Tree::Kind::list ? NodeKind::list : NodeKind::tuple;
    std::size_t at = out_.enter(kind, name, tree.size());
    if (kind == NodeKind::dict)
      for (const auto& [key, child] : tree.items()) describe_tree(child, key.text, depth + 1);
    else
      for (const Tree& child : tree.elements()) describe_tree(child, {}, depth + 1);
    out_.leave(at);
  }

 private:
  template <OnUse = OnUse()>
  void container(const TypeOps& ops, const void* value, std::string_view name, const PathLink* path, std::size_t depth) {
    const bool per_member = ops.kind == TypeKind::record || ops.kind == TypeKind::tuple;
    const std::size_t count = per_member ? ops.types.size() : ops.size(value);
    const std::size_t children = pool_.size(), keys = keys_.size();
    pool_.resize(children + count);
    if (count) ops.children(const_cast<void*>(value), pool_.data() + children);
    if (ops.kind == TypeKind::map) {
      keys_.resize(keys + count);
      if (count) ops.keys(value, keys_.data() + keys, out_.names);
    }
    const NodeKind kind = ops.kind == TypeKind::record ? NodeKind::record
                          : ops.kind == TypeKind::map  ? NodeKind::dict
                          : ops.kind == TypeKind::list ? NodeKind::list
                                                       : NodeKind::tuple;
    const std::size_t at = out_.enter(kind, name, 0);
    std::uint32_t present = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const TypeOps& child = *ops.types[per_member ? i : 0];
      if (child.kind == TypeKind::skipped) continue;
      std::string_view key = ops.kind == TypeKind::record ? ops.names[i] : ops.kind == TypeKind::map ? keys_[keys + i] : std::string_view{};
      const bool keyed = ops.kind == TypeKind::record || ops.kind == TypeKind::map;
      PathLink link{path, key, i, !keyed};
      node(child, pool_[children + i], key, &link, depth + 1);
      ++present;
    }
    out_.nodes[at].count = present;
    out_.leave(at);
    pool_.resize(children);
    keys_.resize(keys);
  }

  TreeView& out_;
  std::vector<void*> pool_{};
  std::vector<std::string_view> keys_{};
};

}  // namespace detail

// Views of everything in `value`, valid while the value is neither changed nor destroyed. Linear in leaves; ArgumentError for what
// cannot be stored (a valueless variant, a cycle).
template <OnUse = OnUse()>
TreeView describe(const TypeOps& ops, const void* value) {
  TreeView view;
  view.type = ops.kind == TypeKind::tree ? nullptr : &ops;
  const std::size_t nodes = detail::nodes_of(ops);
  view.nodes.reserve(nodes);
  view.leaves.reserve(nodes);
  detail::Describer(view).node(ops, value, {}, nullptr, 0);
  return view;
}

template <OnUse = OnUse()>
TreeView describe(const Tree& tree) {
  TreeView view;
  detail::Describer(view).describe_tree(tree, {}, 0);
  return view;
}

ORRERY_ONCE(TreeView describe<>(const TypeOps&, const void*));
ORRERY_ONCE(TreeView describe<>(const Tree&));

}  // namespace orrery::inline v0
