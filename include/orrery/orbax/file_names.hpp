// Which parameter names can be directories of an item that keeps its arrays in files. Any other name needs the database.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/orbax/params.hpp"

namespace orrery::inline v0::orbax {

namespace detail {

// The item's own files and directories; a parameter of such a name would lie in them.
template <OnUse = OnUse()>
inline bool is_item_file(std::string_view name) {
  static constexpr std::array<std::string_view, 9> own{"_METADATA",          "_CHECKPOINT_METADATA", "_sharding",
                                                       "_strings.json",      "_orrery.json",         "array_metadatas",
                                                       "commit_success.txt", "checkpoint",           "manifest.ocdbt"};
  return std::find(own.begin(), own.end(), name) != own.end() || name.starts_with("ocdbt.process_");
}

// What is wrong with a component of a path, or nothing.
template <OnUse = OnUse()>
inline std::string_view bad_component(std::string_view component) {
  if (component.empty()) return "an empty part";
  if (component == "." || component == "..") return "a part that means another directory";
  if (component.size() > 255) return "a part of more than 255 bytes";
  if (component.find('\0') != std::string_view::npos) return "a null character";
  if (component.find('\\') != std::string_view::npos) return "a backslash, which TensorStore takes for a slash";
  return {};
}

[[noreturn]] inline void throw_file_name(const Param& param, std::string_view wrong) {
  throw ArgumentError("without OCDBT the name of an array becomes a directory, and this one has " + std::string(wrong) +
                          ": rename the key, or save with use_ocdbt = true",
                      {param.name});
}

}  // namespace detail

// ArgumentError for the first array below `directory` whose name no file system holds.
template <OnUse = OnUse()>
inline void check_file_names(const Params& params, const std::string& directory) {
  constexpr std::size_t longest_path = 4095, chunk_file = 80;  // "/0.0.0": room for the files inside
  for (const Param& param : params.list) {
    if (!param.leaf || param.type == ValueType::string || param.name.empty()) continue;
    std::string_view rest = param.name, wrong;
    while (wrong.empty()) {
      const std::size_t slash = rest.find('/');
      wrong = detail::bad_component(rest.substr(0, slash));
      if (slash == std::string_view::npos) break;
      rest.remove_prefix(slash + 1);
    }
    if (wrong.empty() && directory.size() + 1 + param.name.size() + chunk_file > longest_path)
      wrong = "more characters than a path may have";
    if (!wrong.empty()) detail::throw_file_name(param, wrong);
  }
}

// ... for the first that would lie where the item has files of its own. ArrayCheckpointer's items have other files, and do not ask.
template <OnUse = OnUse()>
inline void check_item_files(const Params& params) {
  for (const Param& param : params.list)
    if (param.leaf && param.type != ValueType::string && detail::is_item_file(std::string_view(param.name).substr(0, param.name.find('/'))))
      detail::throw_file_name(param, "the name of a file of the item itself");
}

}  // namespace orrery::inline v0::orbax
