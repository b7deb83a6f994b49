// An OCDBT database read from its directory: all keys of one version in memory, in order, each with its inline value or with the place
// of its value in a data file. Arrays are the business of formats/zarr, reading many values at once that of storage/.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/ocdbt/data_files.hpp"
#include "orrery/formats/ocdbt/format.hpp"
#include "orrery/formats/ocdbt/tree_walk.hpp"
#include "orrery/formats/ocdbt/version_tree.hpp"

namespace orrery::inline v0::ocdbt {

// Lookups may be made by several threads at once; path(), read() and all_versions() by one at a time.
class Database {
 public:
  // Loads the newest version, or the one that options name. NotFoundError if there is no manifest or no such generation; FormatError,
  // DataLossError or IoError for damage. Reads manifest and nodes, no values outside of them.
  template <OnUse = OnUse()>
  static Database open(const std::string& directory, const ReadOptions& options = {});

  const std::string& directory() const noexcept { return files_.directory(); }
  const Manifest& manifest() const noexcept { return manifest_; }
  const Config& config() const noexcept { return manifest_.config; }
  // Nothing if a numbered database has no commit yet.
  const std::optional<Version>& version() const noexcept { return version_; }
  // What the tree really holds, to compare with version()->statistics.
  const Statistics& counted() const noexcept { return tree_.counted; }
  std::uint64_t nodes() const noexcept { return tree_.nodes; }

  // All entries, keys strictly increasing bytewise.
  std::span<const Entry> entries() const noexcept { return tree_.entries; }
  // Those whose keys start with the prefix: one stretch of entries(). Logarithmic.
  template <OnUse = OnUse()>
  std::span<const Entry> with_prefix(std::string_view prefix) const noexcept;
  // The entry of the key prefix + rest, or nullptr. Logarithmic, allocates nothing; `likely`, the position of an entry, is looked at first,
  // for those who ask in the order of the keys.
  template <OnUse = OnUse()>
  const Entry* find(std::string_view prefix, std::string_view rest, std::size_t likely = 0) const noexcept;
  template <OnUse = OnUse()>
  const Entry* find(std::string_view key) const noexcept {
    return find(key, {});
  }

  // The data files that entries name by Entry::file, and that nodes lie in.
  std::size_t num_files() const noexcept { return files_.size(); }
  const DataFile& file(std::uint32_t id) const noexcept { return files_[id]; }
  // Where the file of an entry is, to be opened. DataLossError if it is missing, FormatError if it is a link out of the database.
  template <OnUse = OnUse()>
  const std::string& path(const Entry& entry) {
    return files_.path(entry.file, needed_by(entry));
  }
  // The value, wherever it is. DataLossError if the file is missing or ends too early.
  template <OnUse = OnUse()>
  std::string read(const Entry& entry) {
    if (entry.is_inline) return std::string(entry.inline_value);
    return files_.read(entry.file, entry.offset, entry.length, needed_by(entry));
  }

  // Every version that can still be opened, oldest first.
  template <OnUse = OnUse()>
  std::vector<Version> all_versions();

 private:
  Database(const std::string& directory, const ReadOptions& options) : options_(options), files_(directory, options.follow_links_out) {}

  static std::string needed_by(const Entry& entry) { return "key '" + std::string(entry.key) + "'"; }

  ReadOptions options_;
  DataFiles files_;
  Manifest manifest_{};
  std::optional<Version> version_{};
  LoadedTree tree_{};
};

namespace detail {

// As key.compare(prefix + rest).
template <OnUse = OnUse()>
inline int compare_key(std::string_view key, std::string_view prefix, std::string_view rest) noexcept {
  if (const int order = key.substr(0, prefix.size()).compare(prefix); order != 0) return order;
  return key.substr(prefix.size()).compare(rest);
}

}  // namespace detail

template <OnUse>
inline Database Database::open(const std::string& directory, const ReadOptions& options) {
  Database database(directory, options);
  database.manifest_ = load_manifest(directory, options);
  const Manifest& manifest = database.manifest_;
  std::optional<VersionRoot> root;
  if (options.generation == 0) {
    if (!manifest.versions.empty()) root = {manifest.versions.back(), manifest.files[manifest.versions.back().root.file]};
  } else {
    for (VersionRoot& candidate : load_versions(manifest, database.files_, options))
      if (candidate.version.generation == options.generation) root = std::move(candidate);
    if (!root) throw NotFoundError("this OCDBT database has no generation " + std::to_string(options.generation), {{}, directory, {}});
  }
  if (root) {
    database.version_ = root->version;
    database.tree_ = load_tree(root->version, root->file, database.files_, options);
  }
  return database;
}

template <OnUse>
inline const Entry* Database::find(std::string_view prefix, std::string_view rest, std::size_t likely) const noexcept {
  if (likely < tree_.entries.size() && detail::compare_key(tree_.entries[likely].key, prefix, rest) == 0) return &tree_.entries[likely];
  const auto found = std::lower_bound(tree_.entries.begin(), tree_.entries.end(), 0,
                                      [&](const Entry& entry, int) { return detail::compare_key(entry.key, prefix, rest) < 0; });
  return found != tree_.entries.end() && detail::compare_key(found->key, prefix, rest) == 0 ? &*found : nullptr;
}

template <OnUse>
inline std::span<const Entry> Database::with_prefix(std::string_view prefix) const noexcept {
  const Entry* const first = tree_.entries.data();
  const Entry* const last = first + tree_.entries.size();
  const Entry* const begin = std::lower_bound(first, last, prefix, [](const Entry& entry, std::string_view p) { return entry.key < p; });
  const auto inside = [&](const Entry& entry) { return entry.key.starts_with(prefix); };
  // Groups are mostly a few entries: gallop, then bisect.
  std::ptrdiff_t step = 1;
  while (step < last - begin && inside(begin[step - 1])) step *= 2;
  return {begin, std::partition_point(begin, begin + std::min<std::ptrdiff_t>(step, last - begin), inside)};
}

template <OnUse>
inline std::vector<Version> Database::all_versions() {
  std::vector<Version> versions;
  for (const VersionRoot& root : load_versions(manifest_, files_, options_)) versions.push_back(root.version);
  return versions;
}

}  // namespace orrery::inline v0::ocdbt
