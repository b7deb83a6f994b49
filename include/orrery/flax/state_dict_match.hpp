// A target held against a state dict with Flax's strictness (spec/flax-legacy.md 2.3 to 2.7): the first problem wins, in target order,
// before anything is touched. Writes the same Plan as restore/match.hpp, whose rules are Orbax's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/copy.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/flax/namedtuple.hpp"
#include "orrery/flax/state_dict_errors.hpp"
#include "orrery/restore/match.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0::flax::detail {

// A plan, and the trees that some of its steps point to because the state dict does not hold them as they are wanted.
struct StateDictPlan {
  Plan plan{};
  std::deque<Tree> trees{};
};

class StateDictMatcher : NamedtupleRules {
 public:
  StateDictMatcher(bool cast, const Where& where) : NamedtupleRules(where), cast_(cast) {}

  StateDictPlan out{};

  struct At {
    std::uint32_t parent = Plan::root;
    std::uint32_t child = 0;
    bool emplace = false;
    std::string_view key{};
  };

  // `object` null: a new value, whose type and the state decide.
  template <OnUse = OnUse()>
  void node(const TypeOps& ops, void* object, const Tree& state, At at, const PathLink* path, std::size_t depth = 0) {
    if (depth > orrery::detail::max_nesting)
      throw FormatError("the state dict nests deeper than 512 levels", {to_string(path), where_.file});
    if (ops.read_only) {
      step(Plan::Do::keep, ops, state, at);
      return;
    }
    if (ops.deferred) return node(orrery::detail::deferred_row(ops, object, path), object, state, at, path, depth);
    if (ops.aside) {
      const auto [self, side] = out.plan.open_aside(ops, object, state, at);
      return node(*ops.aside, side, state, {self, 0, false, {}}, path, depth + 1);
    }
    // Python stops here (L3); for us Orbax's none for an empty state is as good as Flax's {}.
    if (state.is_none() && orrery::detail::is_leafless(ops)) return;
    switch (ops.kind) {
      case TypeKind::skipped: return;
      case TypeKind::none: return record(ops, nullptr, state, at, path, depth);
      case TypeKind::record: return record(ops, object, state, at, path, depth);
      case TypeKind::leaf: return leaf(ops, object, state, at, path);
      case TypeKind::tree: return tree(ops, object, state, at, path);
      case TypeKind::optional: return optional(ops, object, state, at, path, depth);
      case TypeKind::variant: return variant(ops, object, state, at, path, depth);
      case TypeKind::tuple:
      case TypeKind::list: return sequence(ops, object, state, at, path, depth);
      case TypeKind::map: return map(ops, object, state, at, path, depth);
    }
  }

 private:
  template <OnUse = OnUse()>
  std::uint32_t step(Plan::Do what, const TypeOps& ops, const Tree& state, At at, std::size_t n = 0) {
    out.plan.steps.push_back({&ops, &state, at.parent, at.child, static_cast<std::uint32_t>(n), what, false, at.emplace, at.key});
    return static_cast<std::uint32_t>(out.plan.steps.size() - 1);
  }

  template <OnUse = OnUse()>
  std::size_t open(const TypeOps& ops, void* object, std::size_t count) {
    const std::size_t at = pool_.size();
    if (object) {
      pool_.resize(at + count);
      if (count) ops.children(object, pool_.data() + at);
    }
    return at;
  }
  void* child(void* object, std::size_t at) const { return object ? pool_[at] : nullptr; }

  // Flax takes any shape and dtype; a C++ type can hold what it can hold.
  template <OnUse = OnUse()>
  void leaf(const TypeOps& ops, void* object, const Tree& state, At at, const PathLink* path) {
    const bool text = ops.leaf.kind == LeafKind::string;
    if (!state.is_leaf() || text != (state.leaf_kind() == LeafKind::string) || state.leaf_kind() == LeafKind::bytes ||
        state.leaf_kind() == LeafKind::ext || (state.leaf_kind() == LeafKind::prng_key) != (ops.leaf.kind == LeafKind::prng_key))
      wrong_kind("a leaf (" + std::string(name(ops.leaf.kind)) + ")", state, path);
    bool cast = false;
    if (!text) {
      const DType to = ops.leaf.dtype, from = state.dtype();
      cast = to != DType::none && to != from;
      if (cast && !cast_ && !is_lossless(from, to)) wrong_dtype(from, to, path);
      if (ops.takes_dtype && !ops.takes_dtype(from)) unknown_dtype(from, ops.type_name, path);
      if (!shape_fits(ops, object, state.shape()))
        wrong_shape(state.shape(), orrery::detail::wanted_shape(ops, object, state.shape()), path);
    }
    const std::uint32_t self = step(Plan::Do::leaf, ops, state, at);
    out.plan.steps[self].cast = cast;
  }

  template <OnUse = OnUse()>
  static bool shape_fits(const TypeOps& ops, void* object, std::span<const Dim> shape) {
    const std::span<const Dim> extents = ops.leaf.extents;
    if (!ops.leaf.any_rank && !std::equal(shape.begin(), shape.end(), extents.begin(), extents.end(),
                                          [](Dim have, Dim want) { return want == any_dim || want == have; }))
      return false;
    if (ops.takes_shape && object && !ops.takes_shape(object, shape)) return false;
    if (ops.resize || ops.allocate || ops.assign) return true;
    if (!object) return !ops.leaf.any_rank && std::find(extents.begin(), extents.end(), any_dim) == extents.end();
    const Shape now = ops.view(object).array.shape;
    return std::equal(shape.begin(), shape.end(), now.begin(), now.end());
  }

  template <OnUse = OnUse()>
  void tree(const TypeOps& ops, void* object, const Tree& state, At at, const PathLink* path) {
    const Tree* target = object && ops.tree ? ops.tree(object) : nullptr;
    if (!target || target->is_none() || target->is_leaf()) {
      step(Plan::Do::tree, ops, state, at);
      return;
    }
    step(Plan::Do::tree, ops, out.trees.emplace_back(TreeMerger(where_).merged(*target, state, path)), at);
  }

  // An empty one is None, which takes what the state has (S17); a stored None empties it.
  template <OnUse = OnUse()>
  void optional(const TypeOps& ops, void* object, const Tree& state, At at, const PathLink* path, std::size_t depth) {
    if (state.is_none() && ops.make) {
      step(Plan::Do::make, ops, state, at, 0);
      return;
    }
    void* held = nullptr;
    if (object && ops.size(object)) ops.children(object, &held);
    if (!held && !ops.make)
      wrong_kind("nothing, as the target's " + std::string(ops.type_name) + " is empty and cannot be filled", state, path);
    const std::uint32_t self = step(held ? Plan::Do::walk : Plan::Do::make, ops, state, at, 1);
    node(*ops.types[0], held, state, {self, 0, false, {}}, path, depth + 1);
  }

  // The active alternative first, then the others; where none fits, the first one's error.
  template <OnUse = OnUse()>
  void variant(const TypeOps& ops, void* object, const Tree& state, At at, const PathLink* path, std::size_t depth) {
    const std::size_t steps = out.plan.steps.size(), pool = pool_.size(), keys = keys_.size();
    std::exception_ptr first_error;
    auto attempt = [&](std::size_t alternative, bool active) {
      if (!active && !ops.make) return false;
      try {
        void* held = nullptr;
        if (active) ops.children(object, &held);
        const std::uint32_t self = step(active ? Plan::Do::walk : Plan::Do::make, ops, state, at, alternative);
        node(*ops.types[alternative], held, state, {self, 0, false, {}}, path, depth + 1);
        return true;
      } catch (const MismatchError&) {
        if (!first_error) first_error = std::current_exception();
        out.plan.steps.erase(out.plan.steps.begin() + static_cast<std::ptrdiff_t>(steps), out.plan.steps.end());
        pool_.resize(pool);
        keys_.resize(keys);
        return false;
      }
    };
    const std::size_t active = object ? ops.active(object) : ops.types.size();
    if (active < ops.types.size() && attempt(active, true)) return;
    for (std::size_t i = 0; i < ops.types.size(); ++i)
      if (i != active && attempt(i, false)) return;
    if (first_error) std::rethrow_exception(first_error);
    wrong_kind("what the variant can hold", state, path);
  }

  // A struct is a dataclass, an optax state a namedtuple: they differ in what they say, and in the form that Flax had before 0.3.5.
  template <OnUse = OnUse()>
  void record(const TypeOps& ops, void* object, const Tree& given, At at, const PathLink* path, std::size_t depth) {
    if (!given.is_dict()) wrong_kind("the state dict of " + class_name(ops.type_name), given, path);
    if (orrery::detail::is_replayed(ops, object, given)) {
      step(Plan::Do::tree, ops, given, at);
      return;
    }
    const bool namedtuple = ops.role == Role::namedtuple;
    const Tree& state = namedtuple && is_old_namedtuple(given) ? out.trees.emplace_back(converted(given, path)) : given;
    std::vector<std::string_view> unknown;
    std::size_t likely = 0;  // a state dict has the fields in their order
    for (const auto& [key, value] : state.items()) {
      const bool is_next = likely < ops.names.size() && ops.names[likely] == key.text && ops.types[likely]->kind != TypeKind::skipped;
      if (key.kind != DictKeyKind::string || (!is_next && field_of(ops, key.text) == ops.types.size())) unknown.push_back(key.text);
      ++likely;
    }
    if (namedtuple) check_namedtuple(ops, state, unknown, path);
    const std::uint32_t self = step(Plan::Do::walk, ops, state, at);
    const std::size_t members = open(ops, object, ops.types.size());
    auto member = [&](std::size_t i, const Tree& value) {
      const PathLink link{path, ops.names[i], 0, false};
      node(*ops.types[i], child(object, members + i), value, {self, static_cast<std::uint32_t>(i), false, ops.names[i]}, &link, depth + 1);
    };
    if (namedtuple) {
      for (const auto& [key, value] : state.items()) member(field_of(ops, key.text), value);  // in the order of the state, as Flax does
    } else {
      for (std::size_t i = 0; i < ops.types.size(); ++i) {
        if (ops.types[i]->kind == TypeKind::skipped) continue;
        const Tree* value = string_entry(state, ops.names[i], i);
        if (!value) missing_field(ops.names[i], ops.type_name, path);
        member(i, *value);
      }
      if (!unknown.empty()) unknown_fields(unknown, ops.type_name, path);
    }
    pool_.resize(members);
  }

  // Lengths must agree, as in Flax; but an empty C++ vector says nothing about its length, and follows the state.
  template <OnUse = OnUse()>
  void sequence(const TypeOps& ops, void* object, const Tree& state, At at, const PathLink* path, std::size_t depth) {
    const bool per_member = ops.kind == TypeKind::tuple;
    const std::size_t now = per_member ? ops.types.size() : object || ops.fixed_size ? ops.size(object) : 0;
    const bool follow = !per_member && !ops.fixed_size && now == 0 && ops.make;
    if (state.is_none() && follow) {
      step(Plan::Do::make, ops, state, at, 0);
      return;
    }
    if (!state.is_dict()) wrong_kind(per_member ? "the state dict of a tuple" : "the state dict of a list", state, path);
    const std::size_t count = follow ? state.size() : now;
    if (count != state.size()) wrong_size(count, state.size(), path);
    const std::uint32_t self = step(follow ? Plan::Do::make : Plan::Do::walk, ops, state, at, count);
    void* have = follow ? nullptr : object;
    const std::size_t elements = open(ops, have, count);
    for (std::size_t i = 0; i < count; ++i) {
      const PathLink link{path, {}, i, true};
      const TypeOps& element = *ops.types[per_member ? i : 0];
      node(element, child(have, elements + i), index(state, i, path), {self, static_cast<std::uint32_t>(i), false, {}}, &link, depth + 1);
    }
    pool_.resize(elements);
  }

  // Keys of the target must be there, others are ignored; an empty C++ map says nothing about its keys, and follows the state.
  template <OnUse = OnUse()>
  void map(const TypeOps& ops, void* object, const Tree& state, At at, const PathLink* path, std::size_t depth) {
    const std::size_t count = object ? ops.size(object) : 0;
    if (state.is_none() && count == 0 && ops.make) {
      step(Plan::Do::make, ops, state, at, 0);
      return;
    }
    if (!state.is_dict() || (count == 0 && !ops.make)) wrong_kind("a dict", state, path);
    if (count == 0) {
      const std::uint32_t self = step(Plan::Do::make, ops, state, at, state.size());
      std::uint32_t i = 0;
      for (const auto& [key, value] : state.items()) {
        const PathLink link{path, key.text, 0, false};
        if (ops.accepts && !ops.accepts(key.text)) wrong_key(key.text, path);
        node(*ops.types[0], nullptr, value, {self, i++, true, key.text}, &link, depth + 1);
      }
      return;
    }
    const std::size_t elements = open(ops, object, count), keys = keys_.size();
    keys_.resize(keys + count);
    ops.keys(object, keys_.data() + keys, out.plan.names);
    std::vector<std::string_view> absent;
    for (std::size_t i = 0; i < count; ++i)
      if (!string_entry(state, keys_[keys + i], i)) absent.push_back(keys_[keys + i]);
    if (!absent.empty()) wrong_dict(absent, path);
    const std::uint32_t self = step(Plan::Do::walk, ops, state, at);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view key = keys_[keys + i];
      const PathLink link{path, key, 0, false};
      node(*ops.types[0], pool_[elements + i], *string_entry(state, key, i), {self, static_cast<std::uint32_t>(i), false, key}, &link,
           depth + 1);
    }
    pool_.resize(elements);
    keys_.resize(keys);
  }

  bool cast_;
  std::vector<void*> pool_{};
  std::vector<std::string_view> keys_{};
};

// The plan that fills `object`, or a new value of that type where it is null. KeyError, StructureError, DTypeError or ShapeError with
// Flax's text where Flax has one. The state, and the object's keys, must outlive the plan.
template <OnUse = OnUse()>
inline StateDictPlan match_state_dict(const TypeOps& ops, void* object, const Tree& state, bool cast, const Where& where = {}) {
  StateDictMatcher matcher(cast, where);
  matcher.node(ops, object, state, {}, nullptr);
  return std::move(matcher.out);
}

}  // namespace orrery::inline v0::flax::detail
