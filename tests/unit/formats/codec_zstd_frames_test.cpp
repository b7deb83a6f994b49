#include "orrery/formats/codec/zstd_frames.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace orrery;
using Bytes = std::vector<std::byte>;

// Bytes of which next to nothing can be saved.
Bytes noise(std::size_t size) {
  Bytes bytes(size);
  std::uint64_t state = 7;
  for (std::byte& byte : bytes) byte = static_cast<std::byte>((state = state * 6364136223846793005u + 1442695040888963407u) >> 56);
  return bytes;
}
std::string_view text(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

Bytes decoded(const Bytes& frame, std::size_t size) {
  Bytes out(size);
  zstd_decompress(text(frame), out.data(), out.size(), {});
  return out;
}

// In pieces of 1, 2, 4, ... bytes.
Bytes streamed(const Bytes& bytes, ZstdFrameOptions options, std::size_t threads) {
  ZstdStream stream(threads);
  Bytes frame;
  std::size_t at = 0, piece = 1;
  const auto next = [&] {
    const std::span<const std::byte> part = std::span(bytes).subspan(at).first(std::min(piece, bytes.size() - at));
    at += part.size();
    piece *= 2;
    return part;
  };
  stream.compress(bytes.size(), options, next,
                  [&](std::span<const std::byte> part) { frame.insert(frame.end(), part.begin(), part.end()); });
  return frame;
}

bool pays(const Bytes& bytes, int* asked = nullptr) {
  return zstd_pays(bytes.size(), [&](std::size_t offset, std::size_t size) {
    if (asked) ++*asked;
    REQUIRE(offset + size <= bytes.size());
    return std::span(bytes).subspan(offset, size);
  });
}

}  // namespace

TEST_CASE("a frame made at once, and one made as a stream by one or three threads, decode to what went in and state its size") {
  for (const std::size_t size : {0u, 1u, 1000u, 300000u, 9000000u}) {
    Bytes bytes = noise(size);
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(size / 3), bytes.begin() + static_cast<std::ptrdiff_t>(size / 2), std::byte{1});
    Bytes at_once(zstd_frame_bound(size));
    at_once.resize(zstd_compress_into(bytes, at_once, {}));
    CHECK(decoded(at_once, size) == bytes);
    for (const std::size_t threads : {1u, 3u}) {
      const Bytes frame = streamed(bytes, {}, threads);
      CHECK(decoded(frame, size) == bytes);
      CHECK(ZSTD_getFrameContentSize(frame.data(), frame.size()) == size);
    }
  }
}

TEST_CASE("with a checksum a changed byte is noticed by every decoder") {
  const Bytes bytes = noise(5000);
  Bytes at_once(zstd_frame_bound(bytes.size()));
  at_once.resize(zstd_compress_into(bytes, at_once, {.checksum = true}));
  for (Bytes frame : {at_once, streamed(bytes, {.checksum = true}, 1)}) {
    frame[2000] ^= std::byte{1};
    Bytes out(bytes.size());
    CHECK_THROWS_AS(zstd_decompress(text(frame), out.data(), out.size(), {}), DataLossError);
  }
}

TEST_CASE("one stream makes many frames") {
  ZstdStream stream(2);
  for (const std::size_t size : {70000u, 0u, 3u, 3000000u}) {
    const Bytes bytes = noise(size);
    Bytes frame;
    stream.compress(
        size, {}, [&] { return std::span(bytes); },
        [&](std::span<const std::byte> part) { frame.insert(frame.end(), part.begin(), part.end()); });
    CHECK(decoded(frame, size) == bytes);
  }
}

TEST_CASE("compressing pays for payloads that are almost empty everywhere, and dense data is found out by one small sample") {
  const std::size_t size = std::size_t{4} << 20;
  CHECK(pays(Bytes(size)));
  CHECK(pays(Bytes(size, std::byte{63})));
  int asked = 0;
  CHECK_FALSE(pays(noise(size), &asked));
  CHECK(asked == 1);
  Bytes sparse(size);
  for (std::size_t i = 0; i < size; i += 400) sparse[i] = static_cast<std::byte>(i * 37 >> 3);
  CHECK(pays(sparse));
  Bytes one_row = noise(size);  // of a hundred
  for (std::size_t i = 0; i < size; ++i)
    if (i / 512 % 100 != 3) one_row[i] = std::byte{0};
  CHECK(pays(one_row));
  Bytes half = noise(size);
  std::fill(half.begin(), half.begin() + static_cast<std::ptrdiff_t>(size / 2), std::byte{0});
  CHECK_FALSE(pays(half));
  CHECK_FALSE(pays(Bytes(100)));
}
