// Looking up a key path written as text ("model/layers/0/kernel") in a tree, and the path most like one that is not there.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/tree/key_path.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::detail {

template <OnUse = OnUse()>
inline const Tree* child_at(const Tree& tree, std::string_view key) {
  if (tree.is_dict()) return tree.find(key);
  std::size_t index = 0;
  const auto parsed = std::from_chars(key.data(), key.data() + key.size(), index);
  const bool is_index = parsed.ec == std::errc() && parsed.ptr == key.data() + key.size() && (key.size() == 1 || key[0] != '0');
  return is_index && index < tree.elements().size() ? &tree.elements()[index] : nullptr;
}

// The trees of one root by their paths. Keys that hold a '/' themselves are found too, by way of an index made at first need.
class PathFinder {
 public:
  explicit PathFinder(const Tree& root) : root_(&root) {}

  // The leaf or container there; null if there is none. Leaves alone where a key on the way holds a '/'.
  template <OnUse = OnUse()>
  const Tree* find(std::string_view path) {
    const Tree* at = root_;
    for (std::string_view rest = path; at && !rest.empty();) {
      const std::size_t end = std::min(rest.find('/'), rest.size());
      at = child_at(*at, rest.substr(0, end));
      if (end + 1 == rest.size()) at = nullptr;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (at) return at;
    if (leaves_.empty()) index(*root_, nullptr);
    const auto found = leaves_.find(std::string(path));
    return found == leaves_.end() ? nullptr : found->second;
  }

 private:
  template <OnUse = OnUse()>
  void index(const Tree& tree, const PathLink* path) {
    if (tree.is_leaf()) leaves_.insert_or_assign(to_string(path), &tree);
    for (const auto& [key, child] : tree.items()) {
      const PathLink link{path, key.text, 0, false};
      index(child, &link);
    }
    for (std::size_t i = 0; i < tree.elements().size(); ++i) {
      const PathLink link{path, {}, i, true};
      index(tree.elements()[i], &link);
    }
  }

  const Tree* root_;
  std::unordered_map<std::string, const Tree*> leaves_{};
};

// Insertions, deletions, replacements and exchanged neighbours that make one of the other; anything above `most` counts as more. Keys of up
// to 64 bytes.
inline std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t most) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() > 64 || b.size() - a.size() > most) return most + 1;
  std::array<std::array<std::size_t, 65>, 3> rows{};  // of b's last three letters
  for (std::size_t i = 0; i <= a.size(); ++i) rows[0][i] = i;
  for (std::size_t j = 1; j <= b.size(); ++j) {
    auto& row = rows[j % 3];
    const auto &above = rows[(j + 2) % 3], &two_above = rows[(j + 1) % 3];
    row[0] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
      row[i] = std::min({above[i] + 1, row[i - 1] + 1, above[i - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[i] = std::min(row[i], two_above[i - 2] + 1);
    }
  }
  return rows[b.size() % 3][a.size()];
}

// How far apart two keys are if one looks like the other misspelt, else nothing: a third of the shorter one's letters may differ.
template <OnUse = OnUse()>
inline std::optional<std::size_t> misspelling(std::string_view a, std::string_view b) {
  const std::size_t most = std::min(a.size(), b.size()) / 3;
  if (most == 0) return std::nullopt;
  const std::size_t distance = edit_distance(a, b, most);
  return distance <= most ? std::optional(distance) : std::nullopt;
}

// Of the paths, the one that differs from `wanted` in one misspelt key, the nearest first; else the only one whose last key is the same.
// Empty where there is none. Looks at a thousand paths at most.
template <OnUse = OnUse()>
inline std::string_view nearest_path(std::string_view wanted, const std::vector<std::string>& paths) {
  constexpr std::size_t most_paths = 1000;
  std::string_view best, same_name;
  std::size_t best_distance = 64, same_names = 0;
  const std::string_view name = wanted.substr(wanted.rfind('/') + 1);
  for (std::size_t p = 0; p < std::min(paths.size(), most_paths); ++p) {
    const std::string& path = paths[p];
    std::size_t start = 0;  // of the first key that differs
    const std::size_t shorter = std::min(wanted.size(), path.size());
    for (std::size_t i = 0; i < shorter && wanted[i] == path[i]; ++i)
      if (wanted[i] == '/') start = i + 1;
    const std::string_view a = wanted.substr(start), b = std::string_view(path).substr(start);
    const std::size_t a_end = std::min(a.find('/'), a.size()), b_end = std::min(b.find('/'), b.size());
    if (a.substr(a_end) == b.substr(b_end)) {
      const auto distance = misspelling(a.substr(0, a_end), b.substr(0, b_end));
      if (distance && *distance < best_distance) {
        best = path;
        best_distance = *distance;
      }
    }
    if (std::string_view(path).substr(path.rfind('/') + 1) == name) {
      same_name = path;
      ++same_names;
    }
  }
  return !best.empty() ? best : same_names == 1 && !name.empty() ? same_name : std::string_view();
}

// Says of missing leaves which of the stored leaves that nothing wants looks like them. Looks at the first few.
template <OnUse = OnUse()>
inline void suggest_paths(Differences& differences, const std::vector<std::string>& unused) {
  constexpr std::size_t most_missing = 32;
  std::vector<std::string> extra;
  for (const Difference& difference : differences.extra) extra.push_back(difference.path);
  for (std::size_t i = 0; i < std::min(differences.missing.size(), most_missing); ++i) {
    Difference& missing = differences.missing[i];
    std::string_view near = nearest_path(missing.path, unused);
    if (near.empty()) near = nearest_path(missing.path, extra);
    if (!near.empty() && missing.message.empty()) missing.message = "did you mean \"" + std::string(near) + "\"?";
  }
}

}  // namespace orrery::inline v0::detail
