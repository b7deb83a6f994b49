// How one array is laid out in the store: its stored dtype, order, chunks and compressor, decided from what it is and from the options.
// Rules: spec/orbax.md 3.2 to 3.5, spec/zarr.md 10. The bytes are moved by write_arrays.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/codec/zstd_frames.hpp"
#include "orrery/formats/zarr/chunk_elements.hpp"
#include "orrery/formats/zarr/chunk_shape.hpp"
#include "orrery/formats/zarr/array_metadata.hpp"
#include "orrery/formats/zarr/dtype_text.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/params.hpp"
#include "orrery/restore/key_pattern.hpp"

namespace orrery::inline v0::orbax {

inline bool is_array(const Param& param) { return param.leaf && param.type != ValueType::string; }

// The dtype that each parameter is stored with, in the order of params.list; empty where nothing is cast. ArgumentError for a pattern that
// is none, and for one that matches nothing: it would be a misspelt one.
template <OnUse = OnUse()>
inline std::vector<DType> stored_dtypes(const Params& params, const CastRules& cast);

// Everything but the codecs of its bytes. ArgumentError for a dtype that TensorStore does not have, more than 32 dimensions, or a chunk
// size below that of an element.
template <OnUse = OnUse()>
inline zarr::ArrayMetadata layout_of(const Param& param, DType stored, const SaveOptions& options);

// ... and the codecs of its bytes, for which automatic() looks at samples of the values. Plain chunks of zarr v3 carry a crc32c, compressed
// ones of both versions that of zstd: readers verify them, Python's too.
template <OnUse = OnUse()>
inline void choose_codecs(zarr::ArrayMetadata& layout, const ArrayView& array, const SaveOptions& options);

namespace detail {

// Files are 2 GiB at most to Orbax, and chunks with them, where it cuts arrays at all.
inline constexpr std::uint64_t orbax_file_bytes = std::uint64_t{1} << 31;
// Arrays below that are never worth a codec, unless the user wants one.
inline constexpr std::size_t smallest_probed = std::size_t{1} << 20;

template <OnUse = OnUse()>
inline std::string key_path(const Params& params, const Param& param) {
  std::string path;
  for (const MetadataKey& key : params.path(param)) {
    if (!path.empty()) path += '/';
    path += key.key;
  }
  return path;
}

template <OnUse = OnUse()>
inline bool is_to_be_compressed(const zarr::ArrayMetadata& layout, const ArrayView& array, const Compression& compression) {
  if (compression.kind() == Compression::Kind::none || array.size() == 0) return false;
  if (compression.kind() == Compression::Kind::zstd) return true;
  if (!array.data) return false;  // shards: the processes that hold them would have to agree on what their samples say
  const zarr::ChunkElements all(layout.codecs.transpose.empty() ? array : zarr::reversed_axes(array), layout.dtype);
  if (all.nbytes() < smallest_probed) return false;
  std::unique_ptr<std::byte[]> copied;
  return zstd_pays(all.nbytes(), [&](std::size_t offset, std::size_t size) -> std::span<const std::byte> {
    if (all.is_direct()) return all.direct().subspan(offset, size);
    if (!copied) copied = std::make_unique_for_overwrite<std::byte[]>(size);
    const std::size_t count = size / all.item_size();
    all.read(offset / all.item_size(), count, copied.get());
    return {copied.get(), count * all.item_size()};
  });
}

}  // namespace detail

template <OnUse>
inline std::vector<DType> stored_dtypes(const Params& params, const CastRules& cast) {
  std::vector<DType> dtypes;
  if (cast.empty()) return dtypes;
  std::vector<bool> used(cast.rules().size());
  dtypes.reserve(params.list.size());
  for (const Param& param : params.list) {
    DType& dtype = dtypes.emplace_back(is_array(param) ? param.leaf->array.dtype : DType::none);
    if (!is_array(param) || param.leaf->kind == LeafKind::prng_key) continue;
    const bool is_array_leaf = param.leaf->kind == LeafKind::array || param.leaf->kind == LeafKind::sharded;
    if (cast.all() != DType::none && is_array_leaf && info(dtype).kind == info(cast.all()).kind) dtype = cast.all();
    if (used.empty()) continue;
    const std::string path = detail::key_path(params, param);
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (!cast.rules()[i].pattern.matches(path)) continue;
      dtype = cast.rules()[i].dtype;
      used[i] = true;
    }
  }
  if (const auto idle = std::find(used.begin(), used.end(), false); idle != used.end())
    throw ArgumentError("the pattern \"" + cast.rules()[static_cast<std::size_t>(idle - used.begin())].pattern.text() +
                        "\" of cast matches no array or number of this state; patterns match all of a key path, such as \"" +
                        (params.list.empty() ? "" : detail::key_path(params, params.list.front())) + "\"");
  return dtypes;
}

template <OnUse>
inline zarr::ArrayMetadata layout_of(const Param& param, DType stored, const SaveOptions& options) {
  const ArrayView& array = param.leaf->array;
  if (!zarr::zarr2_dtype(stored))
    throw ArgumentError(
        "zarr as TensorStore reads it has no dtype " + std::string(name(stored)) + ": convert the array, or use a legacy Flax file",
        {param.name});
  if (array.rank() > zarr::max_rank)
    throw ArgumentError("zarr arrays have at most 32 dimensions, this one has " + std::to_string(array.rank()), {param.name});
  zarr::ArrayMetadata layout;
  layout.shape = array.shape;
  layout.dtype = stored;
  if (array.rank() > 1 && !array.is_c_contiguous() && array.is_f_contiguous()) layout.codecs.transpose = zarr::f_order(array.rank());
  if (options.use_zarr3) layout.keys = zarr::KeyEncoding::v3();
  const Shape& written = param.leaf->parts ? param.leaf->parts->write_shape : array.shape;  // by one device
  layout.chunks = written;
  for (Dim& extent : layout.chunks) extent = std::max<Dim>(extent, 1);
  if (!options.chunk_byte_size) return layout;
  const std::size_t item = item_size(stored);
  if (*options.chunk_byte_size < item)
    throw ArgumentError("chunk_byte_size is " + std::to_string(*options.chunk_byte_size) + ", but an element of this array takes " +
                            std::to_string(item) + " bytes; give at least that",
                        {param.name});
  const auto target = zarr::target_chunk_bytes(*checked_bytes(written, item), options.chunk_byte_size,
                                               options.use_ocdbt ? std::optional(detail::orbax_file_bytes) : std::nullopt);
  layout.chunks = zarr::choose_chunk_shape(array.shape, written, item, target);
  return layout;
}

template <OnUse>
inline void choose_codecs(zarr::ArrayMetadata& layout, const ArrayView& array, const SaveOptions& options) {
  if (detail::is_to_be_compressed(layout, array, options.compression))
    layout.codecs.bytes = {{.codec = zarr::Codec::zstd, .level = options.compression.level(), .checksum = options.checksums}};
  else if (options.use_zarr3 && options.checksums)
    layout.codecs.bytes = {{.codec = zarr::Codec::crc32c}};
}

}  // namespace orrery::inline v0::orbax
