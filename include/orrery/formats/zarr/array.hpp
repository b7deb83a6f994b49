// One stored array: the way from the stored bytes of its chunks to elements in the caller's memory. Where the bytes come from is
// decided above (orbax/); which chunks there are, in chunk_grid.hpp. Rules: spec/zarr.md 3.3, 6, 7, 8, 11.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "orrery/core/copy.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/memory.hpp"
#include "orrery/formats/codec/zstd.hpp"
#include "orrery/formats/zarr/chunk_grid.hpp"
#include "orrery/formats/zarr/metadata.hpp"

namespace orrery::inline v0::zarr {

// What a chunk that is not stored means (spec/zarr.md 8).
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

inline Shape grid_extents(const ArrayMetadata& metadata) { return grid_extents(metadata.shape, metadata.chunks); }

// The stored bytes of the array's only chunk are the elements as `to` wants them, so that they can be read straight into it;
// finish_elements() is still due afterwards.
inline bool reads_in_place(const ArrayMetadata& metadata, const ArrayView& to) {
  if (metadata.compressor != Compressor::none || (metadata.big_endian && item_size(metadata.dtype) > 1)) return false;
  if (to.dtype != metadata.dtype || to.shape != metadata.shape || metadata.chunks != metadata.shape) return false;
  return metadata.order == Order::f ? to.is_f_contiguous() : to.is_c_contiguous();
}

// Checks and puts right what a format leaves open in an element: bools are 0 or 1 (FormatError), unused bits of narrow types are
// cleared, or copies of the sign.
inline void finish_elements(DType dtype, void* elements, std::size_t count, const Where& where);

// Whether that many stored bytes can decode to a chunk: a zstd block of 128 KiB takes 4 bytes at least, and other codecs are not
// believed more than that. Ask before making room for one.
inline bool is_plausible(const ArrayMetadata& metadata, std::uint64_t stored_bytes) {
  const std::uint64_t wanted = metadata.chunk_bytes();
  return metadata.compressor == Compressor::none ? stored_bytes == wanted : wanted / 131072 <= stored_bytes / 4 + 1;
}

// Decodes one stored chunk into chunk_bytes() bytes, elements native, in the chunk's order. FormatError or DataLossError naming `where`.
inline void decode_chunk(const ArrayMetadata& metadata, std::string_view stored, void* out, const Where& where);

// Copies a decoded chunk to its place in `to`, which has the stored dtype and the array's shape.
inline void copy_chunk(const ArrayMetadata& metadata, std::span<const Dim> index, const void* chunk, const ArrayView& to);

// Fills the place of a chunk that is not stored.
inline void fill_chunk(const ArrayMetadata& metadata, std::span<const Dim> index, const ArrayView& to);

namespace detail {

[[noreturn]] inline void throw_chunk_size(std::size_t expected, std::size_t found, const Where& where) {
  throw DataLossError("expected a chunk of " + std::to_string(expected) + " bytes, found " + std::to_string(found), where);
}
[[noreturn]] inline void throw_implausible(const ArrayMetadata& metadata, std::size_t stored, const Where& where) {
  if (metadata.compressor == Compressor::none) throw_chunk_size(metadata.chunk_bytes(), stored, where);
  throw FormatError("expected a chunk of " + std::to_string(metadata.chunk_bytes()) + " bytes when decoded, found a zstd frame of " +
                        std::to_string(stored) + ", which cannot hold that much", where);
}
[[noreturn]] inline void throw_missing_chunk(const Where& where) {
  throw DataLossError("expected a stored chunk, found none; this checkpoint promises that every chunk is stored", where);
}
[[noreturn]] inline void throw_wrong_target(const ArrayMetadata& metadata, const Box& box, const ArrayView& to) {
  throw ArgumentError("expected an array of " + std::string(name(metadata.dtype)) + " and shape " + to_string(box.extents) +
                      " to read into, found one of " + std::string(name(to.dtype)) + " and shape " + to_string(to.shape));
}

// The part of a view that a box of it covers.
inline ArrayView part_of(const ArrayView& view, std::span<const Dim> origin, const Shape& extents) {
  const char* data = static_cast<const char*>(view.data);
  for (std::size_t i = 0; i < origin.size(); ++i) data += origin[i] * view.strides[i];
  return {view.dtype, extents, view.strides, data};
}

inline ArrayView chunk_view(const ArrayMetadata& metadata, const void* chunk) {
  const std::size_t item = item_size(metadata.dtype);
  return {metadata.dtype, metadata.chunks, metadata.order == Order::f ? f_strides(metadata.chunks, item) : c_strides(metadata.chunks, item),
          chunk};
}

inline void fill_with(const ArrayMetadata& metadata, const ArrayView& to) {
  const FillValue fill = metadata.fill.value_or(FillValue{});
  copy(ArrayView{metadata.dtype, to.shape, Shape::zeros(to.rank()), fill.data()}, to);  // one element, seen everywhere
}

// What `part` (within the chunk, origin relative to it) of a stored chunk holds, into `to` of part's extents.
inline void read_chunk_part(const ArrayMetadata& metadata, std::string_view stored, const Box& part, const ArrayView& to, Memory& buffer,
                            const Where& where) {
  check_readable(metadata, where);
  if (part.extents == metadata.chunks && (metadata.order == Order::f ? to.is_f_contiguous() : to.is_c_contiguous()))
    return decode_chunk(metadata, stored, const_cast<void*>(to.data), where);
  if (!is_plausible(metadata, stored.size())) throw_implausible(metadata, stored.size(), where);
  const void* chunk = stored.data();
  const bool as_stored = metadata.compressor == Compressor::none && !metadata.big_endian && metadata.dtype != DType::bool_ &&
                         !is_sub_byte(metadata.dtype);
  if (!as_stored) {
    if (!buffer.data()) buffer = Memory::uninitialized(metadata.chunk_bytes());
    decode_chunk(metadata, stored, buffer.data(), where);
    chunk = buffer.data();
  }
  copy(part_of(chunk_view(metadata, chunk), part.origin, part.extents), to);
}

}  // namespace detail

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

inline void decode_chunk(const ArrayMetadata& metadata, std::string_view stored, void* out, const Where& where) {
  const std::size_t bytes = metadata.chunk_bytes();
  check_readable(metadata, where);
  if (metadata.compressor == Compressor::zstd) {
    zstd_decompress(stored, out, bytes, where);
  } else {
    if (stored.size() != bytes) detail::throw_chunk_size(bytes, stored.size(), where);
    std::memcpy(out, stored.data(), bytes);
  }
  const std::size_t count = bytes / item_size(metadata.dtype);
  if (metadata.big_endian) swap_bytes(metadata.dtype, out, count);
  finish_elements(metadata.dtype, out, count, where);
}

inline void copy_chunk(const ArrayMetadata& metadata, std::span<const Dim> index, const void* chunk, const ArrayView& to) {
  const Box part = chunk_part(metadata.shape, metadata.chunks, index);
  ArrayView from = detail::chunk_view(metadata, chunk);
  from.shape = part.extents;
  copy(from, detail::part_of(to, part.origin, part.extents));
}

inline void fill_chunk(const ArrayMetadata& metadata, std::span<const Dim> index, const ArrayView& to) {
  const Box part = chunk_part(metadata.shape, metadata.chunks, index);
  detail::fill_with(metadata, detail::part_of(to, part.origin, part.extents));
}

template <class Fetch>
void read_box(const ArrayMetadata& metadata, const Box& box, const ArrayView& to, MissingChunk missing, const Where& where, Fetch&& fetch) {
  if (to.dtype != metadata.dtype || to.shape != box.extents) detail::throw_wrong_target(metadata, box, to);
  Memory buffer;
  for_each_chunk(metadata.shape, metadata.chunks, box, [&](const Shape& index, const Box& part) {
    Box in_chunk = part;
    Shape in_target = part.origin;
    for (std::size_t i = 0; i < index.size(); ++i) {
      in_chunk.origin[i] -= index[i] * metadata.chunks[i];
      in_target[i] -= box.origin[i];
    }
    const ArrayView target = detail::part_of(to, in_target, part.extents);
    const std::optional<std::string_view> stored = fetch(index);
    if (!stored && missing == MissingChunk::fill) return detail::fill_with(metadata, target);
    Where place = where;
    place.key_path += (place.key_path.empty() ? "" : "/") + chunk_key(index, metadata.separator);
    if (!stored) detail::throw_missing_chunk(place);
    detail::read_chunk_part(metadata, *stored, in_chunk, target, buffer, place);
  });
}

}  // namespace orrery::inline v0::zarr
