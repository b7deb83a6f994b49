// Orbax's apply_transformations, on trees in memory: the rules of transforms.hpp, applied to every leaf of a new tree (spec/orbax.md 5.7).
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/restore/find_path.hpp"
#include "orrery/restore/transforms.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0 {

struct TransformOptions {
  bool default_to_original = true;  // keys without a rule take the original's value; false: they keep the new tree's
};

namespace detail {

inline std::string no_such_original(const std::string& key) { return "Transformation key \"" + key + "\" not found in origin tree."; }
inline std::string no_such_fallback(const std::string& key) { return key + " not found in origin tree (`use_fallback` requested)."; }

class TransformationWalk {
 public:
  TransformationWalk(const Tree& original, const Transforms& transforms, TransformOptions options)
      : original_(original), transforms_(transforms), options_(options), finder_(original) {}

  Differences differences{};

  template <OnUse = OnUse()>
  Tree node(const Tree& now, const PathLink* path, std::size_t depth) {
    if (depth > max_nesting) throw ArgumentError("the new tree nests deeper than 512 levels", {to_string(path)});
    if (now.is_leaf()) return leaf(now, to_string(path));
    if (now.is_none()) return now;
    if (now.is_dict()) {
      Tree out = Tree::dict();
      for (const auto& [key, child] : now.items()) {
        const PathLink link{path, key.text, 0, false};
        out.insert(key, node(child, &link, depth + 1));
      }
      return out;
    }
    std::vector<Tree> elements;
    for (std::size_t i = 0; i < now.size(); ++i) {
      const PathLink link{path, {}, i, true};
      elements.push_back(node(now.elements()[i], &link, depth + 1));
    }
    return now.is_list() ? Tree::list(std::move(elements)) : Tree::tuple(std::move(elements));
  }

 private:
  template <OnUse = OnUse()>
  const Tree* leaf_of_original(const std::string& key) {
    const Tree* found = finder_.find(key);
    return found && found->is_leaf() ? found : nullptr;
  }
  template <OnUse = OnUse()>
  const Tree* demand(const std::string& source, const std::string& key, const std::string& text) {
    const Tree* found = leaf_of_original(source);
    if (!found) differences.missing.push_back({key, text});
    return found;
  }

  template <OnUse = OnUse()>
  Tree leaf(const Tree& now, const std::string& key) {
    bool matched = false;
    std::optional<Tree> result;
    transforms_.for_each_match(key, [&](const Transforms::Rule& rule, const Captures& captures) {
      const Transform& transform = rule.transform;
      matched = true;
      if (transform.use_fallback) {
        if (options_.default_to_original) return;  // keeps what it has, be it from a rule before this one
        if (const Tree* found = demand(key, key, no_such_fallback(key))) result = *found;
      } else if (transform.multi_value_fn) {
        result = transform.multi_value_fn(key, original_);
      } else {
        const std::string source = transform.original_key ? expand_key(*transform.original_key, captures) : key;
        if (const Tree* found = demand(source, key, no_such_original(source)))
          result = transform.value_fn ? transform.value_fn(*found) : *found;
      }
    });
    if (!matched && options_.default_to_original)
      if (const Tree* found = leaf_of_original(key)) return *found;
    return result ? std::move(*result) : now;
  }

  const Tree& original_;
  const Transforms& transforms_;
  TransformOptions options_;
  PathFinder finder_;
};

}  // namespace detail

// `new_tree` with its leaves replaced as the rules say: renamed, computed, or those of the original at the same key; a leaf that neither
// a rule nor the original has keeps its value, None and empty containers stay. Functions are called once for each leaf that their
// rule matches. KeyError, in Orbax's words, that lists every key which a rule wants and the original tree lacks.
template <OnUse = OnUse()>
Tree apply_transformations(const Tree& original_tree, const Transforms& transforms, const Tree& new_tree, TransformOptions options = {}) {
  if (!new_tree.is_leaf() && new_tree.size() == 0) return Tree::dict();
  detail::TransformationWalk walk(original_tree, transforms, options);
  Tree out = walk.node(new_tree, nullptr, 0);
  if (walk.differences.empty()) return out;
  std::string text;
  for (const Difference& difference : walk.differences.missing) text += (text.empty() ? "" : "\n") + difference.message;
  throw KeyError(text, std::move(walk.differences));
}

ORRERY_ONCE(Tree apply_transformations<>(const Tree&, const Transforms&, const Tree&, TransformOptions));

}  // namespace orrery::inline v0
