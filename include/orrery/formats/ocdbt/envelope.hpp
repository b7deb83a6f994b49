// The envelope that manifests, version tree nodes and B+tree nodes share (section 4): magic, length, format version, compression, body,
// CRC-32C. What the body says is for decode.hpp and encode.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "orrery/core/byte_io.hpp"
#include "orrery/core/crc32c.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/codec/zstd.hpp"

namespace orrery::inline v0::ocdbt {

// Where a blob comes from, for errors and limits.
struct BlobContext {
  std::string file{};
  std::uint64_t offset = 0;                              // of the blob in the file
  std::string transitive_path{};                         // section 6: put before the base of every file in the blob's table
  std::size_t max_decoded_bytes = std::size_t{1} << 30;  // of a body, and of its keys and paths once written out

  Where where() const { return {{}, file, offset}; }
};

// A blob whose envelope is in order. The views point into the blob itself or into what it decompressed to, both owned by it.
struct OpenedBlob {
  std::string blob{};
  std::string decompressed{};
  std::size_t body_offset = 0;
  bool is_compressed = false;
  std::string place{};  // what errors in the body call the file

  template <OnUse = OnUse()>
  std::string_view body() const noexcept {
    return is_compressed ? std::string_view(decompressed) : std::string_view(blob).substr(body_offset, blob.size() - 4 - body_offset);
  }
  // Offsets of errors are those of the file; in a compressed body, those of the decompressed bytes.
  template <OnUse = OnUse()>
  ByteReader reader(const BlobContext& context) const {
    return ByteReader(body(), place, is_compressed ? 0 : context.offset + body_offset);
  }
};

// Checks size, magic, length, CRC, version and compression in that order, then decompresses. DataLossError for a wrong CRC,
// FormatError for the rest. Costs one pass over the bytes.
template <OnUse = OnUse()>
inline OpenedBlob open_envelope(std::string blob, std::uint32_t magic, const BlobContext& context);

// The blob around a body, as one zstd frame where a level is given.
template <OnUse = OnUse()>
inline std::string seal_envelope(std::uint32_t magic, std::string_view body, std::optional<int> zstd_level);

namespace detail {

[[noreturn]] inline void throw_blob(const std::string& message, const BlobContext& context, std::uint64_t at = 0) {
  throw FormatError(message, {{}, context.file, context.offset + at});
}

inline std::string_view blob_name(std::uint32_t magic) noexcept {
  return magic == 0x0CDB3A2A ? "an OCDBT manifest" : magic == 0x0CDB1234 ? "an OCDBT version tree node" : "an OCDBT B+tree node";
}

}  // namespace detail

template <OnUse>
inline OpenedBlob open_envelope(std::string bytes, std::uint32_t magic, const BlobContext& context) {
  OpenedBlob opened{.blob = std::move(bytes)};
  const std::string& blob = opened.blob;
  const std::string name(detail::blob_name(magic));
  if (blob.size() < 18) detail::throw_blob(name + " takes at least 18 bytes, found " + std::to_string(blob.size()), context);
  ByteReader reader(std::string_view(blob).substr(0, blob.size() - 4), context.file, context.offset);
  if (reader.u32be() != magic) detail::throw_blob("expected the magic number of " + name + ", found other bytes", context);
  if (const std::uint64_t length = reader.u64le(); length != blob.size())
    detail::throw_blob(name + " says that it has " + std::to_string(length) + " bytes, but there are " + std::to_string(blob.size()),
                       context, 4);
  ByteReader tail(std::string_view(blob).substr(blob.size() - 4), context.file, context.offset + blob.size() - 4);
  if (tail.u32le() != crc32c(blob.data(), blob.size() - 4))
    throw DataLossError("the CRC-32C of " + name + " differs from the stored one; its bytes have changed", context.where());
  if (const std::uint32_t version = reader.v32(); version != 0)
    detail::throw_blob(name + " of format version 0 is expected, found version " + std::to_string(version), context, 12);
  const std::uint32_t compression = reader.v32();
  opened.body_offset = reader.position();
  opened.place = context.file;
  if (compression == 1) {
    opened.is_compressed = true;
    opened.place += " (decompressed body of the blob at offset " + std::to_string(context.offset) + ")";
    const std::string_view frame = std::string_view(blob).substr(opened.body_offset, reader.remaining());
    const Where where{{}, context.file, context.offset + opened.body_offset};
    opened.decompressed = zstd_decompress_unknown(frame, context.max_decoded_bytes, where);
  } else if (compression != 0) {
    detail::throw_blob(name + " is compressed by method " + std::to_string(compression) + "; only 0 (none) and 1 (zstd) are known", context,
                       13);
  }
  return opened;
}

template <OnUse>
inline std::string seal_envelope(std::uint32_t magic, std::string_view body, std::optional<int> zstd_level) {
  const std::string frame = zstd_level ? zstd_compress(body, *zstd_level) : std::string();
  const std::string_view content = zstd_level ? std::string_view(frame) : body;
  std::string blob;
  blob.reserve(content.size() + 18);
  ByteWriter writer(blob);
  writer.u32be(magic);
  writer.u64le(content.size() + 18);
  writer.u8(0);
  writer.u8(zstd_level ? 1 : 0);
  writer.text(content);
  writer.u32le(crc32c(blob.data(), blob.size()));
  return blob;
}

}  // namespace orrery::inline v0::ocdbt
