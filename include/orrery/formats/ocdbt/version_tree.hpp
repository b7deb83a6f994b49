// Finds the versions of a database: the manifest in force, numbered or not (section 8), and the version tree below it (section 9).
// B+trees are left to tree_walk.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/ocdbt/data_files.hpp"
#include "orrery/formats/ocdbt/decode.hpp"
#include "orrery/formats/ocdbt/format.hpp"
#include "orrery/formats/ocdbt/tree_walk.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_system.hpp"

namespace orrery::inline v0::ocdbt {

// The manifest that holds the newest version. Its config is that of manifest.ocdbt, kind included; no versions if a numbered database
// has no commit yet. NotFoundError if the directory is no database, with a hint if it looks like an unfinished checkpoint.
template <OnUse = OnUse()>
inline Manifest load_manifest(const std::string& directory, const ReadOptions& options = {});

// A version, and the file that its root lies in.
struct VersionRoot {
  Version version{};
  DataFile file{};
};

// Every version that the manifest reaches, oldest first. Reads the whole version tree.
template <OnUse = OnUse()>
inline std::vector<VersionRoot> load_versions(const Manifest& manifest, DataFiles& files, const ReadOptions& options = {});

namespace detail {

template <OnUse = OnUse()>
inline Manifest read_manifest_file(const std::string& path, const ReadOptions& options) {
  const storage::File file = storage::File::open(path);
  const std::uint64_t size = file.size();
  if (size > options.max_decoded_bytes)
    throw FormatError("an OCDBT manifest of " + std::to_string(size) + " bytes is larger than allowed", {{}, path, {}});
  std::string bytes(static_cast<std::size_t>(size), '\0');
  file.pread_exactly(0, bytes.data(), bytes.size());
  return decode_manifest(std::move(bytes), {.file = path, .max_decoded_bytes = options.max_decoded_bytes});
}

// The generation in "manifest." + 16 hex digits, 0 if the name is no such one. TensorStore looks at names from 0 to 9 only.
template <OnUse = OnUse()>
inline std::uint64_t numbered_generation(std::string_view name) noexcept {
  constexpr std::string_view stem = "manifest.";
  if (name.size() != stem.size() + 16 || !name.starts_with(stem) || name[stem.size()] > '9') return 0;
  std::uint64_t generation = 0;
  for (const char digit : name.substr(stem.size())) {
    if (digit >= '0' && digit <= '9')
      generation = generation * 16 + static_cast<unsigned>(digit - '0');
    else if (digit >= 'a' && digit <= 'f')
      generation = generation * 16 + static_cast<unsigned>(digit - 'a' + 10);
    else
      return 0;
  }
  return generation;
}

template <OnUse = OnUse()>
[[noreturn]] inline void throw_no_manifest(const std::string& directory) {
  std::string message = "expected an OCDBT database, but there is no manifest.ocdbt";
  std::vector<std::string> found;
  if (storage::is_directory(directory)) found = storage::list_directory(directory);
  for (const std::string& name : found) {
    if (!name.starts_with("ocdbt.process_") || !storage::exists(directory + "/" + name + "/manifest.ocdbt")) continue;
    message += "; '" + name + "' holds one, so this checkpoint was never finalized";
    break;
  }
  throw NotFoundError(message, {{}, directory, {}});
}

class VersionWalk {
 public:
  VersionWalk(const Manifest& manifest, DataFiles& files, const ReadOptions& options)
      : arity_log2_(manifest.config.version_tree_arity_log2), files_(files), options_(options) {}

  template <OnUse = OnUse()>
  void visit(const VersionNodeReference& reference, const DataFile& file) {
    constexpr std::string_view needed_by = "a version tree node";
    const std::uint32_t id = files_.id(file, {{}, files_.directory(), {}});
    const BlobContext context{files_.path(id, needed_by), reference.node.offset, file.base, options_.max_decoded_bytes};
    if (reference.node.length > options_.max_decoded_bytes)
      throw FormatError("a version tree node is larger than allowed", context.where());
    std::string blob = files_.read(id, reference.node.offset, reference.node.length, needed_by);
    const VersionTreeNode node = decode_version_tree_node(std::move(blob), context);
    const std::uint64_t newest = node.height == 0 ? node.versions.back().generation : node.children.back().generation;
    if (node.height != reference.height || newest != reference.generation || node.version_tree_arity_log2 != arity_log2_)
      throw FormatError("a version tree node differs from what its parent says: height " + std::to_string(node.height) +
                            ", newest generation " + std::to_string(newest),
                        context.where());
    for (const Version& version : node.versions) add({version, node.files[version.root.file]}, context);
    for (const VersionNodeReference& child : node.children) visit(child, node.files[child.node.file]);
  }
  // Increasing generations keep two parents from sharing a node, and so the walk from growing.
  template <OnUse = OnUse()>
  void add(VersionRoot root, const BlobContext& context) {
    if (!versions_.empty() && versions_.back().version.generation >= root.version.generation)
      throw FormatError("generations in an OCDBT version tree do not increase", context.where());
    versions_.push_back(std::move(root));
  }
  template <OnUse = OnUse()>
  std::vector<VersionRoot> take() {
    return std::move(versions_);
  }

 private:
  unsigned arity_log2_;
  DataFiles& files_;
  const ReadOptions& options_;
  std::vector<VersionRoot> versions_{};
};

}  // namespace detail

template <OnUse>
inline Manifest load_manifest(const std::string& directory, const ReadOptions& options) {
  const std::string path = directory + "/manifest.ocdbt";
  if (!storage::exists(path)) detail::throw_no_manifest(directory);
  Manifest manifest = detail::read_manifest_file(path, options);
  if (manifest.config.kind == ManifestKind::single) return manifest;
  std::uint64_t newest = 0;
  std::string newest_name;
  for (const std::string& name : storage::list_directory(directory)) {
    const std::uint64_t generation = detail::numbered_generation(name);
    if (generation > newest) {
      newest = generation;
      newest_name = name;
    }
  }
  if (newest == 0) return manifest;
  const std::string numbered_path = directory + "/" + newest_name;
  Manifest numbered = detail::read_manifest_file(numbered_path, options);
  const Where where{{}, numbered_path, {}};
  if (numbered.config.kind != ManifestKind::single) throw FormatError("a numbered OCDBT manifest must be of kind single", where);
  if (numbered.versions.back().generation != newest)
    throw FormatError(
        "a numbered OCDBT manifest holds generation " + std::to_string(numbered.versions.back().generation) + ", not the one in its name",
        where);
  numbered.config.kind = ManifestKind::numbered;
  if (numbered.config != manifest.config)
    throw FormatError("a numbered OCDBT manifest has another configuration than manifest.ocdbt", where);
  return numbered;
}

template <OnUse>
inline std::vector<VersionRoot> load_versions(const Manifest& manifest, DataFiles& files, const ReadOptions& options) {
  detail::VersionWalk walk(manifest, files, options);
  for (const VersionNodeReference& node : manifest.version_nodes) walk.visit(node, manifest.files[node.node.file]);
  const BlobContext context{.file = files.directory() + "/manifest.ocdbt"};
  for (const Version& version : manifest.versions) walk.add({version, manifest.files[version.root.file]}, context);
  return walk.take();
}

}  // namespace orrery::inline v0::ocdbt
