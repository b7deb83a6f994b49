// One item as it lies on the disk: its tree with described leaves, and the way to their values. Opening reads the structure alone; a leaf
// is looked up, and its metadata read and checked, when somebody wants it, so that one leaf of many costs little more than itself.
// Rules: spec/orbax.md 0.2, 2, 3.6, 5.9.
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
#include "orrery/core/on_use.hpp"
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
    std::string name{};                          // parameter name
    const zarr::ArrayMetadata* array = nullptr;  // shared by all arrays that are alike
    const Tree* aggregated = nullptr;            // a described leaf of the aggregate file
  };

  // At that path or, for a checkpoint of Orbax v1 and for random keys, below it (item_place.hpp). NotFoundError where there is nothing,
  // FormatError or DataLossError naming the file for what cannot be used.
  template <OnUse = OnUse()>
  static StoredItem open(const std::string& path);

  const std::string& directory() const noexcept { return directory_; }
  // The structure; its leaves are there, but what they are is known only of those that describe() or tree() was called for.
  const Tree& outline() const noexcept { return tree_; }
  // All of it described.
  template <OnUse = OnUse()>
  const Tree& tree() {
    return describe(tree_);
  }
  // A part of outline() with its leaves described. DataLossError or FormatError for one that is not there as it should be.
  template <OnUse = OnUse()>
  const Tree& describe(const Tree& part);
  const Leaf& leaf(std::uint32_t id) const { return leaves_[id]; }
  // What a chunk that the store does not have means in this item.
  zarr::MissingChunk missing_chunk() const noexcept {
    return metadata_.chunks_are_complete ? zarr::MissingChunk::error : zarr::MissingChunk::fill;
  }
  ItemStore& store() noexcept { return store_; }
  template <OnUse = OnUse()>
  const msgpack_format::Document& aggregate() const noexcept {
    return **aggregate_;
  }

  // What stands before ".zarray" and "0.0", or "zarr.json" and "c/0/0", in the keys of an array. TensorStore adds no second slash to a name
  // that ends in one.
  template <OnUse = OnUse()>
  static std::string prefix_of(const std::string& name) {
    return name.empty() || name.ends_with('/') ? name : name + "/";
  }
  template <OnUse = OnUse()>
  static std::string prefix_of(const Leaf& leaf) {
    return prefix_of(leaf.name);
  }
  // The checksum that we stored for that key, if any.
  template <OnUse = OnUse()>
  std::optional<std::uint32_t> checksum(std::string_view key) {
    return side_file().find(key);
  }
  // What we stored beside Orbax's files, read when it is asked for first.
  const StoredChecksums& side_file() {
    if (!checksums_) checksums_ = has("_orrery.json") ? StoredChecksums(text_of("_orrery.json"), where("_orrery.json")) : StoredChecksums();
    return *checksums_;
  }

 private:
  StoredItem(std::string directory, ItemMetadata metadata, ItemStore store)
      : directory_(std::move(directory)), metadata_(std::move(metadata)), store_(std::move(store)) {}

  static bool says_array(const MetadataEntry& entry) noexcept {
    return !entry.skip_deserialize &&
           (entry.type == ValueType::jax_array || entry.type == ValueType::np_array || entry.type == ValueType::scalar);
  }
  template <OnUse = OnUse()>
  static bool is_outlined(const Tree& node) noexcept {
    return node.is_leaf() && !node.has_value() && node.dtype() == DType::none;
  }
  std::string_view metadata_key() const noexcept { return metadata_.use_zarr3 ? "zarr.json" : ".zarray"; }

  static constexpr std::string_view placeholder = "PLACEHOLDER://", individual = "AGGREGATED://";
  static constexpr std::size_t largest_json = std::size_t{1} << 31;

  // Texts looked up by view.
  struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  struct TextEqual {
    using is_transparent = void;
    template <OnUse = OnUse()>
    bool operator()(std::string_view a, std::string_view b) const noexcept {
      return a == b;
    }
  };

  template <OnUse = OnUse()>
  std::string text_of(const std::string& name) const {
    return storage::read_file(directory_ + "/" + name, largest_json);
  }
  template <OnUse = OnUse()>
  bool has(const std::string& name) const {
    return storage::exists(directory_ + "/" + name);
  }
  Where where(std::string_view name) const { return {{}, directory_ + "/" + std::string(name), {}}; }

  template <OnUse = OnUse()>
  static StoredItem open_folder(const std::string& directory);
  template <OnUse = OnUse()>
  const msgpack_format::Document* aggregate_file();
  template <OnUse = OnUse()>
  const StoredStrings& strings();
  template <OnUse = OnUse()>
  const std::string* prng_impl(const std::string& name);
  template <OnUse = OnUse()>
  Tree tree_of_folders();
  template <OnUse = OnUse()>
  Tree outlined_leaf(const MetadataEntry& entry);
  template <OnUse = OnUse()>
  Tree described_leaf(const MetadataEntry& entry);
  template <OnUse = OnUse()>
  std::optional<Tree> find_stored(const std::string& name, ValueType type);
  template <OnUse = OnUse()>
  Tree stored_leaf(const std::string& name, ValueType type);
  template <OnUse = OnUse()>
  Tree untyped_leaf(const std::string& name);
  template <OnUse = OnUse()>
  Tree aggregated_leaf(std::string name, const Tree& aggregated);
  template <OnUse = OnUse()>
  Tree tree_of_aggregate(const Tree& node, std::size_t depth);
  template <OnUse = OnUse()>
  const Tree* aggregated_at(const MetadataEntry& entry);

  std::string directory_;
  ItemMetadata metadata_;
  ItemStore store_;
  // Read when they are needed first:
  storage::MappedFile aggregate_map_{};
  std::optional<std::unique_ptr<msgpack_format::Document>> aggregate_{};  // null where there is no such file; leaves_ point into it
  std::optional<StoredStrings> strings_{};
  std::optional<std::unordered_map<std::string, std::string>> prng_impls_{};
  std::optional<StoredChecksums> checksums_{};

  std::vector<Leaf> leaves_{};
  std::unordered_map<std::string, zarr::ArrayMetadata, TextHash, TextEqual> parsed_{};  // a model has many arrays and few shapes
  zarr::StoredChunks stored_chunks_{};
  Tree tree_{};
};

template <OnUse>
inline StoredItem StoredItem::open(const std::string& path) {
  if (!storage::exists(path) && !storage::recover(path)) throw NotFoundError("Checkpoint at " + path + " not found.", {{}, path, {}});
  if (path.substr(path.find_last_of('/') + 1).find(storage::temporary_suffix) != std::string::npos)
    throw FormatError("Found incomplete checkpoint at " + path + ". It was never committed: the save died; use another step",
                      {{}, path, {}});
  const ItemPlace place = find_item(path);
  StoredItem item = open_folder(place.directory);
  if (place.content != ItemContent::tree) {
    item.tree();  // what it holds is looked at
    item.tree_ = as_content(std::move(item.tree_), place);
  }
  return item;
}

template <OnUse>
inline StoredItem StoredItem::open_folder(const std::string& directory) {
  const std::string metadata_path = directory + "/_METADATA";
  const bool has_metadata = storage::exists(metadata_path);
  ItemMetadata metadata;
  if (has_metadata) metadata = parse_metadata_file(storage::read_file(metadata_path, largest_json), {{}, metadata_path, {}});
  if (has_metadata && metadata.entries.empty())
    throw FormatError("Found empty checkpoint PyTree metadata in directory=" + directory + ".", {{}, metadata_path, {}});
  const bool use_ocdbt = metadata.use_ocdbt.value_or(storage::exists(directory + "/manifest.ocdbt"));
  ItemStore store = ItemStore::open(directory, use_ocdbt);
  StoredItem item(directory, std::move(metadata), std::move(store));
  if (has_metadata) {
    item.tree_ = build_tree(
        item.metadata_.entries, [&](const MetadataEntry& entry) { return item.outlined_leaf(entry); }, item.where("_METADATA"));
  } else if (const auto* aggregate = item.aggregate_file()) {
    item.tree_ = item.tree_of_aggregate(aggregate->tree, 0);
    item.tree_.sort_keys();
  } else {
    item.tree_ = item.tree_of_folders();
  }
  return item;
}

template <OnUse>
inline const Tree& StoredItem::describe(const Tree& part) {
  // The tree is this item's own: nobody else sees it change.
  if (is_outlined(part)) const_cast<Tree&>(part) = described_leaf(metadata_.entries[part.id()]);
  for (const auto& [key, child] : part.items()) describe(child);
  for (const Tree& child : part.elements()) describe(child);
  return part;
}

template <OnUse>
inline const msgpack_format::Document* StoredItem::aggregate_file() {
  if (!aggregate_) {
    const std::string path = directory_ + "/checkpoint";
    aggregate_.emplace();
    if (storage::exists(path) && !storage::is_directory(path)) {
      aggregate_map_ = storage::MappedFile::open(path);
      *aggregate_ = std::make_unique<msgpack_format::Document>(
          msgpack_format::read_document(aggregate_map_.bytes(), {.orbax_aggregate = true, .file = path}));
    }
  }
  return aggregate_->get();
}

// The value that the aggregate file has at that path; null where it has none or says that it is stored individually.
template <OnUse>
inline const Tree* StoredItem::aggregated_at(const MetadataEntry& entry) {
  const auto* aggregate = aggregate_file();
  if (!aggregate) return nullptr;
  const Tree* at = &aggregate->tree;
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
  const bool points_away =
      at->kind() == Tree::Kind::string && (at->string().starts_with(placeholder) || at->string().starts_with(individual));
  return at->is_leaf() && !points_away ? at : nullptr;
}

// Of an entry whose type says that it is an array or a number: its place alone. All others are looked up at once.
template <OnUse>
inline Tree StoredItem::outlined_leaf(const MetadataEntry& entry) {
  if (!says_array(entry)) return described_leaf(entry);
  return Tree::described(LeafKind::array, DType::none, {}, static_cast<std::uint32_t>(&entry - metadata_.entries.data()));
}

// A value in the aggregate file counts where there is no array of that name: no writer makes both.
template <OnUse>
inline Tree StoredItem::described_leaf(const MetadataEntry& entry) {
  const std::string name = param_name(entry);
  if (says_array(entry))
    if (std::optional<Tree> stored = find_stored(name, entry.type)) return std::move(*stored);
  if (const Tree* aggregated = aggregated_at(entry)) return aggregated_leaf(name, *aggregated);
  if (entry.skip_deserialize) return Tree();  // of a type that its writer could not store
  if (entry.type == ValueType::string) return Tree::string(strings().at(name));
  return entry.type == ValueType::unknown ? untyped_leaf(name) : stored_leaf(name, entry.type);
}

template <OnUse>
inline Tree StoredItem::aggregated_leaf(std::string name, const Tree& aggregated) {
  if (aggregated.has_value()) return aggregated;
  leaves_.push_back({std::move(name), nullptr, &aggregated});
  return Tree::described(aggregated.leaf_kind(), aggregated.dtype(), aggregated.shape(), static_cast<std::uint32_t>(leaves_.size() - 1));
}

// Looked for elsewhere where they are not at the root, once something may be a string.
template <OnUse>
inline const StoredStrings& StoredItem::strings() {
  if (!strings_) {
    const auto file = has("_strings.json") ? std::optional<std::string>("_strings.json") : nested_strings_file(directory_);
    strings_ = file ? StoredStrings(text_of(*file), where(*file)) : StoredStrings("{}", where("_strings.json"));
  }
  return *strings_;
}

// The implementation of a typed PRNG key; null of every other array.
template <OnUse>
inline const std::string* StoredItem::prng_impl(const std::string& name) {
  if (!prng_impls_) {
    prng_impls_.emplace();
    if (has("array_metadatas"))
      for (const std::string& file : storage::list_directory(directory_ + "/array_metadatas")) {
        if (!file.starts_with("process_")) continue;
        prng_impls_ = prng_impls(text_of("array_metadatas/" + file), where("array_metadatas/" + file));
        break;  // processes agree
      }
  }
  const auto found = prng_impls_->find(name);
  return found == prng_impls_->end() ? nullptr : &found->second;
}

// Of a leaf whose type nothing tells: a string if it is among the strings, else an array.
template <OnUse>
inline Tree StoredItem::untyped_leaf(const std::string& name) {
  if (const std::string* text = strings().find(name)) return Tree::string(*text);
  return stored_leaf(name, ValueType::unknown);
}

// With neither _METADATA nor the aggregate file the names of what is stored are the structure.
template <OnUse>
inline Tree StoredItem::tree_of_folders() {
  std::vector<std::string> names = store_.database() ? array_names(*store_.database()) : array_folders(directory_);
  for (std::string& name : strings().names()) names.push_back(std::move(name));
  if (names.empty())
    throw NotFoundError("No structure could be identified for the checkpoint at " + directory_ + ": there is no array in it",
                        {{}, directory_, {}});
  return tree_of_names(names, [&](const std::string& name) { return untyped_leaf(name); }, {{}, directory_, {}});
}

template <OnUse>
inline Tree StoredItem::stored_leaf(const std::string& name, ValueType type) {
  if (std::optional<Tree> found = find_stored(name, type)) return std::move(*found);
  throw DataLossError("the array of this leaf is missing: there is no key " + prefix_of(name) + std::string(metadata_key()),
                      {name, directory_, {}});
}

// Nothing where there is no array of that name.
template <OnUse>
inline std::optional<Tree> StoredItem::find_stored(const std::string& name, ValueType type) {
  const std::string prefix = prefix_of(name);
  const auto value = store_.find(prefix, metadata_key());
  if (!value) return std::nullopt;
  const Where place{name, value->is_inline ? directory_ + "/manifest.ocdbt" : store_.path(value->file), {}};
  const std::string text = value->is_inline ? std::string() : store_.read(*value);
  const std::string_view json = value->is_inline ? value->bytes : std::string_view(text);
  auto known = parsed_.find(json);
  if (known == parsed_.end())
    known = parsed_.emplace(json, metadata_.use_zarr3 ? zarr::parse_metadata_v3(json, place) : zarr::parse_metadata(json, place)).first;
  const zarr::ArrayMetadata& array = known->second;
  stored_chunks_.check(array, missing_chunk(), prefix, {name, directory_, {}}, [&](const std::string& chunk) {
    const auto found = store_.find(prefix, chunk);
    return found ? std::optional(found->length) : std::nullopt;
  });
  LeafKind kind = type == ValueType::scalar ? LeafKind::scalar : LeafKind::array;
  if (kind == LeafKind::scalar && !array.shape.empty())
    throw FormatError("a scalar is said to be here, its array has shape " + to_string(array.shape), place);
  const std::string* impl = array.dtype == DType::uint32 ? prng_impl(name) : nullptr;
  if (impl) kind = LeafKind::prng_key;
  leaves_.push_back({name, &array, nullptr});
  return Tree::described(kind, array.dtype, array.shape, static_cast<std::uint32_t>(leaves_.size() - 1), impl ? *impl : "");
}

// Without _METADATA the aggregate file is the structure, and its placeholders name the arrays.
template <OnUse>
inline Tree StoredItem::tree_of_aggregate(const Tree& node, std::size_t depth) {
  if (depth > orrery::detail::max_nesting) throw FormatError("this file nests deeper than 512 levels", where("checkpoint"));
  if (node.kind() == Tree::Kind::string && node.string().starts_with(placeholder))
    return untyped_leaf(node.string().substr(placeholder.size()));
  if (node.kind() == Tree::Kind::string && node.string().starts_with(individual))
    return untyped_leaf(node.string().substr(individual.size()));
  if (node.is_leaf() && !node.has_value()) return aggregated_leaf("", node);
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
