// The values of an item into slots: plain arrays straight into the target's memory, file by file in file order; everything else chunk by
// chunk, decoded straight to its place where it lies there densely (chunk_jobs.hpp). Checksums are verified on the way.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/any_array.hpp"
#include "orrery/core/array_box.hpp"
#include "orrery/core/byte_io.hpp"
#include "orrery/core/copy.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/zarr/array.hpp"
#include "orrery/orbax/chunk_jobs.hpp"
#include "orrery/orbax/stored_item.hpp"
#include "orrery/restore/plan.hpp"
#include "orrery/storage/progress.hpp"
#include "orrery/storage/scatter_reader.hpp"
#include "orrery/tree/array_parts.hpp"

namespace orrery::inline v0::orbax {

namespace detail {

class LeafReader {
 public:
  LeafReader(StoredItem& item, bool verify, storage::ProgressMeter& meter)
      : item_(item), verify_(verify), meter_(meter), jobs_(item.store(), item.directory(), item.missing_chunk(), meter) {}

  template <OnUse = OnUse()>
  void read(const Slots& slots) {
    for (const Slot& slot : slots.reads) {
      if (slot.from->has_value())
        copy_into(slot.from->array().view(), slot.to);
      else
        read(item_.leaf(slot.from->id()), slot);
    }
    read_plain();
    run_jobs();
    for (const auto& [from, to] : replicas_) copy(from, to);
    meter_.complete();
  }

 private:
  // An array read as stored, on its way to a target of another dtype.
  struct Staged {
    AnyArray stored;
    ArrayView to;
  };
  // A request whose checksum stands behind it in the file.
  struct Trailer {
    std::size_t request;
    std::array<char, 4> bytes;
  };
  struct Lexicographic {
    template <OnUse = OnUse()>
    bool operator()(std::span<const Dim> a, std::span<const Dim> b) const {
      return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
    }
  };
  struct Plain {
    std::vector<storage::ReadRequest> requests{};
    std::vector<Trailer> trailers{};
  };
  static constexpr std::size_t most_staged = std::size_t{64} << 20;
  static constexpr std::size_t most_requests = 65536;                   // of pieces of one file that are kept before they are read
  static constexpr std::uint64_t large_shard = std::uint64_t{1} << 20;  // from here on a second read costs less than a copy

  template <OnUse = OnUse()>
  void read(const StoredItem::Leaf& leaf, const Slot& slot) {
    if (slot.to.parts) return read_parts(leaf, *slot.to.parts);
    if (slot.part) return read_part(leaf, slot.to.array);
    if (leaf.aggregated) return item_.aggregate().read(*leaf.aggregated, slot.to.array);
    if (slot.to.array.size() == 0) return;
    if (slot.to.array.dtype == leaf.array->dtype) {
      if (!add_plain(leaf, slot.to.array)) add_chunks(leaf, slot.to.array);
      return;
    }
    staged_.push_back({AnyArray::uninitialized(leaf.array->dtype, leaf.array->shape), slot.to.array});
    staged_bytes_ += staged_.back().stored.view().nbytes();
    add_chunks(leaf, staged_.back().stored.view());
    if (staged_bytes_ >= most_staged) run_jobs();
  }

  // False where the stored bytes are not what the target wants, or are not what they should be, which decoding says better.
  template <OnUse = OnUse()>
  bool add_plain(const StoredItem::Leaf& leaf, const ArrayView& to) {
    const auto plain = zarr::plain_chunk(*leaf.array, to);
    if (!plain) return false;
    const std::string prefix = StoredItem::prefix_of(leaf), key = zarr::chunk_key(Shape::zeros(to.rank()), leaf.array->keys);
    const auto value = item_.store().find(prefix, key);
    if (!value || value->is_inline) return false;
    zarr::ByteRange range{0, value->length};
    if (plain->shard) {
      const auto found = value->length >= large_shard ? only_sub_chunk(leaf, *plain->shard, *value) : std::nullopt;
      if (!found) return false;
      range = *found;
    }
    if (range.size != to.nbytes() + (plain->has_checksum ? zarr::crc32c_size : 0)) return false;
    if (plain_.size() <= value->file) plain_.resize(value->file + 1);
    Plain& file = plain_[value->file];
    if (plain->has_checksum && verify_) file.trailers.push_back({file.requests.size(), {}});
    // What we stored ourselves beside the item is the checksum of a whole value.
    const bool whole = range.size == value->length && !plain->has_checksum;
    file.requests.push_back({value->offset + range.offset, to.nbytes(), const_cast<void*>(to.data),
                             whole ? item_.checksum(prefix + key) : std::nullopt, leaf.name});
    if (to.dtype == DType::bool_ || is_sub_byte(to.dtype)) to_finish_.emplace_back(&leaf, const_cast<void*>(to.data));
    return true;
  }

  template <OnUse = OnUse()>
  std::optional<zarr::ByteRange> only_sub_chunk(const StoredItem::Leaf& leaf, const zarr::Sharding& sharding,
                                                const ItemStore::Value& value) {
    const Where where{leaf.name, item_.store().path(value.file), value.offset};
    const Shape& shard = sharding.chunks;  // there is but one in it
    const zarr::ByteRange range = zarr::index_range(sharding, shard, value.length, where);
    std::string index(static_cast<std::size_t>(range.size), '\0');
    item_.store().open(value.file).pread_exactly(value.offset + range.offset, index.data(), index.size());
    return zarr::ShardIndex(sharding, shard, index, value.length, where).find(Shape::zeros(shard.size()), where);
  }

  // What this process holds of an array: each part once, wherever else it lies.
  template <OnUse = OnUse()>
  void read_parts(const StoredItem::Leaf& leaf, const ArrayParts& parts) {
    if (leaf.aggregated) {
      const AnyArray whole = AnyArray::uninitialized(leaf.aggregated->dtype(), leaf.aggregated->shape());
      item_.aggregate().read(*leaf.aggregated, whole.view());
      return copy_into(whole.view(), {.kind = LeafKind::sharded, .parts = &parts});
    }
    std::map<std::span<const Dim>, const ArrayPart*, Lexicographic> read;
    std::vector<const ArrayPart*> wanted;
    for (const ArrayPart& part : parts.parts) {
      if (part.box.empty()) continue;
      const auto [before, is_new] = read.emplace(part.box.origin, &part);
      if (is_new)
        wanted.push_back(&part);
      else
        replicas_.emplace_back(before->second->array, part.array);
    }
    if (wanted.size() > 1 && reads_whole_chunks(leaf, wanted.front()->array.dtype)) return read_by_chunks(leaf, wanted);
    for (const ArrayPart* part : wanted) read_box(leaf, part->box, part->array);
  }

  // Whether a part of a chunk takes all of it to be read. Of shards it takes the sub-chunks that it touches.
  template <OnUse = OnUse()>
  static bool reads_whole_chunks(const StoredItem::Leaf& leaf, DType wanted) {
    if (leaf.array->codecs.is_sharded()) return false;
    return wanted != leaf.array->dtype || !is_readable_in_pieces(leaf);
  }
  template <OnUse = OnUse()>
  static bool is_readable_in_pieces(const StoredItem::Leaf& leaf) {
    return zarr::has_plain_chunks(*leaf.array) && leaf.array->dtype != DType::bool_ && !is_sub_byte(leaf.array->dtype);
  }

  // Each chunk is read and decoded once, however many parts want some of it.
  template <OnUse = OnUse()>
  void read_by_chunks(const StoredItem::Leaf& leaf, std::span<const ArrayPart* const> parts) {
    struct Piece {
      Dim chunk;  // its number in the grid
      const ArrayPart* part;
      ArrayBox box;  // of the array: what they have in common
      ArrayView to() const { return part_of(part->array, relative_to(box, part->box)); }
    };
    const zarr::ArrayMetadata& array = *leaf.array;
    const Shape grid = zarr::grid_extents(array);
    std::vector<Piece> pieces;
    for (const ArrayPart* part : parts)
      zarr::for_each_chunk(array.shape, array.chunks, part->box, [&](const Shape& index, const ArrayBox& box) {
        Dim number = 0;
        for (std::size_t i = 0; i < index.size(); ++i) number = number * grid[i] + index[i];
        pieces.push_back({number, part, box});
      });
    std::stable_sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.chunk < b.chunk; });
    for (std::size_t first = 0, last = 0; first < pieces.size(); first = last) {
      while (last < pieces.size() && pieces[last].chunk == pieces[first].chunk) ++last;
      const ArrayBox& box = pieces[first].box;
      if (last == first + 1) {
        read_box(leaf, box, pieces[first].to());
        continue;
      }
      Shape index = box.origin;
      for (std::size_t i = 0; i < index.size(); ++i) index[i] /= array.chunks[i];
      const ArrayBox whole = zarr::chunk_part(array.shape, array.chunks, index);
      const AnyArray chunk = AnyArray::uninitialized(array.dtype, whole.extents);
      decode_box(leaf, whole, chunk.view());
      for (std::size_t i = first; i < last; ++i) cast_copy(part_of(chunk.view(), relative_to(pieces[i].box, whole)), pieces[i].to());
    }
  }

  template <OnUse = OnUse()>
  void read_box(const StoredItem::Leaf& leaf, const ArrayBox& box, const ArrayView& to) {
    if (to.dtype == leaf.array->dtype) {
      if (!add_plain_box(leaf, box, to)) decode_box(leaf, box, to);
      return;
    }
    const AnyArray stored = AnyArray::uninitialized(leaf.array->dtype, to.shape);
    decode_box(leaf, box, stored.view());
    cast_copy(stored.view(), to);
  }

  // Of chunks that are not encoded, the bytes of the box alone. Where that is all of a chunk, its checksum is verified.
  template <OnUse = OnUse()>
  bool add_plain_box(const StoredItem::Leaf& leaf, const ArrayBox& box, const ArrayView& to) {
    if (!is_readable_in_pieces(leaf)) return false;
    const std::string prefix = StoredItem::prefix_of(leaf);
    zarr::for_each_chunk(leaf.array->shape, leaf.array->chunks, box, [&](const Shape& index, const ArrayBox& piece) {
      const std::string key = zarr::chunk_key(index, leaf.array->keys);
      const auto value = item_.store().find(prefix, key);
      const ArrayView target = part_of(to, relative_to(piece, box));
      const bool has_crc = !leaf.array->codecs.bytes.empty();
      const std::size_t chunk_bytes = leaf.array->chunk_bytes();
      if (!value || value->is_inline || value->length != chunk_bytes + (has_crc ? zarr::crc32c_size : 0)) {
        decode_box(leaf, piece, target);  // which says better what is wrong
        return;
      }
      if (plain_.size() <= value->file) plain_.resize(value->file + 1);
      Plain& file = plain_[value->file];
      if (piece.extents == leaf.array->chunks && target.is_c_contiguous()) {
        if (has_crc && verify_) file.trailers.push_back({file.requests.size(), {}});
        file.requests.push_back(
            {value->offset, chunk_bytes, const_cast<void*>(target.data), has_crc ? std::nullopt : item_.checksum(prefix + key), leaf.name});
        return;
      }
      const bool in_runs = for_each_run({to.dtype, leaf.array->chunks, c_strides(leaf.array->chunks, to.item_size()), nullptr},
                                        {zarr::detail::origin_in_chunk(piece, index, leaf.array->chunks), piece.extents}, target,
                                        [&](std::uint64_t from, void* memory, std::size_t bytes) {
                                          file.requests.push_back({value->offset + from, bytes, memory, {}, leaf.name});
                                          if (file.requests.size() >= most_requests) read_plain();
                                        });
      if (!in_runs) decode_box(leaf, piece, target);
    });
    return true;
  }

  // The leading box of an array: of arrays in chunks, only those chunks are read that it touches.
  template <OnUse = OnUse()>
  void read_part(const StoredItem::Leaf& leaf, const ArrayView& to) {
    if (leaf.aggregated) {
      const AnyArray whole = AnyArray::uninitialized(leaf.aggregated->dtype(), leaf.aggregated->shape());
      item_.aggregate().read(*leaf.aggregated, whole.view());
      ArrayView part = whole.view();
      part.shape = to.shape;
      return cast_copy(part, to);
    }
    if (to.dtype != leaf.array->dtype) {
      const AnyArray stored = AnyArray::uninitialized(leaf.array->dtype, to.shape);
      decode_box(leaf, {Shape::zeros(to.rank()), to.shape}, stored.view());
      return cast_copy(stored.view(), to);
    }
    decode_box(leaf, {Shape::zeros(to.rank()), to.shape}, to);
  }

  template <OnUse = OnUse()>
  void decode_box(const StoredItem::Leaf& leaf, const ArrayBox& box, const ArrayView& to) {
    const std::string prefix = StoredItem::prefix_of(leaf);
    std::string bytes;
    zarr::read_box(*leaf.array, box, to, item_.missing_chunk(), {leaf.name, item_.directory(), {}},
                   [&](const Shape& index) -> std::optional<std::string_view> {
                     const std::string key = prefix + zarr::chunk_key(index, leaf.array->keys);
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

  template <OnUse = OnUse()>
  void add_chunks(const StoredItem::Leaf& leaf, const ArrayView& to) {
    const zarr::ArrayMetadata& array = *leaf.array;
    const std::string prefix = StoredItem::prefix_of(leaf);
    const Shape grid = zarr::grid_extents(array);
    const Dim chunks = checked_count(grid).value();
    const std::uint32_t target = jobs_.add_target({&array, &leaf.name, to});
    Shape index = Shape::zeros(grid.size());
    for (Dim i = 0; i < chunks; ++i, zarr::next_index(index, grid)) {
      const std::string key = zarr::chunk_key(index, array.keys);
      if (const auto value = item_.store().find(prefix, key))
        jobs_.add(target, index, *value, verify_ ? item_.checksum(prefix + key) : std::nullopt);
      else
        zarr::fill_chunk(array, index, to);
    }
  }

  template <OnUse = OnUse()>
  void read_plain() {
    for (std::uint32_t number = 0; number < plain_.size(); ++number) {
      auto& [requests, trailers] = plain_[number];
      if (requests.empty()) continue;
      const storage::File& file = item_.store().open(number);
      if (!trailers.empty()) {
        std::vector<storage::ReadRequest> ends;
        ends.reserve(trailers.size());
        for (Trailer& trailer : trailers) {
          const storage::ReadRequest& request = requests[trailer.request];
          ends.push_back({request.offset + request.size, trailer.bytes.size(), trailer.bytes.data(), {}, request.key_path});
        }
        storage::read_scattered(file, ends, false);
        for (const Trailer& trailer : trailers) requests[trailer.request].crc32c = load_le<std::uint32_t>(trailer.bytes.data());
      }
      storage::read_scattered(file, requests, verify_, meter_.is_on() ? &meter_ : nullptr);
    }
    for (auto& [requests, trailers] : plain_) {
      requests.clear();
      trailers.clear();
    }
    for (const auto& [leaf, data] : to_finish_)
      zarr::finish_elements(leaf->array->dtype, data, leaf->array->chunk_elements(), {leaf->name, item_.directory(), {}});
    to_finish_.clear();
  }

  template <OnUse = OnUse()>
  void run_jobs() {
    jobs_.run();
    for (const Staged& staged : staged_) cast_copy(staged.stored.view(), staged.to);
    staged_.clear();
    staged_bytes_ = 0;
  }

  StoredItem& item_;
  bool verify_;
  storage::ProgressMeter& meter_;
  ChunkJobs jobs_;
  std::vector<Plain> plain_{};  // by file
  std::vector<std::pair<const StoredItem::Leaf*, void*>> to_finish_{};
  std::deque<Staged> staged_{};
  std::size_t staged_bytes_ = 0;
  std::vector<std::pair<ArrayView, ArrayView>> replicas_{};  // what was read, and where else it is wanted
};

}  // namespace detail

// Fills every slot whose stored leaf is this item's. DataLossError naming the leaf, file and offset where bytes are missing or their
// checksum differs (`verify`; those inside compressed chunks and shards are always verified): some targets have been overwritten then.
template <OnUse = OnUse()>
inline void read_leaves(StoredItem& item, const Slots& slots, bool verify, const ProgressFunction& on_progress = {}) {
  Progress progress{Phase::reading};
  if (on_progress)
    for (const Slot& slot : slots.reads) {
      progress.bytes_total += slot.to.array.size() * item_size(slot.from->dtype());
      ++progress.leaves_total;
    }
  storage::ProgressMeter meter(on_progress, progress);
  detail::LeafReader(item, verify, meter).read(slots);
}

}  // namespace orrery::inline v0::orbax
