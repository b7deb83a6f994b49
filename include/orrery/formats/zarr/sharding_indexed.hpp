// The index of a shard: where its sub-chunks lie in it. Reading it from its bytes alone, so that sub-chunks can be fetched by range, and
// writing the one that Orbax's shards have. Rules: spec/zarr.md 4.4. Decoding sub-chunks is array.hpp's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "orrery/core/byte_io.hpp"
#include "orrery/core/crc32c.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/formats/zarr/array_metadata.hpp"
#include "orrery/formats/zarr/byte_codecs.hpp"

namespace orrery::inline v0::zarr {

struct ByteRange {
  std::uint64_t offset = 0, size = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// Where the index lies in a shard of that many bytes. DataLossError where it does not fit.
template <OnUse = OnUse()>
inline ByteRange index_range(const Sharding& sharding, const Shape& shard, std::uint64_t shard_bytes, const Where& where);

// The entries of an index, which is read where it lies: nothing is allocated for it.
class ShardIndex {
 public:
  // `index`: the bytes of index_range(), which must outlive this. `shard`: its extents, axes as encoded. DataLossError where a checksum of
  // the index differs.
  template <OnUse = OnUse()>
  ShardIndex(const Sharding& sharding, const Shape& shard, std::string_view index, std::uint64_t shard_bytes, const Where& where);

  // The bytes of the sub-chunk at that place of the grid, nothing where it is missing. DataLossError where they are not in the shard.
  template <OnUse = OnUse()>
  std::optional<ByteRange> find(std::span<const Dim> place, const Where& where) const;

 private:
  std::uint64_t number(std::size_t i) const noexcept {
    const char* at = entries_.data() + 8 * i;
    return big_endian_ ? load_be<std::uint64_t>(at) : load_le<std::uint64_t>(at);
  }

  Shape grid_;
  std::string_view entries_;
  std::uint64_t shard_bytes_;
  bool big_endian_;
};

// What stands behind the only sub-chunk of a shard as Orbax has it written (one_chunk_shards()): 20 bytes.
template <OnUse = OnUse()>
inline std::string one_chunk_index(std::uint64_t chunk_bytes) {
  std::string index;
  ByteWriter writer(index);
  writer.u64le(0);
  writer.u64le(chunk_bytes);
  writer.u32le(crc32c(index.data(), index.size()));
  return index;
}

template <OnUse>
inline ByteRange index_range(const Sharding& sharding, const Shape& shard, std::uint64_t shard_bytes, const Where& where) {
  const std::uint64_t size = index_bytes(sharding, shard);
  if (shard_bytes < size)
    throw DataLossError("expected a shard with an index of " + std::to_string(size) + " bytes, found " + std::to_string(shard_bytes),
                        where);
  return {sharding.index_at_start ? 0 : shard_bytes - size, size};
}

template <OnUse>
inline ShardIndex::ShardIndex(const Sharding& sharding, const Shape& shard, std::string_view index, std::uint64_t shard_bytes,
                              const Where& where)
    : grid_(grid_extents(shard, sharding.chunks)), entries_(index), shard_bytes_(shard_bytes), big_endian_(sharding.index_big_endian) {
  if (index.size() != index_bytes(sharding, shard)) detail::throw_chunk_size(index_bytes(sharding, shard), index.size(), where);
  for (std::size_t i = 0; i < sharding.index_checksums; ++i) entries_ = detail::verified(entries_, where);
}

template <OnUse>
inline std::optional<ByteRange> ShardIndex::find(std::span<const Dim> place, const Where& where) const {
  std::size_t k = 0;
  for (std::size_t i = 0; i < place.size(); ++i) k = k * static_cast<std::size_t>(grid_[i]) + static_cast<std::size_t>(place[i]);
  const ByteRange range{number(2 * k), number(2 * k + 1)};
  constexpr std::uint64_t missing = std::numeric_limits<std::uint64_t>::max();
  if (range.offset == missing && range.size == missing) return std::nullopt;
  if (range.offset > shard_bytes_ || range.size > shard_bytes_ - range.offset)
    throw DataLossError("the sub-chunk " + to_string(place) + " is said to be " + std::to_string(range.size) + " bytes at " +
                            std::to_string(range.offset) + " of a shard of " + std::to_string(shard_bytes_),
                        where);
  return range;
}

}  // namespace orrery::inline v0::zarr
