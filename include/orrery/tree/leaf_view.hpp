// What can be stored at a leaf of a tree, seen without owning it. Saving walks a value into LeafViews; restoring writes through them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "orrery/core/array_view.hpp"
#include "orrery/tree/array_parts.hpp"

namespace orrery::inline v0 {

// The Python object that a leaf stands for.
enum class LeafKind : std::uint8_t {
  array,         // numpy.ndarray or jax.Array, 0-d too
  scalar,        // Python bool, int, float, complex: dtype bool, int64 (uint64 from 2^63), float64, complex128
  numpy_scalar,  // np.float32(1): msgpack extension 3
  string,        // str, UTF-8
  bytes,         // legacy Flax files only
  ext,           // an unknown msgpack extension; legacy Flax files only
  prng_key,      // jax.random.key: uint32 key data and the name of its implementation
  sharded,       // a jax.Array whose parts lie on several devices: a C++ value only, what is stored of it is an array
};

constexpr std::string_view name(LeafKind kind) noexcept {
  constexpr std::string_view names[] = {"array", "scalar", "numpy_scalar", "string", "bytes", "ext", "prng_key", "sharded"};
  return names[static_cast<std::size_t>(kind)];
}

// What a number of that dtype is once it is a Python scalar. (A uint64 below 2^63 would be an int64 to Python; a dtype cannot tell.)
constexpr DType python_scalar_dtype(DType dtype) noexcept {
  switch (info(dtype).kind) {
    case DTypeKind::signed_integer: return DType::int64;
    case DTypeKind::unsigned_integer: return dtype == DType::uint64 ? DType::uint64 : DType::int64;
    case DTypeKind::floating: return DType::float64;
    case DTypeKind::complex: return DType::complex128;
    default: return dtype;
  }
}

struct LeafView {
  LeafKind kind = LeafKind::array;
  std::int8_t ext_code = 0;  // ext
  ArrayView array{};         // array, scalars (rank 0), prng_key (its key data); sharded: dtype and global shape without data
  std::string_view text{};   // string, bytes, ext: the content; prng_key: the implementation, "threefry2x32"
  // Of the nbytes() from array.data on, where somebody has it: of a dense array, C- or F-contiguous, only.
  std::optional<std::uint32_t> crc32c{};
  const ArrayParts* parts = nullptr;   // sharded
};

}  // namespace orrery::inline v0
