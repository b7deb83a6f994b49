// What a path that somebody gives as an item is: the item's own folder, a checkpoint of Orbax v1 with its items below, or the two folders
// that a random key is kept in. Names are looked at, and one small JSON file; the item itself is read by stored_item.hpp.
// Rules: spec/orbax.md 1.2, 1.3, 1.5, 7.5.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/orbax/deletion_record.hpp"
#include "orrery/orbax/item_folders.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_system.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::orbax {

// What the restored tree is made into.
enum class ItemContent : std::uint8_t {
  tree,       // nothing: it is what was saved
  array,      // ArrayCheckpointHandler's dict of one entry: its leaf
  typed_key,  // the same, and the leaf is a typed key of JAX's default implementation
  numpy_key,  // a list, which NumPy has as a tuple
};

struct ItemPlace {
  std::string directory{};
  ItemContent content = ItemContent::tree;
};

// The leaf that ArrayCheckpointHandler saved, in any of its forms: under the name "checkpoint", in a msgpack file under "ELEMENT", or by
// itself. Null where the tree is anything else.
template <OnUse = OnUse()>
inline const Tree* one_array(const Tree& tree) {
  const Tree* leaf = &tree;
  if (tree.is_dict() && tree.size() == 1) {
    leaf = tree.find("checkpoint");
    if (!leaf) leaf = tree.find("ELEMENT");
  }
  if (!leaf || !leaf->is_leaf()) return nullptr;
  const LeafKind kind = leaf->leaf_kind();
  return kind == LeafKind::string || kind == LeafKind::bytes || kind == LeafKind::ext ? nullptr : leaf;
}

// JaxRandomKeyCheckpointHandler and NumpyRandomKeyCheckpointHandler keep <name>/ and <name>_metadata/metadata, which says {"typed": ...}
// or {"legacy": ...}, and no other folder.
template <OnUse = OnUse()>
inline std::optional<ItemPlace> find_random_key(const std::string& path) {
  std::vector<std::string> folders;
  for (const storage::DirectoryEntry& entry : storage::list_entries(path))
    if (entry.kind == storage::FileKind::directory && !is_foreign_name(entry.name)) folders.push_back(entry.name);
  if (folders.size() != 2 || folders[1] != folders[0] + "_metadata") return std::nullopt;
  const std::string file = path + "/" + folders[1] + "/metadata";
  if (!storage::exists(file) || storage::is_directory(file)) return std::nullopt;
  const json::Value about = json::parse(storage::read_file(file, std::size_t{1} << 16), {{}, file, {}});
  const json::Value *typed = about.find("typed"), *legacy = about.find("legacy");
  if (typed && typed->boolean()) return ItemPlace{path + "/" + folders[0], *typed->boolean() ? ItemContent::typed_key : ItemContent::array};
  if (legacy && legacy->boolean())
    return ItemPlace{path + "/" + folders[0], *legacy->boolean() ? ItemContent::numpy_key : ItemContent::tree};
  return std::nullopt;
}

// A directory that is an item by itself: it has a file that describes it, a database, strings, or folders of arrays. (A folder of
// arrays deeper down may be another item's: this is then a step.)
template <OnUse = OnUse()>
inline bool is_item_folder(const std::string& path) {
  const auto has = [&](const char* name) { return storage::exists(path + "/" + name); };
  if (has("_METADATA") || has("manifest.ocdbt") || (has("checkpoint") && !storage::is_directory(path + "/checkpoint"))) return true;
  if (!storage::is_directory(path)) return false;
  const std::vector<std::string> names = storage::list_directory(path);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return name == "_strings.json" || (!is_foreign_name(name) && is_zarr_folder(path + "/" + name));
  });
}

namespace detail {

template <OnUse = OnUse()>
inline std::string_view last_name(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return path.substr(path.find_last_of('/') + 1);
}

// The item that v1's load() takes from a checkpoint of several: `state`, `pytree` before 0.12, else the first that is a pytree. Before
// 0.11.19 there was no indicator file, but a single item `pytree`. `deleted`: the name of one that is passed over.
template <OnUse = OnUse()>
inline std::optional<std::string> default_item(const std::string& path, const std::optional<std::string>& deleted) {
  if (!storage::exists(path + "/orbax.checkpoint")) {
    const std::vector<storage::DirectoryEntry> entries = storage::list_entries(path);
    const auto folders = std::count_if(entries.begin(), entries.end(), [](const storage::DirectoryEntry& entry) {
      return entry.kind == storage::FileKind::directory && !is_foreign_name(entry.name);
    });
    if (folders != 1 || !storage::exists(path + "/_CHECKPOINT_METADATA") || !storage::exists(path + "/pytree/_METADATA"))
      return std::nullopt;
  }
  for (const char* usual : {"state", "pytree"})
    if (usual != deleted && storage::exists(path + "/" + usual + "/_METADATA")) return usual;
  for (const std::string& name : storage::list_directory(path))
    if (name != "metrics" && name != "AUTO" && name != deleted && !is_foreign_name(name) &&
        storage::exists(path + "/" + name + "/_METADATA"))
      return name;
  return std::nullopt;
}

// Orbax v0, which knows no such record, would give what is left of the item.
[[noreturn]] inline void refuse_deleted(const std::string& checkpoint, const std::string& item) {
  throw NotFoundError("Checkpointable '" + item + "' at " + checkpoint +
                          " is pending deletion and cannot be read. Retry deletion of this checkpointable to finish cleanup.",
                      {{}, checkpoint + "/" + std::string(deletion_record_name), {}});
}

template <OnUse = OnUse()>
[[noreturn]] inline void refuse_place(const std::string& path) {
  std::string items, first;
  for (const storage::DirectoryEntry& entry : storage::list_entries(path)) {
    if (entry.kind != storage::FileKind::directory || is_foreign_name(entry.name)) continue;
    const std::string below = path + "/" + entry.name;
    if (!is_item_folder(below) && !find_random_key(below)) continue;
    items += (items.empty() ? "" : ", ") + entry.name;
    if (first.empty()) first = below;
  }
  std::string advice = "it has neither _METADATA nor checkpoint, no database and no arrays";
  if (path.find(".partial_save") != std::string::npos) advice = "it is a partial save of Orbax v1 that was never finalized";
  if (!items.empty()) advice = "it is a step of a CheckpointManager, whose items are: " + items + "; give one of them, as " + first;
  throw NotFoundError("No structure could be identified for the checkpoint at " + path + ": " + advice, {{}, path, {}});
}

}  // namespace detail

// NotFoundError where nothing at that path is an item, or its deletion has begun; where it is a step the message names its items.
template <OnUse = OnUse()>
inline ItemPlace find_item(const std::string& path) {
  if (!storage::is_directory(path)) throw FormatError("expected the directory of an Orbax item, found a file", {{}, path, {}});
  const auto deleted = pending_deletion(path);
  const std::string above = storage::parent_directory(path);
  const auto deleted_beside = pending_deletion(above);
  if (deleted_beside && detail::last_name(path) == *deleted_beside) detail::refuse_deleted(above, *deleted_beside);
  if (is_item_folder(path)) return {path};
  if (const auto name = detail::default_item(path, deleted)) return {path + "/" + *name};
  if (auto key = find_random_key(path)) return *key;
  if (deleted) detail::refuse_deleted(path, *deleted);
  detail::refuse_place(path);
}

// The stored tree as that content has it.
template <OnUse = OnUse()>
inline Tree as_content(Tree tree, const ItemPlace& place) {
  if (place.content == ItemContent::tree) return tree;
  if (place.content == ItemContent::numpy_key) {
    if (!tree.is_list())
      throw FormatError("expected the state of a NumPy generator as a list, found " + std::string(tree.kind_name()),
                        {{}, place.directory, {}});
    return Tree::tuple(std::vector<Tree>(tree.elements().begin(), tree.elements().end()));
  }
  const Tree* leaf = one_array(tree);
  if (!leaf)
    throw FormatError("expected one array, as ArrayCheckpointHandler saves it, found " + std::string(tree.kind_name()),
                      {{}, place.directory, {}});
  if (place.content == ItemContent::array) return Tree(*leaf);
  if (leaf->dtype() != DType::uint32 || leaf->shape().empty() || leaf->shape()[leaf->shape().size() - 1] != 2)
    throw FormatError("expected the data of a threefry2x32 key, pairs of uint32, found " + std::string(name(leaf->dtype())) + " " +
                          to_string(leaf->shape()),
                      {{}, place.directory, {}});
  // The implementation is not recorded; JAX wraps such keys with its default one.
  constexpr const char* default_impl = "threefry2x32";
  if (leaf->has_value()) return Tree::prng_key(default_impl, leaf->array());
  return Tree::described(LeafKind::prng_key, leaf->dtype(), leaf->shape(), leaf->id(), default_impl);
}

}  // namespace orrery::inline v0::orbax
