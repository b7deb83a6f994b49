// The walk that finds the sources of a target's leaves (restore/sources.hpp): down the target's type and value, with the stored tree
// beside it. Reads nothing; without transforms and restore_args nobody comes here. What a single leaf gets: restore/source_leaves.hpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "orrery/core/on_use.hpp"
#include "orrery/restore/find_path.hpp"
#include "orrery/restore/match_absent.hpp"
#include "orrery/restore/match_leaf.hpp"
#include "orrery/restore/source_leaves.hpp"
#include "orrery/restore/sources.hpp"
#include "orrery/tree/describe.hpp"

namespace orrery::inline v0::detail {

class SourceFinder : public SourceLeaves {
 public:
  using SourceLeaves::SourceLeaves;

  // What belongs at this part of the target; `same`: what is stored at its own path, or null. Nothing where nothing is stored and no
  // transforms fill the gap, so that match() lists it as missing. What does not fit is handed on as it is, for match() to say so.
  template <OnUse = OnUse()>
  std::optional<Tree> node(const TypeOps& ops, void* object, const PathLink* path, const Tree* same, std::size_t depth = 0) {
    if (depth > max_nesting) throw FormatError("the target nests deeper than 512 levels", {to_string(path)});
    if (ops.deferred) return node(ops.deferred(object), object, path, same, depth);
    if (ops.read_only) return mark(Source::Kind::kept, same);
    if (ops.aside) {
      const std::shared_ptr<void> side = object ? ops.open_aside(object, false) : nullptr;
      return node(*ops.aside, side.get(), path, same, depth + 1);
    }
    switch (ops.kind) {
      case TypeKind::skipped: return std::nullopt;
      case TypeKind::none: return same && !transforms() ? as_stored(*same) : Tree::none();
      case TypeKind::leaf: return leaf(path, same, {&ops, object, nullptr, false});
      case TypeKind::tree: return tree(object && ops.tree ? ops.tree(object) : nullptr, path, same, depth);
      case TypeKind::optional: return optional(ops, object, path, same, depth);
      case TypeKind::variant: return variant(ops, object, path, same, depth);
      case TypeKind::record: return record(ops, object, path, same, depth);
      case TypeKind::tuple: return members(ops, object, ops.types.size(), path, same, depth);
      case TypeKind::list: return list(ops, object, path, same, depth);
      case TypeKind::map: return map(ops, object, path, same, depth);
    }
    return std::nullopt;
  }

  // A stored subtree whose place in the target is a Tree that says nothing.
  template <OnUse = OnUse()>
  Tree follow(const Tree& stored, const PathLink* path, std::size_t depth) {
    if (depth > max_nesting) throw FormatError("the stored tree nests deeper than 512 levels", {to_string(path)});
    if (stored.is_leaf()) return leaf(path, &stored, {nullptr, nullptr, nullptr, true}).value_or(Tree::none());
    return rebuilt(stored, path, [&](const Tree& child, const PathLink* link) { return follow(child, link, depth + 1); });
  }

 private:
  template <OnUse = OnUse()>
  std::optional<Tree> tree(const Tree* target, const PathLink* path, const Tree* same, std::size_t depth) {
    if (target && target->size() > 0) return like(*target, path, same, depth);
    const bool is_leaf = target && target->is_leaf();
    if (same ? same->is_leaf() : is_leaf) return leaf(path, same, {nullptr, nullptr, is_leaf ? target : nullptr, true});
    return followed(path, same, [&](const Tree& stored) { return follow(stored, path, depth); });
  }
  // In the shape of a Tree that is the target.
  template <OnUse = OnUse()>
  std::optional<Tree> like(const Tree& target, const PathLink* path, const Tree* same, std::size_t depth) {
    if (depth > max_nesting) throw ArgumentError("the target nests deeper than 512 levels", {to_string(path)});
    if (target.is_leaf()) return leaf(path, same, {nullptr, nullptr, &target, true});
    if (target.size() == 0) return same ? use(*same), target : target;
    const bool fits = same && (target.is_dict() ? same->is_dict() : (same->is_list() || same->is_tuple()) && same->size() == target.size());
    if (!transforms() && !fits) return same ? std::optional(as_stored(*same)) : std::nullopt;
    if (!target.is_dict()) {
      return rebuilt(target, path, [&](const Tree& child, const PathLink* link) {
        return like(child, link, same ? child_at(*same, std::to_string(link->index)) : nullptr, depth + 1).value_or(Tree::none());
      });
    }
    Tree made = Tree::dict();
    for (const auto& [key, child] : target.items()) {
      const PathLink link{path, key.text, 0, false};
      if (auto value = like(child, &link, same ? child_at(*same, key.text) : nullptr, depth + 1)) made.insert(key, std::move(*value));
    }
    return made;
  }

  // A container that says nothing of its own: it counts as one key, which may be renamed, and takes what is stored there.
  template <class Take>
  std::optional<Tree> followed(const PathLink* path, const Tree* same, Take&& take) {
    if (!transforms()) return same ? std::optional<Tree>(take(*same)) : std::nullopt;
    const std::string key = key_of(path);
    bool matched = false, computed = false;
    const Tree* source = nullptr;
    const Transform* function = nullptr;
    transforms()->for_each_match(key, [&](const Transforms::Rule& rule, const Captures& captures) {
      const Transform& transform = rule.transform;
      matched = true;
      if (transform.use_fallback && options_.default_to_original) return;
      const std::string from = transform.original_key ? expand_key(*transform.original_key, captures) : key;
      computed = bool{transform.multi_value_fn};
      function = &transform;
      source = computed ? nullptr : finder_.find(from);
      if (transform.value_fn && source && !source->is_leaf())
        throw ArgumentError("a value_fn is given one value, and at \"" + from + "\" there is a " + std::string(source->kind_name()) +
                                "; use multi_value_fn",
                            {key});
      if (!computed && !source) out.known.differences.missing.push_back({key, no_such_original(from)});
    });
    if (computed || (function && function->value_fn && source)) {
      out.has_functions = true;
      if (source) use(*source);
      return Tree::described(LeafKind::array, DType::none, {}, add({Source::Kind::computed, source, nullptr, function, key}));
    }
    if (!matched && options_.default_to_original) source = same;
    if (source && !source->is_leaf() && !source->is_none()) return take(*source);
    return mark(Source::Kind::filled, nullptr);
  }

  template <OnUse = OnUse()>
  std::optional<Tree> optional(const TypeOps& ops, void* object, const PathLink* path, const Tree* same, std::size_t depth) {
    if (object) {
      if (!ops.size(object)) return mark(Source::Kind::kept, same);
      void* child = nullptr;
      ops.children(object, &child);
      return node(*ops.types[0], child, path, same, depth + 1);
    }
    if (same && !same->is_none()) return node(*ops.types[0], nullptr, path, same, depth + 1);
    if (!transforms()) return same ? std::optional(Tree::none()) : std::nullopt;
    // Nothing is stored here; but a rule may bring something from elsewhere. A type within itself is not asked again.
    if (transforms()->empty() || std::find(attempts_.begin(), attempts_.end(), &ops) != attempts_.end())
      return mark(Source::Kind::filled, nullptr);
    attempts_.push_back(&ops);
    const std::size_t before = out.leaves.size();
    std::optional<Tree> made = node(*ops.types[0], nullptr, path, nullptr, depth + 1);
    attempts_.pop_back();
    const auto brings = [](const Source& source) { return source.kind == Source::Kind::stored || source.kind == Source::Kind::computed; };
    if (made && std::any_of(out.leaves.begin() + static_cast<std::ptrdiff_t>(before), out.leaves.end(), brings)) return made;
    out.leaves.resize(before);
    return mark(Source::Kind::filled, nullptr);
  }

  template <OnUse = OnUse()>
  std::optional<Tree> variant(const TypeOps& ops, void* object, const PathLink* path, const Tree* same, std::size_t depth) {
    const std::size_t active = object ? ops.active(object) : ops.types.size();
    if (active < ops.types.size() && (same ? kind_fits(*ops.types[active], *same) : transforms() != nullptr)) {
      void* child = nullptr;
      ops.children(object, &child);
      return node(*ops.types[active], child, path, same, depth + 1);
    }
    if (same) return follow(*same, path, depth);
    return transforms() ? std::optional(mark(Source::Kind::filled, nullptr)) : std::nullopt;
  }

  template <OnUse = OnUse()>
  std::optional<Tree> record(const TypeOps& ops, void* object, const PathLink* path, const Tree* same, std::size_t depth) {
    if (!transforms() && (!same || !same->is_dict())) return same ? std::optional(as_stored(*same)) : std::nullopt;
    if (!transforms() && is_replayed(ops, object, *same)) return follow(*same, path, depth);
    if (is_leafless(ops)) return Tree::none();
    const Children addresses(stacks_, ops, object, ops.types.size());
    Tree made = Tree::dict();
    for (std::size_t i = 0; i < ops.types.size(); ++i) {
      const PathLink link{path, ops.names[i], 0, false};
      const Tree* stored = same && same->is_dict() ? same->find(ops.names[i]) : nullptr;
      if (auto child = node(*ops.types[i], addresses[i], &link, stored, depth + 1))
        made.insert({std::string(ops.names[i])}, std::move(*child));
    }
    return made;
  }

  // The elements of a tuple or of a list that says how many it has.
  template <OnUse = OnUse()>
  std::optional<Tree> members(const TypeOps& ops, void* object, std::size_t count, const PathLink* path, const Tree* same,
                              std::size_t depth) {
    const bool is_sequence = same && (same->is_list() || same->is_tuple());
    if (!transforms() && (!is_sequence || same->size() != count)) return same ? std::optional(as_stored(*same)) : std::nullopt;
    if (transforms() && is_leafless(ops)) return Tree::none();
    const Children addresses(stacks_, ops, object, count);
    std::vector<Tree> elements;
    for (std::size_t i = 0; i < count; ++i) {
      const PathLink link{path, {}, i, true};
      const Tree* stored = same ? child_at(*same, std::to_string(i)) : nullptr;
      elements.push_back(
          node(*ops.types[ops.kind == TypeKind::tuple ? i : 0], addresses[i], &link, stored, depth + 1).value_or(Tree::none()));
    }
    return Tree::list(std::move(elements));
  }

  template <OnUse = OnUse()>
  std::optional<Tree> list(const TypeOps& ops, void* object, const PathLink* path, const Tree* same, std::size_t depth) {
    const std::size_t count = object || ops.fixed_size ? ops.size(object) : 0;
    if (count > 0 || ops.fixed_size) return members(ops, object, count, path, same, depth);
    return followed(path, same, [&](const Tree& stored) {
      if (!stored.is_list() && !stored.is_tuple()) return as_stored(stored);
      return rebuilt(stored, path, [&](const Tree& child, const PathLink* link) {
        return node(*ops.types[0], nullptr, link, &child, depth + 1).value_or(Tree::none());
      });
    });
  }

  template <OnUse = OnUse()>
  std::optional<Tree> map(const TypeOps& ops, void* object, const PathLink* path, const Tree* same, std::size_t depth) {
    const std::size_t count = object ? ops.size(object) : 0;
    if (count == 0) {
      return followed(path, same, [&](const Tree& stored) {
        if (!stored.is_dict()) return as_stored(stored);
        return rebuilt(stored, path, [&](const Tree& child, const PathLink* link) {
          if (ops.accepts && !ops.accepts(link->key)) return as_stored(child);
          return node(*ops.types[0], nullptr, link, &child, depth + 1).value_or(Tree::none());
        });
      });
    }
    if (!transforms() && (!same || !same->is_dict())) return same ? std::optional(as_stored(*same)) : std::nullopt;
    Children elements(stacks_, ops, object, count);
    elements.read_keys(ops, object, names_);
    Tree made = Tree::dict();
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view key = elements.key(i);
      const PathLink link{path, key, 0, false};
      const Tree* stored = same && same->is_dict() ? same->find(key) : nullptr;
      if (auto child = node(*ops.types[0], elements[i], &link, stored, depth + 1)) made.insert({std::string(key)}, std::move(*child));
    }
    return made;
  }

  Children::Stacks stacks_{};
  std::deque<std::string> names_{};
  std::vector<const TypeOps*> attempts_{};
};

}  // namespace orrery::inline v0::detail

namespace orrery::inline v0 {

// For a target of that type; `object` null: a new value. Nothing is thrown for what differs: match() is given it, to tell it with the rest.
template <OnUse = OnUse()>
inline Sources find_sources(const TypeOps& ops, void* object, const Tree& stored, const SourceOptions& options) {
  detail::SourceFinder finder(stored, options);
  finder.finish(finder.node(ops, object, nullptr, &stored).value_or(Tree::none()));
  return std::move(finder.out);
}

// For a Tree that follows the file: the stored tree, with restore_args.
template <OnUse = OnUse()>
inline Sources find_sources(const Tree& stored, const KeyedRestoreArgs& restore_args) {
  detail::SourceFinder finder(stored, {.restore_args = &restore_args});
  finder.finish(finder.follow(stored, nullptr, 0));
  return std::move(finder.out);
}

}  // namespace orrery::inline v0
