#include "orrery/formats/codec/blosc.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

namespace {

using orrery::Error;
using orrery::FormatError;

std::string numbers(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i + 4 <= size; i += 4) {
    const auto value = static_cast<std::uint32_t>(i * i);
    std::memcpy(bytes.data() + i, &value, 4);
  }
  return bytes;
}

// Empty where this build of c-blosc lacks the codec.
std::string container(std::string_view bytes, const char* codec, int shuffle, std::size_t type_size, std::size_t block = 0, int level = 5) {
  std::string out(bytes.size() + BLOSC_MAX_OVERHEAD, '\0');
  const int size = blosc_compress_ctx(level, shuffle, type_size, bytes.size(), bytes.data(), out.data(), out.size(), codec, block, 1);
  out.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return out;
}

std::string decoded(std::string_view bytes, std::size_t size) {
  std::string out(size, 'x');
  orrery::blosc_decompress(bytes, out.data(), out.size(), {{}, "chunk", 5});
  return out;
}

}  // namespace

TEST_CASE("what blosc packed comes back, by every codec, shuffle, element and block size") {
  int count = 0;
  for (const char* codec : {"blosclz", "lz4", "lz4hc", "zlib", "zstd", "snappy"})
    for (const int shuffle : {BLOSC_NOSHUFFLE, BLOSC_SHUFFLE, BLOSC_BITSHUFFLE})
      for (const std::size_t type_size : {1u, 4u, 7u, 16u})
        for (const std::size_t size : {1u, 15u, 500u, 70001u})
          for (const std::size_t block : {0u, 1024u}) {
            const std::string bytes = numbers(size), packed = container(bytes, codec, shuffle, type_size, block, size == 500 ? 0 : 5);
            if (packed.empty()) continue;
            ++count;
            CHECK(decoded(packed, size) == bytes);
          }
  CHECK(count >= 480);
}

TEST_CASE("a header that lies about any size is refused before the library sees it") {
  const std::string bytes = numbers(5000), packed = container(bytes, "lz4", BLOSC_SHUFFLE, 4);
  REQUIRE(!packed.empty());
  CHECK_THROWS_AS(decoded(packed, 4999), FormatError);
  CHECK_THROWS_WITH_AS(decoded(packed, 5001), doctest::Contains("[file chunk, offset 5]"), FormatError);
  CHECK_THROWS_AS(decoded(packed + "x", 5000), FormatError);
  CHECK_THROWS_AS(decoded("", 5000), FormatError);
  for (std::size_t size = 0; size < packed.size(); size += 7) CHECK_THROWS_AS(decoded(packed.substr(0, size), 5000), FormatError);
  for (const std::size_t field : {4u, 8u, 12u})
    for (const std::uint32_t lie : {0u, 1u << 31, 0x7fffffffu, 0xffffffffu}) {
      std::string lying = packed;
      std::memcpy(lying.data() + field, &lie, 4);
      CHECK_THROWS_AS(decoded(lying, 5000), FormatError);
    }
  for (const auto& [at, value] : {std::pair<std::size_t, char>{0, 9}, {3, 0}}) {
    std::string lying = packed;
    lying[at] = value;
    CHECK_THROWS_AS(decoded(lying, 5000), FormatError);
  }
}

TEST_CASE("a damaged container never writes outside of its target") {
  constexpr std::size_t size = 8192, page = 4096;
  // The target ends where memory that may be touched ends.
  auto* memory = static_cast<char*>(mmap(nullptr, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  REQUIRE(memory != MAP_FAILED);
  REQUIRE(mprotect(memory + size, page, PROT_NONE) == 0);
  std::minstd_rand random(5);
  const std::string bytes = numbers(size);
  for (const char* codec : {"blosclz", "lz4", "zlib", "zstd"})
    for (const int shuffle : {BLOSC_SHUFFLE, BLOSC_BITSHUFFLE}) {
      const std::string packed = container(bytes, codec, shuffle, 4, 1024);
      for (unsigned i = 0; i < 2000; ++i) {
        std::string damaged = packed;
        for (unsigned n = 0; n < 1 + i % 3; ++n) damaged[random() % damaged.size()] = static_cast<char>(random());
        try {
          orrery::blosc_decompress(damaged, memory, size);
        } catch (const Error&) {
        }
      }
    }
  munmap(memory, size + page);
}
