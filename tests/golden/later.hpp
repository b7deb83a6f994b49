// Every golden case that is left for a later issue, with the reason: the one such list. golden_test.cpp fails if one of them works, so
// the list can only shrink, and tests all others.
#pragma once

#include <string_view>

namespace orrery::golden {

struct Later {
  std::string_view name;    // a case, or one check of it as golden_test.cpp prints it
  std::string_view reason;
};

inline constexpr std::string_view safetensors = "another format";

inline constexpr Later later[] = {
    {"safetensors/all_dtypes", safetensors},
    {"safetensors/basic", safetensors},
    {"safetensors/dtype_bfloat16", safetensors},
    {"safetensors/dtype_bool", safetensors},
    {"safetensors/dtype_complex64", safetensors},
    {"safetensors/dtype_float16", safetensors},
    {"safetensors/dtype_float32", safetensors},
    {"safetensors/dtype_float64", safetensors},
    {"safetensors/dtype_float8_e4m3fn", safetensors},
    {"safetensors/dtype_float8_e4m3fnuz", safetensors},
    {"safetensors/dtype_float8_e5m2", safetensors},
    {"safetensors/dtype_float8_e5m2fnuz", safetensors},
    {"safetensors/dtype_float8_e8m0fnu", safetensors},
    {"safetensors/dtype_int16", safetensors},
    {"safetensors/dtype_int32", safetensors},
    {"safetensors/dtype_int64", safetensors},
    {"safetensors/dtype_int8", safetensors},
    {"safetensors/dtype_uint16", safetensors},
    {"safetensors/dtype_uint32", safetensors},
    {"safetensors/dtype_uint64", safetensors},
    {"safetensors/dtype_uint8", safetensors},
    {"safetensors/fortran", safetensors},
    {"safetensors/many", safetensors},
    {"safetensors/metadata", safetensors},
    {"safetensors/names", safetensors},
    {"safetensors/no_tensors", safetensors},
    {"safetensors/shapes", safetensors},
};

}  // namespace orrery::golden
