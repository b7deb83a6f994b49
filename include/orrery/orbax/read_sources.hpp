// Values for slots whose leaves have sources (restore/sources.hpp): dtypes and shapes of restore_args made good while reading, and the
// functions of transforms run on their inputs, which are all that is read for them.
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
#include "orrery/core/on_use.hpp"
#include "orrery/orbax/read_leaves.hpp"
#include "orrery/orbax/stored_item.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/restore/sources.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::orbax::detail {

// Slots whose stored leaves are described as a target has them, turned into slots of what is stored: dtypes and shapes of restore_args
// are made good here. finish() when the slots have been read.
class SourceSlots {
 public:
  template <OnUse = OnUse()>
  void resolve(Slots& slots, const Sources& sources) {
    std::vector<Slot> reads;
    reads.reserve(slots.reads.size());
    slots_ = &slots;
    for (const Slot& slot : slots.reads) {
      if (slot.from->has_value())
        reads.push_back(slot);  // what a function returned
      else
        resolve(slot, sources.leaves[slot.from->id()], reads);
    }
    slots.reads = std::move(reads);
  }
  template <OnUse = OnUse()>
  void finish() const {
    for (const auto& [from, to] : conversions_) cast_copy(from, to);
  }

 private:
  template <OnUse = OnUse()>
  void resolve(Slot slot, const Source& source, std::vector<Slot>& reads) {
    const Tree& stored = *source.stored;
    const bool is_as_stored = slot.to.array.shape == stored.shape() && !stored.has_value() &&
                              (!source.args || source.args->dtype == DType::none || source.args->dtype == slot.to.array.dtype);
    if (slot.to.parts && is_as_stored) {
      slot.from = &stored;
      slot.cast = slot.to.array.dtype != stored.dtype();
      return reads.push_back(std::move(slot));
    }
    slots_->gather(slot);
    ArrayView to = slot.to.array, held = stored.has_value() ? stored.array().view() : ArrayView();
    if (to.shape != stored.shape()) {
      bool is_padded = false;
      const ArrayView whole = to;
      for (std::size_t i = 0; i < to.rank(); ++i) {
        slot.part |= to.shape[i] < stored.shape()[i];
        is_padded |= to.shape[i] > stored.shape()[i];
        to.shape[i] = std::min(to.shape[i], stored.shape()[i]);
      }
      if (is_padded) fill_with_zeros(whole);
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
  template <OnUse = OnUse()>
  static void fill_with_zeros(const ArrayView& to) {
    constexpr std::uint64_t zeros[2] = {};
    copy(ArrayView{to.dtype, to.shape, Shape::zeros(to.rank()), zeros}, to);
  }

  Slots* slots_ = nullptr;
  std::deque<AnyArray> staging_{};
  std::vector<std::pair<ArrayView, ArrayView>> conversions_{};
};

// Fills slots of sources, by way of read() of slots of what is stored, and hands staged values over.
template <class Read>
void read_sources(Slots& slots, const Sources& sources, Read&& read) {
  SourceSlots converted;
  converted.resolve(slots, sources);
  read();
  converted.finish();
  slots.finish();
}

// Runs the functions of transforms and puts what they return into the sources' tree.
class FunctionRunner {
 public:
  FunctionRunner(StoredItem& item, const Tree& root, const Transforms& transforms, bool verify)
      : item_(item), root_(root), transforms_(transforms), verify_(verify) {}

  template <OnUse = OnUse()>
  void run(Sources& sources) {
    std::vector<std::pair<Tree*, std::uint32_t>> places;
    collect(sources.tree, sources, places);
    std::deque<Tree> inputs;
    bool combine = false;
    for (const auto& [place, id] : places) {
      const Source& source = sources.leaves[id];
      if (source.transform->value_fn)
        want(*source.stored, source.args, inputs.emplace_back());
      else
        combine = true;
    }
    Tree original;
    if (combine) {
      original = root_;
      want_inputs(root_, original, nullptr, combining(sources));
    }
    read_sources(slots_, wanted_, [&] { read_leaves(item_, slots_, verify_); });
    std::size_t next = 0;
    for (const auto& [place, id] : places) {
      const Source& source = sources.leaves[id];
      Tree value =
          source.transform->value_fn ? source.transform->value_fn(inputs[next++]) : source.transform->multi_value_fn(source.key, original);
      refuse_unread(value, source.key);
      *place = std::move(value);
    }
  }

 private:
  template <OnUse = OnUse()>
  static void collect(Tree& tree, const Sources& sources, std::vector<std::pair<Tree*, std::uint32_t>>& places) {
    const Source* source = sources.of(tree);
    if (source && source->kind == Source::Kind::computed)
      return static_cast<void>(places.emplace_back(&tree, static_cast<std::uint32_t>(source - sources.leaves.data())));
    for (auto& [key, child] : tree.items()) collect(child, sources, places);
    for (Tree& child : tree.elements()) collect(child, sources, places);
  }

  // The rules whose functions are given the whole tree, in order.
  template <OnUse = OnUse()>
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
  template <OnUse = OnUse()>
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
        throw ArgumentError("Requested shape: " + to_string(*args->shape) + " is not compatible with the stored shape: " +
                            to_string(shape) + ", of an input of a multi_value_fn; strict = false pads or truncates");
      shape = *args->shape;
    }
    described_.push_back(numbers ? Tree::described(stored.leaf_kind(), dtype, std::move(shape), id, stored.impl()) : stored);
    slots_.materialize(described_.back(), to);
  }

  template <OnUse = OnUse()>
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

  template <OnUse = OnUse()>
  static void refuse_unread(const Tree& value, const std::string& key) {
    if (value.is_leaf() && !value.has_value())
      throw ArgumentError("the function of a transform returned a leaf whose value was not read; name its key in multi_value_fn_input_args",
                          {key});
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

}  // namespace orrery::inline v0::orbax::detail
