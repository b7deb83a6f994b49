// What from_state_dict says when a target and a state dict differ, in Flax's words (spec/flax-legacy.md 2.3, 2.4), and the same for targets
// that are Trees, where nothing has to be planned.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/python_text.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::flax::detail {

// Flax's path: ".", "./model/params".
template <OnUse = OnUse()>
inline std::string flax_path(const PathLink* path) {
  const std::string below = to_string(path);
  return path ? "./" + below : ".";
}

// As Python prints a set of strings; the order is ours where there are several.
template <OnUse = OnUse()>
inline std::string python_set(const std::vector<std::string_view>& texts) {
  std::string out;
  for (std::string_view text : texts) out += (out.empty() ? "{" : ", ") + python_string(text);
  return texts.empty() ? "set()" : out + "}";
}

// "TrainState" of "ns::TrainState<Params, State>": Python's messages name classes without module, and have no template arguments.
template <OnUse = OnUse()>
inline std::string class_name(std::string_view type) {
  type = type.substr(0, type.find('<'));
  const std::size_t colon = type.rfind(':');
  return std::string(colon == type.npos ? type : type.substr(colon + 1));
}

// The entry that Python would find under the string `key`: keys of other kinds are not it, whatever they read. `hint`: where it stands if
// the state has the order of the target, as it mostly does.
template <OnUse = OnUse()>
inline const Tree* string_entry(const Tree& state, std::string_view key, std::size_t hint = 0) {
  const std::span<const Tree::Item> items = state.items();
  if (hint < items.size() && items[hint].key.text == key) return items[hint].key.kind == DictKeyKind::string ? &items[hint].value : nullptr;
  const Tree* found = state.find(key);
  if (!found) return nullptr;
  const auto at =
      static_cast<std::size_t>(reinterpret_cast<const char*>(found) - reinterpret_cast<const char*>(items.data())) / sizeof(Tree::Item);
  return items[at].key.kind == DictKeyKind::string ? found : nullptr;
}

class StateDictErrors {
 public:
  explicit StateDictErrors(const Where& where) : where_(where) {}

 protected:
  template <OnUse = OnUse()>
  [[noreturn]] void missing(const std::string& text, const PathLink* path) const {
    Differences differences;
    differences.missing.push_back({to_string(path), text});
    throw KeyError(text, std::move(differences), where_);
  }
  template <OnUse = OnUse()>
  [[noreturn]] void extra(const std::string& text, const PathLink* path) const {
    Differences differences;
    differences.extra.push_back({to_string(path), text});
    throw StructureError(text, std::move(differences), where_);
  }
  template <OnUse = OnUse()>
  [[noreturn]] void wrong_kind(std::string_view wanted, const Tree& state, const PathLink* path) const {
    Differences differences;
    std::string text = "The state dict holds " + std::string(state.kind_name()) + " where " + std::string(wanted) + " is wanted, at path " +
                       flax_path(path);
    differences.kinds.push_back({to_string(path), text});
    throw StructureError(text, std::move(differences), where_);
  }
  template <OnUse = OnUse()>
  [[noreturn]] void wrong_size(std::size_t target, std::size_t state, const PathLink* path) const {
    extra("The size of the list and the state dict do not match, got " + std::to_string(target) + " and " + std::to_string(state) +
              " at path " + flax_path(path),
          path);
  }
  template <OnUse = OnUse()>
  [[noreturn]] void wrong_dict(const std::vector<std::string_view>& absent, const PathLink* path) const {
    missing("The target dict keys and state dict keys do not match, target dict contains keys " + python_set(absent) +
                " which are not present in state dict at path " + flax_path(path),
            path);
  }
  template <OnUse = OnUse()>
  [[noreturn]] void wrong_fields(const std::vector<std::string_view>& state, const std::vector<std::string_view>& fields, bool absent,
                                 const PathLink* path) const {
    const std::string text = "The field names of the state dict and the named tuple do not match, got " + python_set(state) + " and " +
                             python_set(fields) + " at path " + flax_path(path);
    if (absent) missing(text, path);
    extra(text, path);
  }
  template <OnUse = OnUse()>
  [[noreturn]] void missing_field(std::string_view field, std::string_view type, const PathLink* path) const {
    const PathLink link{path, field, 0, false};
    missing("Missing field " + std::string(field) + " in state dict while restoring an instance of " + class_name(type) + ", at path " +
                flax_path(path),
            &link);
  }
  template <OnUse = OnUse()>
  [[noreturn]] void unknown_fields(const std::vector<std::string_view>& fields, std::string_view type, const PathLink* path) const {
    std::string list;
    for (std::string_view field : fields) list += (list.empty() ? "" : ",") + std::string(field);
    extra("Unknown field(s) \"" + list + "\" in state dict while restoring an instance of " + class_name(type) + " at path " +
              flax_path(path),
          path);
  }
  template <OnUse = OnUse()>
  [[noreturn]] void wrong_key(std::string_view key, const PathLink* path) const {
    Differences differences;
    const std::string text =
        "The key " + python_set({key}) + " of the state dict cannot be a key of the target's map, at path " + flax_path(path);
    differences.kinds.push_back({to_string(path), text});
    throw StructureError(text, std::move(differences), where_);
  }
  template <OnUse = OnUse()>
  [[noreturn]] void wrong_dtype(DType stored, DType wanted, const PathLink* path) const {
    Differences differences;
    const std::string text = "The state dict holds " + std::string(name(stored)) + " where " + std::string(name(wanted)) +
                             " is wanted, at path " + flax_path(path) + "; cast = true converts";
    differences.dtypes.push_back({to_string(path), text});
    throw DTypeError(text, std::move(differences), where_);
  }
  template <OnUse = OnUse()>
  [[noreturn]] void unknown_dtype(DType stored, std::string_view type, const PathLink* path) const {
    Differences differences;
    const std::string text = "The state dict holds " + std::string(name(stored)) + ", which a " + std::string(type) +
                             " cannot be, at path " + flax_path(path);
    differences.dtypes.push_back({to_string(path), text});
    throw DTypeError(text, std::move(differences), where_);
  }
  template <OnUse = OnUse()>
  [[noreturn]] void wrong_shape(const Shape& stored, const std::string& wanted, const PathLink* path) const {
    Differences differences;
    const std::string text =
        "The state dict holds an array of shape " + to_string(stored) + " where " + wanted + " is wanted, at path " + flax_path(path);
    differences.shapes.push_back({to_string(path), text});
    throw ShapeError(text, std::move(differences), where_);
  }
  template <OnUse = OnUse()>
  const Tree& index(const Tree& state, std::size_t i, const PathLink* path) const {
    const std::string digits = std::to_string(i);
    const Tree* found = string_entry(state, digits, i);
    if (!found) missing("'" + digits + "': the state dict of a list has no such entry, at path " + flax_path(path), path);
    return *found;
  }

  Where where_;
};

// A Tree as target: its structure with the leaves of the state. None and leaves take whatever the state has (2.1).
class TreeMerger : StateDictErrors {
 public:
  using StateDictErrors::StateDictErrors;

  template <OnUse = OnUse()>
  Tree merged(const Tree& target, const Tree& state, const PathLink* path, std::size_t depth = 0) const {
    if (depth > orrery::detail::max_nesting) throw ArgumentError("the target nests deeper than 512 levels");
    if (target.is_none() || target.is_leaf()) return state;
    if (!state.is_dict()) wrong_kind("the state dict of " + std::string(target.kind_name()), state, path);
    if (target.is_dict()) {
      std::vector<std::string_view> absent;
      for (const auto& [key, child] : target.items())
        if (!string_entry(state, key.text)) absent.push_back(key.text);
      if (!absent.empty()) wrong_dict(absent, path);
      Tree out = Tree::dict();
      for (const auto& [key, child] : target.items()) {
        const PathLink link{path, key.text, 0, false};
        out.insert(key, merged(child, *state.find(key.text), &link, depth + 1));
      }
      return out;
    }
    if (state.size() != target.size()) wrong_size(target.size(), state.size(), path);
    std::vector<Tree> elements;
    for (std::size_t i = 0; i < target.size(); ++i) {
      const PathLink link{path, {}, i, true};
      elements.push_back(merged(target.elements()[i], index(state, i, path), &link, depth + 1));
    }
    return target.is_list() ? Tree::list(std::move(elements)) : Tree::tuple(std::move(elements));
  }
};

}  // namespace orrery::inline v0::flax::detail
