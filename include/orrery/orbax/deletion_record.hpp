// The record that Orbax v1 leaves in a checkpoint while it deletes one item of several: from when it is written until the item, its handler
// and the record are gone, the item counts as deleted, whatever of it is still there. Asked before an item is looked for (item_place.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_system.hpp"

namespace orrery::inline v0::orbax {

inline constexpr std::string_view deletion_record_name = "_CHECKPOINT_DELETION";

// The item of that checkpoint whose deletion has begun, nothing where there is no record. FormatError where there is one that does not fit
// the checkpoint: nobody knows then what is still whole.
template <OnUse = OnUse()>
inline std::optional<std::string> pending_deletion(const std::string& checkpoint);

namespace detail {

inline constexpr std::size_t largest_record = std::size_t{64} << 20;  // it holds the checkpoint's metadata twice

// Members in one order, so that equal objects are equal texts.
template <OnUse = OnUse()>
inline json::Value with_sorted_members(json::Value value) {
  if (auto* list = std::get_if<json::Value::Array>(&value.data))
    for (json::Value& element : *list) element = with_sorted_members(std::move(element));
  if (auto* members = std::get_if<json::Value::Object>(&value.data)) {
    for (auto& [name, below] : *members) below = with_sorted_members(std::move(below));
    std::stable_sort(members->begin(), members->end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  }
  return value;
}

// What the checkpoint's metadata are once the item is gone; nothing where they do not know it.
template <OnUse = OnUse()>
inline std::optional<json::Value> without_item(json::Value metadata, const std::string& item) {
  auto* members = std::get_if<json::Value::Object>(&metadata.data);
  if (!members) return std::nullopt;
  for (auto& [name, value] : *members) {
    auto* handlers = std::get_if<json::Value::Object>(&value.data);
    if (name != "item_handlers" || !handlers) continue;
    if (std::erase_if(*handlers, [&](const auto& handler) { return handler.first == item; }) > 0) return metadata;
  }
  return std::nullopt;
}

template <OnUse = OnUse()>
inline bool can_be_deleted(const std::string& item) {
  static constexpr std::array<std::string_view, 7> reserved{"", ".", "..", "metrics", "AUTO", deletion_record_name, "_CHECKPOINT_METADATA"};
  return std::find(reserved.begin(), reserved.end(), item) == reserved.end() &&
         item.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
}

}  // namespace detail

template <OnUse>
inline std::optional<std::string> pending_deletion(const std::string& checkpoint) {
  const std::string file = checkpoint + "/" + std::string(deletion_record_name), metadata_file = checkpoint + "/_CHECKPOINT_METADATA";
  if (!storage::exists(file)) return std::nullopt;
  const auto refuse = [&](const std::string& why) {
    throw FormatError("Invalid deletion record at " + file + ": " + why + ". Finish that deletion with Orbax, or use another checkpoint",
                      {{}, file, {}});
  };
  if (storage::is_directory(file)) refuse("it is a directory");
  const json::Value root = json::parse(storage::read_file(file, detail::largest_record), {{}, file, {}});
  const auto member = [&](const char* name) -> const json::Value& {
    const json::Value* found = root.find(name);
    if (!found) refuse(std::string("expected a member \"") + name + "\", found none");
    return *found;
  };
  const std::string *id = member("operation_id").string(), *item = member("checkpointable_name").string();
  const json::Value* destination = root.find("destination");
  if (!id || id->size() != 32 || id->find_first_not_of("0123456789abcdef") != std::string::npos)
    refuse("expected an operation id of 32 hexadecimal digits, found " + json::dump(member("operation_id")));
  if (!item || !detail::can_be_deleted(*item)) refuse("expected the name of an item, found " + json::dump(member("checkpointable_name")));
  if (destination && !destination->is_null() && !destination->string())
    refuse("expected a path as destination, found " + json::dump(*destination));
  const json::Value &original = member("original_metadata"), &updated = member("updated_metadata");
  const auto text = [](const json::Value& value) { return json::dump(detail::with_sorted_members(value)); };
  const std::optional<json::Value> without = detail::without_item(original, *item);
  const std::string before = text(original), after = text(updated);
  if (!without || text(*without) != after) refuse("its new metadata are not the old ones without " + *item);
  if (!storage::exists(metadata_file)) refuse("there is no _CHECKPOINT_METADATA beside it");
  const std::string now = text(json::parse(storage::read_file(metadata_file, detail::largest_record), {{}, metadata_file, {}}));
  if (now != before && now != after) refuse("_CHECKPOINT_METADATA beside it are neither the old nor the new ones");
  return *item;
}

}  // namespace orrery::inline v0::orbax
