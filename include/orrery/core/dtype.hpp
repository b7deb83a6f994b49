// Element types: every one that NumPy, ml_dtypes, TensorStore and Flax's msgpack can name. A DType says how many bytes an element
// takes in memory and what it is called on disk; it does not convert (core/copy.hpp) and knows no C++ type (core/float_types.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace orrery::inline v0 {

// Sub-byte types (int2, int4, uint2, uint4, float4, float6) take one byte an element in memory and in every format of this library:
// the value is in the low bits, integers are sign- or zero-extended in memory.
enum class DType : std::uint8_t {
  none,
  bool_,
  int2, int4, int8, int16, int32, int64,
  uint2, uint4, uint8, uint16, uint32, uint64,
  float4_e2m1fn, float6_e2m3fn, float6_e3m2fn,
  float8_e3m4, float8_e4m3, float8_e4m3b11fnuz, float8_e4m3fn, float8_e4m3fnuz, float8_e5m2, float8_e5m2fnuz, float8_e8m0fnu,
  bfloat16, float16, float32, float64,
  complex64, complex128,
  // NumPy's time types, int64 inside; the unit is part of the name. Legacy Flax files only (zarr as TensorStore has it refuses them).
  datetime64, datetime64_Y, datetime64_M, datetime64_W, datetime64_D, datetime64_h, datetime64_m, datetime64_s,
  datetime64_ms, datetime64_us, datetime64_ns, datetime64_ps, datetime64_fs, datetime64_as,
  timedelta64, timedelta64_Y, timedelta64_M, timedelta64_W, timedelta64_D, timedelta64_h, timedelta64_m, timedelta64_s,
  timedelta64_ms, timedelta64_us, timedelta64_ns, timedelta64_ps, timedelta64_fs, timedelta64_as,
};

enum class DTypeKind : std::uint8_t { none, boolean, signed_integer, unsigned_integer, floating, complex, time };

struct DTypeInfo {
  std::string_view name;   // NumPy's dtype.name
  std::uint8_t size;       // bytes an element
  std::uint8_t bits;       // significant bits: 4 for int4
  DTypeKind kind;
};

namespace detail {

inline constexpr std::array<DTypeInfo, 59> dtype_table = [] {
  using K = DTypeKind;
  std::array<DTypeInfo, 59> t{{
      {"none", 0, 0, K::none}, {"bool", 1, 8, K::boolean},
      {"int2", 1, 2, K::signed_integer}, {"int4", 1, 4, K::signed_integer}, {"int8", 1, 8, K::signed_integer},
      {"int16", 2, 16, K::signed_integer}, {"int32", 4, 32, K::signed_integer}, {"int64", 8, 64, K::signed_integer},
      {"uint2", 1, 2, K::unsigned_integer}, {"uint4", 1, 4, K::unsigned_integer}, {"uint8", 1, 8, K::unsigned_integer},
      {"uint16", 2, 16, K::unsigned_integer}, {"uint32", 4, 32, K::unsigned_integer}, {"uint64", 8, 64, K::unsigned_integer},
      {"float4_e2m1fn", 1, 4, K::floating}, {"float6_e2m3fn", 1, 6, K::floating}, {"float6_e3m2fn", 1, 6, K::floating},
      {"float8_e3m4", 1, 8, K::floating}, {"float8_e4m3", 1, 8, K::floating}, {"float8_e4m3b11fnuz", 1, 8, K::floating},
      {"float8_e4m3fn", 1, 8, K::floating}, {"float8_e4m3fnuz", 1, 8, K::floating}, {"float8_e5m2", 1, 8, K::floating},
      {"float8_e5m2fnuz", 1, 8, K::floating}, {"float8_e8m0fnu", 1, 8, K::floating},
      {"bfloat16", 2, 16, K::floating}, {"float16", 2, 16, K::floating}, {"float32", 4, 32, K::floating},
      {"float64", 8, 64, K::floating}, {"complex64", 8, 64, K::complex}, {"complex128", 16, 128, K::complex},
      {"datetime64", 8, 64, K::time}, {"datetime64[Y]", 8, 64, K::time}, {"datetime64[M]", 8, 64, K::time},
      {"datetime64[W]", 8, 64, K::time}, {"datetime64[D]", 8, 64, K::time}, {"datetime64[h]", 8, 64, K::time},
      {"datetime64[m]", 8, 64, K::time}, {"datetime64[s]", 8, 64, K::time}, {"datetime64[ms]", 8, 64, K::time},
      {"datetime64[us]", 8, 64, K::time}, {"datetime64[ns]", 8, 64, K::time}, {"datetime64[ps]", 8, 64, K::time},
      {"datetime64[fs]", 8, 64, K::time}, {"datetime64[as]", 8, 64, K::time},
      {"timedelta64", 8, 64, K::time}, {"timedelta64[Y]", 8, 64, K::time}, {"timedelta64[M]", 8, 64, K::time},
      {"timedelta64[W]", 8, 64, K::time}, {"timedelta64[D]", 8, 64, K::time}, {"timedelta64[h]", 8, 64, K::time},
      {"timedelta64[m]", 8, 64, K::time}, {"timedelta64[s]", 8, 64, K::time}, {"timedelta64[ms]", 8, 64, K::time},
      {"timedelta64[us]", 8, 64, K::time}, {"timedelta64[ns]", 8, 64, K::time}, {"timedelta64[ps]", 8, 64, K::time},
      {"timedelta64[fs]", 8, 64, K::time}, {"timedelta64[as]", 8, 64, K::time},
  }};
  return t;
}();
static_assert(dtype_table[static_cast<std::size_t>(DType::timedelta64_as)].name == "timedelta64[as]");
static_assert(dtype_table[static_cast<std::size_t>(DType::bfloat16)].name == "bfloat16");
static_assert(dtype_table[static_cast<std::size_t>(DType::complex128)].name == "complex128");

}  // namespace detail

constexpr const DTypeInfo& info(DType dtype) noexcept { return detail::dtype_table[static_cast<std::size_t>(dtype)]; }

// NumPy's dtype.name: "float32", "bfloat16", "datetime64[s]".
constexpr std::string_view name(DType dtype) noexcept { return info(dtype).name; }

// Bytes of one element in memory (1 for sub-byte types).
constexpr std::size_t item_size(DType dtype) noexcept { return info(dtype).size; }

// Less than a byte of information an element: upper bits are noise in some files and must be masked (spec/zarr.md 6).
constexpr bool is_sub_byte(DType dtype) noexcept { return info(dtype).bits < 8 && dtype != DType::none; }

// The dtype of that name, or nothing. "none" is no dtype.
constexpr std::optional<DType> dtype_from_name(std::string_view text) noexcept {
  for (std::size_t i = 1; i < detail::dtype_table.size(); ++i)
    if (detail::dtype_table[i].name == text) return static_cast<DType>(i);
  return std::nullopt;
}

}  // namespace orrery::inline v0
