// What decoding needs to know of a stored array, whichever version of zarr said it: plain data that .zarray (metadata.hpp) and zarr.json
// (metadata_v3.hpp) are parsed into and written from. Nothing here decodes (byte_codecs.hpp, array.hpp).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/dtype.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/formats/zarr/chunk_grid.hpp"
#include "orrery/formats/zarr/fill_value.hpp"

namespace orrery::inline v0::zarr {

inline constexpr std::size_t max_rank = 32;

// Bytes to bytes.
enum class Codec : std::uint8_t { zstd, gzip, zlib, blosc, bz2, crc32c };

// As the metadata spell it.
constexpr std::string_view name(Codec codec) noexcept {
  constexpr std::string_view names[] = {"zstd", "gzip", "zlib", "blosc", "bz2", "crc32c"};
  return names[static_cast<std::size_t>(codec)];
}

// One of them as it is applied. What only encoders need is kept for zstd alone, which is what Orbax has written.
struct ByteCodec {
  Codec codec = Codec::zstd;
  int level = 0;
  bool checksum = false;  // of zstd's content
  bool compresses() const noexcept { return codec != Codec::crc32c; }
  friend bool operator==(const ByteCodec&, const ByteCodec&) = default;
};

struct Sharding;

// How elements become the bytes of a stored chunk: axes are permuted, the elements laid out in C order (or as shards), the bytes coded.
struct CodecChain {
  Shape transpose{};  // encoded axis i is axis transpose[i] of the chunk; empty: as they are. Reversed: zarr v2's order F
  bool big_endian = false;
  std::vector<Sharding> sharding;  // none or one: then the chunk is a shard, and `bytes` is empty (a {} would want Sharding complete)
  std::vector<ByteCodec> bytes{};  // in the order of encoding

  template <OnUse = OnUse()>
  bool is_sharded() const noexcept {
    return !sharding.empty();
  }
  template <OnUse = OnUse()>
  bool is_compressed() const noexcept {
    return std::any_of(bytes.begin(), bytes.end(), [](const ByteCodec& c) { return c.compresses(); });
  }
  friend bool operator==(const CodecChain&, const CodecChain&) = default;
};

// sharding_indexed (spec/zarr.md 4.4): sub-chunks of a chunk, each coded by itself, and an index of where they are.
struct Sharding {
  Shape chunks{};       // of a sub-chunk, axes as encoded; divides the shard
  CodecChain codecs{};  // of a sub-chunk
  bool index_at_start = false;
  bool index_big_endian = false;
  std::size_t index_checksums = 1;  // crc32c codecs of the index: 4 bytes each
  friend bool operator==(const Sharding&, const Sharding&) = default;
};

struct ArrayMetadata {
  Shape shape{};
  Shape chunks{};  // every extent at least 1, also where the array's is 0
  DType dtype = DType::none;
  KeyEncoding keys{};
  CodecChain codecs{};
  std::optional<FillValue> fill{};  // nothing: zero, and v2 is told so

  template <OnUse = OnUse()>
  std::size_t chunk_elements() const {
    return static_cast<std::size_t>(checked_count(chunks).value());
  }
  template <OnUse = OnUse()>
  std::size_t chunk_bytes() const {
    return chunk_elements() * item_size(dtype);
  }
};

// The permutation that reverses the axes: column-major elements.
template <OnUse = OnUse()>
inline Shape f_order(std::size_t rank) {
  Shape order = Shape::zeros(rank);
  for (std::size_t i = 0; i < rank; ++i) order[i] = static_cast<Dim>(rank - 1 - i);
  return order;
}

template <OnUse = OnUse()>
inline bool is_identity(const Shape& order) {
  for (std::size_t i = 0; i < order.size(); ++i)
    if (order[i] != static_cast<Dim>(i)) return false;
  return true;
}

// Extents, strides or an index of the chunk, as its encoded axes have them.
template <OnUse = OnUse()>
inline Shape permuted(const Shape& dims, const Shape& transpose) {
  if (transpose.empty()) return dims;
  Shape out = Shape::zeros(dims.size());
  for (std::size_t i = 0; i < dims.size(); ++i) out[i] = dims[static_cast<std::size_t>(transpose[i])];
  return out;
}

// The chain with which Orbax stores zarr v3: each chunk a shard of one sub-chunk, coded by `codecs`.
template <OnUse = OnUse()>
inline CodecChain one_chunk_shards(const Shape& chunks, CodecChain codecs) {
  Sharding sharding;
  sharding.chunks = chunks;
  sharding.codecs = std::move(codecs);
  CodecChain chain;
  chain.sharding.push_back(std::move(sharding));
  return chain;
}

}  // namespace orrery::inline v0::zarr
