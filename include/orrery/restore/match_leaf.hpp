// Questions that matching asks of one type or one leaf, without walking: is there anything below it, which shapes and kinds does it take.
// The walk itself is restore/match.hpp.
#pragma once

#include <algorithm>
#include <span>
#include <string>

#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0::detail {

// No leaf can be below this type, so that a stored none is as good as its empty structure (optax states without fields).
template <OnUse = OnUse()>
inline bool is_leafless(const TypeOps& ops) {
  if (ops.kind == TypeKind::none || ops.kind == TypeKind::skipped) return true;
  if (ops.kind != TypeKind::record && ops.kind != TypeKind::tuple) return false;
  return std::all_of(ops.types.begin(), ops.types.end(), [](const TypeOps* member) { return is_leafless(*member); });
}

// A described leaf without dtype (restore/sources.hpp makes them): nothing is read for it, the target's own value stays.
template <OnUse = OnUse()>
inline bool keeps_target(const Tree& stored) noexcept {
  return stored.is_leaf() && !stored.has_value() && stored.dtype() == DType::none;
}

// None, or a container without entries.
template <OnUse = OnUse()>
inline bool is_empty(const Tree& stored) {
  return stored.is_none() || (!stored.is_leaf() && stored.size() == 0);
}

// A dict of nothing but "0", "1", ...: what a list or tuple is where names alone tell the structure, as in Orbax's items without
// _METADATA. Elements without leaves are not among them.
template <OnUse = OnUse()>
inline bool is_numbered(const Tree& stored) {
  if (!stored.is_dict() || stored.size() == 0) return false;
  return std::all_of(stored.items().begin(), stored.items().end(), [](const Tree::Item& item) {
    const std::string& key = item.key.text;
    return !key.empty() && (key == "0" || key[0] != '0') && key.find_first_not_of("0123456789") == key.npos;
  });
}

template <OnUse = OnUse()>
inline std::string describe_extents(const LeafType& leaf) {
  if (leaf.any_rank) return "any shape";
  std::string text = "(";
  for (std::size_t i = 0; i < leaf.extents.size(); ++i)
    text += (i ? ", " : "") + (leaf.extents[i] == any_dim ? "any" : std::to_string(leaf.extents[i]));
  return text + (leaf.extents.size() == 1 ? ",)" : ")");
}

// Of a leaf that does not take the stored shape: the shape it has where it cannot have another, else what its type allows.
template <OnUse = OnUse()>
inline std::string wanted_shape(const TypeOps& ops, const void* object, std::span<const Dim> stored) {
  const bool fixed = object && ops.view && (!ops.resize || (ops.takes_shape && !ops.takes_shape(object, stored)));
  return fixed ? to_string(ops.view(object).array.shape) : describe_extents(ops.leaf);
}

// Strings are strings; raw bytes and extensions are nothing that a member can be; a typed key is wanted by those who know its name.
inline bool leaf_kind_fits(LeafKind have, LeafKind want) {
  if (have == LeafKind::bytes || have == LeafKind::ext || (have == LeafKind::string) != (want == LeafKind::string)) return false;
  return have != LeafKind::prng_key || want == LeafKind::prng_key;
}

// `object` null: the leaf does not exist yet.
template <OnUse = OnUse()>
inline bool leaf_shape_fits(const TypeOps& ops, const void* object, std::span<const Dim> shape) {
  if (!ops.leaf.any_rank) {
    if (shape.size() != ops.leaf.extents.size()) return false;
    for (std::size_t i = 0; i < shape.size(); ++i)
      if (ops.leaf.extents[i] != any_dim && ops.leaf.extents[i] != shape[i]) return false;
  }
  if (ops.takes_shape && object && !ops.takes_shape(object, shape)) return false;
  if (ops.resize || ops.allocate || ops.assign) return true;
  if (!ops.leaf.any_rank && std::find(ops.leaf.extents.begin(), ops.leaf.extents.end(), any_dim) == ops.leaf.extents.end()) return true;
  if (!object) return false;
  const Shape now = ops.view(object).array.shape;
  return std::equal(shape.begin(), shape.end(), now.begin(), now.end());
}

// What is stored has other names than a record that can read it by itself (TypeOps::record): it does that. A target's own structure decides
// where something is missing.
template <OnUse = OnUse()>
inline bool is_replayed(const TypeOps& ops, const void* object, const Tree& stored) {
  if (!ops.record || !ops.take || !stored.is_dict()) return false;
  std::size_t known = 0;
  for (const std::string_view name : ops.names) known += stored.contains(name);
  return known == ops.names.size() ? known < stored.size() : !object;
}

// Could this alternative of a variant take it, going by kind alone?
template <OnUse = OnUse()>
inline bool kind_fits(const TypeOps& ops, const Tree& stored) {
  switch (ops.kind) {
    case TypeKind::leaf: return stored.is_leaf() && (ops.leaf.kind == LeafKind::string) == (stored.leaf_kind() == LeafKind::string);
    case TypeKind::none: return is_empty(stored);
    case TypeKind::record:
    case TypeKind::map: return stored.is_dict() || stored.is_none();
    case TypeKind::tuple:
    case TypeKind::list: return stored.is_list() || stored.is_tuple() || stored.is_none();
    default: return true;
  }
}

}  // namespace orrery::inline v0::detail
