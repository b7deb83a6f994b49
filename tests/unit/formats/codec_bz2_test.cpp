#include "orrery/formats/codec/bz2.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using orrery::DataLossError;
using orrery::Error;
using orrery::FormatError;

std::string text_of(std::size_t size) {
  std::string text;
  for (std::uint32_t i = 0; text.size() < size; ++i) text += std::to_string(i * 2654435761u);
  text.resize(size);
  return text;
}

std::string compressed(std::string_view bytes, int level = 1) {
  std::string out(bytes.size() + bytes.size() / 100 + 600, '\0');
  unsigned size = static_cast<unsigned>(out.size());
  if (::BZ2_bzBuffToBuffCompress(out.data(), &size, const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()), level, 0, 0) !=
      BZ_OK)
    throw std::runtime_error("BZ2_bzBuffToBuffCompress");
  out.resize(size);
  return out;
}

const orrery::Where place{{}, "chunk", 5};

std::string decoded(std::string_view stream, std::size_t size) {
  std::string out(size, 'x');
  orrery::bz2_decompress(stream, out.data(), out.size(), place);
  return out;
}

}  // namespace

TEST_CASE("what libbz2 compressed comes back, at every level and size") {
  for (const std::size_t size : {0u, 1u, 300u, 5000u, 300000u})
    for (const int level : {1, 5, 9}) CHECK(decoded(compressed(text_of(size), level), size) == text_of(size));
}

TEST_CASE("a stream of another size than expected is refused, in both directions, and so is what stands behind it") {
  for (const std::size_t size : {1u, 5000u}) {
    const std::string text = text_of(size), stream = compressed(text);
    CHECK_THROWS_WITH_AS(decoded(stream, size - 1), doctest::Contains("found more"), FormatError);
    CHECK_THROWS_WITH_AS(decoded(stream, size + 1), doctest::Contains("[file chunk, offset 5]"), FormatError);
    CHECK_THROWS_WITH_AS(decoded(stream + "x", size), doctest::Contains("1 bytes after it"), FormatError);
    CHECK_THROWS_AS(decoded(stream + stream, size), FormatError);
    CHECK_THROWS_AS(decoded(stream + compressed(""), size), FormatError);  // as TensorStore does
  }
}

TEST_CASE("a stream that ends early, anywhere, is refused") {
  const std::string stream = compressed(text_of(300));
  for (std::size_t size = 0; size < stream.size(); ++size)
    CHECK_THROWS_WITH_AS(decoded(stream.substr(0, size), 300), doctest::Contains("ends early"), FormatError);
}

TEST_CASE("a checksum that differs is data loss, what is no stream is no format of ours") {
  std::string stream = compressed(text_of(300));
  stream[stream.size() - 3] ^= 1;  // of the whole
  CHECK_THROWS_WITH_AS(decoded(stream, 300), doctest::Contains("checksum"), DataLossError);
  stream = compressed(text_of(300));
  stream[11] ^= 1;  // of the block
  CHECK_THROWS_AS(decoded(stream, 300), DataLossError);
  CHECK_THROWS_WITH_AS(decoded("no stream at all", 4), doctest::Contains("does not begin like one"), FormatError);
}

TEST_CASE("a damaged stream gives an error, and the next one is decoded as ever") {
  const std::string text = text_of(400), stream = compressed(text);
  for (std::size_t i = 0; i < 8 * stream.size(); ++i) {
    std::string damaged = stream;
    damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ (1 << i % 8));
    try {
      const std::string got = decoded(damaged, text.size());
      CHECK(got == text);  // of the level and the padding not everything counts
    } catch (const Error&) {
    }
  }
  CHECK(decoded(stream, text.size()) == text);
}

TEST_CASE("a stream of unknown size comes back whole, up to a cap") {
  for (const std::size_t size : {0u, 1u, 4096u, 4097u, 300000u}) {
    const std::string text = text_of(size), stream = compressed(text);
    CHECK(orrery::bz2_decompress_unknown(stream, size, place) == text);
    CHECK(orrery::bz2_decompress_unknown(stream, 1 << 30, place) == text);
    if (size > 0)
      CHECK_THROWS_WITH_AS(orrery::bz2_decompress_unknown(stream, size - 1, place), doctest::Contains("found more"), FormatError);
    CHECK_THROWS_AS(orrery::bz2_decompress_unknown(stream + "x", size, place), FormatError);
  }
}
