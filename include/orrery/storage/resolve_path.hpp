// Whether two paths name the same place, however they are spelled.
#pragma once

#include <stdlib.h>

#include <memory>
#include <string>
#include <string_view>

#include "orrery/core/on_use.hpp"
#include "orrery/storage/file_system.hpp"

namespace orrery::inline v0::storage {

// Absolute, without links or dots as far as it exists; what does not exist yet stands as it is.
template <OnUse = OnUse()>
inline std::string resolved_path(const std::string& path) {
  struct Free {
    void operator()(char* text) const noexcept { std::free(text); }
  };
  if (const std::unique_ptr<char, Free> real(::realpath(path.c_str(), nullptr)); real) return real.get();
  std::size_t end = path.size();
  while (end > 1 && path[end - 1] == '/') --end;
  const std::string_view trimmed(path.data(), end);
  if (trimmed.empty() || trimmed == "/" || trimmed == ".") return path;
  const std::size_t slash = trimmed.rfind('/');
  const std::string above = resolved_path(slash == trimmed.npos ? "." : slash == 0 ? "/" : std::string(trimmed.substr(0, slash)));
  return (above == "/" ? "" : above) + "/" + std::string(trimmed.substr(slash == trimmed.npos ? 0 : slash + 1));
}

// `path` is `place`, or something in it.
template <OnUse = OnUse()>
inline bool is_same_or_below(const std::string& path, const std::string& place) {
  const std::string inner = resolved_path(path), outer = resolved_path(place);
  return inner.starts_with(outer) && (inner.size() == outer.size() || inner[outer.size()] == '/' || outer == "/");
}

}  // namespace orrery::inline v0::storage
