// Leaf by leaf, what restore/find_sources.hpp asks while it walks: which stored leaf a key gets, or which function's value, or its own; and
// in what dtype and shape. Keeps account of what was used.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "orrery/core/on_use.hpp"
#include "orrery/restore/apply_transformations.hpp"
#include "orrery/restore/find_path.hpp"
#include "orrery/restore/sources.hpp"
#include "orrery/tree/key_path.hpp"

namespace orrery::inline v0::detail {

class SourceLeaves {
 public:
  SourceLeaves(const Tree& stored, const SourceOptions& options) : stored_(stored), finder_(stored), options_(options) {}

  Sources out{};

  template <OnUse = OnUse()>
  void finish(Tree tree) {
    out.tree = std::move(tree);
    out.known.is_complete = transforms() != nullptr;
    for (const Source& source : out.leaves)
      if (source.transform && source.transform->multi_value_fn) combining_.insert(source.transform);
    std::uint32_t next = 0;
    index(out.tree, next);
    list_leaves_with(stored_, nullptr);
  }

 protected:
  // Who wants a leaf: a leaf of a type, a leaf of a Tree that is the target, or a Tree that takes what comes.
  struct Wanted {
    const TypeOps* ops;
    const void* object;
    const Tree* own;
    bool in_tree;
  };

  const Transforms* transforms() const noexcept { return options_.transforms; }
  template <OnUse = OnUse()>
  std::string key_of(const PathLink* path) const {
    const bool asked = (transforms() && !transforms()->empty()) || (options_.restore_args && !options_.restore_args->empty());
    return asked ? to_string(path) : std::string();
  }

  template <class Child>
  static Tree rebuilt(const Tree& like, const PathLink* path, Child&& child_of) {
    if (like.is_none()) return Tree::none();
    if (like.is_dict()) {
      Tree made = Tree::dict();
      for (const auto& [key, child] : like.items()) {
        const PathLink link{path, key.text, 0, false};
        made.insert(key, child_of(child, &link));
      }
      return made;
    }
    std::vector<Tree> elements;
    elements.reserve(like.size());
    for (std::size_t i = 0; i < like.size(); ++i) {
      const PathLink link{path, {}, i, true};
      elements.push_back(child_of(like.elements()[i], &link));
    }
    return like.is_list() ? Tree::list(std::move(elements)) : Tree::tuple(std::move(elements));
  }

  template <OnUse = OnUse()>
  std::uint32_t add(Source source) {
    out.leaves.push_back(std::move(source));
    return static_cast<std::uint32_t>(out.leaves.size() - 1);
  }
  // `same` is not read, but nobody can say that it is unknown to the target.
  template <OnUse = OnUse()>
  Tree mark(Source::Kind kind, const Tree* same) {
    if (same) use(*same);
    return Tree::described(LeafKind::array, DType::none, {}, add({.kind = kind}));
  }
  template <OnUse = OnUse()>
  void use(const Tree& stored) {
    if (stored.is_leaf()) used_.insert(&stored);
    for (const auto& [key, child] : stored.items()) use(child);
    for (const Tree& child : stored.elements()) use(child);
  }
  template <OnUse = OnUse()>
  Tree as_stored(const Tree& stored) {
    if (stored.is_leaf()) return read(stored, nullptr, {}, {nullptr, nullptr, nullptr, true}, nullptr);
    return rebuilt(stored, nullptr, [&](const Tree& child, const PathLink*) { return as_stored(child); });
  }

  // A leaf that is read, described as `args` will have it.
  template <OnUse = OnUse()>
  Tree read(const Tree& stored, const RestoreArgs* args, std::string from, const Wanted& wanted, const PathLink* path) {
    used_.insert(&stored);
    const std::uint32_t id = add({.stored = &stored, .args = args, .key = std::move(from)});
    if (stored.dtype() == DType::none) return stored;  // a text
    DType dtype = stored.dtype();
    Shape shape = stored.shape();
    if (args && stored.leaf_kind() != LeafKind::prng_key) {
      if (args->dtype != DType::none) dtype = checked_dtype(dtype, args->dtype, path);
      shape = checked_shape(shape, *args, wanted, path);
    }
    return Tree::described(stored.leaf_kind(), dtype, std::move(shape), id, stored.impl());
  }
  template <OnUse = OnUse()>
  DType checked_dtype(DType from, DType to, const PathLink* path) {
    const bool time = info(from).kind == DTypeKind::time || info(to).kind == DTypeKind::time;
    if (from == to || !time || from == DType::int64 || to == DType::int64) return to;
    out.known.differences.dtypes.push_back(
        {to_string(path), "there is no conversion from " + std::string(name(from)) + " to " + std::string(name(to))});
    return from;
  }
  template <OnUse = OnUse()>
  Shape checked_shape(const Shape& stored, const RestoreArgs& args, const Wanted& wanted, const PathLink* path) {
    const std::optional<Shape> asked = args.shape ? args.shape : args.strict ? std::nullopt : own_shape(wanted);
    if (!asked || *asked == stored) return stored;
    const std::string text =
        "Requested shape: " + to_string(*asked) + " is not compatible with the stored shape: " + to_string(stored) + ". ";
    if (args.strict)
      out.known.differences.shapes.push_back(
          {to_string(path), text + "Truncating/padding is disabled; RestoreArgs{.strict = false} allows it"});
    else if (asked->size() != stored.size())
      out.known.differences.shapes.push_back({to_string(path), text + "Padding needs an array of as many dimensions"});
    else if (!checked_bytes(*asked, 16))
      throw ArgumentError("no array can have the shape " + to_string(*asked) + " that restore_args ask for", {to_string(path)});
    else
      return *asked;
    return stored;
  }
  template <OnUse = OnUse()>
  static std::optional<Shape> own_shape(const Wanted& wanted) {
    if (wanted.own) return wanted.own->shape();
    if (!wanted.ops) return std::nullopt;
    if (wanted.object && wanted.ops->view) return wanted.ops->view(wanted.object).array.shape;
    const std::span<const Dim> extents = wanted.ops->leaf.extents;
    if (wanted.ops->leaf.any_rank || std::find(extents.begin(), extents.end(), any_dim) != extents.end()) return std::nullopt;
    return Shape(extents);
  }

  // The target's own value stays: a mark, but in a Tree the value itself, where there is one.
  template <OnUse = OnUse()>
  Tree stay(Source::Kind kind, const Wanted& wanted) {
    if (wanted.own) return add({.kind = kind}), *wanted.own;
    if (wanted.in_tree) return Tree::none();
    return mark(kind, nullptr);
  }

  template <OnUse = OnUse()>
  const Tree* demand(const std::string& source, const std::string& key, const std::string& text) {
    const Tree* found = finder_.find(source);
    if (found && found->is_leaf()) return found;
    out.known.differences.missing.push_back({key, text});
    return nullptr;
  }

  template <OnUse = OnUse()>
  std::optional<Tree> leaf(const PathLink* path, const Tree* same, const Wanted& wanted) {
    const std::string key = key_of(path);
    const RestoreArgs* args = options_.restore_args ? options_.restore_args->find(key) : nullptr;
    if (args && args->placeholder) return stay(Source::Kind::placeholder, wanted);
    if (!transforms())
      return !same ? std::nullopt : same->is_leaf() ? std::optional(read(*same, args, {}, wanted, path)) : std::optional(as_stored(*same));
    const Tree* source = nullptr;
    const Transform* function = nullptr;
    std::string from;
    bool matched = false;
    transforms()->for_each_match(key, [&](const Transforms::Rule& rule, const Captures& captures) {
      const Transform& transform = rule.transform;
      matched = true;
      if (transform.use_fallback && options_.default_to_original) return;  // keeps what it has, be it from a rule before this one
      from = transform.original_key ? expand_key(*transform.original_key, captures) : key;
      function = transform.value_fn || transform.multi_value_fn ? &transform : nullptr;
      source =
          transform.multi_value_fn ? nullptr : demand(from, key, transform.use_fallback ? no_such_fallback(key) : no_such_original(from));
    });
    if (!matched && options_.default_to_original && same && same->is_leaf()) return read(*same, args, {}, wanted, path);
    if (function && (source || function->multi_value_fn)) {
      out.has_functions = true;
      if (source) used_.insert(source);
      return Tree::described(LeafKind::array, DType::none, {}, add({Source::Kind::computed, source, args, function, key}));
    }
    if (source) return read(*source, args, from == key ? std::string() : std::move(from), wanted, path);
    return stay(Source::Kind::filled, wanted);
  }

 private:
  template <OnUse = OnUse()>
  void index(const Tree& tree, std::uint32_t& next) {
    if (tree.is_leaf()) {
      const bool replaced = tree.has_value() || out.leaves[next].kind == Source::Kind::computed;
      if (replaced) out.places.emplace(out.place_of(tree), next);
      ++next;
    }
    for (const auto& [key, child] : tree.items()) index(child, next);
    for (const Tree& child : tree.elements()) index(child, next);
  }
  // A leaf that goes nowhere, unless a function is given it.
  template <OnUse = OnUse()>
  void list_unless_input(std::string key) {
    const auto takes = [&](const Transform* transform) { return transform->multi_value_fn_input_args.find(key) != nullptr; };
    if (std::none_of(combining_.begin(), combining_.end(), takes)) out.known.unused.push_back(std::move(key));
  }
  template <OnUse = OnUse()>
  void list_leaves_with(const Tree& stored, const PathLink* path) {
    const auto one = [this](const Tree& child, const PathLink* link) {
      if (!child.is_leaf())
        list_leaves_with(child, link);
      else if (!used_.contains(&child))
        list_unless_input(to_string(link));
    };
    if (stored.is_leaf()) return one(stored, path);
    for (const auto& [key, child] : stored.items()) {
      const PathLink link{path, key.text, 0, false};
      one(child, &link);
    }
    for (std::size_t i = 0; i < stored.elements().size(); ++i) {
      const PathLink link{path, {}, i, true};
      one(stored.elements()[i], &link);
    }
  }

  const Tree& stored_;
  std::unordered_set<const Tree*> used_{};
  std::unordered_set<const Transform*> combining_{};

 protected:
  PathFinder finder_;
  SourceOptions options_;
};

}  // namespace orrery::inline v0::detail
