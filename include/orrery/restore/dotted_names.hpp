// Flat names as "layers.0.weight" become the tree that a type asks for, so that match() can hold a file without structure against a
// target. The type decides how a name is cut, since keys may have dots themselves; which file the names are from is not known here.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <deque>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/restore/match_absent.hpp"
#include "orrery/restore/match_leaf.hpp"
#include "orrery/restore/mismatch.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

struct NestedTree {
  Tree tree{};
  std::vector<std::string> unplaced{};  // names that no part of the type wants and that have no place in the tree either
};

// `flat`: a dict of leaves whose names are sorted. Members take the names that begin with theirs and a dot, lists those with their
// indices. A map that has keys takes the names of its keys; else its keys are what stands before the shortest rest that fits its elements:
// the whole name where they are leaves. A Tree takes its names flat. Flat names have no trace of what holds no leaf, so that absent
// optionals, lists and maps are empty. Names that nothing wants are entries of the root, for match() to report, where it is a record.
// StructureError for an index that skips most of a list, FormatError for names that nest deeper than trees may.
template <OnUse = OnUse()>
inline NestedTree nest(const TypeOps& ops, void* object, const Tree& flat);

namespace detail {

class Nester {
 public:
  template <OnUse = OnUse()>
  explicit Nester(const Tree& flat) : items_(flat.items()), used_(items_.size()) {}

  // The names below one place: items [first, last), whose parts from `start` on are relative to it; and the name that is its own.
  struct At {
    std::size_t first = 0, last = 0, start = 0;
    std::optional<std::size_t> own{};
    bool empty() const { return first == last && !own; }
  };

  template <OnUse = OnUse()>
  At root() const {
    At at{0, items_.size(), 0, {}};
    if (!items_.empty() && items_[0].key.text.empty()) at.own = 0;
    return at;
  }

  // What `ops` finds at that place, or nothing where it is absent. `object` null: it does not exist yet.
  template <OnUse = OnUse()>
  std::optional<Tree> node(const TypeOps& ops, void* object, const At& at, std::size_t depth) {
    if (depth > max_nesting) throw FormatError("the names nest deeper than 512 levels");
    if (ops.deferred) return node(ops.deferred(object), object, at, depth);
    if (ops.aside) {
      const std::shared_ptr<void> side = object ? ops.open_aside(object, false) : nullptr;
      return node(*ops.aside, side.get(), at, depth + 1);
    }
    switch (ops.kind) {
      case TypeKind::skipped: return std::nullopt;
      case TypeKind::none: return Tree::none();
      case TypeKind::leaf: return at.own ? std::optional(take(*at.own)) : std::nullopt;
      case TypeKind::tree: return flat_tree(at);
      case TypeKind::optional: return optional(ops, object, at, depth);
      case TypeKind::variant: return variant(ops, object, at, depth);
      case TypeKind::record: return record(ops, object, at, depth);
      case TypeKind::tuple:
      case TypeKind::list: return sequence(ops, object, at, depth);
      case TypeKind::map: return object && ops.size(object) ? keyed_map(ops, object, at, depth) : new_map(ops, at, depth);
    }
    return std::nullopt;
  }

  template <class Each>
  void for_each_unused(Each&& each) const {
    for (std::size_t i = 0; i < items_.size(); ++i)
      if (!used_[i]) each(items_[i]);
  }

 private:
  template <OnUse = OnUse()>
  std::string_view rest(std::size_t item, std::size_t start) const {
    return std::string_view(items_[item].key.text).substr(start);
  }

  // The place of one component below another.
  template <OnUse = OnUse()>
  At below(const At& at, std::string_view component) const {
    std::string bound(component);
    const auto from = [&](std::size_t first) {
      const auto before = [&](const Tree::Item& item, const std::string& text) {
        return std::string_view(item.key.text).substr(at.start) < text;
      };
      const auto begin = items_.begin() + static_cast<std::ptrdiff_t>(first), end = items_.begin() + static_cast<std::ptrdiff_t>(at.last);
      return static_cast<std::size_t>(std::lower_bound(begin, end, bound, before) - items_.begin());
    };
    At out{0, 0, at.start + component.size() + 1, {}};
    const std::size_t own = from(at.first);
    if (own < at.last && rest(own, at.start) == component) out.own = own;
    bound += '.';
    out.first = from(own);
    bound.back() = '.' + 1;
    out.last = from(out.first);
    return out;
  }

  Tree take(std::size_t item) {
    used_[item] = true;
    return items_[item].value;
  }

  template <OnUse = OnUse()>
  Tree flat_tree(const At& at) {
    if (at.empty()) return Tree::none();
    if (at.own && (at.first == at.last || *at.own + 1 == at.last)) return take(*at.own);
    Tree dict = Tree::dict();
    for (std::size_t i = at.first; i < at.last; ++i) dict.insert({std::string(rest(i, at.start))}, take(i));
    return dict;
  }

  template <OnUse = OnUse()>
  std::optional<Tree> optional(const TypeOps& ops, void* object, const At& at, std::size_t depth) {
    if (object && !ops.size(object)) {  // given and empty: stays empty, whatever is stored
      std::fill(used_.begin() + static_cast<std::ptrdiff_t>(at.first), used_.begin() + static_cast<std::ptrdiff_t>(at.last), true);
      if (at.own) used_[*at.own] = true;
      return Tree::none();
    }
    void* child = nullptr;
    if (object) ops.children(object, &child);
    if (!object && at.empty()) return Tree::none();
    auto held = node(*ops.types[0], child, at, depth + 1);
    return !held && !object ? Tree::none() : std::move(held);
  }

  // The active alternative first, then the first that could want these names.
  template <OnUse = OnUse()>
  std::optional<Tree> variant(const TypeOps& ops, void* object, const At& at, std::size_t depth) {
    const auto wanted = [&](const TypeOps& alternative) {
      if (at.own) return starts(alternative, {});
      return at.empty() ? is_leafless(alternative) : starts(alternative, rest(at.first, at.start));
    };
    void* child = nullptr;
    const std::size_t active = object ? ops.active(object) : ops.types.size();
    if (active < ops.types.size() && wanted(*ops.types[active])) {
      ops.children(object, &child);
      return node(*ops.types[active], child, at, depth + 1);
    }
    for (const TypeOps* alternative : ops.types)
      if (wanted(*alternative)) return node(*alternative, nullptr, at, depth + 1);
    return std::nullopt;
  }

  template <OnUse = OnUse()>
  std::optional<Tree> record(const TypeOps& ops, void* object, const At& at, std::size_t depth) {
    Tree dict = Tree::dict();
    const Children members(stacks_, ops, object, ops.types.size());
    for (std::size_t i = 0; i < ops.types.size(); ++i)
      if (auto child = node(*ops.types[i], members[i], below(at, ops.names[i]), depth + 1))
        dict.insert({std::string(ops.names[i])}, *std::move(child));
    return dict;
  }

  template <OnUse = OnUse()>
  std::optional<Tree> sequence(const TypeOps& ops, void* object, const At& at, std::size_t depth) {
    const bool per_member = ops.kind == TypeKind::tuple;
    std::size_t count = per_member ? ops.types.size() : object || ops.fixed_size ? ops.size(object) : 0;
    const bool follow = !per_member && !ops.fixed_size && count == 0;
    if (follow)
      count = elements_at(at);
    else if (count && at.empty() && !is_leafless(ops))
      return std::nullopt;
    std::vector<Tree> elements(count);
    const Children objects(stacks_, ops, follow ? nullptr : object, count);
    for (std::size_t i = 0; i < count; ++i)
      if (auto child = node(*ops.types[per_member ? i : 0], objects[i], below(at, std::to_string(i)), depth + 1))
        elements[i] = *std::move(child);
    return Tree::list(std::move(elements));
  }

  template <OnUse = OnUse()>
  static std::optional<std::size_t> index_of(std::string_view component) {
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(component.data(), component.data() + component.size(), index);
    const bool whole = error == std::errc() && end == component.data() + component.size();
    return whole && (component.size() == 1 || component[0] != '0') ? std::optional(index) : std::nullopt;
  }

  // One more than the largest index. Elements may be absent (empty optionals), but no more than there are names: an index is cheap to
  // write and an element is not.
  template <OnUse = OnUse()>
  std::size_t elements_at(const At& at) const {
    const std::size_t most = 2 * (at.last - at.first);
    std::size_t count = 0;
    for (std::size_t i = at.first; i < at.last; ++i) {
      const std::string_view text = rest(i, at.start);
      const auto index = index_of(text.substr(0, text.find('.')));
      if (index && *index >= most) refuse_index(i, at);
      if (index) count = std::max(count, *index + 1);
    }
    return count;
  }

  template <OnUse = OnUse()>
  [[noreturn]] void refuse_index(std::size_t item, const At& at) const {
    const std::string& name = items_[item].key.text;
    Differences differences;
    differences.kinds.push_back(
        {name, "a list with this element would have more gaps than elements; a target of the list's length may have them"});
    throw_mismatch("the names are none of a list [" + name.substr(0, at.start) + "*]", std::move(differences));
  }

  template <OnUse = OnUse()>
  std::optional<Tree> keyed_map(const TypeOps& ops, void* object, const At& at, std::size_t depth) {
    Tree dict = Tree::dict();
    const std::size_t count = ops.size(object);
    std::deque<std::string> made;
    Children elements(stacks_, ops, object, count);
    elements.read_keys(ops, object, made);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string key(elements.key(i));
      if (auto child = node(*ops.types[0], elements[i], below(at, key), depth + 1)) dict.insert({key}, *std::move(child));
    }
    return dict;
  }

  // A name that no element could have becomes an entry as it is, for match() to refuse.
  template <OnUse = OnUse()>
  std::optional<Tree> new_map(const TypeOps& ops, const At& at, std::size_t depth) {
    const TypeOps& element = *ops.types[0];
    std::set<std::string_view> keys;
    for (std::size_t i = at.first; i < at.last; ++i) {
      const std::string_view text = rest(i, at.start);
      keys.insert(text.substr(0, key_size(element, text)));
    }
    Tree dict = Tree::dict();
    for (const std::string_view key : keys) {
      const At place = below(at, key);
      auto child = node(element, nullptr, place, depth + 1);
      if (place.own && !used_[*place.own]) child = take(*place.own);
      if (child) dict.insert({std::string(key)}, *std::move(child));
    }
    return dict;
  }

  // Of the key that stands before the shortest rest with which an element can start; all of it where there is none.
  template <OnUse = OnUse()>
  static std::size_t key_size(const TypeOps& element, std::string_view text) {
    if (ends_names(element)) return text.size();
    for (std::size_t dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.', dot + 1))
      if (starts(element, text.substr(dot + 1))) return dot;
    return text.size();
  }

  static const TypeOps& row(const TypeOps& ops) {
    if (ops.aside) return row(*ops.aside);
    return ops.deferred ? ops.deferred(nullptr) : ops;
  }
  static const TypeOps& unwrapped(const TypeOps& ops) {
    const TypeOps* at = &row(ops);
    while (at->kind == TypeKind::optional) at = &row(*at->types[0]);
    return *at;
  }
  // A name of this type is that of its place: nothing follows.
  static bool ends_names(const TypeOps& ops) { return unwrapped(ops).kind == TypeKind::leaf; }

  // Whether a name relative to this type could be one of its own, looking at one component.
  template <OnUse = OnUse()>
  static bool starts(const TypeOps& ops, std::string_view text) {
    const TypeOps& type = unwrapped(ops);
    switch (type.kind) {
      case TypeKind::leaf: return text.empty();
      case TypeKind::record:
        for (std::size_t i = 0; i < type.types.size(); ++i) {
          if (type.types[i]->kind == TypeKind::skipped || !text.starts_with(type.names[i])) continue;
          const std::string_view behind = text.substr(type.names[i].size());
          if (ends_names(*type.types[i]) ? behind.empty() : behind.empty() || behind[0] == '.') return true;
        }
        return false;
      case TypeKind::tuple:
      case TypeKind::list: return index_of(text.substr(0, text.find('.'))).has_value();
      case TypeKind::map:
      case TypeKind::tree: return true;
      case TypeKind::variant:
        return std::any_of(type.types.begin(), type.types.end(), [&](const TypeOps* one) { return starts(*one, text); });
      default: return false;
    }
  }

  std::span<const Tree::Item> items_;
  std::vector<bool> used_;
  Children::Stacks stacks_{};
};

}  // namespace detail

template <OnUse>
inline NestedTree nest(const TypeOps& ops, void* object, const Tree& flat) {
  detail::Nester nester(flat);
  NestedTree out;
  if (auto tree = nester.node(ops, object, nester.root(), 0)) out.tree = *std::move(tree);
  const bool listed = out.tree.is_dict() && ops.kind == TypeKind::record;
  nester.for_each_unused([&](const Tree::Item& item) {
    if (listed && !out.tree.contains(item.key.text))
      out.tree.insert({item.key.text}, item.value);
    else
      out.unplaced.push_back(item.key.text);
  });
  return out;
}

}  // namespace orrery::inline v0
