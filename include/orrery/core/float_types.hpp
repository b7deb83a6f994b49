// C++ types for the elements that C++20 has no name for, and dtype_of<T>, which maps C++ types to dtypes. The narrow floats hold
// bits and convert to and from float; rounding is to nearest, ties to even, as ml_dtypes does it (core/narrow_float.hpp).
#pragma once

#include <complex>
#include <cstdint>
#include <type_traits>

#include "orrery/core/dtype.hpp"
#include "orrery/core/narrow_float.hpp"

namespace orrery::inline v0 {

// A float of one or two bytes. Equality compares values, as for float: NaN differs from itself, +0 equals -0.
template <DType D>
class NarrowFloat {
 public:
  using Bits = std::conditional_t<item_size(D) == 2, std::uint16_t, std::uint8_t>;
  NarrowFloat() = default;
  explicit NarrowFloat(float value) noexcept : bits_(static_cast<Bits>(detail::narrow_from_float<D>(value))) {}
  static constexpr NarrowFloat from_bits(Bits bits) noexcept {
    NarrowFloat v{};
    v.bits_ = bits;
    return v;
  }
  constexpr Bits bits() const noexcept { return bits_; }
  operator float() const noexcept { return detail::narrow_to_float<D>(bits_); }

 private:
  Bits bits_ = 0;
};

using bfloat16 = NarrowFloat<DType::bfloat16>;
using float16 = NarrowFloat<DType::float16>;
using float8_e3m4 = NarrowFloat<DType::float8_e3m4>;
using float8_e4m3 = NarrowFloat<DType::float8_e4m3>;
using float8_e4m3b11fnuz = NarrowFloat<DType::float8_e4m3b11fnuz>;
using float8_e4m3fn = NarrowFloat<DType::float8_e4m3fn>;
using float8_e4m3fnuz = NarrowFloat<DType::float8_e4m3fnuz>;
using float8_e5m2 = NarrowFloat<DType::float8_e5m2>;
using float8_e5m2fnuz = NarrowFloat<DType::float8_e5m2fnuz>;
using float8_e8m0fnu = NarrowFloat<DType::float8_e8m0fnu>;
using float6_e2m3fn = NarrowFloat<DType::float6_e2m3fn>;
using float6_e3m2fn = NarrowFloat<DType::float6_e3m2fn>;
using float4_e2m1fn = NarrowFloat<DType::float4_e2m1fn>;

// An integer of 2 or 4 bits in a byte; values wrap to the width, as in ml_dtypes.
template <DType D>
class NarrowInt {
 public:
  static constexpr bool is_signed = info(D).kind == DTypeKind::signed_integer;
  using Value = std::conditional_t<is_signed, std::int8_t, std::uint8_t>;
  NarrowInt() = default;
  explicit constexpr NarrowInt(int value) noexcept : value_(wrap(value)) {}
  constexpr operator int() const noexcept { return value_; }

 private:
  static constexpr Value wrap(int value) noexcept {
    constexpr int bits = info(D).bits;
    int low = value & ((1 << bits) - 1);
    if (is_signed && (low >> (bits - 1))) low -= 1 << bits;
    return static_cast<Value>(low);
  }
  Value value_ = 0;
};

using int2 = NarrowInt<DType::int2>;
using int4 = NarrowInt<DType::int4>;
using uint2 = NarrowInt<DType::uint2>;
using uint4 = NarrowInt<DType::uint4>;

namespace detail {

template <class T>
consteval DType find_dtype() {
  if constexpr (std::is_same_v<T, bool>) return DType::bool_;
  else if constexpr (std::is_same_v<T, float>) return DType::float32;
  else if constexpr (std::is_same_v<T, double>) return DType::float64;
  else if constexpr (std::is_same_v<T, std::complex<float>>) return DType::complex64;
  else if constexpr (std::is_same_v<T, std::complex<double>>) return DType::complex128;
  else if constexpr (std::is_same_v<T, wchar_t> || std::is_same_v<T, char16_t> || std::is_same_v<T, char32_t>) return DType::none;
  else if constexpr (std::is_integral_v<T> && sizeof(T) <= 8) {
    constexpr bool s = std::is_signed_v<T>;
    if constexpr (sizeof(T) == 1) return s ? DType::int8 : DType::uint8;
    else if constexpr (sizeof(T) == 2) return s ? DType::int16 : DType::uint16;
    else if constexpr (sizeof(T) == 4) return s ? DType::int32 : DType::uint32;
    else return s ? DType::int64 : DType::uint64;
  } else return DType::none;
}

template <class T>
struct DTypeOf { static constexpr DType value = find_dtype<T>(); };
template <DType D>
struct DTypeOf<NarrowFloat<D>> { static constexpr DType value = D; };
template <DType D>
struct DTypeOf<NarrowInt<D>> { static constexpr DType value = D; };

}  // namespace detail

// The dtype of a C++ element type; DType::none where there is none (long double, wide characters, classes).
template <class T>
inline constexpr DType dtype_of = detail::DTypeOf<std::remove_cv_t<T>>::value;

// A type that can be an element of an array leaf.
template <class T>
concept Element = dtype_of<T> != DType::none;

}  // namespace orrery::inline v0
