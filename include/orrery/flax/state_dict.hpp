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
#include "orrery/reflect/reflectable.hpp"
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

// The state dict of what the view has at that node, from 0 on: its values are copied.
template <OnUse = OnUse()>
Tree state_dict_of(const TreeView& view, std::size_t at);

// Into `object`, whose structure decides (`structured`) or that of its type.
template <OnUse = OnUse()>
void fill_from_state_dict(const TypeOps& ops, void* object, bool structured, const Tree& state, StateDictOptions options);

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

#ifndef ORRERY_COMPILED
#include "orrery/flax/state_dict_impl.hpp"  // IWYU pragma: export
#endif
