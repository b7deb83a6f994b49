// A target held against what is stored: names, kinds, shapes, dtypes. Writes a Plan, or lists every difference; touches nothing.
// The semantics are those of design.md 5: the target's structure decides where it has one, type and file decide where it has not.
#pragma once

#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "orrery/core/copy.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/restore/find_path.hpp"
#include "orrery/restore/match_absent.hpp"
#include "orrery/restore/match_leaf.hpp"
#include "orrery/restore/mismatch.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

// Who knows what the leaves of a stored tree are, where the tree itself has only their names yet.
struct Describe {
  void* context = nullptr;
  void (*call)(void* context, const Tree& part) = nullptr;
  void operator()(const Tree& part) const {
    if (call) call(context, part);
  }
};

struct MatchOptions {
  bool allow_extra = true;  // stored leaves that the target does not have are ignored; false: they are differences
  bool cast = false;        // any dtype may become any other; false: lossless widening alone
  Describe describe{};      // called for stored subtrees that the target takes, before they are looked at
};

// Differences, and stored leaves that nothing wants, found before the match.
struct KnownDifferences {
  Differences differences{};
  std::vector<std::string> unused{};
  bool is_complete = false;  // transforms left no gaps: Trees take what there is for them
};

namespace detail {

class Matcher {
 public:
  explicit Matcher(MatchOptions options) : options_(options) {}

  Plan plan{};
  Differences differences{};
  bool has_target_shape = false;  // what is stored was brought into the target's shape before, and is known by its addresses
  bool is_complete = false;       // ... without gaps

  // `object` null: it does not exist yet, type and file decide. `at` is where the plan's next step hangs.
  struct At {
    std::uint32_t parent = Plan::root;
    std::uint32_t child = 0;
    bool emplace = false;
    std::string_view key{};
  };
  template <OnUse = OnUse()>
  void node(const TypeOps& ops, void* object, const Tree& stored, At at, const PathLink* path, std::size_t depth = 0) {
    if (depth > max_nesting) throw FormatError("the stored tree nests deeper than 512 levels", {to_string(path)});
    if (stored.is_leaf()) options_.describe(stored);
    if (ops.read_only || (keeps_target(stored) && ops.kind != TypeKind::skipped))
      return static_cast<void>(step(Plan::Do::keep, ops, stored, at));
    if (ops.deferred) return node(deferred_row(ops, object, path), object, stored, at, path, depth);
    if (ops.aside) {
      const auto [self, side] = plan.open_aside(ops, object, stored, at);
      return node(*ops.aside, side, stored, {self, 0, false, {}}, path, depth + 1);
    }
    switch (ops.kind) {
      case TypeKind::skipped: return;
      case TypeKind::none:
        if (!is_empty(stored)) wrong_kind(path, "nothing (an empty state)", stored);
        return;
      case TypeKind::leaf: return leaf(ops, object, stored, at, path);
      case TypeKind::tree: return tree(ops, object, stored, at, path, depth);
      case TypeKind::optional: return optional(ops, object, stored, at, path, depth);
      case TypeKind::variant: return variant(ops, object, stored, at, path, depth);
      case TypeKind::record: return record(ops, object, stored, at, path, depth);
      case TypeKind::tuple:
      case TypeKind::list: return sequence(ops, object, stored, at, path, depth);
      case TypeKind::map: return map(ops, object, stored, at, path, depth);
    }
  }

 private:
  template <OnUse = OnUse()>
  std::uint32_t step(Plan::Do what, const TypeOps& ops, const Tree& stored, At at, std::size_t n = 0) {
    plan.steps.push_back({&ops, &stored, at.parent, at.child, static_cast<std::uint32_t>(n), what, false, at.emplace, at.key});
    return static_cast<std::uint32_t>(plan.steps.size() - 1);
  }

  template <OnUse = OnUse()>
  void leaf(const TypeOps& ops, void* object, const Tree& stored, At at, const PathLink* path) {
    if (!stored.is_leaf() || !leaf_kind_fits(stored.leaf_kind(), ops.leaf.kind)) return wrong_kind(path, name(ops.leaf.kind), stored);
    bool cast = false, fits = true;
    if (ops.leaf.kind != LeafKind::string) {
      const DType to = ops.leaf.dtype, from = stored.dtype();
      if (to != DType::none && to != from) {
        cast = true;
        if (!options_.cast && !is_lossless(from, to)) {
          fits = false;
          differences.dtypes.push_back(
              {to_string(path), "stored " + std::string(name(from)) + ", wanted " + std::string(name(to)) + " (cast = true allows it)"});
        }
      }
      if (ops.takes_dtype && !ops.takes_dtype(from)) {
        fits = false;
        differences.dtypes.push_back(
            {to_string(path), "stored " + std::string(name(from)) + ", which a " + std::string(ops.type_name) + " cannot be"});
      }
      if (!leaf_shape_fits(ops, object, stored.shape())) {
        fits = false;
        const std::string wanted = wanted_shape(ops, object, stored.shape());
        differences.shapes.push_back({to_string(path), "stored " + to_string(stored.shape()) + ", wanted " + wanted});
      }
    }
    if (fits) plan.steps[step(Plan::Do::leaf, ops, stored, at)].cast = cast;
  }

  // A Tree that has entries says what is wanted, as a map does; another one takes what is stored.
  template <OnUse = OnUse()>
  void tree(const TypeOps& ops, void* object, const Tree& stored, At at, const PathLink* path, std::size_t depth) {
    const Tree* target = object && ops.tree ? ops.tree(object) : nullptr;
    if (!target || target->size() == 0 || is_complete) {
      options_.describe(stored);
      return static_cast<void>(step(Plan::Do::tree, ops, stored, at));
    }
    Tree& as_wanted = plan.trees.emplace_back(shaped(*target, stored, path, depth));
    step(Plan::Do::tree, ops, has_target_shape ? stored : as_wanted, at);
  }
  // The stored tree in the shape of a target. Its leaves take any leaf; None and empty containers within stay.
  template <OnUse = OnUse()>
  Tree shaped(const Tree& target, const Tree& stored, const PathLink* path, std::size_t depth) {
    if (depth > max_nesting) throw FormatError("the target nests deeper than 512 levels", {to_string(path)});
    if (target.is_leaf()) {
      if (stored.is_leaf())
        options_.describe(stored);
      else
        wrong_kind(path, target.kind_name(), stored);
      return stored;
    }
    if (target.size() == 0) return target;
    if (target.is_dict()) {
      if (!stored.is_dict()) return wrong_kind(path, "a dict", stored), Tree();
      Tree out = Tree::dict();
      std::unordered_set<std::string_view> known;
      for (const auto& [key, child] : target.items()) {
        PathLink link{path, key.text, 0, false};
        known.insert(key.text);
        if (const Tree* found = stored.find(key.text))
          out.insert(key, shaped(child, *found, &link, depth + 1));
        else if (is_empty(child))
          out.insert(key, child);
        else
          list_leaves(child, &link, [this](const PathLink* leaf) { differences.missing.push_back({to_string(leaf), ""}); });
      }
      extra(stored, known, path);
      return out;
    }
    if (!stored.is_list() && !stored.is_tuple()) return wrong_kind(path, target.kind_name(), stored), Tree();
    if (stored.size() != target.size()) return wrong_length(path, stored.size(), target.size()), Tree();
    std::vector<Tree> elements;
    for (std::size_t i = 0; i < target.size(); ++i) {
      PathLink link{path, {}, i, true};
      elements.push_back(shaped(target.elements()[i], stored.elements()[i], &link, depth + 1));
    }
    return target.is_list() ? Tree::list(std::move(elements)) : Tree::tuple(std::move(elements));
  }

  template <OnUse = OnUse()>
  void optional(const TypeOps& ops, void* object, const Tree& stored, At at, const PathLink* path, std::size_t depth) {
    const TypeOps& element = *ops.types[0];
    if (object && !ops.size(object))  // given and empty: stays empty and is not read (S13, S14)
      return static_cast<void>(step(Plan::Do::keep, ops, stored, at));
    if (stored.is_none() && !is_leafless(element)) {
      if (object) return wrong_kind(path, "a value", stored);
      if (ops.make) step(Plan::Do::make, ops, stored, at, 0);
      return;
    }
    if (!object && !ops.make) return wrong_kind(path, "a value that the target cannot make (" + std::string(ops.type_name) + ")", stored);
    void* child = nullptr;
    if (object) ops.children(object, &child);
    std::uint32_t self = step(object ? Plan::Do::walk : Plan::Do::make, ops, stored, at, 1);
    node(element, child, stored, {self, 0, false, {}}, path, depth + 1);
  }

  // The active alternative first, then the others in order. Only kinds are looked at before an attempt, and a failed one is undone. Where
  // one alternative alone is of that kind, its differences say more than that none fits.
  template <OnUse = OnUse()>
  void variant(const TypeOps& ops, void* object, const Tree& stored, At at, const PathLink* path, std::size_t depth) {
    const std::size_t steps = plan.steps.size(), ignored = plan.ignored.size();
    std::size_t attempts = 0;
    Differences last;
    auto attempt = [&](std::size_t alternative, bool active) {
      if ((!active && !ops.make) || !kind_fits(*ops.types[alternative], stored)) return false;
      ++attempts;
      Differences outside = std::exchange(differences, {});
      void* child = nullptr;
      if (active) ops.children(object, &child);
      std::uint32_t self = step(active ? Plan::Do::walk : Plan::Do::make, ops, stored, at, alternative);
      node(*ops.types[alternative], child, stored, {self, 0, false, {}}, path, depth + 1);
      last = std::exchange(differences, std::move(outside));
      if (!last.empty()) {
        plan.steps.erase(plan.steps.begin() + static_cast<std::ptrdiff_t>(steps), plan.steps.end());
        plan.ignored.erase(plan.ignored.begin() + static_cast<std::ptrdiff_t>(ignored), plan.ignored.end());
      }
      return last.empty();
    };
    const std::size_t first = object ? ops.active(object) : ops.types.size();
    if (first < ops.types.size() && attempt(first, true)) return;
    for (std::size_t i = 0; i < ops.types.size(); ++i)
      if (i != first && attempt(i, false)) return;
    if (attempts != 1)
      return wrong_kind(path, "what one of the variant's " + std::to_string(ops.types.size()) + " alternatives takes", stored);
    const auto add = [](auto& to, auto& from) { to.insert(to.end(), from.begin(), from.end()); };
    add(differences.missing, last.missing);
    add(differences.extra, last.extra);
    add(differences.shapes, last.shapes);
    add(differences.dtypes, last.dtypes);
    add(differences.kinds, last.kinds);
  }

  template <OnUse = OnUse()>
  void record(const TypeOps& ops, void* object, const Tree& stored, At at, const PathLink* path, std::size_t depth) {
    if (stored.is_none() && is_leafless(ops)) return;
    if (!stored.is_dict()) return wrong_kind(path, "a dict (" + std::string(ops.type_name) + ")", stored);
    if (is_replayed(ops, object, stored)) {
      options_.describe(stored);
      return static_cast<void>(step(Plan::Do::tree, ops, stored, at));
    }
    std::uint32_t self = step(Plan::Do::walk, ops, stored, at);
    const std::size_t count = ops.types.size();
    const Children members(stacks_, ops, object, count);
    std::size_t used = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (ops.types[i]->kind == TypeKind::skipped) continue;
      PathLink link{path, ops.names[i], 0, false};
      if (const Tree* child = stored.find(ops.names[i], used)) {
        ++used;
        node(*ops.types[i], members[i], *child, {self, static_cast<std::uint32_t>(i), false, ops.names[i]}, &link, depth + 1);
      } else {
        missing(*ops.types[i], members[i], &link);
      }
    }
    if (used == stored.size()) return;
    std::unordered_set<std::string_view> known;
    for (std::size_t i = 0; i < count; ++i)
      if (ops.types[i]->kind != TypeKind::skipped) known.insert(ops.names[i]);
    extra(stored, known, path);
  }

  template <OnUse = OnUse()>
  void sequence(const TypeOps& ops, void* object, const Tree& stored, At at, const PathLink* path, std::size_t depth) {
    const bool per_member = ops.kind == TypeKind::tuple;
    if (stored.is_none() && (per_member ? is_leafless(ops) : !ops.fixed_size)) {
      if (!per_member && ops.make && (!object || ops.size(object) == 0))
        step(Plan::Do::make, ops, stored, at, 0);
      else if (!per_member)
        wrong_kind(path, "a list of " + std::to_string(ops.size(object)), stored);
      return;
    }
    const bool numbered = is_numbered(stored);
    if (!numbered && !stored.is_list() && !stored.is_tuple()) return wrong_kind(path, per_member ? "a tuple" : "a list", stored);
    std::size_t count = per_member ? ops.types.size() : object || ops.fixed_size ? ops.size(object) : 0;
    const bool follow = !per_member && !ops.fixed_size && count == 0;  // an empty one says nothing: the file decides
    if (!follow && !numbered && count != stored.size()) {
      return wrong_length(path, stored.size(), count);
    }
    if (follow && !ops.make && stored.size())
      return wrong_kind(path, "elements that the target cannot make (" + std::string(ops.type_name) + ")", stored);
    if (follow) count = stored.size();
    std::uint32_t self = step(follow ? Plan::Do::make : Plan::Do::walk, ops, stored, at, count);
    const Children elements(stacks_, ops, follow ? nullptr : object, count);
    std::size_t used = 0;
    for (std::size_t i = 0; i < count; ++i) {
      PathLink link{path, {}, i, true};
      const TypeOps& element = *ops.types[per_member ? i : 0];
      if (const Tree* child = numbered ? stored.find(std::to_string(i)) : &stored.elements()[i]) {
        ++used;
        node(element, elements[i], *child, {self, static_cast<std::uint32_t>(i), false, {}}, &link, depth + 1);
      } else {
        missing(element, elements[i], &link);
      }
    }
    if (!numbered || used == stored.size()) return;
    std::unordered_set<std::string_view> known;
    for (const auto& [key, child] : stored.items())
      if (std::size_t i = 0; std::from_chars(key.text.data(), key.text.data() + key.text.size(), i).ec == std::errc() && i < count)
        known.insert(key.text);
    extra(stored, known, path);
  }

  template <OnUse = OnUse()>
  void map(const TypeOps& ops, void* object, const Tree& stored, At at, const PathLink* path, std::size_t depth) {
    const std::size_t count = object ? ops.size(object) : 0;
    if (stored.is_none() && count == 0) {
      if (ops.make) step(Plan::Do::make, ops, stored, at, 0);
      return;
    }
    if (!stored.is_dict()) return wrong_kind(path, "a dict", stored);
    if (count == 0 && !ops.emplace) {
      if (stored.size()) wrong_kind(path, "elements that the target cannot make (" + std::string(ops.type_name) + ")", stored);
      return;
    }
    if (count == 0) {  // an empty one says nothing: the file decides
      std::uint32_t self = step(Plan::Do::make, ops, stored, at, stored.size()), i = 0;
      for (const auto& [key, child] : stored.items()) {
        PathLink link{path, key.text, 0, false};
        if (ops.accepts && !ops.accepts(key.text)) {
          differences.kinds.push_back({to_string(&link), "this key cannot be a key of the target's map"});
          continue;
        }
        node(*ops.types[0], nullptr, child, {self, i++, true, key.text}, &link, depth + 1);
      }
      return;
    }
    std::uint32_t self = step(Plan::Do::walk, ops, stored, at);
    Children elements(stacks_, ops, object, count);
    elements.read_keys(ops, object, plan.names);
    std::size_t used = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view key = elements.key(i);
      PathLink link{path, key, 0, false};
      if (const Tree* child = stored.find(key)) {
        ++used;
        node(*ops.types[0], elements[i], *child, {self, static_cast<std::uint32_t>(i), false, key}, &link, depth + 1);
      } else {
        missing(*ops.types[0], elements[i], &link);
      }
    }
    if (used == stored.size()) return;
    std::unordered_set<std::string_view> known;
    for (std::size_t i = 0; i < count; ++i) known.insert(elements.key(i));
    extra(stored, known, path);
  }

  template <OnUse = OnUse()>
  void missing(const TypeOps& ops, void* object, const PathLink* path) {
    list_missing(ops, object, path, stacks_, plan.names, differences.missing);
  }

  // Stored entries that nothing wants.
  template <OnUse = OnUse()>
  void extra(const Tree& stored, const std::unordered_set<std::string_view>& known, const PathLink* path) {
    for (const auto& [key, child] : stored.items()) {
      if (known.contains(key.text)) continue;
      PathLink link{path, key.text, 0, false};
      list_leaves(child, &link, [this](const PathLink* leaf) {
        if (options_.allow_extra)
          plan.ignored.push_back(to_string(leaf));
        else
          differences.extra.push_back({to_string(leaf), ""});
      });
    }
  }

  template <OnUse = OnUse()>
  void wrong_length(const PathLink* path, std::size_t stored, std::size_t wanted) {
    differences.shapes.push_back(
        {to_string(path), "a list of " + std::to_string(stored) + " is stored, one of " + std::to_string(wanted) + " wanted"});
  }
  template <OnUse = OnUse()>
  void wrong_kind(const PathLink* path, std::string_view wanted, const Tree& stored) {
    differences.kinds.push_back({to_string(path), "stored is " + std::string(stored.kind_name()) + ", wanted is " + std::string(wanted)});
  }

  MatchOptions options_;
  Children::Stacks stacks_{};
};

}  // namespace detail

// The plan that fills a target of that type from `stored`. `object` null: a new value, whose type and the file decide; else its
// structure decides. Throws MismatchError (KeyError, ShapeError, DTypeError, StructureError) listing everything that does not fit.
// Linear in leaves. The stored tree, and the object's keys, must outlive the plan. `known`: what was found when the
// tree was brought into the target's shape (restore/sources.hpp), to be told with the rest.
template <OnUse = OnUse()>
inline Plan match(const TypeOps& ops, void* object, const Tree& stored, MatchOptions options, std::string_view what, Where where = {},
                  const KnownDifferences* known = nullptr) {
  detail::Matcher matcher(options);
  matcher.plan.steps.reserve(detail::nodes_of(ops));
  if (known) {
    matcher.has_target_shape = true;
    matcher.is_complete = known->is_complete;
    matcher.differences = known->differences;
    for (const std::string& path : known->unused) {
      if (options.allow_extra)
        matcher.plan.ignored.push_back(path);
      else
        matcher.differences.extra.push_back({path, ""});
    }
  }
  matcher.node(ops, object, stored, {}, nullptr);
  if (!matcher.differences.missing.empty()) detail::suggest_paths(matcher.differences, matcher.plan.ignored);
  if (!matcher.differences.empty()) detail::throw_mismatch(std::string(what), std::move(matcher.differences), std::move(where));
  return std::move(matcher.plan);
}

}  // namespace orrery::inline v0
