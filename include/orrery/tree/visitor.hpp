// The events of a walk over a described value, open to users: printing, counting, exporting to a format that orrery does not know.
// reflect/visit.hpp walks a C++ value; here is the concept, and the walk over what describe() made.
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>

#include "orrery/tree/leaf_view.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0 {

// Called in pre-order. A value is one of: leaf, none, or an enter_ with its number of children, the children, and leave. Before each
// child of a dict comes its key. A struct is a dict of its members; an empty struct (optax's EmptyState) is none.
// Texts and arrays are valid during the call only.
template <class V>
concept TreeVisitor = requires(V& visitor, std::size_t count, std::string_view key, const LeafView& leaf) {
  visitor.enter_dict(count);
  visitor.enter_list(count);
  visitor.enter_tuple(count);
  visitor.key(key);
  visitor.leaf(leaf);
  visitor.none();
  visitor.leave();
};

namespace detail {

template <TreeVisitor V>
void walk_node(const TreeView& view, std::size_t at, V& visitor) {
  const ViewNode& node = view.nodes[at];
  switch (node.kind) {
    case NodeKind::none: visitor.none(); return;
    case NodeKind::leaf: visitor.leaf(view.leaves[node.count]); return;
    case NodeKind::record:
      if (node.count == 0) {
        visitor.none();
        return;
      }
      visitor.enter_dict(node.count);
      break;
    case NodeKind::dict: visitor.enter_dict(node.count); break;
    case NodeKind::list: visitor.enter_list(node.count); break;
    case NodeKind::tuple: visitor.enter_tuple(node.count); break;
  }
  const bool keyed = node.kind == NodeKind::record || node.kind == NodeKind::dict;
  for (std::size_t child = at + 1; child < node.end; child = view.nodes[child].end) {
    if (keyed) visitor.key(view.nodes[child].name);
    walk_node(view, child, visitor);
  }
  visitor.leave();
}

}  // namespace detail

// Tells the visitor what `view` describes. Depth is bounded by describe().
template <TreeVisitor V>
void walk(const TreeView& view, V&& visitor) {
  if (!view.nodes.empty()) detail::walk_node(view, 0, visitor);
}

}  // namespace orrery::inline v0
