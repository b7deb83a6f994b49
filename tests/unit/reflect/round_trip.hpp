// Values through the table and back, without any file: described, copied into a Tree, matched against a target and written into it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "orrery/reflect/reflectable.hpp"
#include "orrery/restore/match.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/tree/tree.hpp"

namespace round_trip {

inline orrery::Tree tree_of(const orrery::TreeView& view, std::size_t& at) {
  const orrery::ViewNode& node = view.nodes[at++];
  using orrery::NodeKind;
  using orrery::Tree;
  if (node.kind == NodeKind::none) return Tree::none();
  if (node.kind == NodeKind::leaf) {
    const orrery::LeafView& leaf = view.leaves[node.count];
    switch (leaf.kind) {
      case orrery::LeafKind::string: return Tree::string(std::string(leaf.text));
      case orrery::LeafKind::prng_key: return Tree::prng_key(std::string(leaf.text), orrery::AnyArray::copy_of(leaf.array));
      case orrery::LeafKind::scalar: return Tree::scalar_of(orrery::AnyArray::copy_of(leaf.array));
      case orrery::LeafKind::numpy_scalar: return Tree::numpy_scalar(orrery::AnyArray::copy_of(leaf.array));
      default: return Tree::from_array(orrery::AnyArray::copy_of(leaf.array));
    }
  }
  const bool keyed = node.kind == NodeKind::dict || node.kind == NodeKind::record;
  if (node.kind == NodeKind::record && node.count == 0) return Tree::none();
  Tree tree = keyed ? Tree::dict() : node.kind == NodeKind::list ? Tree::list() : Tree::tuple();
  for (std::uint32_t i = 0; i < node.count; ++i) {
    std::string key(view.nodes[at].name);
    Tree child = tree_of(view, at);
    if (keyed)
      tree.insert({std::move(key)}, std::move(child));
    else
      tree.push_back(std::move(child));
  }
  return tree;
}

template <class T>
orrery::Tree tree_of(const T& value) {
  const orrery::TreeView view = orrery::describe(value);
  std::size_t at = 0;
  return tree_of(view, at);
}

// Into a target whose structure decides (or, with `fresh`, whose type and the tree decide).
template <class T>
void restore_into(T& target, const orrery::Tree& tree, bool fresh = false) {
  orrery::Plan plan = orrery::match(orrery::ops<T>(), fresh ? nullptr : &target, tree, {}, "the tree does not fit");
  orrery::Slots slots = orrery::open_slots(plan, &target);
  orrery::copy_held(slots);
  slots.finish();
}
template <class T>
T restore(const orrery::Tree& tree) {
  T target{};
  restore_into(target, tree, true);
  return target;
}
// The same value again, from its tree alone.
template <class T>
T copy_of(const T& value) {
  return restore<T>(tree_of(value));
}

}  // namespace round_trip
