// A state as it is at one moment, kept while it is written in the background: copied into a staging arena, lent by the caller, or given
// away. Who writes it, and when, is async_engine.hpp's business.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "orrery/core/array_box.hpp"
#include "orrery/core/array_view.hpp"
#include "orrery/core/copy.hpp"
#include "orrery/core/crc32c.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/distributed/coordinator.hpp"
#include "orrery/orbax/find_processes.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/storage/staging_arena.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/tree_view.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

// A state that is lent: its owner leaves it as it is, and alive, until wait_until_finished().
template <class T>
struct Borrowed {
  const T* state;
};

template <class T>
Borrowed<T> borrow(const T& state) noexcept {
  return {std::addressof(state)};
}
template <class T>
void borrow(const T&&) = delete;  // a temporary would be gone before it is written: name it, or std::move it into save()

namespace orbax {

// May be handed from one thread to another, and is used by one at a time. The memory of a copied one is the arena's: it ends with the
// arena's next rewind().
class Snapshot {
 public:
  // Payloads into the arena, with the checksums that the writer then need not take; names and texts beside them. `pause` is called every
  // few MiB and may throw.
  template <class Pause>
  static Snapshot copy_of(TreeView view, storage::StagingArena& arena, Pause&& pause) {
    Snapshot copy;
    copy.view_.emplace(std::move(view));
    copy.own_texts();
    copy.own_arrays(arena, pause);
    copy.view_->names.clear();
    copy.view_->staged.clear();
    copy.view_->asides.clear();
    return copy;
  }

  // Described when it is first looked at, which is not now: takes no longer for a large state than for a small one.
  template <class T>
  static Snapshot of_borrowed(Borrowed<T> borrowed) {
    check_reflectable<T>();
    Snapshot lent;
    lent.ops_ = &ops<T>();
    lent.value_ = borrowed.state;
    return lent;
  }

  // ... and destroyed with the last copy of the snapshot. What the state only points at (spans, views, shared pointers) is lent.
  template <class T>
  static Snapshot of_moved(T&& state) {
    static_assert(!std::is_lvalue_reference_v<T>);
    check_reflectable<T>();
    Snapshot given;
    given.ops_ = &ops<T>();
    auto owned = std::make_shared<T>(std::move(state));
    given.value_ = owned.get();
    given.owner_ = std::move(owned);
    return given;
  }

  // What takes the place of a copy that failed: view() throws that.
  template <OnUse = OnUse()>
  static Snapshot of_failure(std::exception_ptr failure, std::shared_ptr<Coordinator> processes) {
    Snapshot failed;
    failed.failure_ = std::move(failure);
    failed.processes_ = std::move(processes);
    return failed;
  }

  // Of this type; null where the view is there already.
  const TypeOps* type() const noexcept { return view_ ? nullptr : ops_; }
  // ArgumentError for what cannot be stored, where describing was put off.
  template <OnUse = OnUse()>
  const TreeView& view() {
    if (failure_) std::rethrow_exception(failure_);
    if (!view_) view_.emplace(describe(*ops_, value_));
    return *view_;
  }
  // Where view() throws: the processes that hold its sharded arrays together, as far as those can be looked at.
  template <OnUse = OnUse()>
  std::shared_ptr<Coordinator> find_processes() const {
    return ops_ ? orbax::find_processes(*ops_, value_) : processes_;
  }

 private:
  static constexpr std::size_t piece = std::size_t{16} << 20;           // copied between two pauses
  static constexpr std::size_t block = std::size_t{256} << 10;          // linearised, and checksummed while it is in the cache
  static constexpr std::size_t worth_streaming = std::size_t{4} << 10;  // smaller runs end in the caches, whatever the whole is

  Snapshot() = default;

  template <OnUse = OnUse()>
  void own_texts() {
    std::size_t size = 0;
    for (const ViewNode& node : view_->nodes) size += node.name.size();
    for (const LeafView& leaf : view_->leaves) size += leaf.text.size();
    texts_ = std::make_unique_for_overwrite<char[]>(size);
    char* to = texts_.get();
    const auto own = [&to](std::string_view& text) {
      if (text.empty()) return;
      std::memcpy(to, text.data(), text.size());
      text = {to, text.size()};
      to += text.size();
    };
    for (ViewNode& node : view_->nodes) own(node.name);
    for (LeafView& leaf : view_->leaves) own(leaf.text);
  }

  template <class Pause>
  void own_arrays(storage::StagingArena& arena, Pause& pause) {
    std::size_t size = 0;
    for (const LeafView& leaf : view_->leaves)
      if (!leaf.parts) size += arena.room_for(leaf.array.nbytes());
    for (ArrayParts& leaf : view_->parts) {
      std::erase_if(leaf.parts, [](const ArrayPart& part) { return !part.write; });
      for (ArrayPart& part : leaf.parts) {
        part.array = part_of(part.array, relative_to(*part.write, part.box));
        part.box = *part.write;
        size += arena.room_for(part.array.nbytes());
      }
    }
    pause();
    arena.reserve(size);
    const std::size_t streams_from = size >= too_large_for_caches ? worth_streaming : too_large_for_caches;
    std::size_t copied = 0;  // since the last pause
    const auto own = [&](ArrayView& array) {
      const std::size_t nbytes = array.nbytes();
      std::byte* to = arena.take(nbytes);
      const bool is_dense = array.is_c_contiguous() || array.is_f_contiguous();
      const std::size_t step =
          is_dense ? piece : std::max<std::size_t>(block / std::max<std::size_t>(array.item_size(), 1), 1) * array.item_size();
      std::uint32_t crc = 0;
      for (std::size_t done = 0; done < nbytes;) {
        const std::size_t part = std::min(step, nbytes - done);
        if (is_dense) {
          crc = copy_crc32c(to + done, static_cast<const std::byte*>(array.data) + done, part, crc, streams_from);
        } else {
          copy_c_order_range(array, done / array.item_size(), part / array.item_size(), to + done);
          crc = crc32c(to + done, part, crc);
        }
        done += part;
        if ((copied += part) < piece) continue;
        copied = 0;
        pause();
      }
      if (!is_dense) array.strides = c_strides(array.shape, array.item_size());
      array.data = to;
      return crc;
    };
    for (LeafView& leaf : view_->leaves)
      if (!leaf.parts) leaf.crc32c = own(leaf.array);
    for (ArrayParts& leaf : view_->parts)
      for (ArrayPart& part : leaf.parts) part.crc32c = own(part.array);
  }

  std::optional<TreeView> view_{};
  std::unique_ptr<char[]> texts_{};  // of a copy
  const TypeOps* ops_ = nullptr;     // of the others
  const void* value_ = nullptr;
  std::shared_ptr<const void> owner_{};
  std::exception_ptr failure_{};              // of a copy
  std::shared_ptr<Coordinator> processes_{};  // ... who have to hear of it
};

}  // namespace orbax

}  // namespace orrery::inline v0
