// The values of an item into slots: plain arrays straight into the target's memory, file by file in file order; everything else chunk by
// chunk through a buffer of one chunk. Checksums are verified on the way.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/copy.hpp"
#include "orrery/core/crc32c.hpp"
#include "orrery/core/error.hpp"
#include "orrery/formats/zarr/array.hpp"
#include "orrery/orbax/stored_item.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/storage/scatter_reader.hpp"

namespace orrery::inline v0::orbax {

namespace detail {

class LeafReader {
 public:
  LeafReader(StoredItem& item, bool verify) : item_(item), verify_(verify) {}

  void read(const Slots& slots) {
    for (const Slot& slot : slots.reads) {
      if (slot.from->has_value()) cast_copy(slot.from->array().view(), slot.to.array);
      else read(item_.leaf(slot.from->id()), slot);
    }
    for (std::uint32_t file = 0; file < plain_.size(); ++file) {
      if (plain_[file].empty()) continue;
      storage::read_scattered(item_.store().open(file), plain_[file], verify_);
    }
    for (const auto& [leaf, data] : to_finish_) zarr::finish_elements(leaf->array.dtype, data, leaf->array.chunk_elements(), {leaf->name, item_.directory(), {}});
  }

 private:
  void read(const StoredItem::Leaf& leaf, const Slot& slot) {
    if (slot.part) return read_part(leaf, slot.to.array);
    if (leaf.aggregated) return item_.aggregate().read(*leaf.aggregated, slot.to.array);
    if (slot.to.array.dtype == leaf.array.dtype) return read(leaf, slot.to.array);
    const AnyArray stored = AnyArray::uninitialized(leaf.array.dtype, leaf.array.shape);
    read_chunks(leaf, stored.view());
    cast_copy(stored.view(), slot.to.array);
  }

  void read(const StoredItem::Leaf& leaf, const ArrayView& to) {
    if (to.size() == 0) return;
    if (!zarr::reads_in_place(leaf.array, to)) return read_chunks(leaf, to);
    const std::string prefix = StoredItem::prefix_of(leaf), key = zarr::chunk_key(Shape::zeros(to.rank()), leaf.array.separator);
    const auto value = item_.store().find(prefix, key);
    if (!value || value->is_inline) return read_chunks(leaf, to);
    if (plain_.size() <= value->file) plain_.resize(value->file + 1);
    plain_[value->file].push_back({value->offset, to.nbytes(), const_cast<void*>(to.data), item_.checksum(prefix + key), leaf.name});
    if (to.dtype == DType::bool_ || is_sub_byte(to.dtype)) to_finish_.emplace_back(&leaf, const_cast<void*>(to.data));
  }

  // The leading box of an array: of arrays in chunks, only those chunks are read that it touches.
  void read_part(const StoredItem::Leaf& leaf, const ArrayView& to) {
    if (leaf.aggregated) {
      const AnyArray whole = AnyArray::uninitialized(leaf.aggregated->dtype(), leaf.aggregated->shape());
      item_.aggregate().read(*leaf.aggregated, whole.view());
      ArrayView part = whole.view();
      part.shape = to.shape;
      return cast_copy(part, to);
    }
    if (to.dtype != leaf.array.dtype) {
      const AnyArray stored = AnyArray::uninitialized(leaf.array.dtype, to.shape);
      read_box(leaf, stored.view());
      return cast_copy(stored.view(), to);
    }
    read_box(leaf, to);
  }

  void read_box(const StoredItem::Leaf& leaf, const ArrayView& to) {
    const std::string prefix = StoredItem::prefix_of(leaf);
    const auto missing = item_.chunks_are_complete() ? zarr::MissingChunk::error : zarr::MissingChunk::fill;
    std::string bytes;
    zarr::read_box(leaf.array, {Shape::zeros(to.rank()), to.shape}, to, missing, {leaf.name, item_.directory(), {}},
                   [&](const Shape& index) -> std::optional<std::string_view> {
                     const std::string key = prefix + zarr::chunk_key(index, leaf.array.separator);
                     const auto value = item_.store().find(prefix, key.substr(prefix.size()));
                     if (!value) return std::nullopt;
                     if (!value->is_inline) bytes = item_.store().read(*value);
                     const std::string_view stored = value->is_inline ? value->bytes : std::string_view(bytes);
                     const auto expected = item_.checksum(key);
                     if (verify_ && expected && crc32c(stored.data(), stored.size()) != *expected)
                       throw DataLossError("the checksum of this payload is not the one that was saved: the file was damaged",
                                           {leaf.name, item_.directory(), {}});
                     return stored;
                   });
  }

  void read_chunks(const StoredItem::Leaf& leaf, const ArrayView& to) {
    const zarr::ArrayMetadata& array = leaf.array;
    const std::string prefix = StoredItem::prefix_of(leaf);
    const Shape grid = zarr::grid_extents(array);
    Shape index = Shape::zeros(grid.size());
    const Dim chunks = checked_count(grid).value();
    for (Dim i = 0; i < chunks; ++i, zarr::next_index(index, grid)) {
      const std::string key = zarr::chunk_key(index, array.separator);
      const auto value = item_.store().find(prefix, key);
      if (!value) {
        zarr::fill_chunk(array, index, to);
        continue;
      }
      const Where where{leaf.name, value->is_inline ? item_.directory() + "/manifest.ocdbt" : item_.store().path(value->file),
                        value->is_inline ? std::nullopt : std::optional(value->offset)};
      const std::string bytes = value->is_inline ? std::string() : item_.store().read(*value);
      const std::string_view stored = value->is_inline ? value->bytes : std::string_view(bytes);
      const auto expected = item_.checksum(prefix + key);
      if (verify_ && expected && crc32c(stored.data(), stored.size()) != *expected)
        throw DataLossError("the checksum of this payload is not the one that was saved: the file was damaged", where);
      if (room_ < array.chunk_bytes()) {
        chunk_ = std::make_unique_for_overwrite<std::byte[]>(array.chunk_bytes());
        room_ = array.chunk_bytes();
      }
      zarr::decode_chunk(array, stored, chunk_.get(), where);
      zarr::copy_chunk(array, index, chunk_.get(), to);
    }
  }

  StoredItem& item_;
  bool verify_;
  std::vector<std::vector<storage::ReadRequest>> plain_{};  // by file
  std::vector<std::pair<const StoredItem::Leaf*, void*>> to_finish_{};
  std::unique_ptr<std::byte[]> chunk_{};
  std::size_t room_ = 0;
};

}  // namespace detail

// Fills every slot whose stored leaf is this item's. DataLossError naming the leaf, file and offset where bytes are missing or their
// checksum differs (`verify`): some targets have been overwritten then.
inline void read_leaves(StoredItem& item, const Slots& slots, bool verify) { detail::LeafReader(item, verify).read(slots); }

}  // namespace orrery::inline v0::orbax
