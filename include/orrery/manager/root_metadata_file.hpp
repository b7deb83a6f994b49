// <root>/metadata/_ROOT_METADATA (spec/orbax.md 2.5), of every version of Orbax.
#pragma once

#include <string>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/manager/root_metadata.hpp"
#include "orrery/manager/step_directory.hpp"
#include "orrery/orbax/calls.hpp"
#include "orrery/storage/atomic_file.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_system.hpp"

namespace orrery::inline v0 {

// Written if there is none yet; what is there stays. Without internal_metadata, a key that Orbax before 0.11.24 refuses and later ones can
// do without. ArgumentError where it is no JSON object.
template <OnUse = OnUse()>
inline void write_root_metadata(const std::string& root, const std::string& custom_metadata) {
  orbax::detail::check_custom_metadata(custom_metadata);
  const std::string file = root + "/metadata/_ROOT_METADATA";
  if (storage::exists(file)) return;
  storage::write_file_atomically(file, "{\"custom_metadata\": " + custom_metadata + "}");
}

// ... as written by any version: before 0.10 a file `metadata` was the user's object itself. Empty objects where there is neither.
template <OnUse = OnUse()>
inline RootMetadata read_root_metadata(const std::string& root) {
  RootMetadata metadata;
  for (const char* name : {"/metadata/_ROOT_METADATA", "/metadata/metadata"}) {
    const std::string file = root + name;
    if (!storage::exists(file) || storage::is_directory(file)) continue;
    const Where where{{}, file, {}};
    const json::Value value = json::parse(storage::read_file(file, detail::largest_json_file), where, {.nan_and_infinity = true});
    const json::Cursor cursor(value, where);
    if (!value.object()) cursor.refuse("expected an object");
    const json::Value *custom = value.find("custom_metadata"), *internal = value.find("internal_metadata");
    if (internal && internal->object()) metadata.internal_metadata = json::dump(*internal);
    if (custom && custom->object())
      metadata.custom_metadata = json::dump(*custom);
    else if (!custom && !internal)
      metadata.custom_metadata = json::dump(value);
    return metadata;
  }
  return metadata;
}

}  // namespace orrery::inline v0
