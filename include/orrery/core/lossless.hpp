// Whether a conversion between dtypes can lose anything. Restoring widens without being asked only where it cannot.
#pragma once

#include <bit>
#include <cstdint>

#include "orrery/core/dtype.hpp"
#include "orrery/core/narrow_float.hpp"

namespace orrery::inline v0 {

// Whether every value of `from` has an equal in `to`, signed zeros, infinities and NaN included: int32 to float64, bfloat16 to float32,
// float32 to complex64, bool to any type with 0 and 1.
bool is_lossless(DType from, DType to) noexcept;

namespace detail {

// Precision and range of a type's values: each is a multiple of 2^lowest with at most `digits` significant bits and at most `largest`.
struct ValueSet {
  int digits = 0;
  int lowest = 0;
  double largest = 0;
  bool negative = false, zero = false, negative_zero = false, infinite = false, nan = false;
};

constexpr double exact_power_of_two(int exponent) noexcept {
  return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
}

constexpr ValueSet value_set(DType dtype) noexcept {
  const DTypeInfo type = info(dtype);
  if (type.kind == DTypeKind::boolean) return {.digits = 1, .lowest = 0, .largest = 1, .zero = true};
  if (type.kind == DTypeKind::unsigned_integer)
    return {.digits = type.bits, .largest = exact_power_of_two(type.bits) * (1 - exact_power_of_two(-type.bits)), .zero = true};
  if (type.kind == DTypeKind::signed_integer)  // -2^(bits-1) has one digit; its size is what a float must reach
    return {.digits = type.bits - 1, .lowest = 0, .largest = exact_power_of_two(type.bits - 1), .negative = true, .zero = true};
  const FloatFormat f = float_format(dtype);
  using F = FloatFlavour;
  if (f.flavour == F::exponent) return {.digits = 1, .lowest = -127, .largest = exact_power_of_two(127), .nan = true};
  const int top = (1 << f.exponent_bits) - 1 - (f.flavour == F::ieee ? 1 : 0) - f.bias;  // exponent of the largest value
  const double fraction = 2 - exact_power_of_two(f.flavour == F::fn ? 1 - f.mantissa_bits : -f.mantissa_bits);
  return {.digits = f.mantissa_bits + 1,
          .lowest = 1 - f.bias - f.mantissa_bits,
          .largest = fraction * exact_power_of_two(top),
          .negative = true,
          .zero = true,
          .negative_zero = f.flavour != F::fnuz,
          .infinite = f.flavour == F::ieee,
          .nan = f.flavour != F::finite};
}

}  // namespace detail

inline bool is_lossless(DType from, DType to) noexcept {
  if (from == DType::none || to == DType::none) return false;
  if (from == to) return true;
  if (info(from).kind == DTypeKind::time || info(to).kind == DTypeKind::time || to == DType::bool_) return false;
  if (info(to).kind == DTypeKind::complex) {
    if (from == DType::complex64) return true;
    return from != DType::complex128 && is_lossless(from, to == DType::complex64 ? DType::float32 : DType::float64);
  }
  if (info(from).kind == DTypeKind::complex) return false;
  const detail::ValueSet a = detail::value_set(from), b = detail::value_set(to);
  return a.digits <= b.digits && a.lowest >= b.lowest && a.largest <= b.largest && a.negative <= b.negative && a.zero <= b.zero &&
         a.negative_zero <= b.negative_zero && a.infinite <= b.infinite && a.nan <= b.nan;
}

}  // namespace orrery::inline v0
