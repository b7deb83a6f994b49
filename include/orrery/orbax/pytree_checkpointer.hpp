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
#include "orrery/orbax/mapped_tree.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/restore_item.hpp"
#include "orrery/orbax/save_item.hpp"
#include "orrery/orbax/save_together.hpp"
#include "orrery/orbax/stored_item.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0 {

// What a checkpoint holds, without its values: names, kinds, dtypes, shapes.
class TreeMetadata {
 public:
  struct Leaf {
    std::string path;  // "model/params/kernel"
    LeafKind kind;
    DType dtype;  // none for strings
    Shape shape;
  };

  template <OnUse = OnUse()>
  explicit TreeMetadata(Tree tree) : tree_(std::move(tree)) {
    collect(tree_, nullptr);
  }

  // The structure; its leaves are described, not read.
  const Tree& tree() const noexcept { return tree_; }
  template <OnUse = OnUse()>
  const Tree& operator[](std::string_view key) const {
    return tree_[key];
  }
  // All leaves in tree order; none and empty containers are not among them.
  const std::vector<Leaf>& leaves() const noexcept { return leaves_; }

 private:
  template <OnUse = OnUse()>
  void collect(const Tree& tree, const PathLink* path) {
    if (tree.is_leaf()) leaves_.push_back({to_string(path), tree.leaf_kind(), tree.dtype(), tree.shape()});
    for (const auto& [key, child] : tree.items()) {
      PathLink link{path, key.text, 0, false};
      collect(child, &link);
    }
    for (std::size_t i = 0; i < tree.elements().size(); ++i) {
      PathLink link{path, {}, i, true};
      collect(tree.elements()[i], &link);
    }
  }

  Tree tree_;
  std::vector<Leaf> leaves_{};
};

namespace orbax {

// A path of the local file system; schemes are refused by name. Without slashes at its end.
template <OnUse = OnUse()>
inline std::string local_path(std::string path) {
  const std::size_t scheme = path.find("://");
  if (scheme != std::string::npos && scheme > 0 &&
      path.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-") == scheme)
    throw ArgumentError("\"" + path.substr(0, scheme + 3) + "\" paths are not supported: mount the store and give a local path",
                        {{}, path, {}});
  if (path.empty()) throw ArgumentError("a checkpoint needs a path; found an empty one");
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

template <OnUse = OnUse()>
inline StoredItem open_item(const std::string& path, const RestoreOptions& options) {
  std::optional<StoredItem> item;
  attempt_together(options, "the opening of ", path, [&] { item.emplace(StoredItem::open(local_path(path))); });
  return std::move(*item);
}

template <OnUse = OnUse()>
Tree restore_tree(const std::string& path, const RestoreOptions& options) {
  StoredItem item = open_item(path, options);
  return restore_tree(item, options);
}

template <OnUse = OnUse()>
RestoreReport restore_value(const std::string& path, const TypeOps& ops, void* target, bool is_new, const RestoreOptions& options) {
  StoredItem item = open_item(path, options);
  return restore_value(item, ops, target, is_new, options);
}

template <OnUse = OnUse()>
TreeMetadata read_metadata(const std::string& path) {
  return TreeMetadata(StoredItem::open(local_path(path)).tree());
}

ORRERY_ONCE(Tree restore_tree<>(const std::string&, const RestoreOptions&));
ORRERY_ONCE(RestoreReport restore_value<>(const std::string&, const TypeOps&, void*, bool, const RestoreOptions&));
ORRERY_ONCE(TreeMetadata read_metadata<>(const std::string&));

}  // namespace orbax

// Cheap to make, holds nothing; calls on different paths may run in different threads.
class PyTreeCheckpointer {
 public:
  // Saves `state` as an Orbax item at `path`, which Orbax 0.4.0 and later restore. Copies no payload; complete under its name or not
  // there. AlreadyExistsError where something is there and no force; ArgumentError for what Orbax cannot hold; IoError. Where the state has
  // sharded arrays of several processes, all of them call it, and it throws the same in all of them (orbax/save_together.hpp).
  template <class T>
  void save(const std::string& path, T&& state, const SaveOptions& options = {}) const {
    check_reflectable<std::remove_cvref_t<T>>();
    const TreeView view = describe(ops<std::remove_cvref_t<T>>(), std::addressof(state));
    if (const std::shared_ptr<Coordinator> world = orbax::processes_of(view))
      orbax::save_item_together(orbax::local_path(path), view, options, *world);
    else
      orbax::save_item(orbax::local_path(path), view, options);
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
