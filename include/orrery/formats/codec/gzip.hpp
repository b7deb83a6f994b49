// gzip members (RFC 1952) and zlib streams (RFC 1950) through zlib, decoding alone: Orbax before 0.2.0 stored its chunks so, TensorStore
// still can. A zarr chunk is one member and nothing after it. Memory is the caller's, of the size that the chunk must have.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "orrery/core/error.hpp"

namespace orrery::inline v0 {

// Decodes a member that must fill the size bytes at out exactly. FormatError if it does not, is no such member or is followed by
// something; DataLossError if its own checksum differs. Both name `where`; out is then unspecified.
inline void gzip_decompress(std::string_view member, void* out, std::size_t size, const Where& where = {});
inline void zlib_decompress(std::string_view stream, void* out, std::size_t size, const Where& where = {});

namespace detail {

struct InflateEnd {
  void operator()(::z_stream* stream) const noexcept {
    ::inflateEnd(stream);
    delete stream;
  }
};

// One state per thread, since it takes 40 KiB. window_bits says which of the two formats comes next.
inline ::z_stream& inflater(int window_bits) {
  thread_local std::unique_ptr<::z_stream, InflateEnd> state;
  if (!state) {
    auto fresh = std::make_unique<::z_stream>();
    if (::inflateInit2(fresh.get(), window_bits) != Z_OK) throw std::bad_alloc();
    state.reset(fresh.release());
  }
  if (::inflateReset2(state.get(), window_bits) != Z_OK) throw std::bad_alloc();
  return *state;
}

[[noreturn]] inline void throw_inflate(const char* format, int code, const char* message, const Where& where) {
  if (code == Z_MEM_ERROR) throw std::bad_alloc();
  const std::string says = message ? message : code == Z_NEED_DICT ? "it needs a dictionary" : "it ends early";
  if (says == "incorrect data check" || says == "incorrect length check")
    throw DataLossError(std::string("the checksum of a ") + format + " stream differs; its bytes have changed", where);
  throw FormatError(std::string("expected exactly one ") + format + " stream, found one that zlib refuses: " + says, where);
}

inline void inflate_exactly(const char* format, int window_bits, std::string_view in, void* out, std::size_t size, const Where& where) {
  constexpr std::size_t most = std::numeric_limits<::uInt>::max();  // zlib counts in 32 bits
  ::z_stream& stream = inflater(window_bits);
  std::size_t taken = 0, made = 0;
  for (;;) {
    const std::size_t offered = std::min(in.size() - taken, most), room = std::min(size - made, most);
    ::Bytef beyond = 0;
    stream.next_in = const_cast<::Bytef*>(reinterpret_cast<const ::Bytef*>(in.data() + taken));
    stream.avail_in = static_cast<::uInt>(offered);
    // When out is full, what is left of the stream must be its end alone.
    stream.next_out = room > 0 ? static_cast<::Bytef*>(out) + made : &beyond;
    stream.avail_out = room > 0 ? static_cast<::uInt>(room) : 1;
    const int code = ::inflate(&stream, Z_NO_FLUSH);
    taken += offered - stream.avail_in;
    if (room == 0 && stream.avail_out == 0)
      throw FormatError(std::string("expected a ") + format + " stream of " + std::to_string(size) + " decoded bytes, found more", where);
    if (room > 0) made += room - stream.avail_out;
    if (code == Z_STREAM_END) break;
    if (code != Z_OK) throw_inflate(format, code, stream.msg, where);
  }
  if (made != size)
    throw FormatError(
        std::string("expected a ") + format + " stream of " + std::to_string(size) + " decoded bytes, found " + std::to_string(made),
        where);
  if (taken != in.size())
    throw FormatError(
        std::string("expected exactly one ") + format + " stream, found " + std::to_string(in.size() - taken) + " bytes after it", where);
}

}  // namespace detail

inline void gzip_decompress(std::string_view member, void* out, std::size_t size, const Where& where) {
  detail::inflate_exactly("gzip", 16 + MAX_WBITS, member, out, size, where);
}
inline void zlib_decompress(std::string_view stream, void* out, std::size_t size, const Where& where) {
  detail::inflate_exactly("zlib", MAX_WBITS, stream, out, size, where);
}

}  // namespace orrery::inline v0
