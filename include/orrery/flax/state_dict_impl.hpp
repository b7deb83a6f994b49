// The bodies of state_dict.hpp that depend on no type of the user's.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "orrery/core/copy.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/flax/state_dict.hpp"
#include "orrery/flax/state_dict_match.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0::flax {

namespace detail {

template <OnUse = OnUse()>
inline Tree owned_leaf(const LeafView& leaf) {
  switch (leaf.kind) {
    case LeafKind::array: return Tree::from_array(AnyArray::copy_of(leaf.array));
    case LeafKind::scalar: return Tree::scalar_of(AnyArray::copy_of(leaf.array));
    case LeafKind::numpy_scalar: return Tree::numpy_scalar(AnyArray::copy_of(leaf.array));
    case LeafKind::string: return Tree::string(std::string(leaf.text));
    case LeafKind::bytes: return Tree::bytes(std::string(leaf.text));
    case LeafKind::ext: return Tree::ext(leaf.ext_code, std::string(leaf.text));
    case LeafKind::prng_key: return Tree::prng_key(std::string(leaf.text), AnyArray::copy_of(leaf.array));
    case LeafKind::sharded: throw ArgumentError(not_in_one_place);
  }
  return Tree();
}

template <OnUse>
Tree state_dict_of(const TreeView& view, std::size_t at) {
  const ViewNode& node = view.nodes[at];
  if (node.kind == NodeKind::none) return Tree::none();
  if (node.kind == NodeKind::leaf) return owned_leaf(view.leaves[node.count]);
  const bool keyed = node.kind == NodeKind::dict || node.kind == NodeKind::record;
  Tree dict = Tree::dict();
  std::size_t child = at + 1;
  for (std::size_t i = 0; i < node.count; ++i) {
    dict.insert({keyed ? std::string(view.nodes[child].name) : std::to_string(i)}, state_dict_of(view, child));
    child = view.nodes[child].end;
  }
  return dict;
}

// Fills `object` from a state; `read(slots)` brings the elements of leaves that the state only describes. `structured`: what the object
// holds says what is wanted, otherwise its type alone.
template <class Read>
void fill_from_state(const TypeOps& ops, void* object, bool structured, const Tree& state, StateDictOptions options, const Where& where,
                     Read&& read) {
  StateDictPlan matched = match_state_dict(ops, structured ? object : nullptr, state, options.cast, where);
  Slots slots = open_slots(matched.plan, object);
  slots.gather();
  copy_held(slots);
  read(std::as_const(slots.reads));
  slots.finish();
}

// A state dict in memory has its values.
template <OnUse = OnUse()>
inline void refuse_unread(const std::vector<Slot>& slots) {
  for (const Slot& slot : slots)
    if (!slot.from->has_value())
      throw ArgumentError("a leaf of this state dict is only described, its value was not read; restore the checkpoint to have it");
}

template <OnUse>
void fill_from_state_dict(const TypeOps& ops, void* object, bool structured, const Tree& state, StateDictOptions options) {
  fill_from_state(ops, object, structured, state, options, {}, refuse_unread<>);
}

}  // namespace detail

}  // namespace orrery::inline v0::flax
