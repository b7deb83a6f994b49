// An item into a target: matched, planned, read. With transforms or restore_args by way of sources (restore/sources.hpp), whose functions
// are given their inputs, and only those, before anything is written.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "orrery/core/copy.hpp"
#include "orrery/core/error.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/read_leaves.hpp"
#include "orrery/orbax/stored_item.hpp"
#include "orrery/restore/find_path.hpp"
#include "orrery/restore/match.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/restore/source_report.hpp"
#include "orrery/restore/sources.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::orbax {

namespace detail {

// The part of an item that options.subtree names: all of it, if none. KeyError with the path most like it.
inline const Tree& subtree_of(const StoredItem& item, const std::string& subtree) {
  if (subtree.empty()) return item.tree();
  if (const Tree* found = orrery::detail::PathFinder(item.tree()).find(subtree)) return *found;
  Differences differences;
  differences.missing.push_back({subtree, "is not in the checkpoint"});
  std::vector<std::string> there;
  const Tree* at = &item.tree();
  std::string above;
  for (std::string_view rest = subtree; at; ) {  // as far down as it goes, and what stands there
    there.clear();
    for (const auto& [key, child] : at->items()) there.push_back(above + key.text);
    for (std::size_t i = 0; i < at->elements().size(); ++i) there.push_back(above + std::to_string(i));
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const Tree* child = orrery::detail::child_at(*at, rest.substr(0, end));
    if (!child) break;
    above += std::string(rest.substr(0, end)) + "/";
    at = child;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::string text = "the checkpoint has no subtree \"" + subtree + "\"";
  if (const std::string_view near = orrery::detail::nearest_path(subtree.substr(0, subtree.find('/', above.size())), there); !near.empty()) {
    differences.missing[0].message = "did you mean \"" + std::string(near) + "\"?";
    text += "; did you mean \"" + std::string(near) + "\"?";
  } else if (!there.empty()) {
    text += "; there are";
    for (std::size_t i = 0; i < std::min<std::size_t>(there.size(), 20); ++i) text += (i ? ", " : " ") + there[i];
    if (there.size() > 20) text += ", ...";
  }
  throw KeyError(text, std::move(differences), {{}, item.directory(), {}});
}

// Slots whose stored leaves are described as a target has them, turned into slots of what is stored: dtypes and shapes of restore_args
// are made good here. finish() when the slots have been read.
class SourceSlots {
 public:
  void resolve(Slots& slots, const Sources& sources) {
    std::vector<Slot> reads;
    reads.reserve(slots.reads.size());
    for (const Slot& slot : slots.reads) {
      if (slot.from->has_value()) reads.push_back(slot);  // a function's
      else resolve(slot, sources.leaves[slot.from->id()], reads);
    }
    slots.reads = std::move(reads);
  }
  void finish() const {
    for (const auto& [from, to] : conversions_) cast_copy(from, to);
  }

 private:
  void resolve(Slot slot, const Source& source, std::vector<Slot>& reads) {
    const Tree& stored = *source.stored;
    ArrayView to = slot.to.array, held = stored.has_value() ? stored.array().view() : ArrayView();
    if (to.shape != stored.shape()) {
      for (std::size_t i = 0; i < to.rank(); ++i) {
        slot.part |= to.shape[i] < stored.shape()[i];
        padded_ |= to.shape[i] > stored.shape()[i];
      }
      if (std::exchange(padded_, false)) fill_with_zeros(to);
      for (std::size_t i = 0; i < to.rank(); ++i) to.shape[i] = std::min(to.shape[i], stored.shape()[i]);
      held.shape = to.shape;
    }
    if (to.size() == 0) return;
    const DType by_way_of = source.args ? source.args->dtype : DType::none;
    if (by_way_of != DType::none && by_way_of != to.dtype && by_way_of != stored.dtype() && stored.leaf_kind() != LeafKind::prng_key) {
      const ArrayView between = staging_.emplace_back(AnyArray::uninitialized(by_way_of, to.shape)).view();
      conversions_.emplace_back(between, to);
      to = between;
    }
    if (stored.has_value()) return cast_copy(held, to);
    slot.from = &stored;
    slot.to.array = std::move(to);
    slot.cast = slot.to.array.dtype != stored.dtype();
    reads.push_back(std::move(slot));
  }
  static void fill_with_zeros(const ArrayView& to) {
    constexpr std::uint64_t zeros[2] = {};
    copy(ArrayView{to.dtype, to.shape, Shape::zeros(to.rank()), zeros}, to);
  }

  std::deque<AnyArray> staging_{};
  std::vector<std::pair<ArrayView, ArrayView>> conversions_{};
  bool padded_ = false;
};

// Fills slots of sources, and hands staged values over.
inline void read_sources(StoredItem& item, Slots& slots, const Sources& sources, bool verify) {
  SourceSlots converted;
  converted.resolve(slots, sources);
  read_leaves(item, slots, verify);
  converted.finish();
  slots.finish();
}

// Runs the functions of transforms and puts what they return into the sources' tree.
class FunctionRunner {
 public:
  FunctionRunner(StoredItem& item, const Tree& root, const Transforms& transforms, bool verify)
      : item_(item), root_(root), transforms_(transforms), verify_(verify) {}

  void run(Sources& sources) {
    std::vector<std::pair<Tree*, std::uint32_t>> places;
    collect(sources.tree, sources, places);
    std::deque<Tree> inputs;
    bool combine = false;
    for (const auto& [place, id] : places) {
      const Source& source = sources.leaves[id];
      if (source.transform->value_fn) want(*source.stored, source.args, inputs.emplace_back());
      else combine = true;
    }
    Tree original;
    if (combine) {
      original = root_;
      want_inputs(root_, original, nullptr, combining(sources));
    }
    read_sources(item_, slots_, wanted_, verify_);
    std::size_t next = 0;
    for (const auto& [place, id] : places) {
      const Source& source = sources.leaves[id];
      Tree value = source.transform->value_fn ? source.transform->value_fn(inputs[next++]) : source.transform->multi_value_fn(source.key, original);
      refuse_unread(value, source.key);
      *place = std::move(value);
    }
  }

 private:
  static void collect(Tree& tree, const Sources& sources, std::vector<std::pair<Tree*, std::uint32_t>>& places) {
    if (tree.is_leaf()) {
      const auto found = sources.places.find(&tree);
      if (found != sources.places.end() && sources.leaves[found->second].kind == Source::Kind::computed) places.emplace_back(&tree, found->second);
    }
    for (auto& [key, child] : tree.items()) collect(child, sources, places);
    for (Tree& child : tree.elements()) collect(child, sources, places);
  }

  // The rules whose functions are given the whole tree, in order.
  std::vector<const Transforms::Rule*> combining(const Sources& sources) const {
    std::unordered_set<const Transform*> used;
    for (const Source& source : sources.leaves) used.insert(source.transform);
    std::vector<const Transforms::Rule*> out;
    for (const Transforms::Rule& rule : transforms_.rules())
      if (rule.transform.multi_value_fn && used.contains(&rule.transform)) out.push_back(&rule);
    std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) { return a->pattern.text() < b->pattern.text(); });
    return out;
  }

  // `to` will hold that stored leaf.
  void want(const Tree& stored, const RestoreArgs* args, Tree& to) {
    if (stored.has_value() && !args) {
      to = stored;
      return;
    }
    const bool numbers = stored.dtype() != DType::none;
    const auto id = static_cast<std::uint32_t>(wanted_.leaves.size());
    wanted_.leaves.push_back({.stored = &stored, .args = args});
    const DType dtype = args && args->dtype != DType::none ? args->dtype : stored.dtype();
    Shape shape = stored.shape();
    if (numbers && args && args->shape && *args->shape != shape) {
      if (args->strict || args->shape->size() != shape.size())
        throw ArgumentError("Requested shape: " + to_string(*args->shape) + " is not compatible with the stored shape: " + to_string(shape) +
                            ", of an input of a multi_value_fn; strict = false pads or truncates");
      shape = *args->shape;
    }
    described_.push_back(numbers ? Tree::described(stored.leaf_kind(), dtype, std::move(shape), id, stored.impl()) : stored);
    slots_.materialize(described_.back(), to);
  }

  void want_inputs(const Tree& stored, Tree& to, const PathLink* path, const std::vector<const Transforms::Rule*>& functions) {
    if (stored.is_leaf()) {
      const std::string key = to_string(path);
      for (const Transforms::Rule* function : functions)
        if (const RestoreArgs* args = function->transform.multi_value_fn_input_args.find(key)) return want(stored, args, to);
      return;
    }
    for (std::size_t i = 0; i < stored.items().size(); ++i) {
      const PathLink link{path, stored.items()[i].key.text, 0, false};
      want_inputs(stored.items()[i].value, to.items()[i].value, &link, functions);
    }
    for (std::size_t i = 0; i < stored.elements().size(); ++i) {
      const PathLink link{path, {}, i, true};
      want_inputs(stored.elements()[i], to.elements()[i], &link, functions);
    }
  }

  static void refuse_unread(const Tree& value, const std::string& key) {
    if (value.is_leaf() && !value.has_value())
      throw ArgumentError("the function of a transform returned a leaf whose value was not read; name its key in multi_value_fn_input_args", {key});
    for (const auto& [name, child] : value.items()) refuse_unread(child, key);
    for (const Tree& child : value.elements()) refuse_unread(child, key);
  }

  StoredItem& item_;
  const Tree& root_;
  const Transforms& transforms_;
  bool verify_;
  Sources wanted_{};
  std::deque<Tree> described_{};
  Slots slots_{};
};

inline void check_transforms(const Transforms& transforms) {
  for (const Transforms::Rule& rule : transforms.rules())
    if (rule.transform.multi_value_fn && rule.transform.multi_value_fn_input_args.is_none())
      throw ArgumentError("`multi_value_fn` was specified, but `multi_value_fn_input_args` were not. They name what the function of \"" +
                          rule.pattern.text() + "\" needs of the checkpoint, which is all that is read for it");
}

// The same as restore_value, where leaves have sources.
inline RestoreReport restore_sources(StoredItem& item, const Tree& stored, const TypeOps& ops, void* target, bool is_new, const RestoreOptions& options) {
  const Transforms* transforms = options.transforms.is_none() ? nullptr : &options.transforms;
  if (transforms) check_transforms(*transforms);
  void* object = is_new ? nullptr : target;
  Sources sources = find_sources(ops, object, stored, {transforms, &options.restore_args, options.transforms_default_to_original});
  const auto matched = [&] {
    return match(ops, object, sources.tree, {.allow_extra = options.allow_extra, .cast = options.cast},
                 "the checkpoint does not fit the target", {{}, item.directory(), {}}, &sources.known);
  };
  Plan plan = matched();
  if (sources.has_functions) {
    FunctionRunner(item, stored, *transforms, options.verify_checksums).run(sources);
    plan = matched();  // now with what the functions returned
  }
  Slots slots = open_slots(plan, target);
  read_sources(item, slots, sources, options.verify_checksums);
  return report_of(plan, sources);
}

}  // namespace detail

inline Tree restore_tree(StoredItem& item, const RestoreOptions& options) {
  if (!options.transforms.is_none())
    throw ArgumentError("If providing `transforms`, must provide `item` matching structure of expected result: give a target, or call "
                        "apply_transformations on what was restored");
  const Tree& stored = detail::subtree_of(item, options.subtree);
  Sources sources;
  if (!options.restore_args.empty()) {
    sources = find_sources(stored, options.restore_args);
    if (!sources.known.differences.empty())
      orrery::detail::throw_mismatch("the checkpoint does not fit restore_args", std::move(sources.known.differences), {{}, item.directory(), {}});
  }
  const Tree& source = options.restore_args.empty() ? stored : sources.tree;
  Tree out;
  Slots slots;
  slots.materialize(source, out);
  if (options.restore_args.empty()) {
    read_leaves(item, slots, options.verify_checksums);
    slots.finish();
  } else {
    detail::read_sources(item, slots, sources, options.verify_checksums);
  }
  if (options.report) {
    *options.report = {};
    orrery::detail::report_tree(sources, source, "", *options.report);
    for (const std::string& path : sources.known.unused) options.report->leaves.push_back({path, LeafAction::ignored});
  }
  return out;
}

// Fills `target`; `is_new`: it is a fresh value whose type and the file decide, else its own structure decides.
inline RestoreReport restore_value(StoredItem& item, const TypeOps& ops, void* target, bool is_new, const RestoreOptions& options) {
  const Tree& stored = detail::subtree_of(item, options.subtree);
  RestoreReport report;
  if (options.transforms.is_none() && options.restore_args.empty()) {
    Plan plan = match(ops, is_new ? nullptr : target, stored, {.allow_extra = options.allow_extra, .cast = options.cast},
                      "the checkpoint does not fit the target", {{}, item.directory(), {}});
    Slots slots = open_slots(plan, target);
    read_leaves(item, slots, options.verify_checksums);
    slots.finish();
    report = report_of(plan);
  } else {
    report = detail::restore_sources(item, stored, ops, target, is_new, options);
  }
  if (options.report) *options.report = report;
  return report;
}

}  // namespace orrery::inline v0::orbax
