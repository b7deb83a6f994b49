// Bytes to structs for OCDBT manifests and version tree nodes (sections 5 to 9), with every rule checked: a decoded value can be
// trusted as far as one blob can tell. B+tree nodes are in decode_btree.hpp, following references is the reader's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "orrery/core/byte_io.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/ocdbt/data_file_table.hpp"
#include "orrery/formats/ocdbt/envelope.hpp"
#include "orrery/formats/ocdbt/format.hpp"

namespace orrery::inline v0::ocdbt {

// The whole of a manifest file. FormatError or DataLossError name the file and the offset.
template <OnUse = OnUse()>
inline Manifest decode_manifest(std::string blob, const BlobContext& context);

// The whole referenced range of a version tree node. The caller compares arity, height and newest generation with what it expects.
template <OnUse = OnUse()>
inline VersionTreeNode decode_version_tree_node(std::string blob, const BlobContext& context);

namespace detail {

// A reader of one body that fails with file and offset.
struct Body {
  template <OnUse = OnUse()>
  Body(const OpenedBlob& blob, const BlobContext& context) : reader(blob.reader(context)) {}

  [[noreturn]] void fail(const std::string& message) const { reader.fail(message); }
  // Every count is compared with the bytes left before anything is allocated for it.
  std::size_t count(std::uint64_t n, std::uint64_t least_bytes_each, const char* what) const {
    if (n > reader.remaining() / least_bytes_each)
      fail("an OCDBT blob claims " + std::to_string(n) + " " + what + " in " + std::to_string(reader.remaining()) + " bytes");
    return static_cast<std::size_t>(n);
  }
  // Sets the file of a reference and checks it against the table.
  template <OnUse = OnUse()>
  void set_file(Reference& reference, std::size_t files) {
    const std::uint64_t id = reader.v64();
    if (id >= files) fail("an OCDBT reference names data file " + std::to_string(id) + " of " + std::to_string(files));
    reference.file = static_cast<std::uint32_t>(id);
  }
  void check_end(const Reference& reference) const {
    if (reference.offset > max_file_end || reference.length > max_file_end - reference.offset)
      fail("an OCDBT reference reaches beyond 2^63 - 1 bytes: offset " + std::to_string(reference.offset) + ", length " +
           std::to_string(reference.length));
  }

  // The column groups REFS and STATS of section 7, into the members of the elements.
  template <class T>
  void references(std::vector<T>& elements, Reference T::*member, std::size_t files, bool missing_allowed) {
    for (T& element : elements) set_file(element.*member, files);
    for (T& element : elements) (element.*member).offset = reader.v64();
    for (T& element : elements) (element.*member).length = reader.v64();
    for (const T& element : elements)
      if (!(missing_allowed && (element.*member).is_missing())) check_end(element.*member);
  }
  template <class T>
  void statistics(std::vector<T>& elements) {
    for (T& element : elements) element.statistics.num_keys = reader.v64();
    for (T& element : elements) element.statistics.num_tree_bytes = reader.v64();
    for (T& element : elements) element.statistics.num_indirect_value_bytes = reader.v64();
  }

  ByteReader reader;
};

template <OnUse = OnUse()>
inline Config read_config(Body& body) {
  Config config;
  for (auto& byte : config.uuid) byte = body.reader.u8();
  const unsigned kind = body.reader.u8();
  if (kind > 1) body.fail("OCDBT manifest kind " + std::to_string(kind) + " is unknown");
  config.kind = static_cast<ManifestKind>(kind);
  config.max_inline_value_bytes = body.reader.v32();
  config.max_decoded_node_bytes = body.reader.v32();
  config.version_tree_arity_log2 = body.reader.u8();
  if (config.version_tree_arity_log2 < 1 || config.version_tree_arity_log2 > 16)
    body.fail("version_tree_arity_log2 must be 1 to 16, found " + std::to_string(config.version_tree_arity_log2));
  const std::uint32_t method = body.reader.v32();
  if (method > 1) body.fail("OCDBT compression method " + std::to_string(method) + " is unknown");
  config.zstd_level.reset();
  if (method == 1) {
    config.zstd_level = static_cast<std::int32_t>(body.reader.u32le());
    if (*config.zstd_level < -131072 || *config.zstd_level > 22)
      body.fail("the zstd level must be -131072 to 22, found " + std::to_string(*config.zstd_level));
  }
  return config;
}

template <OnUse = OnUse()>
inline std::vector<Version> read_versions(Body& body, std::size_t files, unsigned arity_log2) {
  const std::uint64_t n = body.reader.v64(), arity = std::uint64_t{1} << arity_log2;
  if (n < 1 || n > arity) body.fail("expected 1 to " + std::to_string(arity) + " OCDBT versions, found " + std::to_string(n));
  std::vector<Version> versions(body.count(n, 16, "versions"));
  for (auto& version : versions) version.generation = body.reader.v64();
  for (auto& version : versions) version.root_height = body.reader.u8();
  body.references(versions, &Version::root, files, true);
  body.statistics(versions);
  for (auto& version : versions) version.commit_time = body.reader.u64le();
  std::uint64_t previous = 0;
  for (const auto& version : versions) {
    if (version.generation <= previous) body.fail("OCDBT generation numbers must increase and be at least 1");
    previous = version.generation;
    if (version.root.is_missing() && (version.root_height != 0 || version.statistics != Statistics{}))
      body.fail("an empty OCDBT version must have height 0 and zero statistics");
  }
  if (versions.front().generation < previous - (previous - 1) % arity)
    body.fail("OCDBT generations " + std::to_string(versions.front().generation) + " to " + std::to_string(previous) +
              " do not lie in one block of " + std::to_string(arity));
  return versions;
}

template <OnUse = OnUse()>
inline std::vector<VersionNodeReference> read_version_nodes(Body& body, std::size_t files, std::uint64_t limit, bool with_height) {
  const std::uint64_t n = body.reader.v64();
  if (n > limit) body.fail("at most " + std::to_string(limit) + " version tree nodes are allowed here, found " + std::to_string(n));
  std::vector<VersionNodeReference> nodes(body.count(n, 13, "version tree nodes"));
  for (auto& node : nodes) node.generation = body.reader.v64();
  body.references(nodes, &VersionNodeReference::node, files, false);
  for (auto& node : nodes) node.num_generations = body.reader.v64();
  for (auto& node : nodes) node.commit_time = body.reader.u64le();
  if (with_height)
    for (auto& node : nodes) node.height = body.reader.u8();
  std::uint64_t previous = 0;
  for (const auto& node : nodes) {
    if (node.generation <= previous) body.fail("generation numbers of version tree nodes must increase and be at least 1");
    previous = node.generation;
  }
  return nodes;
}

constexpr unsigned max_version_tree_height(unsigned arity_log2) noexcept { return 63 / arity_log2 - 1; }

// Section 8: each node must fit the slot that the newest generation leaves for its height.
template <OnUse = OnUse()>
inline void check_manifest_slots(const Body& body, const Manifest& manifest) {
  const unsigned arity = manifest.config.version_tree_arity_log2, tallest = max_version_tree_height(arity);
  std::size_t left = manifest.version_nodes.size();
  for (std::size_t i = 0; i < left; ++i) {
    const unsigned height = manifest.version_nodes[i].height;
    if (height < 1 || height > tallest || (i && height >= manifest.version_nodes[i - 1].height))
      body.fail("heights of version tree nodes must decrease and be 1 to " + std::to_string(tallest) + ", found " + std::to_string(height));
  }
  std::uint64_t newest = ((manifest.versions.back().generation - 1) >> arity) << arity;
  for (unsigned height = 1; newest != 0 && left != 0; ++height) {
    const unsigned shift = (height + 1) * arity;
    const std::uint64_t below = shift < 64 ? ((newest - 1) >> shift) << shift : 0;
    const auto& node = manifest.version_nodes[left - 1];
    if (node.height == height) {
      if (node.generation <= below || node.generation > newest)
        body.fail("the version tree node of height " + std::to_string(height) + " ends with generation " + std::to_string(node.generation) +
                  ", expected " + std::to_string(below + 1) + " to " + std::to_string(newest));
      --left;
    }
    newest = below;
  }
  if (left != 0) body.fail("no version tree node of height " + std::to_string(manifest.version_nodes[left - 1].height) + " can exist yet");
}

}  // namespace detail

template <OnUse>
inline Manifest decode_manifest(std::string blob, const BlobContext& context) {
  const OpenedBlob opened = open_envelope(std::move(blob), manifest_magic, context);
  detail::Body body(opened, context);
  Manifest manifest;
  manifest.config = detail::read_config(body);
  if (manifest.config.kind == ManifestKind::single) {
    const unsigned arity = manifest.config.version_tree_arity_log2;
    manifest.files = decode_data_files(body.reader, context);
    manifest.versions = detail::read_versions(body, manifest.files.size(), arity);
    manifest.version_nodes = detail::read_version_nodes(body, manifest.files.size(), detail::max_version_tree_height(arity), true);
    detail::check_manifest_slots(body, manifest);
  }
  body.reader.expect_end("an OCDBT manifest");
  return manifest;
}

template <OnUse>
inline VersionTreeNode decode_version_tree_node(std::string blob, const BlobContext& context) {
  const OpenedBlob opened = open_envelope(std::move(blob), version_node_magic, context);
  detail::Body body(opened, context);
  VersionTreeNode node;
  const unsigned arity = node.version_tree_arity_log2 = body.reader.u8();
  if (arity < 1 || arity > 16) body.fail("version_tree_arity_log2 must be 1 to 16, found " + std::to_string(arity));
  node.height = body.reader.u8();
  if (node.height > detail::max_version_tree_height(arity))
    body.fail("a version tree node of height " + std::to_string(node.height) + " cannot exist");
  node.files = decode_data_files(body.reader, context);
  if (node.height == 0) {
    node.versions = detail::read_versions(body, node.files.size(), arity);
  } else {
    const unsigned shift = arity * node.height;  // at most 62 - arity
    const std::uint64_t stride = std::uint64_t{1} << shift;
    node.children = detail::read_version_nodes(body, node.files.size(), std::uint64_t{1} << arity, false);
    if (node.children.empty()) body.fail("a version tree node must have children");
    for (auto& child : node.children) {
      child.height = static_cast<std::uint8_t>(node.height - 1);
      if (child.generation % stride != 0 || child.num_generations > stride)
        body.fail("a child of a version tree node must be a complete block of " + std::to_string(stride) + " generations");
    }
    if ((node.children.front().generation - 1) >> shift >> arity != (node.children.back().generation - 1) >> shift >> arity)
      body.fail("children of a version tree node must share one block");
  }
  body.reader.expect_end("an OCDBT version tree node");
  return node;
}

}  // namespace orrery::inline v0::ocdbt
