// CRC-32C by the instructions of x86-64 and AArch64, compiled without any flag and chosen at run time. Inline assembly rather than
// intrinsics, since the intrinsics headers cost every translation unit half a second. Each function here takes and returns the bare
// state; call one only where its supported() says so. The tests hold all of them against the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "orrery/core/byte_io.hpp"
#include "orrery/core/crc32c_tables.hpp"
#include "orrery/core/on_use.hpp"

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace orrery::inline v0::detail {

#if defined(__x86_64__) || defined(__aarch64__)

#if defined(__x86_64__)
inline bool crc_instruction_supported() noexcept { return __builtin_cpu_supports("sse4.2") != 0; }
inline std::uint32_t crc_step(std::uint32_t crc, std::uint64_t word) noexcept {
  std::uint64_t state = crc;
  asm("crc32q %1, %0" : "+r"(state) : "r"(word));
  return static_cast<std::uint32_t>(state);
}
inline std::uint32_t crc_step_byte(std::uint32_t crc, std::uint8_t byte) noexcept {
  asm("crc32b %1, %0" : "+r"(crc) : "q"(byte));
  return crc;
}
#else
inline bool crc_instruction_supported() noexcept { return (getauxval(AT_HWCAP) & (1ul << 7)) != 0; }  // HWCAP_CRC32
inline std::uint32_t crc_step(std::uint32_t crc, std::uint64_t word) noexcept {
  asm(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(word));
  return crc;
}
inline std::uint32_t crc_step_byte(std::uint32_t crc, std::uint8_t byte) noexcept {
  asm(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(crc) : "r"(byte));
  return crc;
}
#endif

// Tables that multiply a state by x^(8 * Distance): what it becomes after that many zero bytes.
template <std::size_t Distance>
inline constexpr std::array<std::array<std::uint32_t, 256>, 4> crc_shift_tables = [] {
  std::array<std::array<std::uint32_t, 256>, 4> tables{};
  const std::uint32_t factor = crc_power(std::uint64_t{8} * Distance);
  for (std::uint32_t i = 0; i < 4; ++i)
    for (std::uint32_t bit = 0; bit < 8; ++bit) {
      const std::uint32_t product = crc_multiply(factor, 1u << (8 * i + bit));
      for (std::uint32_t low = 0; low < (1u << bit); ++low) tables[i][(1u << bit) + low] = tables[i][low] ^ product;
    }
  return tables;
}();

template <std::size_t Distance>
std::uint32_t crc_shifted(std::uint32_t crc) noexcept {
  const auto& tables = crc_shift_tables<Distance>;
  return tables[0][crc & 0xffu] ^ tables[1][(crc >> 8) & 0xffu] ^ tables[2][(crc >> 16) & 0xffu] ^ tables[3][crc >> 24];
}

// Three streams of Stride bytes at a time hide the latency of the instruction.
template <std::size_t Stride>
std::uint32_t crc_three_streams(std::uint32_t crc, const unsigned char*& at, std::size_t& size) noexcept {
  for (; size >= 3 * Stride; size -= 3 * Stride, at += 3 * Stride) {
    std::uint32_t second = 0, third = 0;
    for (std::size_t i = 0; i < Stride; i += 8) {
      crc = crc_step(crc, load_le<std::uint64_t>(at + i));
      second = crc_step(second, load_le<std::uint64_t>(at + Stride + i));
      third = crc_step(third, load_le<std::uint64_t>(at + 2 * Stride + i));
    }
    crc = crc_shifted<Stride>(crc_shifted<Stride>(crc) ^ second) ^ third;
  }
  return crc;
}

template <OnUse = OnUse()>
inline std::uint32_t crc32c_instruction(std::uint32_t crc, const void* data, std::size_t size) noexcept {
  const auto* at = static_cast<const unsigned char*>(data);
  crc = crc_three_streams<4096>(crc, at, size);
  crc = crc_three_streams<256>(crc, at, size);
  for (; size >= 8; size -= 8, at += 8) crc = crc_step(crc, load_le<std::uint64_t>(at));
  for (; size > 0; --size) crc = crc_step_byte(crc, *at++);
  return crc;
}

#endif

#if defined(__x86_64__)

// Carry-less multiplication of 512 bits at once.
inline bool crc_folding_supported() noexcept {
  return crc_instruction_supported() && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("vpclmulqdq") != 0;
}

#define ORRERY_FOLD_TARGET __attribute__((target("avx512f")))

using CrcLanes = long long __attribute__((vector_size(64)));

// The factors that move a 128-bit lane `Bits` further: for its low half x^(Bits + 32), for its high half x^(Bits - 32), both shifted
// by one, as reflected products come out one bit short.
template <std::uint64_t Bits>
inline constexpr long long crc_fold_low = static_cast<long long>(std::uint64_t{crc_power(Bits + 32)} << 1);
template <std::uint64_t Bits>
inline constexpr long long crc_fold_high = static_cast<long long>(std::uint64_t{crc_power(Bits - 32)} << 1);

ORRERY_FOLD_TARGET inline CrcLanes crc_folded(CrcLanes lanes, CrcLanes factors, CrcLanes next) noexcept {
  CrcLanes low, high;
  asm("vpclmulqdq $0x00, %1, %2, %0" : "=v"(low) : "v"(factors), "v"(lanes));
  asm("vpclmulqdq $0x11, %1, %2, %0" : "=v"(high) : "v"(factors), "v"(lanes));
  return low ^ high ^ next;
}

ORRERY_FOLD_TARGET inline CrcLanes crc_loaded(const unsigned char* at) noexcept {
  CrcLanes lanes;
  std::memcpy(&lanes, at, sizeof lanes);
  return lanes;
}

template <std::uint64_t Bits>
ORRERY_FOLD_TARGET CrcLanes crc_factors() noexcept {
  constexpr long long low = crc_fold_low<Bits>, high = crc_fold_high<Bits>;
  return CrcLanes{low, high, low, high, low, high, low, high};
}

// Where the bytes go besides: nowhere, to memory, or to memory past the caches, which must then be aligned to 64.
enum class CrcStore : std::uint8_t { none, plain, stream };

// Eight times 512 bits are kept and moved on by 4096 bits a round; what is left at the end goes through the instruction.
template <CrcStore Store>
ORRERY_FOLD_TARGET std::uint32_t crc32c_folding(std::uint32_t crc, const unsigned char* at, std::size_t size, unsigned char* to) noexcept {
  constexpr std::size_t ways = 8, round = ways * sizeof(CrcLanes);
  static_assert(round == 512);
  auto store = [&](const CrcLanes& lanes) ORRERY_FOLD_TARGET {
    if constexpr (Store == CrcStore::plain) std::memcpy(to, &lanes, sizeof lanes);
    if constexpr (Store == CrcStore::stream) asm volatile("vmovntdq %1, %0" : "=m"(*reinterpret_cast<CrcLanes*>(to)) : "v"(lanes));
    if constexpr (Store != CrcStore::none) to += sizeof lanes;
  };
  if (size >= round) {
    CrcLanes kept[ways];
#pragma GCC unroll 8
    for (std::size_t i = 0; i < ways; ++i) {
      kept[i] = crc_loaded(at + i * sizeof(CrcLanes));
      store(kept[i]);
    }
    kept[0] ^= CrcLanes{static_cast<long long>(crc), 0, 0, 0, 0, 0, 0, 0};
    const CrcLanes factors = crc_factors<8 * round>();
    for (at += round, size -= round; size >= round; at += round, size -= round) {
#pragma GCC unroll 8
      for (std::size_t i = 0; i < ways; ++i) {
        const CrcLanes next = crc_loaded(at + i * sizeof(CrcLanes));
        store(next);
        kept[i] = crc_folded(kept[i], factors, next);
      }
    }
    const CrcLanes step = crc_factors<512>();
    CrcLanes lanes = kept[0];
#pragma GCC unroll 8
    for (std::size_t i = 1; i < ways; ++i) lanes = crc_folded(lanes, step, kept[i]);
    for (; size >= sizeof lanes; at += sizeof lanes, size -= sizeof lanes) {
      const CrcLanes next = crc_loaded(at);
      store(next);
      lanes = crc_folded(lanes, step, next);
    }
    crc = 0;
    for (int i = 0; i < 8; ++i) crc = crc_step(crc, static_cast<std::uint64_t>(lanes[i]));
  }
  if constexpr (Store != CrcStore::none) std::memcpy(to, at, size);
  if constexpr (Store == CrcStore::stream) asm volatile("sfence" ::: "memory");
  return crc32c_instruction(crc, at, size);
}

template <OnUse = OnUse()>
inline std::uint32_t crc32c_folding(std::uint32_t crc, const void* data, std::size_t size) noexcept {
  return crc32c_folding<CrcStore::none>(crc, static_cast<const unsigned char*>(data), size, nullptr);
}

#undef ORRERY_FOLD_TARGET

#endif

}  // namespace orrery::inline v0::detail
