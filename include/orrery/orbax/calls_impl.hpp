// The bodies of calls.hpp; those of saving are in save_item.hpp, save_together.hpp and array_item.hpp.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/orbax/array_item.hpp"
#include "orrery/orbax/calls.hpp"
#include "orrery/orbax/item_place.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/restore_item.hpp"
#include "orrery/orbax/save_item.hpp"
#include "orrery/orbax/save_together.hpp"
#include "orrery/orbax/stored_item.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::orbax {

template <OnUse = OnUse()>
inline StoredItem open_item(const std::string& path, const RestoreOptions& options) {
  std::optional<StoredItem> item;
  attempt_together(options, "the opening of ", path, [&] { item.emplace(StoredItem::open(local_path(path))); });
  return std::move(*item);
}

template <OnUse>
Tree restore_tree(const std::string& path, const RestoreOptions& options) {
  StoredItem item = open_item(path, options);
  return restore_tree(item, options);
}

template <OnUse>
RestoreReport restore_value(const std::string& path, const TypeOps& ops, void* target, bool is_new, const RestoreOptions& options) {
  StoredItem item = open_item(path, options);
  return restore_value(item, ops, target, is_new, options);
}

template <OnUse>
TreeMetadata read_metadata(const std::string& path) {
  return TreeMetadata(StoredItem::open(local_path(path)).tree());
}

template <OnUse = OnUse()>
inline const Tree& array_of(StoredItem& item) {
  if (const Tree* leaf = one_array(item.tree())) return *leaf;
  throw FormatError("expected one array, as ArrayCheckpointHandler saves it, found " + std::string(item.tree().kind_name()) +
                        (item.tree().size() ? " of " + std::to_string(item.tree().size()) : "") + ": use PyTreeCheckpointer",
                    {{}, item.directory(), {}});
}

template <OnUse>
Tree restore_array(const std::string& path, const RestoreOptions& options) {
  StoredItem item = StoredItem::open(local_path(path));
  return restore_tree(item, array_of(item), options);
}

template <OnUse>
RestoreReport restore_array_into(const std::string& path, const TypeOps& ops, void* target, bool is_new, const RestoreOptions& options) {
  StoredItem item = StoredItem::open(local_path(path));
  return restore_value(item, array_of(item), ops, target, is_new, options);
}

}  // namespace orrery::inline v0::orbax
