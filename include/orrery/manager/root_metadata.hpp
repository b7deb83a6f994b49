// What a root says of itself, once for all its steps: <root>/metadata/_ROOT_METADATA (spec/orbax.md 2.5). root_metadata_file.hpp reads and
// writes it.
#pragma once

#include <string>

namespace orrery::inline v0 {

struct RootMetadata {
  std::string custom_metadata = "{}";    // JSON objects
  std::string internal_metadata = "{}";  // of Orbax
};

}  // namespace orrery::inline v0
