"""What an era cannot hold, write or read back, by case and way. Each line is checked to be true: what it names has to fail there, and
with a text in which `error` is found."""

import typing


class Limit(typing.NamedTuple):
    directions: str    # "write": Python writes, and reads it back; "check": Python reads what C++ wrote
    eras: str
    cases: str         # names or patterns
    modes: str         # the ways, as write.py and check.py call them
    error: str         # a regular expression; "hangs": the call does not return
    reason: str


ML_DTYPES = r"no attribute|not understood|Unsupported zarr dtype"
NO_FLOAT8 = "dtype_float8_e4m3fn dtype_float8_e4m3fnuz dtype_float8_e4m3b11fnuz dtype_float8_e5m2 dtype_float8_e5m2fnuz"

LIMITS = [
    # ---- Orbax 0.4.0, flax 0.7.4, ml_dtypes 0.3.1, TensorStore 0.1.45
    Limit("write check", "2023",
          "dtype_int2 dtype_float8_e3m4 dtype_float8_e8m0fnu dtype_float4_e2m1fn dtype_uint2 dtype_float8_e4m3 dtype_float6_*", "*",
          ML_DTYPES, "ml_dtypes 0.3.1 does not have this dtype"),
    Limit("write", "2023", NO_FLOAT8, "orbax_*", "No NumPy dtype corresponding", "TensorStore 0.1.45 cannot write float8 from Python"),
    Limit("write", "2023", "empty_arrays", "orbax_np", "in the range .1,",
          "0.4.0 writes a chunk extent of 0 for NumPy arrays, which TensorStore refuses"),
    Limit("write", "2023", "keys_slash", "orbax_*", "not found at path",
          "0.4.0 writes a key with a slash into a second database and does not find it again"),
    Limit("write", "2023", "keys_dots keys_empty", "orbax_*", "NOT_FOUND", "0.4.0 takes such keys for paths"),
    Limit("write", "2023", "prng_keys", "orbax_np", "Cannot interpret", "typed PRNG keys came with 0.11.7"),
    Limit("write", "2023", "chunked", "orbax_np", "unexpected keyword", "0.4.0 has no chunk_byte_size"),
    Limit("check", "2023", NO_FLOAT8, "raw target manager standard_target", "hangs",
          "TensorStore 0.1.45 cannot give float8 to Python; 0.4.0 waits for ever"),
    Limit("check", "2023", "dtype_int4", "to_bytes msgpack_serialize", "first difference",
          "ml_dtypes 0.3.1 leaves noise in the upper bits of int4"),
    Limit("check", "2023", "keys_slash keys_dots keys_empty", "raw target manager standard_target", "NOT_FOUND",
          "0.4.0 takes such keys for paths"),
    Limit("check", "2023", "keys_string_slash", "raw target manager", "a/_strings.json", "0.4.0 takes such keys for paths"),
    Limit("check", "2023", "*", "zarr3*", r"\.zarray|tuple index out of range", "0.4.0 reads no zarr v3"),
    Limit("check", "2023", "bare", "raw target manager standard_target *:raw *:target", "tuple index out of range",
          "0.4.0 restores no bare array"),
    Limit("check", "2023", "prng_keys", "*", "_sharding|Cannot interpret", "typed PRNG keys came with 0.11.7"),
    # ---- Orbax 0.5.20, flax 0.8.5
    Limit("write", "2024", "dtype_int2 dtype_float8_e3m4 dtype_float8_e8m0fnu dtype_float4_e2m1fn", "orbax_jax",
          "not a valid JAX array type",
          "JAX 0.4.30 does not have this dtype"),
    Limit("write", "2024", "prng_keys", "orbax_np", "Cannot interpret", "typed PRNG keys came with 0.11.7"),
    Limit("write", "2024", "chunked", "orbax_np", "Zarr3 is not enabled", "0.5.20 chunks zarr v3 only"),
    Limit("check", "2024", "prng_keys", "*", "not key<|Cannot interpret", "typed PRNG keys came with 0.11.7; their data comes back"),
    # ---- Orbax 0.11.10, flax 0.10.6
    Limit("write", "2025", "keys_empty", "orbax_*", "missing .zarray", "0.11.10 does not find what it saved under an empty key"),
    Limit("check", "2025", "bare", "standard standard_manager *:standard", "Unsupported tree type",
          "the Standard handler takes a bare array from 0.12 on"),
    Limit("check", "2025", "prng_keys", "standard_target", "Cannot interpret",
          "0.11.10's Standard handler takes no typed keys in a target"),
    # ---- several
    Limit("write", "2023 2024 2025", "bare", "orbax_*", "truth value of an array", "a bare array counts as an empty item until 0.12"),
    Limit("write", "2025 newest", "empty_arrays", "orbax_*", "zero size",
          "Orbax refuses to save empty arrays from 0.11 on, and restores them"),
    Limit("check", "2023 2024", "complex", "to_bytes msgpack_serialize", "first difference",
          "Flax wrote Python's complex numbers as NumPy's until 0.10"),
    Limit("check", "2023 2024 2025 newest", "strings strings_only keys_string_slash numpy_scalars", "standard_target",
          "Unsupported type",
          "the Standard handler takes no strings and no NumPy scalars in a target"),
]
