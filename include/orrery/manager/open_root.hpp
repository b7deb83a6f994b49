// Opening the root of a manager: it is made where it is missing, what a dead process left half replaced is put back, and what it left half
// deleted, or half saved if that is asked for, goes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/manager/checkpoint_manager_options.hpp"
#include "orrery/manager/delete_steps.hpp"
#include "orrery/manager/root_metadata_file.hpp"
#include "orrery/manager/step_names.hpp"
#include "orrery/storage/atomic_directory.hpp"
#include "orrery/storage/file_system.hpp"

namespace orrery::inline v0::detail {

// The name itself, where `name` is what is left of a step that was being replaced when the process died.
template <OnUse = OnUse()>
inline std::string_view replaced_name(std::string_view name) {
  constexpr std::string_view old = "-old";
  const std::size_t end = name.size() - std::min(name.size(), old.size() + storage::temporary_suffix.size());
  return name.ends_with(old) && name.substr(end).starts_with(storage::temporary_suffix) ? name.substr(0, end) : std::string_view();
}

// Renaming comes first, so that a save of the same step need not wait for the removal.
template <OnUse = OnUse()>
inline void clean_root(const std::string& root, bool cleanup_tmp_directories, StepDeleter& deleter) {
  for (const storage::DirectoryEntry& entry : storage::list_entries(root)) {
    if (entry.kind != storage::FileKind::directory || !is_temporary_name(entry.name)) continue;
    const std::string_view replaced = replaced_name(entry.name);
    if (!replaced.empty() && storage::recover(root + "/" + std::string(replaced))) continue;
    if (StepDeleter::is_being_deleted(entry.name))
      deleter.remove_later(root + "/" + entry.name);
    else if (cleanup_tmp_directories)
      deleter.discard(entry.name);
  }
}

template <OnUse = OnUse()>
inline void open_root(const std::string& root, const CheckpointManagerOptions& options, StepDeleter& deleter) {
  if (options.read_only) return;
  if (options.create) {
    std::string made = root;
    for (std::size_t count = storage::make_directories(root); count > 0; --count)
      storage::sync_directory(made = storage::parent_directory(made));
  } else if (!storage::is_directory(root)) {
    throw NotFoundError("this directory of steps does not exist: make it, or set create = true", {.file = root});
  }
  clean_root(root, options.cleanup_tmp_directories, deleter);
  if (options.save_root_metadata && !options.metadata.empty()) write_root_metadata(root, options.metadata);
}

}  // namespace orrery::inline v0::detail
