// What became of a type since it was saved: the schema that a checkpoint carries against that of the target.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "orrery/core/on_use.hpp"

namespace orrery::inline v0 {

namespace detail {

struct SchemaLine {
  std::string key;  // the path without the marks of what may be absent: that is the same place
  std::string_view path, type;
};
template <OnUse = OnUse()>
inline std::vector<SchemaLine> schema_lines(std::string_view schema) {
  std::vector<SchemaLine> lines;
  while (!schema.empty()) {
    const std::string_view line = schema.substr(0, schema.find('\n'));
    schema.remove_prefix(std::min(line.size() + 1, schema.size()));
    const std::size_t colon = line.rfind(": ");
    if (colon == line.npos) continue;
    SchemaLine& out = lines.emplace_back(SchemaLine{{}, line.substr(0, colon), line.substr(colon + 2)});
    for (const char c : out.path)
      if (c != '?') out.key += c;
  }
  return lines;
}

}  // namespace detail

// One text a line that differs, those of the old schema first, in its order. Linear.
template <OnUse = OnUse()>
inline std::vector<std::string> type_changes(std::string_view stored, std::string_view now) {
  const std::vector<detail::SchemaLine> before = detail::schema_lines(stored), after = detail::schema_lines(now);
  std::unordered_map<std::string_view, const detail::SchemaLine*> known, wanted;
  for (const detail::SchemaLine& line : before) known.emplace(line.key, &line);
  for (const detail::SchemaLine& line : after) wanted.emplace(line.key, &line);
  std::vector<std::string> out;
  for (const auto& [key, path, type] : before) {
    const auto found = wanted.find(key);
    if (found == wanted.end())
      out.push_back(std::string(path) + ": " + std::string(type) + " is gone");
    else if (found->second->type != type)
      out.push_back(std::string(path) + ": " + std::string(type) + " is now " + std::string(found->second->type));
    else if (found->second->path != path)
      out.push_back(std::string(path) + " is now " + std::string(found->second->path));
  }
  for (const auto& [key, path, type] : after)
    if (!known.contains(key)) out.push_back(std::string(path) + ": " + std::string(type) + " is new");
  return out;
}

// ". The type has changed since it was saved:" and a line each, or nothing.
template <OnUse = OnUse()>
inline std::string tell_type_changes(const std::vector<std::string>& changes) {
  constexpr std::size_t most = 20;
  std::string text;
  for (std::size_t i = 0; i < std::min(changes.size(), most); ++i)
    text += (i ? "\n    " : ". The type has changed since it was saved:\n    ") + changes[i];
  if (changes.size() > most) text += "\n    and " + std::to_string(changes.size() - most) + " more";
  return text;
}

}  // namespace orrery::inline v0
