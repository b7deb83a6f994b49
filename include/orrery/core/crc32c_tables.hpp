// The arithmetic behind CRC-32C: polynomials over GF(2) modulo Castagnoli's, in reflected form (bit 31 is x^0), and the table-driven
// checksum for processors without instructions for it. core/crc32c.hpp chooses; core/crc32c_hardware.hpp is fast.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "orrery/core/byte_io.hpp"

namespace orrery::inline v0::detail {

inline constexpr std::uint32_t castagnoli = 0x82f63b78u;

// a * b mod P.
constexpr std::uint32_t crc_multiply(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t product = 0;
  for (int bit = 31; bit >= 0; --bit) {
    product ^= b & (0u - ((a >> bit) & 1u));
    b = (b >> 1) ^ (castagnoli & (0u - (b & 1u)));
  }
  return product;
}

// x^(2^k) mod P for every k; squaring has period 31.
inline constexpr std::array<std::uint32_t, 64> crc_squares = [] {
  std::array<std::uint32_t, 64> squares{};
  std::uint32_t power = 1u << 30;
  for (std::uint32_t& square : squares) {
    square = power;
    power = crc_multiply(power, power);
  }
  return squares;
}();

static_assert(crc_squares[31] == crc_squares[0]);

// x^n mod P.
constexpr std::uint32_t crc_power(std::uint64_t n) noexcept {
  std::uint32_t power = 1u << 31;
  for (std::size_t k = 0; n != 0; n >>= 1, ++k)
    if ((n & 1) != 0) power = crc_multiply(crc_squares[k], power);
  return power;
}

inline constexpr std::array<std::array<std::uint32_t, 256>, 8> crc_tables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (castagnoli & (0u - (crc & 1u)));
    tables[0][byte] = crc;
  }
  for (std::size_t byte = 0; byte < 256; ++byte)
    for (std::size_t i = 1; i < 8; ++i) tables[i][byte] = (tables[i - 1][byte] >> 8) ^ tables[0][tables[i - 1][byte] & 0xffu];
  return tables;
}();

// Slicing by eight. Like all implementations: state in, state out, without the inversions of a finished CRC.
inline std::uint32_t crc32c_table(std::uint32_t crc, const void* data, std::size_t size) noexcept {
  const auto* at = static_cast<const unsigned char*>(data);
  for (; size >= 8; size -= 8, at += 8) {
    const std::uint64_t word = load_le<std::uint64_t>(at) ^ crc;
    crc = 0;
    for (unsigned i = 0; i < 8; ++i) crc ^= crc_tables[7 - i][(word >> (8 * i)) & 0xffu];
  }
  for (; size > 0; --size) crc = (crc >> 8) ^ crc_tables[0][(crc ^ *at++) & 0xffu];
  return crc;
}

}  // namespace orrery::inline v0::detail
