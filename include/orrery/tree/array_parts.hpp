// An array that is cut over devices, as saving and restoring see it: which parts of it lie in this process, and which of them it writes.
// Who cuts it is sharding/'s affair (reflect/sharded_arrays.hpp asks there); the house from here on knows no meshes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "orrery/core/array_view.hpp"
#include "orrery/core/box.hpp"
#include "orrery/core/shape.hpp"

namespace orrery::inline v0 {

struct ArrayPart {
  Box box{};                              // of the whole array
  ArrayView array{};                      // its elements
  bool writes = true;                     // this process stores it; of what lies on several devices one does
  std::optional<std::uint32_t> crc32c{};  // of its bytes as they lie there, where they lie densely and somebody has it
};

struct ArrayParts {
  Shape part_shape{};              // extents of every part, but where the array ends: parts begin at multiples of it
  std::vector<ArrayPart> parts{};  // of this process
  std::string sharding{};          // the JSON text of it in Orbax's _sharding file (spec/orbax.md 2.2)

  // Bytes that this process stores.
  std::size_t written_bytes() const noexcept {
    std::size_t bytes = 0;
    for (const ArrayPart& part : parts)
      if (part.writes) bytes += part.array.nbytes();
    return bytes;
  }
};

// What the formats of single files say to one.
inline constexpr char not_in_one_place[] =
    "a sharded array cannot be written into one file: fetch it with to_array(), or save it as an Orbax checkpoint";

}  // namespace orrery::inline v0
