#include <doctest/doctest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "orrery/core/crc32c.hpp"

using namespace orrery;

namespace {

struct Implementation {
  const char* name;
  detail::CrcFunction run;
};

std::vector<Implementation> supported() {
  std::vector<Implementation> all{{"table", &detail::crc32c_table}};
#if defined(__x86_64__) || defined(__aarch64__)
  if (detail::crc_instruction_supported()) all.push_back({"instruction", &detail::crc32c_instruction});
#endif
#if defined(__x86_64__)
  if (detail::crc_folding_supported()) all.push_back({"folding", &detail::crc32c_folding});
#endif
  return all;
}

std::vector<unsigned char> noise(std::size_t size) {
  std::mt19937 random(7);
  std::vector<unsigned char> bytes(size);
  for (auto& byte : bytes) byte = static_cast<unsigned char>(random());
  return bytes;
}

std::uint32_t bit_by_bit(const unsigned char* data, std::size_t size) {
  std::uint32_t crc = ~0u;
  for (std::size_t i = 0; i < size; ++i) {
    crc ^= data[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
  }
  return ~crc;
}

}  // namespace

TEST_CASE("CRC-32C gives the published vectors") {
  CHECK(crc32c("123456789", 9) == 0xe3069283u);
  CHECK(crc32c(std::string(32, '\0').data(), 32) == 0x8a9136aau);
  CHECK(crc32c(std::string(32, '\xff').data(), 32) == 0x62a8ab43u);
  CHECK(crc32c(nullptr, 0) == 0);
}

TEST_CASE("every implementation this processor has agrees with the definition at every length and alignment") {
  const auto bytes = noise(70000);
  std::mt19937 random(11);
  for (const Implementation& implementation : supported()) {
    CAPTURE(implementation.name);
    for (std::size_t size = 0; size < 1100; ++size) {
      const std::size_t offset = random() % 64;
      const std::uint32_t expected = ~detail::crc32c_table(~0u, bytes.data() + offset, size);
      if (size < 40) CHECK(expected == bit_by_bit(bytes.data() + offset, size));
      if (~implementation.run(~0u, bytes.data() + offset, size) != expected)
        CHECK_MESSAGE(false, "differs at size " << size << ", offset " << offset);
    }
    for (int i = 0; i < 60; ++i) {
      const std::size_t offset = random() % 5000, size = random() % 65000, state = random();
      const auto start = static_cast<std::uint32_t>(state);
      CHECK(implementation.run(start, bytes.data() + offset, size) == detail::crc32c_table(start, bytes.data() + offset, size));
    }
  }
}

TEST_CASE("a checksum can be extended piece by piece and combined from halves") {
  const auto bytes = noise(30000);
  const std::uint32_t whole = crc32c(bytes.data(), bytes.size());
  for (std::size_t cut : {std::size_t{0}, std::size_t{1}, std::size_t{513}, std::size_t{29999}, std::size_t{30000}}) {
    const std::uint32_t head = crc32c(bytes.data(), cut);
    CHECK(crc32c(bytes.data() + cut, bytes.size() - cut, head) == whole);
    CHECK(crc32c_combine(head, crc32c(bytes.data() + cut, bytes.size() - cut), bytes.size() - cut) == whole);
  }
}

TEST_CASE("combining is associative at sizes nobody would checksum") {
  const std::uint32_t a = crc32c("abc", 3), b = crc32c("defg", 4);
  std::uint32_t c = crc32c("h", 1);
  for (int k = 0; k < 40; ++k) c = crc32c_combine(c, c, std::uint64_t{1} << k);  // 2^40 times h
  const std::uint64_t size = std::uint64_t{1} << 40;
  CHECK(crc32c_combine(crc32c_combine(a, b, 4), c, size) == crc32c_combine(a, crc32c_combine(b, c, size), size + 4));
  CHECK(crc32c_combine(crc32c_combine(a, c, size), c, size) == crc32c_combine(a, crc32c_combine(c, c, size), 2 * size));
}

TEST_CASE("copying with a checksum copies every byte, whatever the size and alignment") {
  const std::size_t largest = (std::size_t{4} << 20) + 1000;  // beyond the size from which stores bypass the caches
  auto bytes = noise(largest + 64);
  std::vector<unsigned char> target(largest + 130);
  for (std::size_t size : std::vector<std::size_t>{0, 1, 100, 33000, 100001, largest - 999, largest})
    for (std::size_t offset : std::vector<std::size_t>{0, 3, 64}) {
      CAPTURE(size);
      CAPTURE(offset);
      std::fill(target.begin(), target.end(), static_cast<unsigned char>(0xaa));
      CHECK(copy_crc32c(target.data() + offset, bytes.data() + 5, size, 99) == crc32c(bytes.data() + 5, size, 99));
      CHECK(std::memcmp(target.data() + offset, bytes.data() + 5, size) == 0);
      CHECK(target[offset + size] == 0xaa);
      if (offset > 0) CHECK(target[offset - 1] == 0xaa);
    }
}
