#include "orrery/formats/codec/zstd.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::string_literals;
using orrery::DataLossError;
using orrery::FormatError;

std::string text_of(std::size_t size) {
  std::string text;
  for (std::uint32_t i = 0; text.size() < size; ++i) text += std::to_string(i * 2654435761u);
  text.resize(size);
  return text;
}

// A frame without content size: magic, descriptor 00, a window byte, blocks.
std::string frame_without_size(std::string_view blocks) { return "\x28\xb5\x2f\xfd\x00\x58"s + std::string(blocks); }
// An RLE block that stands for size bytes.
std::string rle_block(std::uint32_t size, char byte, bool last) {
  const std::uint32_t header = size << 3 | 2u | (last ? 1u : 0u);
  return {static_cast<char>(header & 255), static_cast<char>(header >> 8 & 255), static_cast<char>(header >> 16 & 255), byte};
}

std::string decoded(std::string_view frame, std::size_t size) {
  std::string out(size, 'x');
  orrery::zstd_decompress(frame, out.data(), out.size(), {{}, "chunk", 5});
  return out;
}

}  // namespace

TEST_CASE("what zstd compressed comes back, at every level and size") {
  for (const std::size_t size : {0u, 1u, 300u, 5000u, 300000u}) {
    const std::string text = text_of(size);
    for (const int level : {-5, 0, 1, 3, 19, 22}) {
      const std::string frame = orrery::zstd_compress(text, level);
      CHECK(decoded(frame, size) == text);
      CHECK(orrery::zstd_decompress_unknown(frame, size) == text);
    }
  }
}

TEST_CASE("a level that zstd does not have is an argument error") {
  CHECK_THROWS_AS(orrery::zstd_compress("x", 23), orrery::ArgumentError);
  CHECK_THROWS_AS(orrery::zstd_compress("x", -200000), orrery::ArgumentError);
}

TEST_CASE("frames that TensorStore wrote decode") {
  const std::string v2 = "\x28\xb5\x2f\xfd\x00\x00\x21\x00\x00\x07\x00\x00\x00"s;  // no content size, one raw block of four bytes
  CHECK(decoded(v2, 4) == "\x07\0\0\0"s);
  CHECK(orrery::zstd_decompress_unknown(v2, 4) == "\x07\0\0\0"s);
  const std::string v3 = "\x28\xb5\x2f\xfd\x20\x04\x21\x00\x00\x07\x00\x00\x00"s;  // content size in one byte
  CHECK(decoded(v3, 4) == "\x07\0\0\0"s);
}

TEST_CASE("an expected size is exact") {
  const std::string frame = orrery::zstd_compress(text_of(1000));
  CHECK_THROWS_WITH_AS(decoded(frame, 999), doctest::Contains("999"), FormatError);
  CHECK_THROWS_WITH_AS(decoded(frame, 1001), doctest::Contains("found 1000"), FormatError);
}

TEST_CASE("exactly one frame is accepted, with nothing around it, and errors name the place") {
  const std::string text = text_of(1000), frame = orrery::zstd_compress(text);
  const std::string skippable = "\x50\x2a\x4d\x18\x01\x00\x00\x00z"s;
  for (const std::string& bad : {frame + frame, frame + skippable, skippable + frame, skippable, frame + "\0"s, "\0"s + frame, ""s,
                                 frame.substr(0, 3), frame.substr(0, frame.size() - 1)}) {
    CHECK_THROWS_AS(decoded(bad, 1000), FormatError);
    CHECK_THROWS_AS(orrery::zstd_decompress_unknown(bad, 100000), FormatError);
  }
  CHECK_THROWS_WITH_AS(decoded(frame + "x", 1000), doctest::Contains("[file chunk, offset 5]"), FormatError);
}

TEST_CASE("a frame that needs a dictionary is refused") {
  CHECK_THROWS_WITH_AS(decoded("\x28\xb5\x2f\xfd\x21\x07\x01\x09\x00\x00x"s, 1), doctest::Contains("dictionary"), FormatError);
}

TEST_CASE("a wrong content checksum is data loss") {
  std::string frame = "\x28\xb5\x2f\xfd\x24\x04\x21\x00\x00"s + "abcd" + "\x34\x73\xb9\xde"s;
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string good(100, '\0');
  good.resize(ZSTD_compress2(context, good.data(), good.size(), "abcd", 4));
  ZSTD_freeCCtx(context);
  CHECK(decoded(good, 4) == "abcd");
  CHECK_THROWS_AS(decoded(frame, 4), DataLossError);
  CHECK_THROWS_AS(orrery::zstd_decompress_unknown(frame, 4), DataLossError);
}

TEST_CASE("a frame may not decode to more than the cap, whatever it says") {
  std::string blocks;
  for (int i = 0; i < 100; ++i) blocks += rle_block(131072, 'r', i == 99);
  const std::string bomb = frame_without_size(blocks);
  CHECK(orrery::zstd_decompress_unknown(bomb, 100 * 131072) == std::string(100 * 131072, 'r'));
  CHECK_THROWS_WITH_AS(orrery::zstd_decompress_unknown(bomb, 100 * 131072 - 1), doctest::Contains("more than the allowed"), FormatError);
  CHECK_THROWS_AS(orrery::zstd_decompress_unknown(bomb, 0), FormatError);

  // 2^60 bytes stated in the header, four present.
  const std::string liar = "\x28\xb5\x2f\xfd\xe0\x00\x00\x00\x00\x00\x00\x00\x10\x21\x00\x00"s + "abcd";
  CHECK_THROWS_AS(orrery::zstd_decompress_unknown(liar, std::size_t{1} << 40), FormatError);
}

TEST_CASE("no flipped byte of a frame gives anything but an error or other bytes") {
  const std::string frame = orrery::zstd_compress(text_of(700));
  for (std::size_t i = 0; i < frame.size(); ++i) {
    for (const int bit : {1, 8, 128}) {
      std::string bad = frame;
      bad[i] = static_cast<char>(bad[i] ^ bit);
      try {
        (void)orrery::zstd_decompress_unknown(bad, 1 << 20);
        (void)decoded(bad, 700);
      } catch (const orrery::Error&) {
      }
    }
  }
}
