// Structs to bytes for every OCDBT blob, with TensorStore's choices (section 12.4): shortest varints, maximal shared prefixes, unique
// and sorted file tables. The same content gives the same bytes. What goes into which node is the writer's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/byte_io.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/ocdbt/data_file_table.hpp"
#include "orrery/formats/ocdbt/envelope.hpp"
#include "orrery/formats/ocdbt/format.hpp"

namespace orrery::inline v0::ocdbt {

// The bytes of a manifest file; one zstd frame inside where a level is given. Files are written as referenced, not as listed.
template <OnUse = OnUse()>
inline std::string encode_manifest(const Manifest& manifest, std::optional<int> zstd_level);

template <OnUse = OnUse()>
inline std::string encode_version_tree_node(const VersionTreeNode& node, std::optional<int> zstd_level);

// A leaf: its entries, sorted by key, with references into files. skip leading bytes of every key are left out (section 12.3).
template <OnUse = OnUse()>
inline std::string encode_leaf(std::span<const LeafEntry> entries, const std::vector<DataFile>& files, std::size_t skip,
                               std::optional<int> zstd_level);

// An interior node of that height. common_prefix_length counts from the start of the given keys, skip included.
template <OnUse = OnUse()>
inline std::string encode_interior(std::uint8_t height, std::span<const InteriorEntry> children, const std::vector<DataFile>& files,
                                   std::size_t skip, std::optional<int> zstd_level);

namespace detail {

template <class Range, class Project>
void write_references(ByteWriter& writer, const DataFileTable& table, const Range& range, Project project) {
  for (const auto& element : range) writer.varint(table.index(project(element)->file));
  for (const auto& element : range) writer.varint(project(element)->offset);
  for (const auto& element : range) writer.varint(project(element)->length);
}

template <class Range>
void write_statistics(ByteWriter& writer, const Range& range) {
  for (const auto& element : range) writer.varint(element.statistics.num_keys);
  for (const auto& element : range) writer.varint(element.statistics.num_tree_bytes);
  for (const auto& element : range) writer.varint(element.statistics.num_indirect_value_bytes);
}

inline constexpr auto root_of = [](const Version& version) { return &version.root; };
inline constexpr auto node_of = [](const VersionNodeReference& node) { return &node.node; };
inline constexpr auto child_of = [](const InteriorEntry& entry) { return &entry.child; };
inline constexpr auto value_of = [](const LeafEntry& entry) { return entry.is_inline ? nullptr : &entry.value; };

template <OnUse = OnUse()>
inline void write_config(ByteWriter& writer, const Config& config) {
  for (const std::uint8_t byte : config.uuid) writer.u8(byte);
  writer.u8(static_cast<std::uint8_t>(config.kind));
  writer.varint(config.max_inline_value_bytes);
  writer.varint(config.max_decoded_node_bytes);
  writer.u8(config.version_tree_arity_log2);
  writer.varint(config.zstd_level ? 1 : 0);
  if (config.zstd_level) writer.u32le(static_cast<std::uint32_t>(*config.zstd_level));
}

template <OnUse = OnUse()>
inline void write_versions(ByteWriter& writer, const DataFileTable& table, const std::vector<Version>& versions) {
  writer.varint(versions.size());
  for (const auto& version : versions) writer.varint(version.generation);
  for (const auto& version : versions) writer.u8(version.root_height);
  write_references(writer, table, versions, root_of);
  write_statistics(writer, versions);
  for (const auto& version : versions) writer.u64le(version.commit_time);
}

template <OnUse = OnUse()>
inline void write_version_nodes(ByteWriter& writer, const DataFileTable& table, const std::vector<VersionNodeReference>& nodes,
                                bool with_height) {
  writer.varint(nodes.size());
  for (const auto& node : nodes) writer.varint(node.generation);
  write_references(writer, table, nodes, node_of);
  for (const auto& node : nodes) writer.varint(node.num_generations);
  for (const auto& node : nodes) writer.u64le(node.commit_time);
  if (with_height)
    for (const auto& node : nodes) writer.u8(node.height);
}

// The columns of section 10.1.
template <class Entries>
void write_keys(ByteWriter& writer, const Entries& entries, std::size_t skip) {
  std::vector<std::uint32_t> prefix(entries.size(), static_cast<std::uint32_t>(skip));
  for (std::size_t i = 1; i < entries.size(); ++i)
    prefix[i] = static_cast<std::uint32_t>(common_prefix_length(entries[i - 1].key, entries[i].key));
  for (std::size_t i = 1; i < entries.size(); ++i) writer.varint(prefix[i] - skip);
  for (std::size_t i = 0; i < entries.size(); ++i) writer.varint(entries[i].key.size() - prefix[i]);
  if constexpr (requires { entries[0].common_prefix_length; })
    for (const auto& entry : entries) writer.varint(entry.common_prefix_length - skip);
  for (std::size_t i = 0; i < entries.size(); ++i) writer.text(entries[i].key.substr(prefix[i]));
}

inline void check_node_size(std::size_t entries) {
  if (entries < 1 || entries > max_node_entries)
    throw ArgumentError("an OCDBT B+tree node holds 1 to 1048576 entries, not " + std::to_string(entries));
}

// Of a span of LeafEntry, or of what looks like one.
template <class Entries>
std::string encode_leaf(const Entries& entries, const std::vector<DataFile>& files, std::size_t skip, std::optional<int> zstd_level) {
  check_node_size(entries.size());
  std::string body;
  ByteWriter writer(body);
  writer.u8(0);
  const DataFileTable table(files, entries, value_of);
  table.encode(writer);
  writer.varint(entries.size());
  write_keys(writer, entries, skip);
  for (const auto& entry : entries) writer.varint(entry.is_inline ? entry.inline_value.size() : entry.value.length);
  for (const auto& entry : entries) writer.u8(entry.is_inline ? 0 : 1);
  for (const auto& entry : entries)
    if (!entry.is_inline) writer.varint(table.index(entry.value.file));
  for (const auto& entry : entries)
    if (!entry.is_inline) writer.varint(entry.value.offset);
  for (const auto& entry : entries)
    if (entry.is_inline) writer.text(entry.inline_value);
  return seal_envelope(btree_node_magic, body, zstd_level);
}

}  // namespace detail

template <OnUse>
inline std::string encode_manifest(const Manifest& manifest, std::optional<int> zstd_level) {
  std::string body;
  ByteWriter writer(body);
  detail::write_config(writer, manifest.config);
  if (manifest.config.kind == ManifestKind::single) {
    std::vector<Reference> references;
    for (const auto& version : manifest.versions) references.push_back(version.root);
    for (const auto& node : manifest.version_nodes) references.push_back(node.node);
    const DataFileTable table(manifest.files, references, [](const Reference& reference) { return &reference; });
    table.encode(writer);
    detail::write_versions(writer, table, manifest.versions);
    detail::write_version_nodes(writer, table, manifest.version_nodes, true);
  }
  return seal_envelope(manifest_magic, body, zstd_level);
}

template <OnUse>
inline std::string encode_version_tree_node(const VersionTreeNode& node, std::optional<int> zstd_level) {
  std::string body;
  ByteWriter writer(body);
  writer.u8(node.version_tree_arity_log2);
  writer.u8(node.height);
  if (node.height == 0) {
    const DataFileTable table(node.files, node.versions, detail::root_of);
    table.encode(writer);
    detail::write_versions(writer, table, node.versions);
  } else {
    const DataFileTable table(node.files, node.children, detail::node_of);
    table.encode(writer);
    detail::write_version_nodes(writer, table, node.children, false);
  }
  return seal_envelope(version_node_magic, body, zstd_level);
}

template <OnUse>
inline std::string encode_leaf(std::span<const LeafEntry> entries, const std::vector<DataFile>& files, std::size_t skip,
                               std::optional<int> zstd_level) {
  return detail::encode_leaf(entries, files, skip, zstd_level);
}

template <OnUse>
inline std::string encode_interior(std::uint8_t height, std::span<const InteriorEntry> children, const std::vector<DataFile>& files,
                                   std::size_t skip, std::optional<int> zstd_level) {
  detail::check_node_size(children.size());
  std::string body;
  ByteWriter writer(body);
  writer.u8(height);
  const DataFileTable table(files, children, detail::child_of);
  table.encode(writer);
  writer.varint(children.size());
  detail::write_keys(writer, children, skip);
  detail::write_references(writer, table, children, detail::child_of);
  detail::write_statistics(writer, children);
  return seal_envelope(btree_node_magic, body, zstd_level);
}

}  // namespace orrery::inline v0::ocdbt
