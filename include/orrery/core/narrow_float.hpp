// Bits of the floats narrower than float32, from and to float, as ml_dtypes (NumPy for float16) converts them: to nearest, ties to
// even; what happens past the largest value depends on the type. One routine, driven by a table of formats (spec/zarr.md 6).
#pragma once

#include <bit>
#include <cstdint>

#include "orrery/core/dtype.hpp"

namespace orrery::inline v0::detail {

// What the codes of the largest exponent mean, and where a too large value goes.
enum class FloatFlavour : std::uint8_t {
  ieee,      // infinities and NaNs; overflows to infinity
  fn,        // no infinity; NaN is all ones; overflows to NaN
  fnuz,      // no infinity, no negative zero, whose code is NaN; overflows to NaN
  finite,    // neither; overflows to the largest value, NaN becomes a zero of the other sign
  exponent,  // exponent only: no sign, no zero; NaN is all ones; negative values become NaN
  none,      // not a float
};

struct FloatFormat {
  int exponent_bits;
  int mantissa_bits;
  int bias;
  FloatFlavour flavour;
};

constexpr FloatFormat float_format(DType dtype) noexcept {
  using F = FloatFlavour;
  switch (dtype) {
    case DType::float4_e2m1fn: return {2, 1, 1, F::finite};
    case DType::float6_e2m3fn: return {2, 3, 1, F::finite};
    case DType::float6_e3m2fn: return {3, 2, 3, F::finite};
    case DType::float8_e3m4: return {3, 4, 3, F::ieee};
    case DType::float8_e4m3: return {4, 3, 7, F::ieee};
    case DType::float8_e4m3b11fnuz: return {4, 3, 11, F::fnuz};
    case DType::float8_e4m3fn: return {4, 3, 7, F::fn};
    case DType::float8_e4m3fnuz: return {4, 3, 8, F::fnuz};
    case DType::float8_e5m2: return {5, 2, 15, F::ieee};
    case DType::float8_e5m2fnuz: return {5, 2, 16, F::fnuz};
    case DType::float8_e8m0fnu: return {8, 0, 127, F::exponent};
    case DType::bfloat16: return {8, 7, 127, F::ieee};
    case DType::float16: return {5, 10, 15, F::ieee};
    case DType::float32: return {8, 23, 127, F::ieee};
    case DType::float64: return {11, 52, 1023, F::ieee};
    default: return {0, 0, 0, F::none};
  }
}

// The code of the largest finite value.
constexpr std::uint32_t largest_code(FloatFormat f) noexcept {
  const std::uint32_t ones = (1u << (f.exponent_bits + f.mantissa_bits)) - 1;
  if (f.flavour == FloatFlavour::ieee) return ones - (1u << f.mantissa_bits);
  return f.flavour == FloatFlavour::fn || f.flavour == FloatFlavour::exponent ? ones - 1 : ones;
}

// 2^exponent; exponent within the normal range of float32.
constexpr float power_of_two(int exponent) noexcept { return std::bit_cast<float>(static_cast<std::uint32_t>(exponent + 127) << 23); }

// The value of those bits; bits above the width of the type are ignored.
template <DType D>
constexpr float narrow_to_float(std::uint32_t bits) noexcept {
  constexpr FloatFormat f = float_format(D);
  constexpr int width = f.exponent_bits + f.mantissa_bits;
  constexpr int shift = 23 - f.mantissa_bits;
  constexpr std::uint32_t quiet_nan = 0x7fc00000u;
  if constexpr (f.flavour == FloatFlavour::exponent) {
    bits &= 0xffu;
    if (bits == 0xffu) return std::bit_cast<float>(quiet_nan);
    return std::bit_cast<float>(bits == 0 ? 1u << 22 : bits << 23);  // 2^-127 is subnormal in float32
  } else {
    const std::uint32_t sign = ((bits >> width) & 1u) << 31;
    const std::uint32_t magnitude = bits & ((1u << width) - 1);
    std::uint32_t wide = 0;
    if constexpr (f.bias == 127) {
      wide = magnitude << shift;  // bfloat16: the upper half of a float32
    } else {
      // Both are computed and one is picked, so that loops over this vectorize.
      const std::uint32_t normal = (magnitude << shift) + (static_cast<std::uint32_t>(127 - f.bias) << 23);
      const std::uint32_t subnormal = std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<std::int32_t>(magnitude)) *
                                                                   power_of_two(1 - f.bias - f.mantissa_bits));
      wide = (magnitude >> f.mantissa_bits) == 0 ? subnormal : normal;
      if constexpr (f.flavour == FloatFlavour::ieee) {
        constexpr std::uint32_t infinity = largest_code(f) + 1;
        if constexpr (D == DType::float16) {
          if (magnitude >= infinity) wide = 0x7f800000u | ((magnitude - infinity) << shift);  // NumPy keeps the payload of a NaN
        } else {
          if (magnitude >= infinity) wide = magnitude == infinity ? 0x7f800000u : quiet_nan;
        }
      } else if constexpr (f.flavour == FloatFlavour::fn) {
        if (magnitude > largest_code(f)) wide = quiet_nan;
      } else if constexpr (f.flavour == FloatFlavour::fnuz) {
        if (magnitude == 0 && sign != 0) wide = quiet_nan;
      }
    }
    return std::bit_cast<float>(wide | sign);
  }
}

// The bits of the nearest value.
template <DType D>
constexpr std::uint32_t narrow_from_float(float value) noexcept {
  constexpr FloatFormat f = float_format(D);
  constexpr int width = f.exponent_bits + f.mantissa_bits;
  constexpr int shift = 23 - f.mantissa_bits;
  constexpr std::uint32_t float_infinity = 0x7f800000u;
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t negative = bits >> 31;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if constexpr (f.flavour == FloatFlavour::exponent) {
    if (negative != 0 || magnitude == 0 || magnitude >= float_infinity) return 0xffu;
    // Ties go up: the last bit kept is the implied one, which is always odd. Below 2^-126 everything but 2^-127 and less goes up.
    if (magnitude < (1u << 23)) return magnitude > (1u << 22) ? 1u : 0u;
    return (magnitude + (1u << 22)) >> 23;
  } else {
    const std::uint32_t sign = negative << width;
    constexpr std::uint32_t largest = largest_code(f);
    if (magnitude > float_infinity) {
      if constexpr (f.flavour == FloatFlavour::fnuz)
        return 1u << width;
      else if constexpr (f.flavour == FloatFlavour::finite)
        return (negative ^ 1u) << width;
      else if constexpr (f.flavour == FloatFlavour::fn)
        return sign | (largest + 1);
      else if constexpr (D == DType::float16) {
        const std::uint32_t payload = (magnitude & 0x7fffffu) >> shift;
        return sign | (largest + 1) | (payload != 0 ? payload : 1u);
      } else
        return sign | (largest + 1) | (1u << (f.mantissa_bits - 1));
    }
    std::uint32_t code = 0;
    constexpr std::uint32_t exponent_gap = static_cast<std::uint32_t>(127 - f.bias) << 23;
    constexpr std::uint32_t smallest_normal = exponent_gap + (1u << 23);
    if (f.bias == 127 || magnitude >= smallest_normal) {
      const std::uint32_t rebased = magnitude - exponent_gap;
      code = (rebased + ((1u << (shift - 1)) - 1) + ((rebased >> shift) & 1u)) >> shift;  // a carry moves into the exponent
    } else {
      const std::uint32_t lost = static_cast<std::uint32_t>(shift) + ((smallest_normal - magnitude + 0x7fffffu) >> 23);
      if (lost <= 24) {
        const std::uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
        code = (mantissa + ((1u << (lost - 1)) - 1) + ((mantissa >> lost) & 1u)) >> lost;
      }
    }
    if constexpr (f.flavour == FloatFlavour::ieee) {
      if (code > largest) code = largest + 1;
    } else if constexpr (f.flavour == FloatFlavour::fn) {
      if (code > largest) code = largest + 1;
    } else if constexpr (f.flavour == FloatFlavour::fnuz) {
      if (code > largest) return 1u << width;
      if (code == 0) return 0;
    } else {
      if (code > largest) code = largest;
    }
    return sign | code;
  }
}

static_assert(narrow_to_float<DType::float16>(0x3c00u) == 1.0f && narrow_from_float<DType::float16>(65520.0f) == 0x7c00u);
static_assert(narrow_to_float<DType::float8_e4m3fn>(0x7eu) == 448.0f && narrow_from_float<DType::float8_e4m3fn>(465.0f) == 0x7fu);

}  // namespace orrery::inline v0::detail
