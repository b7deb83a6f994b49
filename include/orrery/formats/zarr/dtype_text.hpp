// What zarr v2 calls the element types, in both directions. Rules: spec/zarr.md 3.1, spec/orbax.md 3.2.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "orrery/core/dtype.hpp"
#include "orrery/core/on_use.hpp"

namespace orrery::inline v0::zarr {

// "<f4", "|b1", "bfloat16"; nothing for a dtype that TensorStore does not have (uint2, uint4, float6_*, float8_e4m3, times).
template <OnUse = OnUse()>
inline std::optional<std::string> zarr2_dtype(DType dtype) {
  switch (dtype) {
    case DType::none:
    case DType::uint2:
    case DType::uint4:
    case DType::float6_e2m3fn:
    case DType::float6_e3m2fn:
    case DType::float8_e4m3: return std::nullopt;
    case DType::float16: return "<f2";
    case DType::float32: return "<f4";
    case DType::float64: return "<f8";
    case DType::bool_: return "|b1";
    default: break;
  }
  const DTypeInfo& about = info(dtype);
  if (about.kind == DTypeKind::time) return std::nullopt;
  if (about.kind == DTypeKind::complex) return "<c" + std::to_string(about.size);
  const bool whole = about.bits >= 8;
  if (whole && about.kind == DTypeKind::signed_integer) return (about.size == 1 ? "|i" : "<i") + std::to_string(about.size);
  if (whole && about.kind == DTypeKind::unsigned_integer) return (about.size == 1 ? "|u" : "<u") + std::to_string(about.size);
  return std::string(about.name);  // TensorStore's own: bfloat16, float8_*, int4, ...
}

struct StoredDType {
  DType dtype = DType::none;
  bool big_endian = false;
};

// What a text stands for, or nothing. Types of one byte take any of "|", "<", ">", larger ones need "<" or ">".
template <OnUse = OnUse()>
inline std::optional<StoredDType> dtype_from_zarr2(std::string_view text) {
  if (text.empty() || (text[0] != '<' && text[0] != '>' && text[0] != '|')) {
    const auto named = dtype_from_name(text);
    if (!named || zarr2_dtype(*named) != text) return std::nullopt;
    return StoredDType{*named, false};
  }
  for (int i = 1; i <= static_cast<int>(DType::complex128); ++i) {
    const auto dtype = static_cast<DType>(i);
    const auto known = zarr2_dtype(dtype);
    if (!known || ((*known)[0] != '<' && (*known)[0] != '|') || std::string_view(*known).substr(1) != text.substr(1)) continue;
    const bool one_byte = (*known)[0] == '|';
    if (text[0] == '|' && !one_byte) return std::nullopt;
    return StoredDType{dtype, text[0] == '>' && !one_byte};
  }
  return std::nullopt;
}

}  // namespace orrery::inline v0::zarr
