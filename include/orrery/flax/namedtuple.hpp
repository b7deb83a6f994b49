// What sets optax states apart from other structs in a state dict: their fields are compared as one set, and Flax before 0.3.5 stored
// them as {name, fields, values} (spec/flax-legacy.md 2.3).
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "orrery/core/on_use.hpp"
#include "orrery/flax/state_dict_errors.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0::flax::detail {

class NamedtupleRules : protected StateDictErrors {
 protected:
  using StateDictErrors::StateDictErrors;

  // The position of a member that is part of the tree, or types.size().
  template <OnUse = OnUse()>
  static std::size_t field_of(const TypeOps& ops, std::string_view name) {
    for (std::size_t i = 0; i < ops.types.size(); ++i)
      if (ops.names[i] == name && ops.types[i]->kind != TypeKind::skipped) return i;
    return ops.types.size();
  }

  template <OnUse = OnUse()>
  void check_namedtuple(const TypeOps& ops, const Tree& state, const std::vector<std::string_view>& unknown, const PathLink* path) const {
    std::vector<std::string_view> fields, keys;
    bool absent = false;
    for (std::size_t i = 0; i < ops.types.size(); ++i) {
      if (ops.types[i]->kind == TypeKind::skipped) continue;
      fields.push_back(ops.names[i]);
      absent = absent || !string_entry(state, ops.names[i]);
    }
    if (!absent && unknown.empty()) return;
    for (const auto& [key, value] : state.items()) keys.push_back(key.text);
    wrong_fields(keys, fields, absent, path);
  }

  template <OnUse = OnUse()>
  static bool is_old_namedtuple(const Tree& state) {
    return state.size() == 3 && state.contains("name") && state.contains("fields") && state.contains("values");
  }
  template <OnUse = OnUse()>
  Tree converted(const Tree& old, const PathLink* path) const {
    const Tree& fields = old["fields"];
    const Tree& values = old["values"];
    if (!fields.is_dict()) wrong_kind("the field names of an old namedtuple", fields, path);
    if (!values.is_dict()) wrong_kind("the values of an old namedtuple", values, path);
    Tree state = Tree::dict();
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const Tree& field = index(fields, i, path);
      if (field.kind() != Tree::Kind::string) wrong_kind("the name of a field", field, path);
      state.insert({field.string()}, index(values, i, path));
    }
    return state;
  }
};

}  // namespace orrery::inline v0::flax::detail
