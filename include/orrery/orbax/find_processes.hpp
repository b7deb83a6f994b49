// Which processes hold the sharded arrays of a value together, where the value cannot be described: a process whose part of a state is
// broken has to tell those that wait for it. What describes it otherwise is tree/describe.hpp, and who meets then is in save_together.hpp.
#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "orrery/core/on_use.hpp"
#include "orrery/distributed/coordinator.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/tree_view.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0::orbax {

namespace detail {

template <OnUse = OnUse()>
inline bool may_hold_parts(const TypeOps& ops, std::set<const TypeOps*>& seen) {
  if (ops.parts || ops.deferred) return true;
  if (ops.aside && seen.insert(ops.aside).second && may_hold_parts(*ops.aside, seen)) return true;
  for (const TypeOps* below : ops.types)
    if (below && seen.insert(below).second && may_hold_parts(*below, seen)) return true;
  return false;
}

// Walks a value as describing it does, but past whatever throws.
class ProcessFinder {
 public:
  template <OnUse = OnUse()>
  std::shared_ptr<Coordinator> find(const TypeOps& ops, const void* value) noexcept {
    look(ops, value, 0);
    return std::move(found_);
  }

 private:
  template <OnUse = OnUse()>
  void look(const TypeOps& ops, const void* value, std::size_t depth) noexcept {
    try {
      look_at(ops, value, depth);
    } catch (...) {  // has been told already, by describe()
    }
  }

  template <OnUse = OnUse()>
  void look_at(const TypeOps& ops, const void* value, std::size_t depth) {
    if (is_over_) return;
    if (ops.kind == TypeKind::leaf && ops.parts) {
      std::shared_ptr<Coordinator> world = ops.parts(value, 0).processes;
      if (world && world->size() > 1) found_ = std::move(world);
      is_over_ = found_ != nullptr;
      return;
    }
    if (!ops.deferred && !ops.aside && ops.kind == TypeKind::leaf) return;
    if (!seen_.emplace(&ops, value).second) return;  // pointers that form a cycle
    if (depth > orrery::detail::max_nesting) {
      is_over_ = true;
      return;
    }
    if (ops.deferred) return look(ops.deferred(value), value, depth);
    if (ops.aside && !ops.children) {
      asides_.push_back(ops.open_aside(value, false));
      return look(*ops.aside, asides_.back().get(), depth + 1);
    }
    switch (ops.kind) {
      case TypeKind::optional:
        if (ops.size(value)) look_at_children(ops, value, 1, depth);
        return;
      case TypeKind::variant: {
        const std::size_t active = ops.active(value);
        if (active >= ops.types.size()) return;
        void* child = nullptr;
        ops.children(const_cast<void*>(value), &child);
        return look(*ops.types[active], child, depth + 1);
      }
      case TypeKind::record:
      case TypeKind::tuple: return look_at_children(ops, value, ops.types.size(), depth);
      case TypeKind::list:
      case TypeKind::map: return look_at_children(ops, value, ops.size(value), depth);
      default: return;
    }
  }

  template <OnUse = OnUse()>
  void look_at_children(const TypeOps& ops, const void* value, std::size_t count, std::size_t depth) {
    if (count == 0) return;
    std::vector<void*> children(count);
    ops.children(const_cast<void*>(value), children.data());
    const bool per_member = ops.kind == TypeKind::record || ops.kind == TypeKind::tuple;
    for (std::size_t i = 0; i < count; ++i) look(*ops.types[per_member ? i : 0], children[i], depth + 1);
  }

  std::set<std::pair<const TypeOps*, const void*>> seen_{};
  std::vector<std::shared_ptr<void>> asides_{};
  std::shared_ptr<Coordinator> found_{};
  bool is_over_ = false;
};

}  // namespace detail

// Whether a value of this type may hold a sharded array: by its type alone.
template <OnUse = OnUse()>
bool may_hold_parts(const TypeOps& ops) {
  std::set<const TypeOps*> seen{&ops};
  return detail::may_hold_parts(ops, seen);
}

// The processes that hold the first sharded array that can be looked at; null where there is none of several. Linear in the value, and
// nothing for types that hold no sharded arrays.
template <OnUse = OnUse()>
std::shared_ptr<Coordinator> find_processes(const TypeOps& ops, const void* value) {
  return may_hold_parts(ops) ? detail::ProcessFinder().find(ops, value) : nullptr;
}

ORRERY_ONCE(bool may_hold_parts<>(const TypeOps&));
ORRERY_ONCE(std::shared_ptr<Coordinator> find_processes<>(const TypeOps&, const void*));

}  // namespace orrery::inline v0::orbax
