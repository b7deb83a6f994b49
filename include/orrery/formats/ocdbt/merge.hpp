// A parent over databases that lie in its sub-directories, as Orbax makes one out of ocdbt.process_*/ (sections 11 and 12.6): keys and
// inline values are copied, values outside of leaves stay where they are and are referred to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/ocdbt/format.hpp"
#include "orrery/formats/ocdbt/reader.hpp"
#include "orrery/formats/ocdbt/writer.hpp"

namespace orrery::inline v0::ocdbt {

// Puts every entry of the child into the writer of its parent; sub_directory is the child's place in the parent, "ocdbt.process_0".
// Children that hold equal keys need a writer whose last put wins. Reads nothing; linear in the number of keys.
template <OnUse = OnUse()>
inline void put_all(Writer& parent, const Database& child, std::string_view sub_directory) {
  const std::string base = std::string(sub_directory) + "/";
  constexpr std::uint32_t unknown = UINT32_MAX;
  std::vector<std::uint32_t> files(child.num_files(), unknown);
  for (const Entry& entry : child.entries()) {
    if (entry.is_inline) {
      parent.put_inline(entry.key, entry.inline_value);
      continue;
    }
    std::uint32_t& file = files[entry.file];
    if (file == unknown) file = parent.add_file({base + child.file(entry.file).base, child.file(entry.file).relative});
    parent.put_reference(entry.key, file, entry.offset, entry.length);
  }
}

}  // namespace orrery::inline v0::ocdbt
