// zstd frames, one at a time, through libzstd. OCDBT blobs and zarr chunks are each exactly one frame: no second frame, no skippable
// frame, no dictionary, no bytes after it. What the frame says of itself is checked, never believed: memory follows what it decodes to.
#pragma once

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"

namespace orrery::inline v0 {

// One frame with its content size, without checksum. Level 0 is the library's default (3); a window is at most 8 MiB, so that any
// decoder takes it. ArgumentError for a level that libzstd does not have.
template <OnUse = OnUse()>
inline std::string zstd_compress(std::string_view bytes, int level = 0);

// ArgumentError for a level that libzstd does not have.
inline void check_zstd_level(int level);

// Decodes a frame that must fill the size bytes at out exactly. FormatError if it does not or is no such frame, DataLossError if its
// content checksum differs; both name `where`. out is then unspecified. Allocates nothing.
template <OnUse = OnUse()>
inline void zstd_decompress(std::string_view frame, void* out, std::size_t size, const Where& where = {});

// Decodes a frame of unknown size; FormatError as soon as it passes cap bytes. Allocates at most twice what the frame really holds.
template <OnUse = OnUse()>
inline std::string zstd_decompress_unknown(std::string_view frame, std::size_t cap, const Where& where = {});

namespace detail {

struct ZstdFree {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

// One context per thread: making one costs more than a small chunk.
template <OnUse = OnUse()>
inline ZSTD_CCtx* zstd_compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, ZstdFree> context(ZSTD_createCCtx());
  if (!context) throw std::bad_alloc();
  return context.get();
}
template <OnUse = OnUse()>
inline ZSTD_DCtx* zstd_decompressor() {
  thread_local const std::unique_ptr<ZSTD_DCtx, ZstdFree> context(ZSTD_createDCtx());
  if (!context) throw std::bad_alloc();
  return context.get();
}

[[noreturn]] inline void throw_zstd_format(const std::string& what, const Where& where) {
  throw FormatError("expected exactly one zstd frame, found " + what, where);
}

[[noreturn]] inline void throw_zstd_code(std::size_t code, const Where& where) {
  switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_checksum_wrong: throw DataLossError("the content checksum of a zstd frame differs; its bytes have changed", where);
    case ZSTD_error_memory_allocation: throw std::bad_alloc();
    default: throw_zstd_format(std::string("one that libzstd refuses: ") + ZSTD_getErrorName(code), where);
  }
}

[[noreturn]] inline void throw_zstd_size(std::size_t expected, const std::string& found, const Where& where) {
  throw FormatError("expected a zstd frame of " + std::to_string(expected) + " decoded bytes, found " + found, where);
}

// Walks the block headers, which is cheap; afterwards ZSTD_decompressDCtx cannot meet a second frame.
inline void check_zstd_frame(std::string_view frame, const Where& where) {
  static constexpr unsigned char magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
  if (frame.size() < sizeof magic || std::memcmp(frame.data(), magic, sizeof magic) != 0)
    throw_zstd_format("bytes without its magic number", where);
  const std::size_t length = ZSTD_findFrameCompressedSize(frame.data(), frame.size());
  if (ZSTD_isError(length)) throw_zstd_code(length, where);
  if (length != frame.size()) throw_zstd_format(std::to_string(frame.size() - length) + " bytes after it", where);
  if (ZSTD_getDictID_fromFrame(frame.data(), frame.size()) != 0) throw_zstd_format("one that needs a dictionary", where);
}

inline bool zstd_buffer_too_small(std::size_t code) { return ZSTD_isError(code) && ZSTD_getErrorCode(code) == ZSTD_error_dstSize_tooSmall; }

}  // namespace detail

inline void check_zstd_level(int level) {
  if (level < ZSTD_minCLevel() || level > ZSTD_maxCLevel())
    throw ArgumentError("zstd has levels " + std::to_string(ZSTD_minCLevel()) + " to " + std::to_string(ZSTD_maxCLevel()) + ", not " +
                        std::to_string(level));
}

namespace detail {

// Ready for a new frame, with its content size in it if that is pledged or given at once.
inline void prepare_zstd_frame(ZSTD_CCtx* context, int level, bool checksum) {
  ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum ? 1 : 0);
  if (level >= 20) ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 23);  // these levels would take up to 2^27
}

template <OnUse = OnUse()>
inline std::size_t compressed_size(std::size_t result) {
  if (!ZSTD_isError(result)) return result;
  if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) throw std::bad_alloc();
  throw Error(std::string("zstd compression failed: ") + ZSTD_getErrorName(result));
}

}  // namespace detail

template <OnUse>
inline std::string zstd_compress(std::string_view bytes, int level) {
  check_zstd_level(level);
  ZSTD_CCtx* context = detail::zstd_compressor();
  detail::prepare_zstd_frame(context, level, false);
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  frame.resize(detail::compressed_size(ZSTD_compress2(context, frame.data(), frame.size(), bytes.data(), bytes.size())));
  return frame;
}

template <OnUse>
inline void zstd_decompress(std::string_view frame, void* out, std::size_t size, const Where& where) {
  detail::check_zstd_frame(frame, where);
  const std::size_t length = ZSTD_decompressDCtx(detail::zstd_decompressor(), out, size, frame.data(), frame.size());
  if (detail::zstd_buffer_too_small(length)) detail::throw_zstd_size(size, "more", where);
  if (ZSTD_isError(length)) detail::throw_zstd_code(length, where);
  if (length != size) detail::throw_zstd_size(size, std::to_string(length), where);
}

template <OnUse>
inline std::string zstd_decompress_unknown(std::string_view frame, std::size_t cap, const Where& where) {
  detail::check_zstd_frame(frame, where);
  // One-shot decoding into a buffer that doubles costs at most two decodings and, unlike streaming, no window of the frame's choice.
  const std::size_t plausible = std::min(cap, frame.size() < cap / 8 ? 8 * frame.size() + 1024 : cap);
  const unsigned long long stated = ZSTD_getFrameContentSize(frame.data(), frame.size());
  std::size_t room = std::min(cap, plausible);
  if (stated < room) room = static_cast<std::size_t>(stated);  // the two error codes are huge, hence not below room
  std::string bytes;
  for (;;) {
    bytes.resize(room);
    const std::size_t length = ZSTD_decompressDCtx(detail::zstd_decompressor(), bytes.data(), room, frame.data(), frame.size());
    if (!ZSTD_isError(length)) {
      bytes.resize(length);
      return bytes;
    }
    if (!detail::zstd_buffer_too_small(length)) detail::throw_zstd_code(length, where);
    if (room >= cap) throw FormatError("a zstd frame decodes to more than the allowed " + std::to_string(cap) + " bytes", where);
    room = room < cap / 2 ? std::max<std::size_t>(2 * room, 1024) : cap;
    room = std::min(room, cap);
  }
}

}  // namespace orrery::inline v0
