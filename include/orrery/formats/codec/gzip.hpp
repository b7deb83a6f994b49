// gzip members (RFC 1952) and zlib streams (RFC 1950) through zlib, decoding alone: Orbax before 0.2.0 stored its chunks so, TensorStore
// still can. A zarr chunk is one member and nothing after it. Memory is the caller's, of the size that the chunk must have.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/codec/decoded_bytes.hpp"

namespace orrery::inline v0 {

// Decodes a member that must fill the size bytes at out exactly. FormatError if it does not, is no such member or is followed by
// something; DataLossError if its own checksum differs. Both name `where`; out is then unspecified.
template <OnUse = OnUse()>
inline void gzip_decompress(std::string_view member, void* out, std::size_t size, const Where& where = {});
template <OnUse = OnUse()>
inline void zlib_decompress(std::string_view stream, void* out, std::size_t size, const Where& where = {});

// ... of unknown size; FormatError as soon as it passes cap bytes.
template <OnUse = OnUse()>
inline std::string gzip_decompress_unknown(std::string_view member, std::size_t cap, const Where& where = {});
template <OnUse = OnUse()>
inline std::string zlib_decompress_unknown(std::string_view stream, std::size_t cap, const Where& where = {});

namespace detail {

struct InflateEnd {
  void operator()(::z_stream* stream) const noexcept {
    ::inflateEnd(stream);
    delete stream;
  }
};

// One state per thread, since it takes 40 KiB. window_bits says which of the two formats comes next.
template <OnUse = OnUse()>
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

template <OnUse = OnUse()>
[[noreturn]] inline void throw_inflate(const char* format, int code, const char* message, const Where& where) {
  if (code == Z_MEM_ERROR) throw std::bad_alloc();
  const std::string says = message ? message : code == Z_NEED_DICT ? "it needs a dictionary" : "it ends early";
  if (says == "incorrect data check" || says == "incorrect length check")
    throw DataLossError(std::string("the checksum of a ") + format + " stream differs; its bytes have changed", where);
  throw FormatError(std::string("expected exactly one ") + format + " stream, found one that zlib refuses: " + says, where);
}

template <class Output>
void inflate_to(const char* format, int window_bits, std::string_view in, Output& out, const Where& where) {
  constexpr std::size_t most = std::numeric_limits<::uInt>::max();  // zlib counts in 32 bits
  ::z_stream& stream = inflater(window_bits);
  std::size_t taken = 0;
  for (int code = Z_OK; code != Z_STREAM_END;) {
    if (out.free().empty()) out.grow();
    const std::span<char> room = out.free();
    const std::size_t offered = std::min(in.size() - taken, most), free = std::min(room.size(), most);
    char beyond = 0;  // when there is no room, what is left of the stream must be its end alone
    stream.next_in = const_cast<::Bytef*>(reinterpret_cast<const ::Bytef*>(in.data() + taken));
    stream.avail_in = static_cast<::uInt>(offered);
    stream.next_out = reinterpret_cast<::Bytef*>(free > 0 ? room.data() : &beyond);
    stream.avail_out = free > 0 ? static_cast<::uInt>(free) : 1;
    code = ::inflate(&stream, Z_NO_FLUSH);
    taken += offered - stream.avail_in;
    if (free == 0 && stream.avail_out == 0)
      throw FormatError(std::string("expected a ") + format + " stream " + out.limit() + ", found more", where);
    if (free > 0) out.fill(free - stream.avail_out);
    if (code != Z_OK && code != Z_STREAM_END) throw_inflate(format, code, stream.msg, where);
  }
  if (taken != in.size())
    throw FormatError(
        std::string("expected exactly one ") + format + " stream, found " + std::to_string(in.size() - taken) + " bytes after it", where);
}

template <OnUse = OnUse()>
inline void inflate_exactly(const char* format, int window_bits, std::string_view in, void* out, std::size_t size, const Where& where) {
  FixedBytes bytes(out, size);
  inflate_to(format, window_bits, in, bytes, where);
  if (bytes.filled() != size)
    throw FormatError(std::string("expected a ") + format + " stream " + bytes.limit() + ", found " + std::to_string(bytes.filled()),
                      where);
}

template <OnUse = OnUse()>
inline std::string inflate_unknown(const char* format, int window_bits, std::string_view in, std::size_t cap, const Where& where) {
  GrowingBytes bytes(cap);
  inflate_to(format, window_bits, in, bytes, where);
  return std::move(bytes).take();
}

}  // namespace detail

template <OnUse>
inline void gzip_decompress(std::string_view member, void* out, std::size_t size, const Where& where) {
  detail::inflate_exactly("gzip", 16 + MAX_WBITS, member, out, size, where);
}
template <OnUse>
inline void zlib_decompress(std::string_view stream, void* out, std::size_t size, const Where& where) {
  detail::inflate_exactly("zlib", MAX_WBITS, stream, out, size, where);
}

template <OnUse>
inline std::string gzip_decompress_unknown(std::string_view member, std::size_t cap, const Where& where) {
  return detail::inflate_unknown("gzip", 16 + MAX_WBITS, member, cap, where);
}
template <OnUse>
inline std::string zlib_decompress_unknown(std::string_view stream, std::size_t cap, const Where& where) {
  return detail::inflate_unknown("zlib", MAX_WBITS, stream, cap, where);
}

}  // namespace orrery::inline v0
