// What can be learned of an item from the names in its folder: the arrays that lie there, one folder each, and files that old versions of
// Orbax put into one of those folders. For items that have no file which describes them (spec/orbax.md 3.7, 5.8 step 3).
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/on_use.hpp"
#include "orrery/formats/ocdbt/reader.hpp"
#include "orrery/storage/atomic_directory.hpp"
#include "orrery/storage/file_system.hpp"

namespace orrery::inline v0::orbax {

inline constexpr std::string_view zarr_metadata_names[] = {".zarray", "zarr.json"};

template <OnUse = OnUse()>
inline bool is_zarr_folder(const std::string& path) {
  return std::any_of(std::begin(zarr_metadata_names), std::end(zarr_metadata_names),
                     [&](std::string_view name) { return storage::exists(path + "/" + std::string(name)); });
}

// Names that mean nothing to a reader wherever they stand: what a save that died left behind, and what Orbax's evaluators put beside
// items (spec/orbax.md 1.2, 1.3).
template <OnUse = OnUse()>
inline bool is_foreign_name(std::string_view name) {
  return name == "LOCKED" || name == "_SNAPSHOTS" || name.find(storage::temporary_suffix) != name.npos;
}

namespace detail {

// Folders of OCDBT and of Orbax's metadata: no parameter lies in them.
template <OnUse = OnUse()>
inline bool is_service_folder(std::string_view name) {
  static constexpr std::string_view known[] = {"d", "ocdbt_data", "ocdbt_meta", "array_metadatas"};
  return std::find(std::begin(known), std::end(known), name) != std::end(known) || name.starts_with("ocdbt.process_");
}

// Calls visit(path below `directory`) for every folder that could be a parameter's, parents before children, names sorted; what visit
// answers true to is not entered, nor are links, which lead in circles at worst.
template <class Visit>
void for_each_folder(const std::string& directory, const std::string& below, Visit&& visit) {
  for (const storage::DirectoryEntry& entry : storage::list_entries(below.empty() ? directory : directory + "/" + below)) {
    const bool is_link = entry.kind == storage::FileKind::link;
    if ((!is_link && entry.kind != storage::FileKind::directory) || is_foreign_name(entry.name)) continue;
    const std::string path = below.empty() ? entry.name : below + "/" + entry.name;
    if (!visit(path) && !is_link && !is_service_folder(entry.name)) for_each_folder(directory, path, visit);
  }
}

}  // namespace detail

// The names of all arrays that are folders below an item's; one with a '/' in its name lies deeper.
template <OnUse = OnUse()>
inline std::vector<std::string> array_folders(const std::string& directory) {
  std::vector<std::string> names;
  detail::for_each_folder(directory, {}, [&](const std::string& path) {
    const bool found = is_zarr_folder(directory + "/" + path);
    if (found) names.push_back(path);
    return found;
  });
  return names;
}

// ... of all arrays in a database. The empty name is that of a bare leaf.
template <OnUse = OnUse()>
inline std::vector<std::string> array_names(const ocdbt::Database& database) {
  std::vector<std::string> names;
  for (const ocdbt::Entry& entry : database.entries())
    for (const std::string_view metadata : zarr_metadata_names) {
      if (!entry.key.ends_with(metadata)) continue;
      const std::string_view before = entry.key.substr(0, entry.key.size() - metadata.size());
      if (before.empty())
        names.emplace_back();
      else if (before.ends_with('/'))
        names.emplace_back(before.substr(0, before.size() - 1));
    }
  return names;
}

// The strings of 0.3.0 to 0.4.0 lie in a folder named by the first string leaf. Nothing where there are none.
template <OnUse = OnUse()>
inline std::optional<std::string> nested_strings_file(const std::string& directory) {
  std::optional<std::string> found;
  detail::for_each_folder(directory, {}, [&](const std::string& path) {
    if (!found && storage::exists(directory + "/" + path + "/_strings.json")) found = path + "/_strings.json";
    return found || is_zarr_folder(directory + "/" + path);
  });
  return found;
}

}  // namespace orrery::inline v0::orbax
