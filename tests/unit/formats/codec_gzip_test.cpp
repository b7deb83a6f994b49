#include "orrery/formats/codec/gzip.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using orrery::DataLossError;
using orrery::Error;
using orrery::FormatError;

constexpr int gzip = 16 + MAX_WBITS, zlib = MAX_WBITS;

std::string text_of(std::size_t size) {
  std::string text;
  for (std::uint32_t i = 0; text.size() < size; ++i) text += std::to_string(i * 2654435761u);
  text.resize(size);
  return text;
}

std::string compressed(int format, std::string_view bytes, int level = 6) {
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, format, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::runtime_error("deflateInit2");
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("deflate");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string decoded(int format, std::string_view stream, std::size_t size) {
  std::string out(size, 'x');
  (format == gzip ? orrery::gzip_decompress<> : orrery::zlib_decompress<>)(stream, out.data(), out.size(), {{}, "chunk", 5});
  return out;
}

}  // namespace

TEST_CASE("what zlib compressed comes back, in both formats, at every level and size") {
  for (const int format : {gzip, zlib})
    for (const std::size_t size : {0u, 1u, 300u, 5000u, 300000u})
      for (const int level : {0, 1, 6, 9}) CHECK(decoded(format, compressed(format, text_of(size), level), size) == text_of(size));
}

TEST_CASE("a stream of another size than expected is refused, in both directions, and so is what stands behind it") {
  for (const int format : {gzip, zlib})
    for (const std::size_t size : {1u, 5000u}) {
      const std::string text = text_of(size), stream = compressed(format, text);
      CHECK_THROWS_WITH_AS(decoded(format, stream, size - 1), doctest::Contains("found more"), FormatError);
      CHECK_THROWS_WITH_AS(decoded(format, stream, size + 1), doctest::Contains("[file chunk, offset 5]"), FormatError);
      CHECK_THROWS_WITH_AS(decoded(format, stream + "x", size), doctest::Contains("1 bytes after it"), FormatError);
      CHECK_THROWS_AS(decoded(format, stream + stream, size), FormatError);
    }
}

TEST_CASE("a stream that ends early, anywhere, is refused") {
  for (const int format : {gzip, zlib}) {
    const std::string stream = compressed(format, text_of(300));
    for (std::size_t size = 0; size < stream.size(); ++size) CHECK_THROWS_AS(decoded(format, stream.substr(0, size), 300), FormatError);
  }
}

TEST_CASE("a checksum of the stream itself that differs is data loss") {
  for (const int format : {gzip, zlib}) {
    std::string stream = compressed(format, text_of(300));
    stream[stream.size() - (format == gzip ? 5 : 1)] ^= 1;
    CHECK_THROWS_WITH_AS(decoded(format, stream, 300), doctest::Contains("checksum"), DataLossError);
  }
  std::string stream = compressed(gzip, text_of(300));
  stream.back() ^= 1;  // its length, modulo 2^32
  CHECK_THROWS_AS(decoded(gzip, stream, 300), DataLossError);
}

TEST_CASE("one format is not taken for the other, nor anything else for either") {
  CHECK_THROWS_AS(decoded(zlib, compressed(gzip, "text"), 4), FormatError);
  CHECK_THROWS_AS(decoded(gzip, compressed(zlib, "text"), 4), FormatError);
  for (const int format : {gzip, zlib}) CHECK_THROWS_AS(decoded(format, "no stream at all", 4), FormatError);
}

TEST_CASE("a damaged stream gives an error or its text, and the next one is decoded as ever") {
  const std::string text = text_of(400), stream = compressed(gzip, text);
  for (std::size_t i = 0; i < 8 * stream.size(); ++i) {
    std::string damaged = stream;
    damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ (1 << i % 8));
    try {
      const std::string got = decoded(gzip, damaged, text.size());
      CHECK(got == text);  // of the header not everything counts
    } catch (const Error&) {
    }
  }
  CHECK(decoded(gzip, stream, text.size()) == text);
}

TEST_CASE("a stream of unknown size comes back whole, up to a cap") {
  for (const int format : {gzip, zlib})
    for (const std::size_t size : {0u, 1u, 4096u, 4097u, 300000u}) {
      const std::string text = text_of(size), stream = compressed(format, text);
      const auto unknown = [&](std::string_view bytes, std::size_t cap) {
        return (format == gzip ? orrery::gzip_decompress_unknown<> : orrery::zlib_decompress_unknown<>)(bytes, cap, {{}, "chunk", 5});
      };
      CHECK(unknown(stream, size) == text);
      CHECK(unknown(stream, 1 << 30) == text);
      if (size > 0) CHECK_THROWS_WITH_AS(unknown(stream, size - 1), doctest::Contains("found more"), FormatError);
      CHECK_THROWS_AS(unknown(stream + "x", size), FormatError);
      CHECK_THROWS_AS(unknown(stream.substr(0, stream.size() - 1), 1 << 30), FormatError);
    }
}
