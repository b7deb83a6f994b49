// The bodies of restore_items.hpp that depend on no type of the user's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/manager/restore_items.hpp"
#include "orrery/manager/step_directory.hpp"
#include "orrery/orbax/calls_impl.hpp"
#include "orrery/orbax/item_place.hpp"
#include "orrery/orbax/stored_item.hpp"
#include "orrery/storage/file_system.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0 {

namespace detail {

template <OnUse = OnUse()>
[[noreturn]] inline void throw_no_item(std::string_view name, const std::vector<std::string>& there, const std::string& path) {
  std::string text = "Item \"" + std::string(name) + "\" was not found in the checkpoint. Available items: [";
  for (const std::string& item : there) text += (text.back() == '[' ? "'" : ", '") + item + "'";
  Differences differences;
  differences.missing.push_back({std::string(name), "is no item of this step"});
  throw KeyError(text + "]", std::move(differences), {{}, path, {}});
}

template <OnUse = OnUse()>
inline Tree tree_of(const json::Value& value) {
  if (value.is_null()) return Tree::none();
  if (const auto* b = value.boolean()) return Tree::scalar(*b);
  if (const auto* i = value.integer()) return Tree::scalar(*i);
  if (const auto* u = value.unsigned_integer()) return Tree::scalar(*u);
  if (const auto* d = value.number()) return Tree::scalar(*d);
  if (const auto* s = value.string()) return Tree::string(*s);
  if (const auto* list = value.array()) {
    std::vector<Tree> elements;
    for (const json::Value& element : *list) elements.push_back(tree_of(element));
    return Tree::list(std::move(elements));
  }
  Tree out = Tree::dict();
  for (const auto& [key, below] : *value.object()) out.insert({key}, tree_of(below));
  return out;
}

enum class ItemKind : std::uint8_t { pytree, json, array, other };

template <OnUse = OnUse()>
inline ItemKind kind_of_item(const std::string& directory, std::string_view handler) {
  const auto ends = [&](std::string_view name) { return handler.ends_with(name); };
  if (ends("JsonCheckpointHandler") || ends("JsonHandler") || ends("MetricsHandler")) return ItemKind::json;
  if (ends("ArrayCheckpointHandler")) return ItemKind::array;
  if (orbax::is_item_folder(directory) || orbax::find_random_key(directory)) return ItemKind::pytree;
  for (const char* file : {"/metadata", "/data.json", "/metrics"})
    if (storage::exists(directory + file) && !storage::is_directory(directory + file)) return ItemKind::json;
  return ItemKind::other;
}

template <OnUse = OnUse()>
inline std::string handler_of(const StepFiles& files, std::string_view item) {
  for (const auto& [name, handler] : files.handlers)
    if (name == item) return handler;
  return {};
}

// The item that is meant where none is named: `default`, else the only pytree.
template <OnUse = OnUse()>
inline std::string only_item(const std::string& step_path) {
  const std::vector<std::string> there = list_items(step_path);
  if (std::find(there.begin(), there.end(), default_item_name) != there.end()) return std::string(default_item_name);
  const StepFiles files = read_step_files(step_path);
  std::vector<std::string> trees;
  for (const std::string& name : there) {
    if (kind_of_item(step_path + "/" + name, handler_of(files, name)) == ItemKind::pytree) trees.push_back(name);
  }
  if (trees.size() == 1) return trees.front();
  if (there.empty()) throw NotFoundError("this step holds no item at all: it is no checkpoint, or its save died", {{}, step_path, {}});
  std::string text =
      "this step holds several items, and one was asked for without a name: name it, as items<T>(\"" + there.front() + "\"); there are";
  for (const std::string& name : there) text += (name == there.front() ? " " : ", ") + name;
  throw ArgumentError(text, {{}, step_path, {}});
}

template <OnUse>
std::string item_path(const std::string& step_path, const std::string& name) {
  check_item_name(name);
  const std::string path = step_path + "/" + name;
  if (!storage::is_directory(path)) throw_no_item(name, list_items(step_path), step_path);
  return path;
}

}  // namespace detail

template <OnUse>
const TreeMetadata& ItemMetadata::operator[](std::string_view name) const {
  std::vector<std::string> there;
  for (const Item& item : items_) {
    if (item.name == name && item.tree) return *item.tree;
    if (item.tree) there.push_back(item.name);
  }
  detail::throw_no_item(name, there, path_);
}

template <OnUse>
Tree restore_item_tree(const std::string& directory, std::string_view handler, const RestoreOptions& options) {
  switch (detail::kind_of_item(directory, handler)) {
    case detail::ItemKind::json: return detail::tree_of(ItemHandler<JsonItem>::restore(directory, options).value());
    case detail::ItemKind::array: return orbax::restore_array(directory, options);
    case detail::ItemKind::pytree: return orbax::restore_tree(directory, options);
    case detail::ItemKind::other: break;
  }
  throw FormatError("this item" + (handler.empty() ? std::string() : ", written by " + std::string(handler) + ",") +
                        " is neither a pytree nor an array nor JSON: restore it by name, with an ItemHandler that reads it",
                    {{}, directory, {}});
}

template <OnUse>
Tree restore_step_tree(const std::string& step_path, const RestoreOptions& options) {
  const std::vector<std::string> there = list_items(step_path);
  const StepFiles files = read_step_files(step_path);
  if (std::find(there.begin(), there.end(), default_item_name) != there.end()) {
    const std::string item(default_item_name);
    return restore_item_tree(step_path + "/" + item, detail::handler_of(files, item), options);
  }
  if (there.empty()) detail::only_item(step_path);
  Tree out = Tree::dict();
  for (const std::string& name : there)
    out.insert({name}, restore_item_tree(step_path + "/" + name, detail::handler_of(files, name), options));
  return out;
}

template <OnUse>
ItemMetadata read_item_metadata(const std::string& step_path) {
  const StepFiles files = read_step_files(step_path);
  std::vector<ItemMetadata::Item> items;
  for (const std::string& name : list_items(step_path)) {
    const std::string directory = step_path + "/" + name;
    ItemMetadata::Item item{name, detail::handler_of(files, name)};
    const detail::ItemKind kind = detail::kind_of_item(directory, item.handler);
    if (kind == detail::ItemKind::pytree || kind == detail::ItemKind::array) item.tree.emplace(orbax::StoredItem::open(directory).tree());
    items.push_back(std::move(item));
  }
  return ItemMetadata(std::move(items), step_path);
}

}  // namespace orrery::inline v0
