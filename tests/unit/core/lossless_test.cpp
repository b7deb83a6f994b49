#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "orrery/core/any_array.hpp"
#include "orrery/core/cast.hpp"
#include "orrery/core/element_bits.hpp"
#include "orrery/core/lossless.hpp"

using namespace orrery;

// The claim is tried on all values of every type of up to two bytes: there and back must give the same bits (NaN: still NaN).
TEST_CASE("what is called lossless survives the way there and back, and what survives is called so") {
  for (std::size_t a = 1; a < detail::dtype_table.size(); ++a) {
    const DType from = static_cast<DType>(a);
    if (item_size(from) > 2 || detail::is_time(from)) continue;
    const Dim count = from == DType::bool_ ? 2 : Dim{1} << info(from).bits;
    AnyArray values = AnyArray::uninitialized(from, {count});
    const std::size_t item = item_size(from);
    for (Dim i = 0; i < count; ++i) std::memcpy(static_cast<char*>(values.data()) + i * static_cast<Dim>(item), &i, item);
    normalize_sub_byte(from, values.data(), values.size());
    AnyArray wide = AnyArray::zeros(DType::float64, {count});
    cast_copy(values.view(), wide.view());
    for (std::size_t b = 1; b < detail::dtype_table.size(); ++b) {
      const DType to = static_cast<DType>(b);
      if (detail::is_time(to) || to == DType::bool_) continue;
      AnyArray there = AnyArray::zeros(to, {count}), back = AnyArray::zeros(DType::float64, {count});
      cast_copy(values.view(), there.view());
      cast_copy(there.view(), back.view());
      bool same = true;
      for (std::size_t i = 0; i < back.size(); ++i) {
        const double x = wide.values<double>()[i], y = back.values<double>()[i];
        same = same && (std::isnan(x) ? std::isnan(y) : x == y && std::signbit(x) == std::signbit(y));
      }
      // float64 is where they are compared, so an integer that wraps is seen as a different value.
      CAPTURE(name(from));
      CAPTURE(name(to));
      CHECK(is_lossless(from, to) == same);
    }
  }
}

TEST_CASE("widening is lossless, narrowing and changing sides are not") {
  CHECK(is_lossless(DType::int32, DType::float64));
  CHECK(is_lossless(DType::float32, DType::complex64));
  CHECK(is_lossless(DType::uint32, DType::int64));
  CHECK(is_lossless(DType::complex64, DType::complex128));
  CHECK(is_lossless(DType::datetime64_s, DType::datetime64_s));
  CHECK_FALSE(is_lossless(DType::int32, DType::float32));
  CHECK_FALSE(is_lossless(DType::int64, DType::float64));
  CHECK_FALSE(is_lossless(DType::uint64, DType::int64));
  CHECK_FALSE(is_lossless(DType::float64, DType::float32));
  CHECK_FALSE(is_lossless(DType::complex64, DType::float64));
  CHECK_FALSE(is_lossless(DType::complex128, DType::complex64));
  CHECK_FALSE(is_lossless(DType::int8, DType::bool_));
  CHECK_FALSE(is_lossless(DType::datetime64_s, DType::int64));
  CHECK_FALSE(is_lossless(DType::none, DType::none));
}
