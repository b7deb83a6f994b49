#include <doctest/doctest.h>

#include "orrery/core/dtype.hpp"

using namespace orrery;

TEST_CASE("every dtype is found by its name") {
  for (std::size_t i = 1; i < detail::dtype_table.size(); ++i) {
    const DType dtype = static_cast<DType>(i);
    CHECK(dtype_from_name(name(dtype)) == dtype);
    CHECK(item_size(dtype) * 8 >= info(dtype).bits);
    CHECK(info(dtype).kind != DTypeKind::none);
  }
  CHECK_FALSE(dtype_from_name("none"));
  CHECK_FALSE(dtype_from_name("float33"));
  CHECK_FALSE(dtype_from_name(""));
}

TEST_CASE("sizes are those of NumPy and ml_dtypes") {
  CHECK(item_size(DType::bool_) == 1);
  CHECK(item_size(DType::int4) == 1);
  CHECK(item_size(DType::float6_e3m2fn) == 1);
  CHECK(item_size(DType::bfloat16) == 2);
  CHECK(item_size(DType::complex128) == 16);
  CHECK(item_size(DType::timedelta64_ns) == 8);
}

TEST_CASE("sub-byte types are those whose upper bits mean nothing") {
  CHECK(is_sub_byte(DType::int4));
  CHECK(is_sub_byte(DType::uint2));
  CHECK(is_sub_byte(DType::float4_e2m1fn));
  CHECK(is_sub_byte(DType::float6_e2m3fn));
  CHECK_FALSE(is_sub_byte(DType::bool_));
  CHECK_FALSE(is_sub_byte(DType::float8_e8m0fnu));
  CHECK_FALSE(is_sub_byte(DType::none));
}
