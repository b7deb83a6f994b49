// What the faces call below them: saving and restoring of one item, with the user's types behind a TreeView or the table of a type. Faces
// include this, and what is behind it (calls_impl.hpp) only where that is not compiled elsewhere; nothing here knows a byte of a format.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/distributed/coordinator.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/tree_metadata.hpp"
#include "orrery/restore/report.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/tree_view.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0::orbax {

// A path of the local file system; schemes are refused by name. Without slashes at its end.
template <OnUse = OnUse()>
std::string local_path(std::string path) {
  const std::size_t scheme = path.find("://");
  if (scheme != std::string::npos && scheme > 0 &&
      path.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-") == scheme)
    throw ArgumentError("\"" + path.substr(0, scheme + 3) + "\" paths are not supported: mount the store and give a local path",
                        {{}, path, {}});
  if (path.empty()) throw ArgumentError("a checkpoint needs a path; found an empty one");
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// Saves `view` at `path`: complete under its name, or not there. ArgumentError for what Orbax cannot hold, AlreadyExistsError where
// something is there and no force, IoError; whatever was at `path` stays untouched by a save that fails.
template <OnUse = OnUse()>
void save_item(const std::string& path, const TreeView& view, const SaveOptions& options);

// ... called by all processes of `world` with the same path, options and structure.
template <OnUse = OnUse()>
void save_item_together(const std::string& path, const TreeView& view, const SaveOptions& options, Coordinator& world);

// Saves a value of the type that `ops` describes, with the processes that hold its sharded arrays where there are several.
template <OnUse = OnUse()>
void save_value(const std::string& path, const TypeOps& ops, const void* value, const SaveOptions& options);

// The processes that hold the sharded arrays of this state together; null where there is but one. ArgumentError where not all of an array
// can be reached, or arrays belong to different ones.
template <OnUse = OnUse()>
std::shared_ptr<Coordinator> processes_of(const TreeView& view);

// The files of the only leaf of `view`, but for those that belong to the step, into `directory`, which exists and is empty. ArgumentError
// where it is a container, a text or a dtype that TensorStore does not have. Answers what was written.
template <OnUse = OnUse()>
Progress write_array_item(const std::string& directory, const TreeView& view, const SaveOptions& options);

// Saves the only leaf of `view` at `path`: complete under its name, or not there. ArgumentError as above; AlreadyExistsError where
// something is there and no force; IoError.
template <OnUse = OnUse()>
void save_array_item(const std::string& path, const TreeView& view, const SaveOptions& options);

// The item at `path`, whole; into a target of the type that `ops` describes, which is a fresh value (`is_new`) or decides by what it holds.
template <OnUse = OnUse()>
Tree restore_tree(const std::string& path, const RestoreOptions& options);
template <OnUse = OnUse()>
RestoreReport restore_value(const std::string& path, const TypeOps& ops, void* target, bool is_new, const RestoreOptions& options);

// The same of an item that is one array. FormatError where it is not.
template <OnUse = OnUse()>
Tree restore_array(const std::string& path, const RestoreOptions& options);
template <OnUse = OnUse()>
RestoreReport restore_array_into(const std::string& path, const TypeOps& ops, void* target, bool is_new, const RestoreOptions& options);

// Reads no values.
template <OnUse = OnUse()>
TreeMetadata read_metadata(const std::string& path);

namespace detail {

// ArgumentError where it is neither empty nor a JSON object.
template <OnUse = OnUse()>
void check_custom_metadata(const std::string& text);

}  // namespace detail

ORRERY_ONCE(std::string local_path<>(std::string));
ORRERY_ONCE(void save_item<>(const std::string&, const TreeView&, const SaveOptions&));
ORRERY_ONCE(void save_item_together<>(const std::string&, const TreeView&, const SaveOptions&, Coordinator&));
ORRERY_ONCE(void save_value<>(const std::string&, const TypeOps&, const void*, const SaveOptions&));
ORRERY_ONCE(std::shared_ptr<Coordinator> processes_of<>(const TreeView&));
ORRERY_ONCE(Progress write_array_item<>(const std::string&, const TreeView&, const SaveOptions&));
ORRERY_ONCE(void save_array_item<>(const std::string&, const TreeView&, const SaveOptions&));
ORRERY_ONCE(Tree restore_tree<>(const std::string&, const RestoreOptions&));
ORRERY_ONCE(RestoreReport restore_value<>(const std::string&, const TypeOps&, void*, bool, const RestoreOptions&));
ORRERY_ONCE(Tree restore_array<>(const std::string&, const RestoreOptions&));
ORRERY_ONCE(RestoreReport restore_array_into<>(const std::string&, const TypeOps&, void*, bool, const RestoreOptions&));
ORRERY_ONCE(TreeMetadata read_metadata<>(const std::string&));
ORRERY_ONCE(void detail::check_custom_metadata<>(const std::string&));

}  // namespace orrery::inline v0::orbax
