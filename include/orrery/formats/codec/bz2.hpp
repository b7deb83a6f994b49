// bzip2 streams through libbz2, decoding alone: numcodecs wrote zarr v2 chunks so, TensorStore still can. A chunk is one stream and nothing
// after it. Memory is the caller's, of the size that the chunk must have; the library takes at most 4 MB beside it.
#pragma once

#include <bzlib.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/codec/decoded_bytes.hpp"

namespace orrery::inline v0 {

// Decodes a stream that must fill the size bytes at out exactly. FormatError if it does not, is no such stream or is followed by something;
// DataLossError if a checksum in it differs, or what it protects makes no sense. Both name `where`; out is then unspecified.
template <OnUse = OnUse()>
inline void bz2_decompress(std::string_view stream, void* out, std::size_t size, const Where& where = {});

// Decodes a stream of unknown size; FormatError as soon as it passes cap bytes.
template <OnUse = OnUse()>
inline std::string bz2_decompress_unknown(std::string_view stream, std::size_t cap, const Where& where = {});

namespace detail {

class Bz2Decoder {
 public:
  Bz2Decoder() {
    if (::BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK) throw std::bad_alloc();
  }
  Bz2Decoder(const Bz2Decoder&) = delete;
  Bz2Decoder& operator=(const Bz2Decoder&) = delete;
  ~Bz2Decoder() { ::BZ2_bzDecompressEnd(&stream); }

  ::bz_stream stream{};
};

[[noreturn]] inline void throw_bz2(int code, const Where& where) {
  if (code == BZ_MEM_ERROR) throw std::bad_alloc();
  if (code == BZ_DATA_ERROR) throw DataLossError("a checksum or a code of a bz2 stream is wrong; its bytes have changed", where);
  const std::string says = code == BZ_DATA_ERROR_MAGIC ? "it does not begin like one"
                           : code == BZ_OK             ? "it ends early"
                                                       : "code " + std::to_string(code);
  throw FormatError("expected exactly one bz2 stream, found one that libbz2 refuses: " + says, where);
}

template <class Output>
void bz2_decode(std::string_view in, Output& out, const Where& where) {
  constexpr std::size_t most = std::numeric_limits<unsigned>::max();  // libbz2 counts in 32 bits
  Bz2Decoder decoder;
  ::bz_stream& stream = decoder.stream;
  std::size_t taken = 0;
  for (int code = BZ_OK; code != BZ_STREAM_END;) {
    if (out.free().empty()) out.grow();
    const std::span<char> room = out.free();
    const std::size_t offered = std::min(in.size() - taken, most), free = std::min(room.size(), most);
    char beyond = 0;  // when there is no room, what is left of the stream must be its end alone
    stream.next_in = const_cast<char*>(in.data() + taken);
    stream.avail_in = static_cast<unsigned>(offered);
    stream.next_out = free > 0 ? room.data() : &beyond;
    stream.avail_out = free > 0 ? static_cast<unsigned>(free) : 1;
    code = ::BZ2_bzDecompress(&stream);
    const std::size_t used = offered - stream.avail_in, made = (free > 0 ? free : 1) - stream.avail_out;
    taken += used;
    if (free == 0 && made > 0) throw FormatError("expected a bz2 stream " + out.limit() + ", found more", where);
    out.fill(made);
    if (code != BZ_OK && code != BZ_STREAM_END) throw_bz2(code, where);
    if (code == BZ_OK && used == 0 && made == 0) throw_bz2(code, where);
  }
  if (taken != in.size())
    throw FormatError("expected exactly one bz2 stream, found " + std::to_string(in.size() - taken) + " bytes after it", where);
}

}  // namespace detail

template <OnUse>
inline void bz2_decompress(std::string_view stream, void* out, std::size_t size, const Where& where) {
  detail::FixedBytes bytes(out, size);
  detail::bz2_decode(stream, bytes, where);
  if (bytes.filled() != size)
    throw FormatError("expected a bz2 stream " + bytes.limit() + ", found " + std::to_string(bytes.filled()), where);
}

template <OnUse>
inline std::string bz2_decompress_unknown(std::string_view stream, std::size_t cap, const Where& where) {
  detail::GrowingBytes bytes(cap);
  detail::bz2_decode(stream, bytes, where);
  return std::move(bytes).take();
}

}  // namespace orrery::inline v0
