// Where a leaf sits: dict keys, list indices and fields from the root down, as JAX's key paths.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/on_use.hpp"

namespace orrery::inline v0 {

// One step down. An index into a list or tuple, or the key of a dict; the fields of a struct are keys.
struct KeyEntry {
  std::string key{};  // for an index: its decimal digits
  bool is_index = false;
  std::size_t index = 0;
  friend bool operator==(const KeyEntry&, const KeyEntry&) = default;
};

using KeyPath = std::vector<KeyEntry>;

inline KeyEntry index_entry(std::size_t index) { return {std::to_string(index), true, index}; }
inline KeyEntry key_entry(std::string_view key) { return {std::string(key), false, 0}; }

// "model/opt_state/0": for messages, patterns and reports.
template <OnUse = OnUse()>
inline std::string to_string(const KeyPath& path) {
  std::string text;
  for (const KeyEntry& entry : path) {
    if (!text.empty() || &entry != &path.front()) text += '/';
    text += entry.key;
  }
  return text;
}

// The same on the stack, linked from the leaf up, so that a walk makes no strings unless something is to be said.
struct PathLink {
  const PathLink* up = nullptr;
  std::string_view key{};
  std::size_t index = 0;
  bool is_index = false;
};

template <OnUse = OnUse()>
inline std::string to_string(const PathLink* path) {
  if (!path) return {};
  std::string text = to_string(path->up);
  if (path->up) text += '/';
  return text += path->is_index ? std::to_string(path->index) : std::string(path->key);
}

}  // namespace orrery::inline v0
