// Every golden case that is left for a later issue, with the reason: the one such list. golden_test.cpp fails if one of them works, so
// the list can only shrink, and tests all others.
#pragma once

#include <string_view>

namespace orrery::golden {

struct Later {
  std::string_view name;    // a case, or one check of it as golden_test.cpp prints it
  std::string_view reason;
};

inline constexpr std::string_view zarr_v3 = "arrays are stored as zarr v3";
inline constexpr std::string_view one_array = "the layout of ArrayCheckpointHandler: one array or number without a tree";
inline constexpr std::string_view bare_zarr = "a zarr array alone, outside of any item";
inline constexpr std::string_view random_keys = "items of JaxRandomKeySave and NumpyRandomKeySave";
inline constexpr std::string_view process_arrays = "arrays of many processes beside a legacy file; a target says where they belong";
inline constexpr std::string_view nested_database = "0.4.0 puts a key with a slash into a second database in a folder";
inline constexpr std::string_view untyped_strings = "without _METADATA nothing says that a placeholder stands for a string";

inline constexpr Later later[] = {
    {"orbax-0.11/zarr3", zarr_v3},
    {"orbax-0.12/chunk_byte_size_zarr3", zarr_v3},
    {"orbax-0.12/data_file_size_zarr3", zarr_v3},
    {"orbax-0.12/dtypes_jax_zarr3", zarr_v3},
    {"orbax-0.12/dtypes_numpy_zarr3", zarr_v3},
    {"orbax-0.12/float_specials_zarr3", zarr_v3},
    {"orbax-0.12/layout_files_zarr3_plain", zarr_v3},
    {"orbax-0.12/layout_files_zarr3_zstd", zarr_v3},
    {"orbax-0.12/layout_ocdbt_zarr3_plain", zarr_v3},
    {"orbax-0.12/layout_ocdbt_zarr3_zstd", zarr_v3},
    {"orbax-0.12/prng_keys_zarr3", zarr_v3},
    {"orbax-0.12/ranks_zarr3", zarr_v3},
    {"orbax-0.12/root_numpy", zarr_v3},
    {"orbax-0.12/scalars_zarr3", zarr_v3},
    {"orbax-0.12/sharded_files_zarr3", zarr_v3},
    {"orbax-0.12/sharded_ocdbt_zarr3", zarr_v3},
    {"orbax-0.12/v1_async", zarr_v3},
    {"orbax-0.12/v1_checkpointables", zarr_v3},
    {"orbax-0.12/v1_custom_metadata", zarr_v3},
    {"orbax-0.12/v1_manager", zarr_v3},
    {"orbax-0.12/v1_manager_checkpointables", zarr_v3},
    {"orbax-0.12/v1_partial", zarr_v3},
    {"orbax-0.12/v1_save", zarr_v3},
    {"orbax-0.12/v1_save_files", zarr_v3},
    {"orbax-0.12/v1_save_prng", zarr_v3},
    {"orbax-0.12/v1_save_root_list", zarr_v3},
    {"orbax-0.12/v1_save_sharded", zarr_v3},
    {"orbax-0.5/zarr3", zarr_v3},
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
    {"tensorstore/zarr2_big_endian", bare_zarr},
    {"tensorstore/zarr2_blosc_lz4", bare_zarr},
    {"tensorstore/zarr2_blosc_zstd_bit", bare_zarr},
    {"tensorstore/zarr2_fill", bare_zarr},
    {"tensorstore/zarr2_fortran", bare_zarr},
    {"tensorstore/zarr2_gzip", bare_zarr},
    {"tensorstore/zarr2_missing_chunks", bare_zarr},
    {"tensorstore/zarr2_slash", bare_zarr},
    {"tensorstore/zarr2_zlib", bare_zarr},
    {"tensorstore/zarr3_big_endian", bare_zarr},
    {"tensorstore/zarr3_crc", bare_zarr},
    {"tensorstore/zarr3_gzip", bare_zarr},
    {"tensorstore/zarr3_plain", bare_zarr},
    {"tensorstore/zarr3_sharded", bare_zarr},
    {"tensorstore/zarr3_sharded_start", bare_zarr},
    {"tensorstore/zarr3_transpose", bare_zarr},
    {"orbax-0.12/random_keys", random_keys},
    {"flax/gda: checkpoint_3, restore_checkpoint with a target", process_arrays},
    {"flax-0.7/gda: checkpoint_3, restore_checkpoint with a target", process_arrays},
    {"orbax-0.4/keys", nested_database},
    {"orbax-0.4/strings", untyped_strings},
};

}  // namespace orrery::golden
