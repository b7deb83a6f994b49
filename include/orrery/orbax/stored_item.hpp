// One item as it lies on the disk: its tree with described leaves, and the way to their values. Opening reads metadata alone and checks
// that every value it promises is there; read() moves bytes to slots. Rules: spec/orbax.md 0.2, 2, 3.6, 5.9.
#pragma once

#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/formats/msgpack/reader.hpp"
#include "orrery/formats/zarr/array.hpp"
#include "orrery/formats/zarr/metadata.hpp"
#include "orrery/formats/zarr/metadata_v3.hpp"
#include "orrery/formats/zarr/stored_chunks.hpp"
#include "orrery/orbax/item_place.hpp"
#include "orrery/orbax/item_store.hpp"
#include "orrery/orbax/read_metadata.hpp"
#include "orrery/orbax/stored_tree.hpp"
#include "orrery/storage/atomic_directory.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_system.hpp"
#include "orrery/storage/mapped_file.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::orbax {

class StoredItem {
 public:
  // A leaf that is an array or a number: in the store, or in the aggregate file of 2023.
  struct Leaf {
    std::string name{};                 // parameter name
    zarr::ArrayMetadata array{};
    const Tree* aggregated = nullptr;   // a described leaf of the aggregate file
  };

  // At that path or, for a checkpoint of Orbax v1 and for random keys, below it (item_place.hpp). NotFoundError where there is nothing,
  // FormatError or DataLossError naming the file for what cannot be used.
  static StoredItem open(const std::string& path);

  const std::string& directory() const noexcept { return directory_; }
  const Tree& tree() const noexcept { return tree_; }
  const Leaf& leaf(std::uint32_t id) const { return leaves_[id]; }
  // What a chunk that the store does not have means in this item.
  zarr::MissingChunk missing_chunk() const noexcept {
    return metadata_.chunks_are_complete ? zarr::MissingChunk::error : zarr::MissingChunk::fill;
  }
  ItemStore& store() noexcept { return store_; }
  const msgpack_format::Document& aggregate() const noexcept { return *aggregate_; }

  // What stands before ".zarray" and "0.0", or "zarr.json" and "c/0/0", in the keys of an array. TensorStore adds no second slash to a name that ends in one.
  static std::string prefix_of(const Leaf& leaf) { return leaf.name.empty() || leaf.name.ends_with('/') ? leaf.name : leaf.name + "/"; }
  // The checksum that we stored for that key, if any.
  std::optional<std::uint32_t> checksum(const std::string& key) const {
    const auto found = checksums_.find(key);
    return found == checksums_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  StoredItem(std::string directory, ItemMetadata metadata, ItemStore store)
      : directory_(std::move(directory)), metadata_(std::move(metadata)), store_(std::move(store)) {}


  static constexpr std::string_view placeholder = "PLACEHOLDER://", individual = "AGGREGATED://";
  static constexpr std::size_t largest_json = std::size_t{1} << 31;

  // Texts looked up by view.
  struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  struct TextEqual {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept { return a == b; }
  };

  std::string text_of(const std::string& name) const { return storage::read_file(directory_ + "/" + name, largest_json); }
  Where where(std::string_view name) const { return {{}, directory_ + "/" + std::string(name), {}}; }

  static StoredItem open_folder(const std::string& directory);
  void read_side_files();
  void read_aggregate();
  const StoredStrings& strings();
  Tree tree_of_folders();
  Tree make_leaf(const MetadataEntry& entry, const Tree* aggregated);
  Tree stored_leaf(std::string name, ValueType type);
  Tree untyped_leaf(std::string name);
  Tree tree_of_aggregate(const Tree& node, std::size_t depth);
  const Tree* aggregated_at(const MetadataEntry& entry) const;

  std::string directory_;
  ItemMetadata metadata_;
  ItemStore store_;
  storage::MappedFile aggregate_file_{};
  std::unique_ptr<msgpack_format::Document> aggregate_{};  // leaves_ point into it
  std::optional<StoredStrings> strings_{};
  std::unordered_map<std::string, std::string> prng_impls_{};
  std::unordered_map<std::string, std::uint32_t> checksums_{};
  std::vector<Leaf> leaves_{};
  std::unordered_map<std::string, zarr::ArrayMetadata, TextHash, TextEqual> parsed_{};  // a model has many arrays and few shapes
  zarr::StoredChunks stored_chunks_{};
  Tree tree_{};
};

inline StoredItem StoredItem::open(const std::string& path) {
  if (!storage::exists(path) && !storage::recover(path)) throw NotFoundError("Checkpoint at " + path + " not found.", {{}, path, {}});
  if (path.substr(path.find_last_of('/') + 1).find(storage::temporary_suffix) != std::string::npos)
    throw FormatError("Found incomplete checkpoint at " + path + ". It was never committed: the save died; use another step", {{}, path, {}});
  const ItemPlace place = find_item(path);
  StoredItem item = open_folder(place.directory);
  item.tree_ = as_content(std::move(item.tree_), place);
  return item;
}

inline StoredItem StoredItem::open_folder(const std::string& directory) {
  const std::string metadata_path = directory + "/_METADATA", aggregate_path = directory + "/checkpoint";
  const bool has_metadata = storage::exists(metadata_path), has_aggregate = storage::exists(aggregate_path) && !storage::is_directory(aggregate_path);
  ItemMetadata metadata;
  if (has_metadata) metadata = parse_metadata_file(storage::read_file(metadata_path, largest_json), {{}, metadata_path, {}});
  if (has_metadata && metadata.entries.empty()) throw FormatError("Found empty checkpoint PyTree metadata in directory=" + directory + ".", {{}, metadata_path, {}});
  const bool use_ocdbt = metadata.use_ocdbt.value_or(storage::exists(directory + "/manifest.ocdbt"));
  ItemStore store = ItemStore::open(directory, use_ocdbt);
  StoredItem item(directory, std::move(metadata), std::move(store));
  item.read_side_files();
  if (has_aggregate) item.read_aggregate();
  if (has_metadata) {
    std::vector<MetadataEntry> entries = std::exchange(item.metadata_.entries, {});
    item.leaves_.reserve(entries.size());
    item.tree_ = build_tree(entries, [&](const MetadataEntry& entry) { return item.make_leaf(entry, item.aggregated_at(entry)); }, item.where("_METADATA"));
  } else if (has_aggregate) {
    item.tree_ = item.tree_of_aggregate(item.aggregate_->tree, 0);
    item.tree_.sort_keys();
  } else {
    item.tree_ = item.tree_of_folders();
  }
  return item;
}

inline void StoredItem::read_side_files() {
  const auto is_there = [&](const char* name) { return storage::exists(directory_ + "/" + name); };
  if (is_there("_strings.json")) strings_.emplace(text_of("_strings.json"), where("_strings.json"));
  if (is_there("_orrery.json")) checksums_ = parse_checksums_file(text_of("_orrery.json"), where("_orrery.json"));
  if (!is_there("array_metadatas")) return;
  for (const std::string& name : storage::list_directory(directory_ + "/array_metadatas")) {
    if (!name.starts_with("process_")) continue;
    prng_impls_ = prng_impls(text_of("array_metadatas/" + name), where("array_metadatas/" + name));
    break;  // processes agree
  }
}

inline void StoredItem::read_aggregate() {
  aggregate_file_ = storage::MappedFile::open(directory_ + "/checkpoint");
  aggregate_ = std::make_unique<msgpack_format::Document>(
      msgpack_format::read_document(aggregate_file_.bytes(), {.orbax_aggregate = true, .file = directory_ + "/checkpoint"}));
}

// The value that the aggregate file has at that path; null where it has none or says that it is stored individually.
inline const Tree* StoredItem::aggregated_at(const MetadataEntry& entry) const {
  if (!aggregate_) return nullptr;
  const Tree* at = &aggregate_->tree;
  for (const MetadataEntry::Key& key : entry.path) {
    if (at->is_list() || at->is_tuple()) {
      std::size_t index = 0;
      const auto parsed = std::from_chars(key.text.data(), key.text.data() + key.text.size(), index);
      if (parsed.ec != std::errc() || index >= at->size()) return nullptr;
      at = &at->elements()[index];
    } else {
      at = at->find(key.text);  // lists are dicts "0", "1" in the oldest files
      if (!at) return nullptr;
    }
  }
  const bool points_away = at->kind() == Tree::Kind::string && (at->string().starts_with(placeholder) || at->string().starts_with(individual));
  return at->is_leaf() && !points_away ? at : nullptr;
}

inline Tree StoredItem::make_leaf(const MetadataEntry& entry, const Tree* aggregated) {
  if (aggregated && aggregated->has_value()) return *aggregated;
  if (aggregated) {
    leaves_.push_back({param_name(entry), {}, aggregated});
    return Tree::described(aggregated->leaf_kind(), aggregated->dtype(), aggregated->shape(), static_cast<std::uint32_t>(leaves_.size() - 1));
  }
  if (entry.skip_deserialize) return Tree();  // of a type that its writer could not store
  std::string name = param_name(entry);
  if (entry.type == ValueType::string) return Tree::string(strings().at(name));
  return entry.type == ValueType::unknown ? untyped_leaf(std::move(name)) : stored_leaf(std::move(name), entry.type);
}

// Looked for elsewhere where they are not at the root, once something may be a string.
inline const StoredStrings& StoredItem::strings() {
  if (!strings_) {
    const auto file = nested_strings_file(directory_);
    strings_ = file ? StoredStrings(text_of(*file), where(*file)) : StoredStrings("{}", where("_strings.json"));
  }
  return *strings_;
}

// Of a leaf whose type nothing tells: a string if it is among the strings, else an array.
inline Tree StoredItem::untyped_leaf(std::string name) {
  if (const std::string* text = strings().find(name)) return Tree::string(*text);
  return stored_leaf(std::move(name), ValueType::unknown);
}

// With neither _METADATA nor the aggregate file the names of what is stored are the structure.
inline Tree StoredItem::tree_of_folders() {
  std::vector<std::string> names = store_.database() ? array_names(*store_.database()) : array_folders(directory_);
  for (std::string& name : strings().names()) names.push_back(std::move(name));
  if (names.empty()) throw NotFoundError("No structure could be identified for the checkpoint at " + directory_ + ": there is no array in it", {{}, directory_, {}});
  leaves_.reserve(names.size());
  return tree_of_names(names, [&](const std::string& name) { return untyped_leaf(name); }, {{}, directory_, {}});
}

inline Tree StoredItem::stored_leaf(std::string name, ValueType type) {
  Leaf leaf{std::move(name)};
  const std::string prefix = prefix_of(leaf);
  const std::string_view key = metadata_.use_zarr3 ? "zarr.json" : ".zarray";
  const auto value = store_.find(prefix, key);
  if (!value) throw DataLossError("the array of this leaf is missing: there is no key " + prefix + std::string(key), {leaf.name, directory_, {}});
  const Where place{leaf.name, value->is_inline ? directory_ + "/manifest.ocdbt" : store_.path(value->file), {}};
  const std::string text = value->is_inline ? std::string() : store_.read(*value);
  const std::string_view json = value->is_inline ? value->bytes : std::string_view(text);
  auto known = parsed_.find(json);
  if (known == parsed_.end())
    known = parsed_.emplace(json, metadata_.use_zarr3 ? zarr::parse_metadata_v3(json, place) : zarr::parse_metadata(json, place)).first;
  leaf.array = known->second;
  stored_chunks_.check(leaf.array, missing_chunk(), prefix, {leaf.name, directory_, {}}, [&](const std::string& chunk) {
    const auto found = store_.find(prefix, chunk);
    return found ? std::optional(found->length) : std::nullopt;
  });
  const auto impl = prng_impls_.find(leaf.name);
  LeafKind kind = type == ValueType::scalar ? LeafKind::scalar : LeafKind::array;
  if (kind == LeafKind::scalar && !leaf.array.shape.empty()) throw FormatError("a scalar is said to be here, its array has shape " + to_string(leaf.array.shape), place);
  if (impl != prng_impls_.end() && leaf.array.dtype == DType::uint32) kind = LeafKind::prng_key;
  Tree out = Tree::described(kind, leaf.array.dtype, leaf.array.shape, static_cast<std::uint32_t>(leaves_.size()), kind == LeafKind::prng_key ? impl->second : "");
  leaves_.push_back(std::move(leaf));
  return out;
}

// Without _METADATA the aggregate file is the structure, and its placeholders name the arrays.
inline Tree StoredItem::tree_of_aggregate(const Tree& node, std::size_t depth) {
  if (depth > orrery::detail::max_nesting) throw FormatError("this file nests deeper than 512 levels", where("checkpoint"));
  if (node.kind() == Tree::Kind::string && node.string().starts_with(placeholder)) return untyped_leaf(node.string().substr(placeholder.size()));
  if (node.kind() == Tree::Kind::string && node.string().starts_with(individual)) return untyped_leaf(node.string().substr(individual.size()));
  if (node.is_leaf() && !node.has_value()) {
    leaves_.push_back({"", {}, &node});
    return Tree::described(node.leaf_kind(), node.dtype(), node.shape(), static_cast<std::uint32_t>(leaves_.size() - 1));
  }
  if (node.is_dict()) {
    Tree out = Tree::dict();
    for (const auto& [key, child] : node.items()) out.insert(key, tree_of_aggregate(child, depth + 1));
    return out;
  }
  if (node.is_list() || node.is_tuple()) {
    std::vector<Tree> elements;
    for (const Tree& child : node.elements()) elements.push_back(tree_of_aggregate(child, depth + 1));
    return node.is_list() ? Tree::list(std::move(elements)) : Tree::tuple(std::move(elements));
  }
  return node;
}

}  // namespace orrery::inline v0::orbax
