// PyTreeCheckpointer: saves and restores one checkpoint at one path, as Orbax's class of that name. Everything that does not depend on
// the user's types is below the templates.
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/orbax/calls.hpp"
#include "orrery/orbax/mapped_tree.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/tree_metadata.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0 {

// Cheap to make, holds nothing; calls on different paths may run in different threads.
class PyTreeCheckpointer {
 public:
  // Saves `state` as an Orbax item at `path`, which Orbax 0.4.0 and later restore. Copies no payload; complete under its name or not
  // there. AlreadyExistsError where something is there and no force; ArgumentError for what Orbax cannot hold; IoError. Where the state has
  // sharded arrays of several processes, all of them call it, and it throws the same in all of them (orbax/save_together.hpp).
  template <class T>
  void save(const std::string& path, T&& state, const SaveOptions& options = {}) const {
    check_reflectable<std::remove_cvref_t<T>>();
    orbax::save_value(orbax::local_path(path), ops<std::remove_cvref_t<T>>(), std::addressof(state), options);
  }

  // The whole checkpoint as a Tree: dicts, lists, arrays, None for empty states, as Python's raw restore gives it.
  template <OnUse = OnUse()>
  Tree restore(const std::string& path, const RestoreOptions& options = {}) const {
    return orbax::restore_tree(path, options);
  }

  // A new T: its type decides names and kinds; maps, vectors, optionals and variants follow the file. MismatchError lists everything
  // that does not fit; FormatError or DataLossError for damage.
  template <class T>
  T restore(const std::string& path, const RestoreOptions& options = {}) const {
    check_reflectable<T>();
    T value{};
    orbax::restore_value(path, ops<T>(), std::addressof(value), true, options);
    return value;
  }

  // A copy of `target` (std::move it in to avoid the copy) filled from the checkpoint; its structure decides.
  template <class T>
    requires(!std::same_as<std::remove_cvref_t<T>, RestoreOptions>)
  T restore(const std::string& path, T target, const RestoreOptions& options = {}) const {
    restore_into(path, target, options);
    return target;
  }

  // Into existing storage; allocates nothing that fits. A mismatch leaves the target as it was; an error while reading leaves it valid
  // and partly overwritten.
  template <class T>
  RestoreReport restore_into(const std::string& path, T& target, const RestoreOptions& options = {}) const {
    check_reflectable<T>();
    return orbax::restore_value(path, ops<T>(), std::addressof(target), false, options);
  }

  // Read-only and without reading what lies plainly in the files; of `options` only verify_checksums counts, for the leaves that are
  // read: MappedTree::verify() checks the mapped ones.
  template <OnUse = OnUse()>
  MappedTree restore_mapped(const std::string& path, const RestoreOptions& options = {}) const {
    return orbax::map_item(orbax::local_path(path), options.verify_checksums);
  }

  // Names, kinds, dtypes and shapes; reads no values.
  template <OnUse = OnUse()>
  TreeMetadata metadata(const std::string& path) const {
    return orbax::read_metadata(path);
  }
};

}  // namespace orrery::inline v0

#ifndef ORRERY_COMPILED
#include "orrery/orbax/calls_impl.hpp"  // IWYU pragma: export
#endif
