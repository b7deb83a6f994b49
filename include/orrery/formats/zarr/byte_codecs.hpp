// From the stored bytes of a chunk to those of its elements: the bytes-to-bytes part of a codec chain, backwards. Without state, so that
// chunks can be decoded on any number of threads. What the elements mean is array.hpp's business.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "orrery/core/byte_io.hpp"
#include "orrery/core/crc32c.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/memory.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/codec/blosc.hpp"
#include "orrery/formats/codec/bz2.hpp"
#include "orrery/formats/codec/gzip.hpp"
#include "orrery/formats/codec/zstd.hpp"
#include "orrery/formats/zarr/array_metadata.hpp"

namespace orrery::inline v0::zarr {

inline constexpr std::size_t crc32c_size = 4;

// How much that many stored bytes of a chain that compresses can decode to, compressor by compressor: a zstd block of 128 KiB takes 4 bytes
// at least, one of bz2 20 bytes and holds 51 times 900 kB of one value; others are not believed more than zstd.
inline std::uint64_t most_decoded(const std::vector<ByteCodec>& codecs, std::uint64_t stored);

// Whether that many stored bytes can hold `elements` bytes. Ask before making room. A shard must hold its index; its sub-chunks are asked
// for one by one.
template <OnUse = OnUse()>
inline bool is_plausible(const CodecChain& chain, const Shape& chunk, std::uint64_t elements, std::uint64_t stored);

// The elements where they lie in `stored`, checksums verified and taken off: of a chain that does not compress. DataLossError where
// they are not `size` bytes or a checksum differs.
template <OnUse = OnUse()>
inline std::string_view plain_elements(const std::vector<ByteCodec>& codecs, std::string_view stored, std::size_t size, const Where& where);

// ... of any chain, into `size` bytes at out. FormatError or DataLossError. Where one compressor comes upon another, what lies between them
// is allocated as it really comes out, and no more than compressors make of `size` bytes; else `size` and a little at most.
template <OnUse = OnUse()>
inline void decode_bytes(const std::vector<ByteCodec>& codecs, std::string_view stored, void* out, std::size_t size, const Where& where);

// Bytes of the index of a shard of those extents (as encoded).
template <OnUse = OnUse()>
inline std::uint64_t index_bytes(const Sharding& sharding, const Shape& shard) {
  return 16 * static_cast<std::uint64_t>(chunk_count(shard, sharding.chunks).value()) + crc32c_size * sharding.index_checksums;
}

namespace detail {

[[noreturn]] inline void throw_chunk_size(std::uint64_t expected, std::uint64_t found, const Where& where) {
  throw DataLossError("expected a chunk of " + std::to_string(expected) + " bytes, found " + std::to_string(found), where);
}
[[noreturn]] inline void throw_chunk_checksum(std::uint32_t expected, std::uint32_t found, const Where& where) {
  char text[112];
  std::snprintf(text, sizeof text, "damaged data: the CRC-32C of these bytes should be 0x%08x and is 0x%08x; restore an older step",
                static_cast<unsigned>(expected), static_cast<unsigned>(found));
  throw DataLossError(text, where);
}

// A value that ends in its checksum, without it.
template <OnUse = OnUse()>
inline std::string_view verified(std::string_view stored, const Where& where) {
  if (stored.size() < crc32c_size) throw DataLossError("expected a checksum of 4 bytes, found " + std::to_string(stored.size()), where);
  const std::string_view content = stored.substr(0, stored.size() - crc32c_size);
  const std::uint32_t expected = load_le<std::uint32_t>(stored.data() + content.size()), found = crc32c(content.data(), content.size());
  if (found != expected) throw_chunk_checksum(expected, found, where);
  return content;
}

template <OnUse = OnUse()>
inline void decompress(Codec codec, std::string_view stored, void* out, std::size_t size, const Where& where) {
  switch (codec) {
    case Codec::zstd: return zstd_decompress(stored, out, size, where);
    case Codec::gzip: return gzip_decompress(stored, out, size, where);
    case Codec::zlib: return zlib_decompress(stored, out, size, where);
    case Codec::blosc: return blosc_decompress(stored, out, size, where);
    case Codec::bz2: return bz2_decompress(stored, out, size, where);
    case Codec::crc32c: break;
  }
  throw ArgumentError("'" + std::string(name(codec)) + "' does not compress");
}

template <OnUse = OnUse()>
inline std::string decompress_unknown(Codec codec, std::string_view stored, std::size_t cap, const Where& where) {
  switch (codec) {
    case Codec::zstd: return zstd_decompress_unknown(stored, cap, where);
    case Codec::gzip: return gzip_decompress_unknown(stored, cap, where);
    case Codec::zlib: return zlib_decompress_unknown(stored, cap, where);
    case Codec::blosc: return blosc_decompress_unknown(stored, cap, where);
    case Codec::bz2: return bz2_decompress_unknown(stored, cap, where);
    case Codec::crc32c: break;
  }
  throw ArgumentError("'" + std::string(name(codec)) + "' does not compress");
}

// What compressors and checksums, however many, are believed to make of that many bytes.
constexpr std::size_t most_compressed(std::size_t size) noexcept {
  constexpr std::size_t more = std::size_t{64} << 10;
  return size < std::numeric_limits<std::size_t>::max() / 4 ? 2 * size + more : size;
}

// The `size` elements in front of that many checksums, which are verified.
template <OnUse = OnUse()>
inline std::string_view without_checksums(std::size_t checksums, std::string_view stored, std::size_t size, const Where& where) {
  if (stored.size() != size + crc32c_size * checksums) throw_chunk_size(size + crc32c_size * checksums, stored.size(), where);
  for (; checksums > 0; --checksums) stored = verified(stored, where);
  return stored;
}

template <OnUse = OnUse()>
inline std::size_t count_compressors(const std::vector<ByteCodec>& codecs) noexcept {
  return static_cast<std::size_t>(std::count_if(codecs.begin(), codecs.end(), [](const ByteCodec& each) { return each.compresses(); }));
}

}  // namespace detail

inline std::uint64_t most_decoded(const std::vector<ByteCodec>& codecs, std::uint64_t stored) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max() / 2;
  for (std::size_t i = codecs.size(); i > 0; --i) {
    if (!codecs[i - 1].compresses()) continue;
    const bool bz2 = codecs[i - 1].codec == Codec::bz2;
    const std::uint64_t blocks = stored / (bz2 ? 20 : 4) + 1, block = bz2 ? 51 * 900000 : 131072;
    stored = blocks > most / block ? most : blocks * block;
  }
  return stored;
}

template <OnUse>
inline bool is_plausible(const CodecChain& chain, const Shape& chunk, std::uint64_t elements, std::uint64_t stored) {
  if (chain.is_sharded()) return stored >= index_bytes(chain.sharding[0], permuted(chunk, chain.transpose));
  if (chain.is_compressed()) return elements <= most_decoded(chain.bytes, stored);
  return stored >= crc32c_size * chain.bytes.size() && stored - crc32c_size * chain.bytes.size() == elements;
}

template <OnUse>
inline std::string_view plain_elements(const std::vector<ByteCodec>& codecs, std::string_view stored, std::size_t size,
                                       const Where& where) {
  return detail::without_checksums(codecs.size(), stored, size, where);
}

template <OnUse>
inline void decode_bytes(const std::vector<ByteCodec>& codecs, std::string_view stored, void* out, std::size_t size, const Where& where) {
  if (codecs.size() == 1 && codecs[0].codec == Codec::crc32c) {  // the checksum is taken while the elements are copied
    if (stored.size() != size + crc32c_size) detail::throw_chunk_size(size + crc32c_size, stored.size(), where);
    const std::uint32_t expected = load_le<std::uint32_t>(stored.data() + size), found = copy_crc32c(out, stored.data(), size);
    if (found != expected) detail::throw_chunk_checksum(expected, found, where);
    return;
  }
  std::size_t i = codecs.size();
  std::string between;
  for (std::size_t compressors = detail::count_compressors(codecs); compressors > 1; --i) {
    if (codecs[i - 1].compresses()) {
      between = detail::decompress_unknown(codecs[i - 1].codec, stored, detail::most_compressed(size), where);
      stored = between;
      --compressors;
    } else {
      stored = detail::verified(stored, where);
    }
  }
  for (; i > 0 && !codecs[i - 1].compresses(); --i) stored = detail::verified(stored, where);
  if (i == 0) return static_cast<void>(std::memcpy(out, detail::without_checksums(0, stored, size, where).data(), size));
  const ByteCodec& compressor = codecs[--i];
  if (i == 0) return detail::decompress(compressor.codec, stored, out, size, where);
  const Memory content = Memory::uninitialized(size + crc32c_size * i);  // with the checksums that were compressed along
  detail::decompress(compressor.codec, stored, content.data(), content.size(), where);
  const std::string_view bytes(reinterpret_cast<const char*>(content.data()), content.size());
  std::memcpy(out, detail::without_checksums(i, bytes, size, where).data(), size);
}

}  // namespace orrery::inline v0::zarr
