// Memory into which states are copied, kept from save to save: touching fresh pages costs more than the copy. What is put there is
// decided by orbax/snapshot.hpp.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

#include "orrery/core/memory.hpp"
#include "orrery/core/on_use.hpp"

namespace orrery::inline v0::storage {

// Hands out runs of bytes, aligned to cache lines, until rewind() takes all of them back at once. One thread.
class StagingArena {
 public:
  // Nothing that was handed out is used any more. The memory stays.
  void rewind() noexcept { next_ = used_ = 0; }

  // Makes the next take()s, of `size` bytes in all, a single run: kept memory where some is large enough. Otherwise what nobody uses is
  // given back before new memory is asked for, so that two copies are never there. std::bad_alloc.
  template <OnUse = OnUse()>
  void reserve(std::size_t size) {
    if (next_ > 0 && size <= blocks_[next_ - 1].size() - used_) return;
    const auto kept = std::find_if(blocks_.begin() + static_cast<std::ptrdiff_t>(next_), blocks_.end(),
                                   [size](const Memory& block) { return block.size() >= size; });
    if (kept == blocks_.end()) {
      blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(next_), blocks_.end());
      blocks_.push_back(fresh(size));
    } else {
      std::swap(*kept, blocks_[next_]);
    }
    ++next_;
    used_ = 0;
  }

  // What a run of that many bytes takes up.
  static constexpr std::size_t room_for(std::size_t size) noexcept {
    return (size + Memory::alignment - 1) / Memory::alignment * Memory::alignment;
  }

  // Contents unspecified. Null for nothing.
  template <OnUse = OnUse()>
  std::byte* take(std::size_t size) {
    if (size == 0) return nullptr;
    reserve(room_for(size));
    std::byte* taken = blocks_[next_ - 1].data() + used_;
    used_ += room_for(size);
    return taken;
  }

  // Gives everything back to the system.
  template <OnUse = OnUse()>
  void release() noexcept {
    blocks_.clear();
    rewind();
  }

  // Bytes of address space that are kept; those above the largest state so far have never been touched.
  template <OnUse = OnUse()>
  std::size_t size() const noexcept {
    std::size_t sum = 0;
    for (const Memory& block : blocks_) sum += block.size();
    return sum;
  }

 private:
  // Large blocks get an eighth more address space than asked for, which costs nothing until it is touched: a state that grows a little
  // with every save stays where it is.
  static Memory fresh(std::size_t size) {
    if (size < Memory::large) return Memory::uninitialized(size);
    Memory block;
    try {
      block = Memory::uninitialized(size + size / 8);
    } catch (const std::bad_alloc&) {
      block = Memory::uninitialized(size);
    }
#if defined(MADV_POPULATE_WRITE)
    constexpr std::size_t page = 4096;
    ::madvise(block.data(), size / page * page, MADV_POPULATE_WRITE);  // a hint: an older kernel faults page by page
#endif
    return block;
  }

  std::vector<Memory> blocks_{};  // the first next_ are in use, the last of them up to used_
  std::size_t next_ = 0, used_ = 0;
};

}  // namespace orrery::inline v0::storage
