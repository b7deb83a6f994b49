// How a target is to be filled, decided before anything is touched: pre-order steps that say, node by node, what to make and which
// stored leaf goes where. match() (restore/match.hpp) and flax::from_state_dict write plans; open_slots() carries one out on the
// target, after which only values are left to be read, by whoever knows where they are stored.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/copy.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/restore/report.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

struct Plan {
  static constexpr std::uint32_t root = 0xffffffff;
  enum class Do : std::uint8_t {
    walk,   // the container is as it should be: go on to its children
    make,   // ops->make(object, n) first: resize, clear, engage, choose an alternative
    leaf,   // a stored leaf goes here
    tree,   // a whole stored subtree goes into a Tree
    keep,   // the target's own value stays
    aside,  // the only child is a side object, asides[n - 1] or else one that is opened now; it is closed when everything is in place
  };
  struct Step {
    const TypeOps* ops;
    const Tree* stored;
    std::uint32_t parent;  // index of the step above, or root
    std::uint32_t child;   // position among the parent's children
    std::uint32_t n;       // make: its argument
    Do what;
    bool cast = false;       // leaf: another dtype than stored
    bool emplace = false;    // the parent is a map made anew: this child is added under `key`
    std::string_view key{};  // below a dict: its key
    std::uint32_t pool = 0;  // open_slots' own: where the addresses of the children are
  };
  std::vector<Step> steps{};           // a parent stands before its children, so its address is final when they are asked for
  std::vector<std::string> ignored{};  // stored leaves that nothing wants
  std::deque<Tree> trees{};            // what steps point to where the stored tree does not hold it as it is wanted
  std::deque<std::string> names{};     // texts that steps' keys point into where no type or stored tree holds them

  std::deque<std::shared_ptr<void>> asides{};  // side objects of what the target has now: keys may point into them

  // A step for a row that has `aside`, and the side object to go on with: null where `object` is. `at`: a matcher's place.
  template <class At>
  std::pair<std::uint32_t, void*> open_aside(const TypeOps& ops, const void* object, const Tree& stored, const At& at) {
    if (object) asides.push_back(ops.open_aside(object, true));
    const std::uint32_t n = object ? static_cast<std::uint32_t>(asides.size()) : 0;
    steps.push_back({&ops, &stored, at.parent, at.child, n, Do::aside, false, at.emplace, at.key});
    return {static_cast<std::uint32_t>(steps.size() - 1), object ? asides.back().get() : nullptr};
  }

  template <OnUse = OnUse()>
  std::string path_of(std::uint32_t step) const {
    if (step == root) return {};
    const Step& s = steps[step];
    std::string up = path_of(s.parent);
    if (s.parent == root) return up;
    const TypeOps& parent = *steps[s.parent].ops;
    if (parent.kind == TypeKind::optional || parent.kind == TypeKind::variant || steps[s.parent].what == Do::aside) return up;
    if (!up.empty()) up += '/';
    return up += s.key.data() ? std::string(s.key) : std::to_string(s.child);
  }
};

// Fills a target with elements that are in memory, all of them, of any dtype.
template <OnUse = OnUse()>
inline void copy_into(const ArrayView& from, const LeafView& to) {
  if (!to.parts) return cast_copy(from, to.array);
  for (const ArrayPart& part : to.parts->parts)
    if (!part.box.empty()) cast_copy(part_of(from, part.box), part.array);
}

// Where one stored leaf goes. `to` is writable although LeafView says const: it was made from a mutable target. Where `cast`, its
// dtype differs from the stored one; shapes are equal always.
struct Slot {
  const Tree* from;
  LeafView to;
  bool cast = false;
  bool part = false;  // `to` takes the leading box of a larger stored array
};

// The slots of a target. Fill `reads`, then finish().
class Slots {
 public:
  std::vector<Slot> reads{};

  // Hands staged elements to the values that have none to point at, then side objects to their owners, inner ones first. Call once, after
  // every slot was filled.
  template <OnUse = OnUse()>
  void finish() {
    for (Tree* scalar : scalars_) widen(*scalar);
    for (Staged& s : staged_) s.ops->assign(s.object, s.view);
    for (Grown& g : grown_) g.ops->take(g.object, std::move(*g.tree));
    for (const auto& [whole, to] : gathered_) copy_into(whole.view(), to);
    for (auto side = asides_.rbegin(); side != asides_.rend(); ++side)
      side->object ? side->ops->close_aside(side->owner, side->object.get()) : side->ops->loaded(side->owner);
  }
  // What finish() closes.
  void* keep_aside(const TypeOps& ops, void* owner, std::shared_ptr<void> object) {
    return asides_.emplace_back(Aside{&ops, owner, std::move(object)}).object.get();
  }
  template <OnUse = OnUse()>
  const ArrayParts* keep(ArrayParts parts) {
    return &parts_.emplace_back(std::move(parts));
  }

  // What finish() tells that it is restored, in the same order.
  void tell(const TypeOps& ops, void* object) { asides_.push_back({&ops, object, nullptr}); }

  // For who can only read whole arrays: from here on the slot is one, which finish() cuts into the parts of its target.
  template <OnUse = OnUse()>
  void gather(Slot& slot) {
    if (!slot.to.parts) return;
    auto& [whole, to] = gathered_.emplace_back(AnyArray::uninitialized(slot.to.array.dtype, slot.to.array.shape), slot.to);
    slot.to = LeafView{.array = whole.view()};
  }
  template <OnUse = OnUse()>
  void gather() {
    for (Slot& slot : reads) gather(slot);
  }

  template <OnUse = OnUse()>
  void stage(const TypeOps& ops, void* object, const Tree& from, bool cast) {
    LeafView view;
    view.kind = ops.leaf.kind;
    view.array = buffers_.emplace_back(AnyArray::uninitialized(ops.leaf.dtype, from.shape())).view();
    staged_.push_back({&ops, object, view});
    reads.push_back({&from, view, cast});
  }
  // A tree like `from` whose described leaves have room now, and slots for them.
  template <OnUse = OnUse()>
  void grow(const TypeOps& ops, void* object, const Tree& from) {
    Tree& tree = *grown_.emplace_back(Grown{&ops, object, std::make_unique<Tree>()}).tree;
    materialize(from, tree);
  }
  // Fills `to` with what `from` holds or describes; adds a slot for each described leaf. Both must stay where they are.
  template <OnUse = OnUse()>
  void materialize(const Tree& from, Tree& to) {
    if (from.is_dict()) {
      to = Tree::dict();
      for (const auto& [key, child] : from.items()) to.insert(key, Tree());
      auto entries = to.items();
      for (std::size_t i = 0; i < entries.size(); ++i) materialize(from.items()[i].value, entries[i].value);
    } else if (from.is_list() || from.is_tuple()) {
      std::vector<Tree> elements(from.size());
      to = from.is_list() ? Tree::list(std::move(elements)) : Tree::tuple(std::move(elements));
      for (std::size_t i = 0; i < from.size(); ++i) materialize(from.elements()[i], to.elements()[i]);
    } else if (from.has_value()) {
      to = from;
    } else {
      AnyArray room = AnyArray::uninitialized(from.dtype(), from.shape());
      switch (from.leaf_kind()) {
        case LeafKind::scalar:
          to = Tree::scalar_of(std::move(room));
          scalars_.push_back(&to);
          break;
        case LeafKind::numpy_scalar: to = Tree::numpy_scalar(std::move(room)); break;
        case LeafKind::prng_key: to = Tree::prng_key(from.impl(), std::move(room)); break;
        default: to = Tree::from_array(std::move(room)); break;
      }
      reads.push_back({&from, to.leaf(), false});
    }
  }

 private:
  // Python has one int, one float, one complex: what a raw restore gives for a number of any width.
  template <OnUse = OnUse()>
  static void widen(Tree& scalar) {
    const AnyArray& value = scalar.array();
    if (value.dtype() == DType::uint64) {
      scalar = Tree::scalar(value.at<std::uint64_t>({}));  // an int64 where it fits
    } else if (const DType wide = python_scalar_dtype(value.dtype()); wide != value.dtype()) {
      AnyArray out = AnyArray::uninitialized(wide, {});
      cast_copy(value.view(), out.view());
      scalar = Tree::scalar_of(std::move(out));
    }
  }

  struct Staged {
    const TypeOps* ops;
    void* object;
    LeafView view;
  };
  struct Grown {
    const TypeOps* ops;
    void* object;
    std::unique_ptr<Tree> tree;
  };
  struct Aside {
    const TypeOps* ops;
    void* owner;
    std::shared_ptr<void> object;
  };
  std::vector<Aside> asides_{};
  std::vector<Staged> staged_{};
  std::vector<Grown> grown_{};
  std::deque<AnyArray> buffers_{};
  std::deque<ArrayParts> parts_{};
  std::deque<std::pair<AnyArray, LeafView>> gathered_{};
  std::vector<Tree*> scalars_{};
};

namespace detail {

template <OnUse = OnUse()>
inline void open_leaf(Slots& slots, const Plan::Step& step, void* object) {
  const TypeOps& ops = *step.ops;
  const Tree& stored = *step.stored;
  if (ops.leaf.kind == LeafKind::string) {
    LeafView text = stored.leaf();
    if (ops.assign) return ops.assign(object, text);
    Dim length = static_cast<Dim>(text.text.size());
    ops.resize(object, {&length, 1});
    if (length) std::memcpy(const_cast<char*>(ops.view(object).text.data()), text.text.data(), text.text.size());
    return;
  }
  if (ops.set_text && stored.leaf_kind() == LeafKind::prng_key) ops.set_text(object, stored.impl());
  if (ops.assign) return slots.stage(ops, object, stored, step.cast);
  if (ops.allocate)
    ops.allocate(object, stored.dtype(), stored.shape());
  else if (ops.resize)
    ops.resize(object, stored.shape());
  slots.reads.push_back({&stored, ops.view(object), step.cast});
  if (ops.parts) slots.reads.back().to.parts = slots.keep(ops.parts(object, 0));
}

}  // namespace detail

// Carries out a plan on the target: makes containers, resizes leaves, and returns where each stored leaf goes. Nothing can differ any
// more; only memory can run out, which leaves the target valid but changed. The plan and the stored tree must outlive the slots.
template <OnUse = OnUse()>
inline Slots open_slots(Plan& plan, void* target) {
  Slots slots;
  slots.reads.reserve(plan.steps.size());
  std::vector<void*> pool;
  for (Plan::Step& step : plan.steps) {
    void* self = target;
    if (step.parent != Plan::root) {
      const Plan::Step& up = plan.steps[step.parent];
      self = step.emplace ? up.ops->emplace(pool[up.pool], step.key) : pool[up.pool + step.child];
    }
    switch (step.what) {
      case Plan::Do::keep: continue;
      case Plan::Do::leaf: detail::open_leaf(slots, step, self); continue;
      case Plan::Do::tree: slots.grow(*step.ops, self, *step.stored); continue;
      case Plan::Do::aside:
        step.pool = static_cast<std::uint32_t>(pool.size());
        pool.push_back(slots.keep_aside(*step.ops, self, step.n ? plan.asides[step.n - 1] : step.ops->open_aside(self, true)));
        continue;
      case Plan::Do::make: step.ops->make(self, step.n); break;
      case Plan::Do::walk: break;
    }
    if (step.ops->loaded) slots.tell(*step.ops, self);
    step.pool = static_cast<std::uint32_t>(pool.size());
    if (step.ops->kind == TypeKind::map && step.what == Plan::Do::make) {
      pool.push_back(self);  // its children are emplaced one by one
      continue;
    }
    std::size_t count = step.ops->size ? step.ops->size(self) : step.ops->types.size();
    pool.resize(pool.size() + count);
    if (count) step.ops->children(self, pool.data() + step.pool);
  }
  return slots;
}

// Copies the slots whose stored leaf holds its value already (a Tree in memory, values of an aggregate file).
template <OnUse = OnUse()>
inline void copy_held(const Slots& slots) {
  for (const Slot& slot : slots.reads)
    if (slot.from->has_value()) copy_into(slot.from->array().view(), slot.to);
}

template <OnUse = OnUse()>
inline RestoreReport report_of(const Plan& plan) {
  RestoreReport report;
  for (std::uint32_t i = 0; i < plan.steps.size(); ++i) {
    const Plan::Step& step = plan.steps[i];
    if (step.what == Plan::Do::leaf) {
      std::string detail = step.cast ? std::string(name(step.stored->dtype())) + " to " + std::string(name(step.ops->leaf.dtype)) : "";
      report.leaves.push_back({plan.path_of(i), step.cast ? LeafAction::cast : LeafAction::restored, std::move(detail)});
    } else if (step.what == Plan::Do::tree) {
      report.leaves.push_back({plan.path_of(i), LeafAction::restored});
    } else if (step.what == Plan::Do::keep) {
      report.leaves.push_back({plan.path_of(i), LeafAction::kept});
    }
  }
  for (const std::string& path : plan.ignored) report.leaves.push_back({path, LeafAction::ignored});
  return report;
}

}  // namespace orrery::inline v0
