// Every golden case that is left for a later issue, with the reason: the one such list. golden_test.cpp fails if one of them works, so
// the list can only shrink, and tests all others.
#pragma once

#include <string_view>

namespace orrery::golden {

struct Later {
  std::string_view name;    // a case, or one check of it as golden_test.cpp prints it
  std::string_view reason;
};

inline constexpr std::string_view one_array = "the layout of ArrayCheckpointHandler: one array or number without a tree";
inline constexpr std::string_view random_keys = "items of JaxRandomKeySave and NumpyRandomKeySave";
inline constexpr std::string_view process_arrays = "arrays of many processes beside a legacy file; a target says where they belong";
inline constexpr std::string_view nested_database = "0.4.0 puts a key with a slash into a second database in a folder";
inline constexpr std::string_view untyped_strings = "without _METADATA nothing says that a placeholder stands for a string";
inline constexpr std::string_view safetensors = "another format";

inline constexpr Later later[] = {
    {"orbax-0.11/array_handler", one_array},
    {"orbax-0.11/array_handler_aggregate", one_array},
    {"orbax-0.11/array_handler_files", one_array},
    {"orbax-0.12/array_handler", one_array},
    {"orbax-0.12/array_handler_scalar", one_array},
    {"orbax-0.4/array_handler", one_array},
    {"orbax-0.4/array_handler_aggregate", one_array},
    {"orbax-0.4/array_handler_files", one_array},
    {"orbax-0.5/array_handler", one_array},
    {"orbax-0.5/array_handler_aggregate", one_array},
    {"orbax-0.5/array_handler_files", one_array},
    {"orbax-0.12/random_keys", random_keys},
    {"flax/gda: checkpoint_3, restore_checkpoint with a target", process_arrays},
    {"flax-0.7/gda: checkpoint_3, restore_checkpoint with a target", process_arrays},
    {"orbax-0.4/keys", nested_database},
    {"orbax-0.4/strings", untyped_strings},
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
