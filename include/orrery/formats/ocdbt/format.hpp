// What OCDBT blobs say, as plain structs: configuration, data files, references, versions, B+tree nodes, the manifest. Section
// numbers here and in the files beside it are those of the format description. Bytes are the business of decode*.hpp and encode.hpp.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::inline v0::ocdbt {

inline constexpr std::uint32_t manifest_magic = 0x0CDB3A2A;
inline constexpr std::uint32_t version_node_magic = 0x0CDB1234;
inline constexpr std::uint32_t btree_node_magic = 0x0CDB20DE;

// Section 15.
inline constexpr std::size_t max_key_length = 65535;
inline constexpr std::size_t max_path_length = 65535;
inline constexpr std::size_t max_node_entries = 1048576;
inline constexpr std::size_t max_inline_value = 1048576;
inline constexpr std::uint64_t max_file_end = 0x7fffffffffffffff;

enum class ManifestKind : std::uint8_t { single = 0, numbered = 1 };

// Section 5; the defaults are Orbax's.
struct Config {
  std::array<std::uint8_t, 16> uuid{};
  ManifestKind kind = ManifestKind::single;
  std::uint32_t max_inline_value_bytes = 1024;
  std::uint32_t max_decoded_node_bytes = 100000000;
  std::uint8_t version_tree_arity_log2 = 4;
  std::optional<std::int32_t> zstd_level = 0;  // nothing: compression "none"; 0: zstd at its default level

  friend bool operator==(const Config&, const Config&) = default;
};

// A data file of a table (section 6). In a decoded table the base starts with the transitive path, so path() is always relative to
// the directory of the manifest; the base of a file is also the transitive path of the nodes in it.
struct DataFile {
  std::string base{};
  std::string relative{};

  std::string path() const { return base + relative; }
  friend auto operator<=>(const DataFile&, const DataFile&) = default;
};

// Bytes [offset, offset + length) of a data file; file is an index into the table of the blob that holds the reference.
struct Reference {
  std::uint32_t file = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;

  static constexpr Reference missing(std::uint32_t file) noexcept { return {file, UINT64_MAX, UINT64_MAX}; }
  // The root of an empty version; legal nowhere else.
  constexpr bool is_missing() const noexcept { return offset == UINT64_MAX && length == UINT64_MAX; }
  friend bool operator==(const Reference&, const Reference&) = default;
};

// Section 7. Sums saturate.
struct Statistics {
  std::uint64_t num_keys = 0;
  std::uint64_t num_tree_bytes = 0;
  std::uint64_t num_indirect_value_bytes = 0;

  Statistics& operator+=(const Statistics& other) noexcept {
    num_keys = add(num_keys, other.num_keys);
    num_tree_bytes = add(num_tree_bytes, other.num_tree_bytes);
    num_indirect_value_bytes = add(num_indirect_value_bytes, other.num_indirect_value_bytes);
    return *this;
  }
  friend bool operator==(const Statistics&, const Statistics&) = default;

 private:
  static std::uint64_t add(std::uint64_t a, std::uint64_t b) noexcept { return a + b < a ? UINT64_MAX : a + b; }
};

// One generation of the database (section 8).
struct Version {
  std::uint64_t generation = 0;
  std::uint8_t root_height = 0;
  Reference root{};
  Statistics statistics{};
  std::uint64_t commit_time = 0;  // nanoseconds since the Unix epoch
};

// Points to a version tree node (sections 8 and 9).
struct VersionNodeReference {
  std::uint64_t generation = 0;  // the newest below the node
  Reference node{};
  std::uint64_t num_generations = 0;
  std::uint64_t commit_time = 0;  // of the oldest version below the node
  std::uint8_t height = 0;
};

struct Manifest {
  Config config{};
  std::vector<DataFile> files{};
  std::vector<Version> versions{};                  // oldest first; empty only for kind numbered
  std::vector<VersionNodeReference> version_nodes{};
};

struct VersionTreeNode {
  std::uint8_t version_tree_arity_log2 = 4;
  std::uint8_t height = 0;
  std::vector<DataFile> files{};
  std::vector<Version> versions{};               // height 0
  std::vector<VersionNodeReference> children{};  // height > 0
};

// Keys of nodes are relative to the node's implicit prefix (section 10.1). They and inline values are views, into the node's
// storage after decoding, into the caller's memory for encoding.
struct LeafEntry {
  std::string_view key{};
  bool is_inline = true;
  std::string_view inline_value{};
  Reference value{};  // where not inline
};

struct InteriorEntry {
  std::string_view key{};
  std::uint16_t common_prefix_length = 0;  // leading bytes of key that every key below shares and the child leaves out
  Reference child{};
  Statistics statistics{};
};

struct BtreeNode {
  std::uint8_t height = 0;
  std::vector<DataFile> files{};
  std::vector<LeafEntry> entries{};       // height 0
  std::vector<InteriorEntry> children{};  // height > 0
  std::shared_ptr<const void> storage{};  // what the views of a decoded node point into
  std::size_t storage_bytes = 0;
};

}  // namespace orrery::inline v0::ocdbt
