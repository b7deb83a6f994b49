// State dicts (spec/flax-legacy.md 2): a value as nested dicts with string keys, and a value taken back out of one, as strictly as Flax
// does it and with its words. Bytes are serialization.hpp's business.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "orrery/core/copy.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/flax/state_dict_match.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0::flax {

struct StateDictOptions {
  bool cast = false;  // any dtype may become any other; false: lossless widening alone. Python has no such check, C++ types need it
};

// Dicts for structs, lists ("0", "1", ...) and tuples, {} for empty ones; leaves are copied. In order of fields and keys.
template <PyTree T>
Tree to_state_dict(const T& value);

// The target with its leaves taken from the state, as flax.serialization.from_state_dict: a struct wants exactly its fields, a dict its
// keys or more, lists and tuples their length. Shapes come from the state where the type allows. Different from Python: an empty
// vector or map follows the state, an empty optional is filled like Python's None, none is taken for a struct without fields. Throws
// KeyError, StructureError, DTypeError or ShapeError, whose text begins with Flax's where it has one; nothing is changed then.
template <PyTree T>
T from_state_dict(T target, const Tree& state, StateDictOptions options = {});

// ... a new T, whose type and the state decide.
template <PyTree T>
T from_state_dict(const Tree& state, StateDictOptions options = {});

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

template <OnUse = OnUse()>
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

template <OnUse = OnUse()>
void fill_from_state_dict(const TypeOps& ops, void* object, bool structured, const Tree& state, StateDictOptions options) {
  fill_from_state(ops, object, structured, state, options, {}, refuse_unread<>);
}

ORRERY_ONCE(Tree state_dict_of<>(const TreeView&, std::size_t));
ORRERY_ONCE(void fill_from_state_dict<>(const TypeOps&, void*, bool, const Tree&, StateDictOptions));

}  // namespace detail

template <PyTree T>
Tree to_state_dict(const T& value) {
  const TreeView view = describe(value);
  return detail::state_dict_of(view, 0);
}

template <PyTree T>
T from_state_dict(T target, const Tree& state, StateDictOptions options) {
  detail::fill_from_state_dict(ops<T>(), &target, true, state, options);
  return target;
}

template <PyTree T>
T from_state_dict(const Tree& state, StateDictOptions options) {
  T value{};
  detail::fill_from_state_dict(ops<T>(), &value, false, state, options);
  return value;
}

}  // namespace orrery::inline v0::flax
