// The files of a legacy checkpoint directory: which there are, whether a save may add one, and which go (spec/flax-legacy.md 4.2 to 4.7,
// 4.12). What is in them is the business of checkpoints.hpp.
#pragma once

#include <fnmatch.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/log.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/flax/checkpoint_names.hpp"
#include "orrery/storage/atomic_directory.hpp"
#include "orrery/storage/file_system.hpp"

namespace orrery::inline v0::flax {

// The path of the newest checkpoint with that prefix, or nothing: unfinished ones do not count, a missing directory holds none.
template <OnUse = OnUse()>
std::optional<std::string> latest_checkpoint(const std::string& directory, std::string_view prefix = "checkpoint_");

// The steps of all checkpoints with that prefix, ascending. StepType: std::int64_t or double; ArgumentError where a name does not end
// in such a number.
template <class StepType = std::int64_t>
std::vector<StepType> available_steps(const std::string& directory, std::string_view prefix = "checkpoint_");

namespace detail {

// Beside a msgpack file, the arrays that several processes have written (process_arrays.hpp).
inline constexpr std::string_view process_arrays_suffix = "_gda";

// The paths of one save: directory and prefix joined, where a msgpack file is written, and what it is called when it is whole.
struct CheckpointPaths {
  std::string base, temporary, final_path;
};

template <OnUse = OnUse()>
inline CheckpointPaths checkpoint_paths(const std::string& directory, const std::string& prefix, const Step& step) {
  std::string base = join_path(safe_normpath(directory), prefix);
  return {base, base + "tmp", base + step.text()};
}

// Python's shell-style match of one name.
template <OnUse = OnUse()>
inline bool matches(const std::string& name, const std::string& pattern) {
  return ::fnmatch(pattern.c_str(), name.c_str(), FNM_NOESCAPE) == 0;
}

inline std::string flax_error_suffix(std::string_view name) {
  return " (https://flax.readthedocs.io/en/latest/api_reference/flax.errors.html#flax.errors." + std::string(name) + ")";
}

// The paths that a save looks at, in natural order: everything with the prefix but multiprocess-array directories. Unfinished ones
// count. `base` is directory and prefix joined.
template <OnUse = OnUse()>
inline std::vector<std::string> save_view(const std::string& base) {
  const std::size_t slash = base.rfind('/');
  const std::string directory = slash == base.npos ? "" : base.substr(0, std::max<std::size_t>(slash, 1));
  const std::string pattern = base.substr(slash == base.npos ? 0 : slash + 1) + "*";
  const std::string listed = directory.empty() ? "." : directory;
  std::vector<std::string> paths;
  if (!storage::is_directory(listed)) return paths;
  for (const std::string& name : storage::list_directory(listed))
    if (matches(name, pattern) && !matches(name, "*_gda")) paths.push_back(join_path(directory, name));
  return natural_sort(std::move(paths));
}

// ... and a restore: finished ones alone.
template <OnUse = OnUse()>
std::vector<std::string> restore_view(const std::string& directory, const std::string& prefix) {
  std::vector<std::string> paths;
  if (!storage::is_directory(directory)) return paths;
  for (const std::string& name : storage::list_directory(directory)) {
    if (!matches(name, prefix + "*") || matches(name, prefix + "tmp") || matches(name, "*_gda")) continue;
    if (name.find(storage::temporary_suffix) != name.npos) continue;
    paths.push_back(join_path(directory, name));
  }
  return natural_sort(std::move(paths));
}

// 4.5: AlreadyExistsError, in Flax's words, unless the new checkpoint would be the last one in natural order.
template <OnUse = OnUse()>
inline void check_overwrite(const CheckpointPaths& checkpoint, std::string_view step) {
  const auto& [base, temporary, final_path] = checkpoint;
  std::vector<std::string> paths = save_view(base);
  const bool is_there = std::find(paths.begin(), paths.end(), final_path) != paths.end();
  if (!is_there) {
    paths.push_back(final_path);
    paths = natural_sort(std::move(paths));
    if (paths.back() == temporary) paths.pop_back();
  }
  if (!is_there && paths.back() == final_path) return;
  std::string text = "Trying to save an outdated checkpoint at step: \"" + std::string(step) + "\" and path: \"" + final_path + "\"." +
                     flax_error_suffix("InvalidCheckpointError");
  text += is_there ? "; this step exists: overwrite = true replaces it" : "; " + paths.back() + " is newer: overwrite = true removes it";
  throw AlreadyExistsError(text);
}

// Which checkpoints stay when another is saved.
struct Retention {
  std::int64_t keep = 1;   // the newest ones; 0: all
  bool overwrite = false;  // what is newer than the one that is saved goes
  std::optional<std::int64_t> keep_every_n_steps{};
};

// 4.7, as a function of what is there, in natural order; with Python's slices: keep = 0 removes nothing, keep = -1 the oldest.
template <OnUse = OnUse()>
inline std::vector<std::string> superfluous(std::vector<std::string> paths, const std::string& final_path, const Retention& retention) {
  std::vector<std::string> going;
  if (const auto found = std::find(paths.begin(), paths.end(), final_path); retention.overwrite && found != paths.end()) {
    going.assign(found + 1, paths.end());
    paths.erase(found + 1, paths.end());
  }
  const auto count = static_cast<std::int64_t>(paths.size()), keep = retention.keep;
  if (count <= keep || keep == 0) return going;
  const std::int64_t candidates = keep > 0 ? count - keep : std::min(-keep, count);
  const std::int64_t every = retention.keep_every_n_steps.value_or(0);
  double last_kept = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < candidates; ++i) {
    std::string& path = paths[static_cast<std::size_t>(i)];
    const double step = step_of_path(path).value_or(0);  // 0 is never kept, nor is what has no step
    if (every != 0 && step != 0 && step - last_kept >= static_cast<double>(every))
      last_kept = step;
    else
      going.push_back(std::move(path));
  }
  return going;
}

// Files go at once; a directory gets a name that nobody lists before it is emptied.
template <OnUse = OnUse()>
inline void remove_checkpoint(const std::string& path) {
  if (!storage::is_directory(path)) return storage::remove_file(path);
  std::string going = path;
  if (path.find(storage::temporary_suffix) == path.npos) {
    going += std::string(storage::temporary_suffix) + "-removed";
    storage::remove_tree(going);
    storage::rename(path, going);
  }
  storage::remove_tree(going);
}

// `with_arrays`: the folders beside them too, in which several processes keep arrays. Plain msgpack saves leave those behind, as in Flax.
template <OnUse = OnUse()>
inline void remove_checkpoints(const std::vector<std::string>& paths, bool with_arrays) {
  for (const std::string& path : paths) {
    log(LogLevel::info, "Removing checkpoint at " + path);
    if (with_arrays) storage::remove_tree(path + std::string(process_arrays_suffix));
    if (storage::exists(path)) remove_checkpoint(path);
  }
}

// After a save: removes what should not stay.
template <OnUse = OnUse()>
inline void clean_up(const CheckpointPaths& paths, const Retention& retention, bool with_arrays) {
  remove_checkpoints(superfluous(save_view(paths.base), paths.final_path, retention), with_arrays);
}

// 4.11: by what stands in the directory, not by what it says.
template <OnUse = OnUse()>
inline bool is_orbax_checkpoint(const std::string& path) {
  return storage::exists(join_path(path, "checkpoint")) || storage::exists(join_path(path, "_METADATA")) ||
         storage::exists(join_path(path, "manifest.ocdbt"));
}

template <class StepType>
StepType parse_step(std::string_view text) {
  StepType step{};
  std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) {
    const bool integer = std::is_integral_v<StepType>;
    throw ArgumentError((integer ? "invalid literal for int() with base 10: '" : "could not convert string to float: '") +
                        std::string(text) + "'");
  }
  return step;
}

ORRERY_ONCE(std::vector<std::string> restore_view<>(const std::string&, const std::string&));

}  // namespace detail

template <OnUse>
std::optional<std::string> latest_checkpoint(const std::string& directory, std::string_view prefix) {
  std::vector<std::string> paths = detail::restore_view(directory, std::string(prefix));
  return paths.empty() ? std::nullopt : std::optional(std::move(paths.back()));
}

template <class StepType>
std::vector<StepType> available_steps(const std::string& directory, std::string_view prefix) {
  std::vector<StepType> steps;
  for (const std::string& path : detail::restore_view(directory, std::string(prefix))) {
    const std::size_t at = path.rfind(prefix);
    steps.push_back(
        detail::parse_step<StepType>(at == path.npos ? std::string_view(path) : std::string_view(path).substr(at + prefix.size())));
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

ORRERY_ONCE(std::optional<std::string> latest_checkpoint<>(const std::string&, std::string_view));

}  // namespace orrery::inline v0::flax
