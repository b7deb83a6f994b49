// An array that is cut over devices, as saving and restoring see it: which parts of it lie in this process, and what of them it writes.
// Who cuts it is sharding/'s affair (reflect/sharded_arrays.hpp asks there); the house from here on knows no meshes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "orrery/core/array_box.hpp"
#include "orrery/core/array_view.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"

namespace orrery::inline v0 {

class Coordinator;

struct ArrayPart {
  ArrayBox box{};                         // of the whole array
  ArrayView array{};                      // its elements
  std::optional<ArrayBox> write{};        // what of it this process stores: all, a slice, or nothing, where others hold it too
  std::optional<std::uint32_t> crc32c{};  // of all bytes as they lie there, where they lie densely and somebody has it
};

struct ArrayParts {
  Shape write_shape{};                       // extents of what is stored at once: it begins at multiples of them
  std::vector<ArrayPart> parts{};            // of this process
  std::string sharding{};                    // process 0: the JSON text of it in Orbax's _sharding file (spec/orbax.md 2.2)
  bool is_complete = true;                   // the parts are the whole array
  std::shared_ptr<Coordinator> processes{};  // that hold it together; null for one

  // Bytes that this process stores.
  template <OnUse = OnUse()>
  std::size_t written_bytes() const noexcept {
    std::size_t bytes = 0;
    for (const ArrayPart& part : parts)
      if (part.write) bytes += part.write->size() * part.array.item_size();
    return bytes;
  }
};

// What the formats of single files say to one.
inline constexpr char not_in_one_place[] =
    "a sharded array cannot be written into one file: fetch it with to_array(), or save it as an Orbax checkpoint";

}  // namespace orrery::inline v0
