// The elements of one chunk on their way to the disk: a part of the user's array, read in stored order and as the stored dtype, by blocks
// and never as a whole. What becomes of the bytes (a codec, a file) is decided above.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "orrery/core/cast.hpp"
#include "orrery/core/copy.hpp"
#include "orrery/core/element_bits.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/zarr/array.hpp"
#include "orrery/formats/zarr/array_metadata.hpp"
#include "orrery/formats/zarr/chunk_grid.hpp"

namespace orrery::inline v0::zarr {

class ChunkElements {
 public:
  // `elements`, whose C order is the stored order, as `stored`.
  template <OnUse = OnUse()>
  ChunkElements(ArrayView elements, DType stored) : view_(std::move(elements)), stored_(stored), is_dense_(view_.is_c_contiguous()) {}

  std::size_t size() const noexcept { return view_.size(); }
  std::size_t item_size() const noexcept { return orrery::item_size(stored_); }
  std::size_t nbytes() const noexcept { return size() * item_size(); }
  // Of one element in the user's memory.
  std::size_t source_item_size() const noexcept { return view_.item_size(); }

  // The stored bytes are the user's memory.
  bool is_direct() const noexcept { return is_dense_ && view_.dtype == stored_ && !is_sub_byte(stored_); }
  std::span<const std::byte> direct() const noexcept { return {static_cast<const std::byte*>(view_.data), nbytes()}; }

  // Elements [first, first + count) as they are stored. Safe from several threads.
  template <OnUse = OnUse()>
  void read(std::size_t first, std::size_t count, std::byte* to) const {
    if (view_.dtype == stored_) {
      clear_unused_bits(stored_, to, copy_c_order_range(view_, first, count, to));
      return;
    }
    if (is_dense_) return cast(static_cast<const char*>(view_.data) + first * view_.item_size(), count, to);
    const std::size_t block = std::min(count, most_staged);
    const auto staged = std::make_unique_for_overwrite<char[]>(block * view_.item_size());
    for (std::size_t done = 0; done < count; done += block) {
      const std::size_t got = copy_c_order_range(view_, first + done, std::min(block, count - done), staged.get());
      cast(staged.get(), got, to + done * item_size());
    }
  }

 private:
  static constexpr std::size_t most_staged = 65536;

  template <OnUse = OnUse()>
  void cast(const char* from, std::size_t count, std::byte* to) const {
    const auto row = [count](DType dtype, const void* data) { return ArrayView::dense(dtype, data, Shape{static_cast<Dim>(count)}); };
    cast_copy(row(view_.dtype, from), row(stored_, to));
    clear_unused_bits(stored_, to, count);
  }

  ArrayView view_;
  DType stored_;
  bool is_dense_;
};

// The same memory seen with its axes reversed: C-contiguous where the array is F-contiguous.
template <OnUse = OnUse()>
inline ArrayView reversed_axes(ArrayView view) {
  std::reverse(view.shape.begin(), view.shape.end());
  std::reverse(view.strides.begin(), view.strides.end());
  return view;
}

// What the chunk at that index holds of `array`, which has the metadata's shape; axes are in order or reversed. Chunks that would stick out
// of the array are the caller's to avoid: chunk_shape.hpp never chooses any.
template <OnUse = OnUse()>
inline ChunkElements chunk_elements(const ArrayMetadata& metadata, const ArrayView& array, std::span<const Dim> index) {
  const Box box = chunk_part(metadata.shape, metadata.chunks, index);
  const ArrayView part = part_of(array, box);
  return {metadata.codecs.transpose.empty() ? part : reversed_axes(part), metadata.dtype};
}

}  // namespace orrery::inline v0::zarr
