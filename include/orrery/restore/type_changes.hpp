// What became of a type since it was saved: the schema that a checkpoint carries against that of the target.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace orrery::inline v0 {

namespace detail {

// "path: type" by path, in order.
inline std::vector<std::pair<std::string_view, std::string_view>> schema_lines(std::string_view schema) {
  std::vector<std::pair<std::string_view, std::string_view>> lines;
  while (!schema.empty()) {
    const std::string_view line = schema.substr(0, schema.find('\n'));
    schema.remove_prefix(std::min(line.size() + 1, schema.size()));
    const std::size_t colon = line.rfind(": ");
    if (colon != line.npos) lines.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  return lines;
}

}  // namespace detail

// One text a line that differs, those of the old schema first, in its order. Linear.
inline std::vector<std::string> type_changes(std::string_view stored, std::string_view now) {
  const auto before = detail::schema_lines(stored), after = detail::schema_lines(now);
  const std::unordered_map<std::string_view, std::string_view> known(before.begin(), before.end()), wanted(after.begin(), after.end());
  std::vector<std::string> out;
  for (const auto& [path, type] : before) {
    const auto found = wanted.find(path);
    if (found == wanted.end())
      out.push_back(std::string(path) + ": " + std::string(type) + " is gone");
    else if (found->second != type)
      out.push_back(std::string(path) + ": " + std::string(type) + " is now " + std::string(found->second));
  }
  for (const auto& [path, type] : after)
    if (!known.contains(path)) out.push_back(std::string(path) + ": " + std::string(type) + " is new");
  return out;
}

// "; since it was saved, the type has changed: a: int32[] is now int64, ...", or nothing.
inline std::string tell_type_changes(const std::vector<std::string>& changes) {
  constexpr std::size_t most = 20;
  std::string text;
  for (std::size_t i = 0; i < std::min(changes.size(), most); ++i)
    text += (i ? "\n    " : ". The type has changed since it was saved:\n    ") + changes[i];
  if (changes.size() > most) text += "\n    and " + std::to_string(changes.size() - most) + " more";
  return text;
}

}  // namespace orrery::inline v0
