// A safetensors file as plain structs, and the names of its dtypes. Bytes are reader.hpp's and writer.hpp's business, arrays and files
// those of the face (orrery/safetensors.hpp). The judge is the safetensors library itself:
//
//   8 bytes, little-endian: size of the header | the header: JSON, padded with blanks to a multiple of 8 | the elements
//   {"__metadata__": {"key": "text"}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
//
// Offsets count from the end of the header. The tensors cover the data without holes and without overlaps, so nothing can be aligned
// to more than its writer does: by dtype, the widest first, which puts every tensor on a multiple of its own element.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/dtype.hpp"
#include "orrery/core/shape.hpp"

namespace orrery::inline v0::safetensors {

// What "__metadata__" holds: texts by name.
using Metadata = std::map<std::string, std::string>;

struct Tensor {
  std::string name{};
  DType dtype = DType::none;
  Shape shape{};
  std::uint64_t begin = 0;  // of its elements, in C order, from the end of the header
  std::uint64_t end = 0;
};

struct Header {
  std::vector<Tensor> tensors{};  // by name
  Metadata metadata{};
  std::uint64_t data_offset = 0;  // in the file, of the first element
};

inline constexpr std::string_view metadata_name = "__metadata__";
inline constexpr std::size_t length_size = 8;
inline constexpr std::uint64_t max_header_size = 100'000'000;  // the library's limit; a larger one it does not read
inline constexpr std::size_t header_alignment = 8;

namespace detail {

struct DTypeCode {
  std::string_view code;
  DType dtype;
};

// In the library's order: tensors are written from the last of these to the first. F4, F6_E2M3 and F6_E3M2, which stand behind BOOL
// there, pack elements into less than a byte; NumPy has nothing to hold them, and its half of the library refuses them.
inline constexpr std::array<DTypeCode, 19> dtype_codes{{
    {"BOOL", DType::bool_},
    {"U8", DType::uint8},
    {"I8", DType::int8},
    {"F8_E5M2", DType::float8_e5m2},
    {"F8_E4M3", DType::float8_e4m3fn},
    {"F8_E8M0", DType::float8_e8m0fnu},
    {"F8_E4M3FNUZ", DType::float8_e4m3fnuz},
    {"F8_E5M2FNUZ", DType::float8_e5m2fnuz},
    {"I16", DType::int16},
    {"U16", DType::uint16},
    {"F16", DType::float16},
    {"BF16", DType::bfloat16},
    {"I32", DType::int32},
    {"U32", DType::uint32},
    {"F32", DType::float32},
    {"C64", DType::complex64},
    {"F64", DType::float64},
    {"I64", DType::int64},
    {"U64", DType::uint64},
}};

}  // namespace detail

// The position of a dtype in the library's order; nothing where the format has no such dtype (int4, complex128, datetime64, ...).
constexpr std::optional<std::size_t> dtype_rank(DType dtype) noexcept {
  for (std::size_t i = 0; i < detail::dtype_codes.size(); ++i)
    if (detail::dtype_codes[i].dtype == dtype) return i;
  return std::nullopt;
}

// The dtype of a code, as "BF16".
constexpr std::optional<DType> dtype_from_code(std::string_view code) noexcept {
  for (const detail::DTypeCode& known : detail::dtype_codes)
    if (known.code == code) return known.dtype;
  return std::nullopt;
}

}  // namespace orrery::inline v0::safetensors
