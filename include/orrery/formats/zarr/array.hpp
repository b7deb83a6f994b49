// One stored array: the way from the stored bytes of its chunks to elements in the caller's memory. Where the bytes come from is
// decided above (orbax/, array_directory.hpp); which chunks there are, in chunk_grid.hpp. Rules: spec/zarr.md 3.3, 4.4, 6, 7, 8, 11.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "orrery/core/copy.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/memory.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/zarr/array_metadata.hpp"
#include "orrery/formats/zarr/byte_codecs.hpp"
#include "orrery/formats/zarr/chunk_grid.hpp"
#include "orrery/formats/zarr/sharding_indexed.hpp"

namespace orrery::inline v0::zarr {

// What a chunk or a sub-chunk that is not stored means (spec/zarr.md 8).
enum class MissingChunk : std::uint8_t { fill, error };

// Copies a box of the array to `to`, which has the stored dtype and the box's extents, any strides, and is writable though a view says
// const. fetch(index) gives the stored bytes of a chunk as something that converts to std::optional<std::string_view>, nothing where it
// is missing; they must last until the next call. Whole chunks that lie in `to` as they are stored are decoded straight into it, others
// by way of one buffer of a chunk. FormatError or DataLossError naming the chunk: part of `to` may have been overwritten then.
template <class Fetch>
void read_box(const ArrayMetadata& metadata, const Box& box, const ArrayView& to, MissingChunk missing, const Where& where, Fetch&& fetch);

// ... the whole array.
template <class Fetch>
void read_array(const ArrayMetadata& metadata, const ArrayView& to, MissingChunk missing, const Where& where, Fetch&& fetch) {
  read_box(metadata, Box::whole(metadata.shape), to, missing, where, fetch);
}

template <OnUse = OnUse()>
inline Shape grid_extents(const ArrayMetadata& metadata) {
  return grid_extents(metadata.shape, metadata.chunks);
}

// Room for one decoded chunk, which a thread keeps from chunk to chunk.
class Scratch {
 public:
  std::byte* room(std::size_t bytes) {
    if (memory_.size() < bytes) {
      memory_ = Memory();  // first, so that both are not there at once
      memory_ = Memory::uninitialized(bytes);
    }
    return memory_.data();
  }

 private:
  Memory memory_{};
};

// Decodes a stored chunk to its place in `to`, which has the stored dtype and the array's shape, any strides. No state but `scratch`, so
// that chunks can be read on many threads. Errors as read_box(), naming `where`.
template <OnUse = OnUse()>
inline void read_chunk(const ArrayMetadata& metadata, std::span<const Dim> index, std::string_view stored, const ArrayView& to,
                       MissingChunk missing, Scratch& scratch, const Where& where);

// Fills the place of a chunk that is not stored.
template <OnUse = OnUse()>
inline void fill_chunk(const ArrayMetadata& metadata, std::span<const Dim> index, const ArrayView& to);

// Where an array is one chunk of plain elements that lie in the file as `to` wants them, so that they can be read straight into it;
// finish_elements() is still due afterwards.
struct PlainChunk {
  const Sharding* shard = nullptr;  // the elements are the only sub-chunk of a shard: its index says where they begin
  bool has_checksum = false;        // their crc32c stands behind them
};
template <OnUse = OnUse()>
inline std::optional<PlainChunk> plain_chunk(const ArrayMetadata& metadata, const ArrayView& to);

// Whether every chunk is stored as its elements, in C order and ours, with at most a crc32c behind them: a part of one is a part of the
// file.
template <OnUse = OnUse()>
inline bool has_plain_chunks(const ArrayMetadata& metadata) {
  const CodecChain& chain = metadata.codecs;
  return chain.transpose.empty() && !chain.is_sharded() && !chain.is_compressed() && chain.bytes.size() <= 1 &&
         (!chain.big_endian || item_size(metadata.dtype) == 1);
}

// Checks and puts right what a format leaves open in an element: bools are 0 or 1 (FormatError), unused bits of narrow types are
// cleared, or copies of the sign.
inline void finish_elements(DType dtype, void* elements, std::size_t count, const Where& where);

// Whether that many stored bytes can be a chunk of this array. Ask before making room for one.
template <OnUse = OnUse()>
inline bool is_plausible(const ArrayMetadata& metadata, std::uint64_t stored_bytes) {
  return is_plausible(metadata.codecs, metadata.chunks, metadata.chunk_bytes(), stored_bytes);
}

namespace detail {

template <OnUse = OnUse()>
[[noreturn]] inline void throw_implausible(const CodecChain& chain, std::size_t elements, std::size_t stored, const Where& where) {
  if (!chain.is_compressed()) throw_chunk_size(elements + crc32c_size * chain.bytes.size(), stored, where);
  throw FormatError("expected a chunk of " + std::to_string(elements) + " bytes when decoded, found " + std::to_string(stored) +
                        " stored ones, which cannot hold that much",
                    where);
}
[[noreturn]] inline void throw_missing_chunk(const std::string& which, const Where& where) {
  throw DataLossError("expected a stored " + which + ", found none; this checkpoint promises that every chunk is stored", where);
}
template <OnUse = OnUse()>
[[noreturn]] inline void throw_wrong_target(const ArrayMetadata& metadata, const Box& box, const ArrayView& to) {
  throw ArgumentError("expected an array of " + std::string(name(metadata.dtype)) + " and shape " + to_string(box.extents) +
                      " to read into, found one of " + std::string(name(to.dtype)) + " and shape " + to_string(to.shape));
}

// A box of a whole, as the chunk at that index sees it.
template <OnUse = OnUse()>
inline Shape origin_in_chunk(const Box& part, std::span<const Dim> index, std::span<const Dim> chunks) {
  Shape origin = part.origin;
  for (std::size_t i = 0; i < origin.size(); ++i) origin[i] -= index[i] * chunks[i];
  return origin;
}

template <OnUse = OnUse()>
inline void fill_with(const ArrayMetadata& metadata, const ArrayView& to) {
  const FillValue fill = metadata.fill.value_or(FillValue{});
  copy(ArrayView{metadata.dtype, to.shape, Shape::zeros(to.rank()), fill.data()}, to);  // one element, seen everywhere
}

// What a part of one stored chunk holds, into a target of the part's extents; shards call it for their sub-chunks.
class ChunkReader {
 public:
  ChunkReader(const ArrayMetadata& metadata, MissingChunk missing, Scratch& scratch) noexcept
      : metadata_(metadata), missing_(missing), scratch_(scratch) {}

  // `chunk`: what `chain` encodes; `part` lies within it.
  template <OnUse = OnUse()>
  void read(const CodecChain& chain, const Shape& chunk, std::string_view stored, const Box& part, const ArrayView& to,
            const Where& where) {
    if (chain.transpose.empty()) return read_encoded(chain, chunk, stored, part, to, where);
    const auto seen = [&](const Shape& dims) { return permuted(dims, chain.transpose); };
    read_encoded(chain, seen(chunk), stored, {seen(part.origin), seen(part.extents)}, {to.dtype, seen(to.shape), seen(to.strides), to.data},
                 where);
  }

 private:
  // From here on axes are as encoded.
  template <OnUse = OnUse()>
  void read_encoded(const CodecChain& chain, const Shape& chunk, std::string_view stored, const Box& part, const ArrayView& to,
                    const Where& where) {
    if (chain.is_sharded())
      read_shard(chain.sharding[0], chunk, stored, part, to, where);
    else
      read_elements(chain, chunk, stored, part, to, where);
  }

  template <OnUse = OnUse()>
  void read_shard(const Sharding& sharding, const Shape& shard, std::string_view stored, const Box& part, const ArrayView& to,
                  const Where& where) {
    const ByteRange range = index_range(sharding, shard, stored.size(), where);
    const ShardIndex entries(sharding, shard, stored.substr(static_cast<std::size_t>(range.offset), static_cast<std::size_t>(range.size)),
                             stored.size(), where);
    for_each_chunk(shard, sharding.chunks, part, [&](const Shape& index, const Box& piece) {
      const ArrayView target = part_of(to, relative_to(piece, part));
      const auto found = entries.find(index, where);
      if (!found && missing_ == MissingChunk::fill) return fill_with(metadata_, target);
      if (!found) throw_missing_chunk("sub-chunk " + to_string(index), where);
      Where place = where;
      place.offset = where.offset.value_or(0) + found->offset;
      read(sharding.codecs, sharding.chunks, stored.substr(static_cast<std::size_t>(found->offset), static_cast<std::size_t>(found->size)),
           {origin_in_chunk(piece, index, sharding.chunks), piece.extents}, target, place);
    });
  }

  template <OnUse = OnUse()>
  void read_elements(const CodecChain& chain, const Shape& chunk, std::string_view stored, const Box& part, const ArrayView& to,
                     const Where& where) {
    const DType dtype = metadata_.dtype;
    const std::size_t size = checked_bytes(chunk, item_size(dtype)).value();
    if (!is_plausible(chain, chunk, size, stored.size())) throw_implausible(chain, size, stored.size(), where);
    if (part.extents == chunk && to.is_c_contiguous()) return decode(chain, stored, const_cast<void*>(to.data), size, where);
    const void* elements = nullptr;
    if (!chain.is_compressed() && !chain.big_endian && dtype != DType::bool_ && !is_sub_byte(dtype)) {
      elements = plain_elements(chain.bytes, stored, size, where).data();
    } else {
      elements = scratch_.room(size);
      decode(chain, stored, scratch_.room(size), size, where);
    }
    copy(part_of(ArrayView::dense(dtype, elements, chunk), part), to);
  }

  template <OnUse = OnUse()>
  void decode(const CodecChain& chain, std::string_view stored, void* out, std::size_t size, const Where& where) const {
    decode_bytes(chain.bytes, stored, out, size, where);
    const std::size_t count = size / item_size(metadata_.dtype);
    if (chain.big_endian) swap_bytes(metadata_.dtype, out, count);
    finish_elements(metadata_.dtype, out, count, where);
  }

  const ArrayMetadata& metadata_;
  MissingChunk missing_;
  Scratch& scratch_;
};

}  // namespace detail

template <OnUse>
inline std::optional<PlainChunk> plain_chunk(const ArrayMetadata& metadata, const ArrayView& to) {
  if (to.dtype != metadata.dtype || to.shape != metadata.shape || metadata.chunks != metadata.shape || to.size() == 0) return std::nullopt;
  PlainChunk plain;
  const CodecChain* chain = &metadata.codecs;
  ArrayView seen = to;
  const auto encode = [&] {
    seen.shape = permuted(seen.shape, chain->transpose);
    seen.strides = permuted(seen.strides, chain->transpose);
  };
  encode();
  if (chain->is_sharded()) {
    plain.shard = &chain->sharding[0];
    if (plain.shard->chunks != seen.shape) return std::nullopt;
    chain = &plain.shard->codecs;
    encode();
  }
  if (chain->is_sharded() || chain->is_compressed() || chain->bytes.size() > 1) return std::nullopt;
  if ((chain->big_endian && item_size(metadata.dtype) > 1) || !seen.is_c_contiguous()) return std::nullopt;
  plain.has_checksum = !chain->bytes.empty();
  return plain;
}

inline void finish_elements(DType dtype, void* elements, std::size_t count, const Where& where) {
  normalize_sub_byte(dtype, elements, count);
  if (dtype != DType::bool_) return;
  const auto* bytes = static_cast<const unsigned char*>(elements);
  constexpr std::size_t block = 4096;  // without an exit within, so that it is done by vectors
  for (std::size_t first = 0; first < count; first += block) {
    unsigned all = 0;
    for (std::size_t i = first, end = std::min(count, first + block); i < end; ++i) all |= bytes[i];
    if (all > 1) throw FormatError("expected bools of 0 and 1, found another byte", where);
  }
}

template <OnUse>
inline void read_chunk(const ArrayMetadata& metadata, std::span<const Dim> index, std::string_view stored, const ArrayView& to,
                       MissingChunk missing, Scratch& scratch, const Where& where) {
  const Box part = chunk_part(metadata.shape, metadata.chunks, index);
  detail::ChunkReader(metadata, missing, scratch)
      .read(metadata.codecs, metadata.chunks, stored, Box::whole(part.extents), part_of(to, part), where);
}

template <OnUse>
inline void fill_chunk(const ArrayMetadata& metadata, std::span<const Dim> index, const ArrayView& to) {
  const Box part = chunk_part(metadata.shape, metadata.chunks, index);
  detail::fill_with(metadata, part_of(to, part));
}

template <class Fetch>
void read_box(const ArrayMetadata& metadata, const Box& box, const ArrayView& to, MissingChunk missing, const Where& where, Fetch&& fetch) {
  if (to.dtype != metadata.dtype || to.shape != box.extents) detail::throw_wrong_target(metadata, box, to);
  Scratch scratch;
  detail::ChunkReader reader(metadata, missing, scratch);
  for_each_chunk(metadata.shape, metadata.chunks, box, [&](const Shape& index, const Box& part) {
    const ArrayView target = part_of(to, relative_to(part, box));
    const std::optional<std::string_view> stored = fetch(index);
    if (!stored && missing == MissingChunk::fill) return detail::fill_with(metadata, target);
    Where place = where;
    place.key_path += (place.key_path.empty() ? "" : "/") + chunk_key(index, metadata.keys);
    if (!stored) detail::throw_missing_chunk("chunk", place);
    reader.read(metadata.codecs, metadata.chunks, *stored, {detail::origin_in_chunk(part, index, metadata.chunks), part.extents}, target,
                place);
  });
}

}  // namespace orrery::inline v0::zarr
