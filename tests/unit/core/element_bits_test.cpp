#include <doctest/doctest.h>

#include <cstdint>

#include "orrery/core/element_bits.hpp"

using namespace orrery;

TEST_CASE("bytes are swapped in each element, and in each half of a complex one") {
  std::uint16_t small[2] = {0x0102, 0x0304};
  swap_bytes(DType::bfloat16, small, 2);
  CHECK(small[1] == 0x0403);
  std::uint32_t halves[2] = {0x01020304, 0x05060708};
  swap_bytes(DType::complex64, halves, 1);
  CHECK(halves[0] == 0x04030201);
  CHECK(halves[1] == 0x08070605);
  std::uint64_t wide[2] = {1, 2};
  swap_bytes(DType::complex128, wide, 1);
  CHECK(wide[1] == 0x0200000000000000u);
  std::uint8_t bytes[2] = {1, 2};
  swap_bytes(DType::int8, bytes, 2);
  CHECK(bytes[0] == 1);
}

TEST_CASE("noise above narrow elements is replaced by their sign or by zeros") {
  std::uint8_t bytes[4] = {0xa8, 0x69, 0x07, 0xff};
  normalize_sub_byte(DType::int4, bytes, 4);
  CHECK((bytes[0] == 0xf8 && bytes[1] == 0xf9 && bytes[2] == 7 && bytes[3] == 0xff));
  normalize_sub_byte(DType::uint2, bytes, 4);
  CHECK((bytes[0] == 0 && bytes[1] == 1 && bytes[2] == 3 && bytes[3] == 3));
  std::uint8_t six[1] = {0xff};
  normalize_sub_byte(DType::float6_e2m3fn, six, 1);
  CHECK(six[0] == 0x3f);
  normalize_sub_byte(DType::uint8, bytes, 4);
  CHECK(bytes[3] == 3);
  std::uint8_t strided[6] = {0x12, 0xee, 0x13, 0xee, 0x11, 0xee};
  normalize_sub_byte(ArrayView{DType::int2, {3}, {2}, strided});
  CHECK((strided[0] == 0xfe && strided[1] == 0xee && strided[2] == 0xff && strided[4] == 0x01));
}

TEST_CASE("files hold the low bits of narrow integers alone") {
  std::uint8_t bytes[3] = {0xf8, 0x07, 0xff};
  clear_unused_bits(DType::int4, bytes, 3);
  CHECK((bytes[0] == 0x08 && bytes[1] == 0x07 && bytes[2] == 0x0f));
  clear_unused_bits(DType::int8, bytes, 3);
  CHECK(bytes[2] == 0x0f);
}
