// Whether what a store has of an array can be that array, asked before anybody makes room for it on the word of its metadata.
// Rules: spec/zarr.md 8, 11.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "orrery/core/error.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/formats/zarr/array.hpp"

namespace orrery::inline v0::zarr {

// Counts over several arrays, so that a thousand arrays without chunks cost no more to look through than one.
class StoredChunks {
 public:
  // size_of(key) gives the stored bytes of a chunk, nothing where it is missing; `prefix` stands before the key in messages. DataLossError
  // where a chunk is missing that must not be, or has a size that no chunk of this array has, or where almost nothing is stored of very
  // much.
  template <class SizeOf>
  void check(const ArrayMetadata& array, MissingChunk missing, const std::string& prefix, const Where& where, SizeOf&& size_of);

 private:
  static constexpr std::size_t most_missing = std::size_t{1} << 17;  // looking for them takes time that nobody paid for
  static constexpr std::uint64_t believed = std::uint64_t{1} << 26;  // bytes that are taken for fill values without a question
  static constexpr std::uint64_t best_ratio = 32768;                 // of zstd: 4 bytes for a block of 128 KiB; of others, as they are

  std::size_t missing_ = 0;
};

template <class SizeOf>
void StoredChunks::check(const ArrayMetadata& array, MissingChunk missing, const std::string& prefix, const Where& where,
                         SizeOf&& size_of) {
  const auto what = [&] { return "the array " + to_string(array.shape) + " in chunks of " + to_string(array.chunks); };
  const Shape grid = grid_extents(array);
  const auto chunks = checked_count(grid);
  std::uint64_t stored = 0, decoded = 0;
  if (!chunks) throw DataLossError(what() + " has more of them than 63 bits count", where);
  Shape index = Shape::zeros(grid.size());
  for (Dim i = 0; i < *chunks; ++i, next_index(index, grid)) {
    const std::string key = chunk_key(index, array.keys);
    const std::optional<std::uint64_t> size = size_of(key);
    if (!size) {
      if (missing == MissingChunk::error) throw DataLossError("the chunk " + prefix + key + " is missing", where);
      if (++missing_ > most_missing) throw DataLossError(what() + " has almost none of them", where);
      continue;
    }
    if (!is_plausible(array, *size))
      throw DataLossError("the chunk " + prefix + key + " has " + std::to_string(*size) + " bytes, which cannot hold " +
                              std::to_string(array.chunk_bytes()),
                          where);
    stored += *size;
    if (array.codecs.is_compressed()) decoded += std::min(most_decoded(array.codecs.bytes, *size), array.chunk_bytes()) / best_ratio;
  }
  // Shards may lack sub-chunks, which shows only when they are read.
  if ((missing == MissingChunk::fill || array.codecs.is_sharded()) &&
      *checked_bytes(array.shape, item_size(array.dtype)) / best_ratio > std::max(stored, decoded) + believed / best_ratio)
    throw DataLossError(what() + " has almost nothing of them: it is not believed to be fill values", where);
}

}  // namespace orrery::inline v0::zarr
