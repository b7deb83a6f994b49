#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "orrery/core/crc32c.hpp"
#include "orrery/core/float_types.hpp"
#include "orrery/core/narrow_float.hpp"

using namespace orrery;

namespace {

std::uint32_t checksum(const std::vector<std::uint32_t>& words) { return crc32c(words.data(), words.size() * 4); }

// All bit patterns decoded, and floats around every rounding border encoded, against checksums taken from ml_dtypes 0.6.0 (NumPy 2.4
// for float16): float32 bits of the decodings, codes of the encodings, as little-endian 32-bit words.
template <DType D>
void check(std::uint32_t decoded_checksum, std::uint32_t encoded_checksum) {
  CAPTURE(name(D));
  std::vector<std::uint32_t> decoded;
  for (std::uint32_t code = 0; code < (1u << info(D).bits); ++code)
    decoded.push_back(std::bit_cast<std::uint32_t>(detail::narrow_to_float<D>(code)));
  CHECK(checksum(decoded) == decoded_checksum);
  std::vector<std::uint32_t> encoded;
  for (std::uint32_t high = 0; high < 65536; ++high)
    for (std::uint32_t low : {0x0u, 0x1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu})
      encoded.push_back(detail::narrow_from_float<D>(std::bit_cast<float>(high << 16 | low)));
  CHECK(checksum(encoded) == encoded_checksum);
}

}  // namespace

TEST_CASE("narrow floats decode and round as ml_dtypes does") {
  check<DType::float4_e2m1fn>(0x089d4a58u, 0xbf987760u);
  check<DType::float6_e2m3fn>(0x509bfcecu, 0xd7a68908u);
  check<DType::float6_e3m2fn>(0x8480bb6bu, 0x65a45929u);
  check<DType::float8_e3m4>(0x58e71d37u, 0x72b2f069u);
  check<DType::float8_e4m3>(0x27d330c4u, 0xd7f12898u);
  check<DType::float8_e4m3b11fnuz>(0xeeeb2b3bu, 0xeaed2e11u);
  check<DType::float8_e4m3fn>(0xde052e24u, 0x568a8517u);
  check<DType::float8_e4m3fnuz>(0xa212ed74u, 0xaf931ee0u);
  check<DType::float8_e5m2>(0xd3b5503au, 0xa001f6a7u);
  check<DType::float8_e5m2fnuz>(0x2327c618u, 0x8a5987beu);
  check<DType::float8_e8m0fnu>(0xe25aa395u, 0x4f5b1431u);
  check<DType::bfloat16>(0x3711f859u, 0x76d0b250u);
  check<DType::float16>(0x802867e7u, 0x46d9739bu);
}

TEST_CASE("values past the largest become what each type has for them") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(float16(1e6f).bits() == 0x7c00);
  CHECK(bfloat16(3.4e38f).bits() == 0x7f80);
  CHECK(float8_e5m2(-infinity).bits() == 0xfc);
  CHECK(float8_e4m3fn(1e6f).bits() == 0x7f);
  CHECK(float8_e4m3fnuz(-1e6f).bits() == 0x80);
  CHECK(float(float4_e2m1fn(-infinity)) == -6.0f);
  CHECK(float(float6_e3m2fn(1e6f)) == 28.0f);
  CHECK(float8_e8m0fnu(-1.0f).bits() == 0xff);
}

TEST_CASE("every code survives the way to float and back") {
  for (unsigned code = 0; code < 65536; ++code) {
    const float16 half = float16::from_bits(static_cast<std::uint16_t>(code));
    const bfloat16 brain = bfloat16::from_bits(static_cast<std::uint16_t>(code));
    if (float16(float(half)).bits() != code) CHECK(float16(float(half)).bits() == code);
    if (!std::isnan(float(brain)) && bfloat16(float(brain)).bits() != code) CHECK(bfloat16(float(brain)).bits() == code);
  }
}

TEST_CASE("upper bits of a narrow float's byte are ignored") {
  CHECK(detail::narrow_to_float<DType::float4_e2m1fn>(0xf1) == 0.5f);
  CHECK(detail::narrow_to_float<DType::float6_e2m3fn>(0xc8) == 1.0f);
}

TEST_CASE("narrow integers wrap to their width") {
  CHECK(int(int4(9)) == -7);
  CHECK(int(int2(2)) == -2);
  CHECK(int(uint4(17)) == 1);
  CHECK(int(uint2(-1)) == 3);
}

TEST_CASE("C++ types know their dtypes") {
  CHECK(dtype_of<float> == DType::float32);
  CHECK(dtype_of<const long long> == DType::int64);
  CHECK(dtype_of<std::complex<double>> == DType::complex128);
  CHECK(dtype_of<float8_e8m0fnu> == DType::float8_e8m0fnu);
  CHECK(dtype_of<uint2> == DType::uint2);
  CHECK(dtype_of<long double> == DType::none);
  CHECK(dtype_of<wchar_t> == DType::none);
}
