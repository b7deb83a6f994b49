// ArrayCheckpointer: one array or number at one path, as Orbax's Checkpointer around its ArrayCheckpointHandler. What the handler of any
// version wrote can be restored: a folder of files, a database, or the msgpack file of 2023 (spec/orbax.md 7.2).
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/orbax/calls.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0 {

// Cheap to make, holds nothing; calls on different paths may run in different threads.
class ArrayCheckpointer {
 public:
  // Saves an array, a number or a PRNG key at `path`, which the ArrayCheckpointHandler of Orbax 0.4.0 and later restores. Copies no
  // payload; complete under its name or not there. AlreadyExistsError where something is there and no force; ArgumentError for
  // containers, strings, and what TensorStore has no dtype for; IoError.
  template <class T>
  void save(const std::string& path, const T& array, const SaveOptions& options = {}) const {
    check_reflectable<T>();
    orbax::save_array_item(orbax::local_path(path), describe(ops<T>(), std::addressof(array)), options);
  }

  // The leaf as a Tree: an array, or a Python number where one was saved by a version that recorded it.
  template <OnUse = OnUse()>
  Tree restore(const std::string& path, const RestoreOptions& options = {}) const {
    return orbax::restore_array(path, options);
  }

  // A new T. MismatchError where the stored array does not fit it; FormatError or DataLossError for damage, or for a tree of several
  // leaves.
  template <class T>
  T restore(const std::string& path, const RestoreOptions& options = {}) const {
    check_reflectable<T>();
    T value{};
    orbax::restore_array_into(path, ops<T>(), std::addressof(value), true, options);
    return value;
  }

  // A copy of `target` (std::move it in to avoid the copy) filled from the checkpoint.
  template <class T>
    requires(!std::same_as<std::remove_cvref_t<T>, RestoreOptions>)
  T restore(const std::string& path, T target, const RestoreOptions& options = {}) const {
    restore_into(path, target, options);
    return target;
  }

  // Into existing storage; allocates nothing that fits.
  template <class T>
  RestoreReport restore_into(const std::string& path, T& target, const RestoreOptions& options = {}) const {
    check_reflectable<T>();
    return orbax::restore_array_into(path, ops<T>(), std::addressof(target), false, options);
  }
};

}  // namespace orrery::inline v0

#ifndef ORRERY_COMPILED
#include "orrery/orbax/calls_impl.hpp"  // IWYU pragma: export
#endif
