// Builds a database of one version in one pass (section 12): takes keys with inline values or with references to bytes that somebody
// else has put into data files, gives back the B+tree nodes and the manifest as bytes. Touches no file: who writes payloads appends
// the nodes to a data file, and then puts the manifest in place, last.
#pragma once

#include <algorithm>
#include <chrono>
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
#include "orrery/formats/ocdbt/encode.hpp"
#include "orrery/formats/ocdbt/format.hpp"
#include "orrery/formats/ocdbt/node_cutting.hpp"
#include "orrery/formats/ocdbt/random_name.hpp"

namespace orrery::inline v0::ocdbt {

// What Orbax creates databases with, and demands if it is ever to write to them again (section 12.5), with a fresh uuid.
template <OnUse = OnUse()>
inline Config orbax_config() {
  Config config;
  config.uuid = random_uuid();
  return config;
}

struct WriterOptions {
  std::optional<int> node_zstd_level{};  // nothing: nodes and manifest are not compressed, whatever the configuration says
  std::uint64_t generation = 1;
  std::optional<std::uint64_t> commit_time{};  // nanoseconds since the epoch; nothing: now
  bool last_put_wins = false;                  // of equal keys, as merges of process databases have it; else they are refused
};

struct WriterResult {
  std::string nodes{};     // goes to the offset that finish() was told
  std::string manifest{};  // the content of manifest.ocdbt
  Version version{};
};

class Writer {
 public:
  template <OnUse = OnUse()>
  explicit Writer(Config config = orbax_config(), WriterOptions options = {}) : config_(config), options_(options) {}

  const Config& config() const noexcept { return config_; }
  std::size_t size() const noexcept { return entries_.size(); }

  // Registers a data file and returns the index that references name. base is "" except in a parent of other databases (12.6).
  template <OnUse = OnUse()>
  std::uint32_t add_file(DataFile file);

  // For that many entries more, and as many bytes of keys and inline values: growing would hold them twice for a moment.
  template <OnUse = OnUse()>
  void reserve(std::size_t entries, std::size_t bytes) {
    entries_.reserve(entries_.size() + entries);
    bytes_.reserve(bytes_.size() + bytes);
  }

  // Copies key and value. ArgumentError for a key over 65535 bytes or a value over 1 MiB; the configured inline limit is the caller's
  // policy and not enforced.
  template <OnUse = OnUse()>
  void put_inline(std::string_view key, std::string_view value);

  // The value lies, or will lie, at [offset, offset + length) of that file.
  template <OnUse = OnUse()>
  void put_reference(std::string_view key, std::uint32_t file, std::uint64_t offset, std::uint64_t length);

  // Encodes everything. The nodes will stand at that offset of node_file. ArgumentError if a key was put twice and that is
  // not allowed. Takes memory for the nodes beside what is held already. May be called again, for other places.
  template <OnUse = OnUse()>
  WriterResult finish(const DataFile& node_file, std::uint64_t node_offset);

 private:
  struct Entry {
    std::uint64_t key_offset;
    std::uint64_t value_offset;  // of an inline value in bytes_, else in the file
    std::uint64_t length;
    std::uint32_t file;
    std::uint16_t key_length;
    bool is_inline;
  };

  template <OnUse = OnUse()>
  void put(std::string_view key, Entry entry);
  template <OnUse = OnUse()>
  void sort_entries();
  std::string_view key_of(const Entry& entry) const noexcept { return {bytes_.data() + entry.key_offset, entry.key_length}; }
  template <OnUse = OnUse()>
  LeafEntry leaf_entry(const Entry& entry) const noexcept;

  Config config_;
  WriterOptions options_;
  std::vector<DataFile> files_{};
  std::string bytes_{};  // keys and inline values
  std::vector<Entry> entries_{};
};

namespace detail {

inline std::uint64_t estimate(const LeafEntry& entry, const std::vector<DataFile>& files) {
  if (entry.is_inline) return 16 + entry.key.size() + entry.inline_value.size();
  const DataFile& file = files[entry.value.file];
  return 32 + entry.key.size() + file.base.size() + file.relative.size();
}
inline std::uint64_t estimate(const InteriorEntry& entry, const std::vector<DataFile>& files) {
  const DataFile& file = files[entry.child.file];
  return 56 + entry.key.size() + file.base.size() + file.relative.size();
}

// A span of entries that are made when they are looked at: at(i) makes entry i.
template <class At>
class MadeEntries {
 public:
  class Iterator {
   public:
    Iterator(const MadeEntries& all, std::size_t i) : all_(&all), i_(i) {}
    auto operator*() const { return (*all_)[i_]; }
    Iterator& operator++() {
      ++i_;
      return *this;
    }
    bool operator==(const Iterator& other) const noexcept { return i_ == other.i_; }

   private:
    const MadeEntries* all_;
    std::size_t i_;
  };

  MadeEntries(At at, std::size_t first, std::size_t count) : at_(at), first_(first), count_(count) {}
  std::size_t size() const noexcept { return count_; }
  auto operator[](std::size_t i) const { return at_(first_ + i); }
  auto front() const { return (*this)[0]; }
  auto back() const { return (*this)[count_ - 1]; }
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, count_}; }
  MadeEntries subspan(std::size_t from, std::size_t count) const { return {at_, first_ + from, count}; }

 private:
  At at_;
  std::size_t first_, count_;
};

// Turns one sorted level into nodes, appends them to the bytes and returns the entries of the level above. The level: a span.
template <class Level, class Encode>
std::vector<InteriorEntry> write_level(const Level& level, const std::vector<DataFile>& files, const CuttingRule& rule,
                                       std::uint32_t node_file, std::uint64_t node_offset, std::string& bytes, Encode encode) {
  std::vector<std::size_t> ends;
  {
    std::vector<std::uint64_t> estimates;
    estimates.reserve(level.size());
    for (const auto& entry : level) estimates.push_back(estimate(entry, files));
    ends = cut_nodes(estimates, common_prefix_length(level.front().key, level.back().key), rule);
  }
  std::vector<InteriorEntry> above;
  above.reserve(ends.size());
  std::size_t start = 0;
  for (const std::size_t end : ends) {
    const auto part = level.subspan(start, end - start);
    std::size_t skip = 0;  // section 12.3; the root keeps its keys whole
    InteriorEntry node{.key = part.front().key};
    if (ends.size() > 1) skip = common_prefix_length(part.front().key, part.back().key);
    for (const auto& entry : part) {
      if constexpr (requires { entry.statistics; }) {
        skip = std::min<std::size_t>(skip, entry.common_prefix_length);
        node.statistics += entry.statistics;
      } else {
        node.statistics += {1, 0, entry.is_inline ? 0 : entry.value.length};
      }
    }
    const std::string blob = encode(part, skip);
    node.common_prefix_length = static_cast<std::uint16_t>(skip);
    node.child = {node_file, node_offset + bytes.size(), blob.size()};
    node.statistics += {0, blob.size(), 0};
    bytes += blob;
    above.push_back(node);
    start = end;
  }
  return above;
}

template <OnUse = OnUse()>
inline void check_data_file(const DataFile& file) {
  if (const auto reason = unsafe_path_reason(file.path()); !reason.empty())
    throw ArgumentError("the path '" + file.path() + "' cannot name an OCDBT data file: it " + std::string(reason));
}

}  // namespace detail

template <OnUse>
inline std::uint32_t Writer::add_file(DataFile file) {
  detail::check_data_file(file);
  files_.push_back(std::move(file));
  return static_cast<std::uint32_t>(files_.size() - 1);
}

template <OnUse>
inline void Writer::put(std::string_view key, Entry entry) {
  if (key.size() > max_key_length) throw ArgumentError("an OCDBT key takes at most 65535 bytes, not " + std::to_string(key.size()));
  entry.key_offset = bytes_.size();
  entry.key_length = static_cast<std::uint16_t>(key.size());
  bytes_ += key;
  entries_.push_back(entry);
}

template <OnUse>
inline void Writer::put_inline(std::string_view key, std::string_view value) {
  if (value.size() > max_inline_value)
    throw ArgumentError("an inline OCDBT value takes at most 1048576 bytes, not " + std::to_string(value.size()));
  put(key, {0, bytes_.size() + key.size(), value.size(), 0, 0, true});
  bytes_ += value;
}

template <OnUse>
inline void Writer::put_reference(std::string_view key, std::uint32_t file, std::uint64_t offset, std::uint64_t length) {
  if (file >= files_.size()) throw ArgumentError("an OCDBT reference names a data file that was not added");
  if (offset > max_file_end || length > max_file_end - offset) throw ArgumentError("an OCDBT reference ends beyond 2^63 - 1 bytes");
  put(key, {0, offset, length, file, 0, false});
}

// In place, by keys; equal ones in the order in which they were put, which is that of their offsets.
template <OnUse>
inline void Writer::sort_entries() {
  const auto less = [this](const Entry& a, const Entry& b) {
    const int order = key_of(a).compare(key_of(b));
    return order != 0 ? order < 0 : a.key_offset < b.key_offset;
  };
  if (!std::is_sorted(entries_.begin(), entries_.end(), less)) std::sort(entries_.begin(), entries_.end(), less);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const bool again = kept != 0 && key_of(entries_[kept - 1]) == key_of(entries_[i]);
    if (again && !options_.last_put_wins) throw ArgumentError("the OCDBT key '" + std::string(key_of(entries_[i])) + "' was put twice");
    entries_[again ? kept - 1 : kept++] = entries_[i];
  }
  entries_.resize(kept);
}

template <OnUse>
inline LeafEntry Writer::leaf_entry(const Entry& entry) const noexcept {
  LeafEntry leaf{.key = key_of(entry), .is_inline = entry.is_inline};
  if (entry.is_inline)
    leaf.inline_value = {bytes_.data() + entry.value_offset, entry.length};
  else
    leaf.value = {entry.file, entry.value_offset, entry.length};
  return leaf;
}

template <OnUse>
inline WriterResult Writer::finish(const DataFile& node_file, std::uint64_t node_offset) {
  detail::check_data_file(node_file);
  WriterResult result;
  Version& version = result.version;
  version.generation = options_.generation;
  version.commit_time = options_.commit_time.value_or(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count()));
  Manifest manifest{.config = config_, .files = {{}}};  // an empty version refers to a file without a name (section 7)
  version.root = Reference::missing(0);
  if (!entries_.empty()) {
    std::vector<DataFile> files = files_;
    files.push_back(node_file);
    const auto id = static_cast<std::uint32_t>(files.size() - 1);
    const auto level = options_.node_zstd_level;
    CuttingRule rule{config_.max_decoded_node_bytes, 1};
    sort_entries();
    const detail::MadeEntries leaves([this](std::size_t i) { return leaf_entry(entries_[i]); }, 0, entries_.size());
    std::vector<InteriorEntry> above =
        detail::write_level(leaves, files, rule, id, node_offset, result.nodes,
                            [&](const auto& part, std::size_t skip) { return detail::encode_leaf(part, files, skip, level); });
    for (rule.min_entries = 2; above.size() > 1;) {
      ++version.root_height;
      const auto encode = [&](std::span<const InteriorEntry> part, std::size_t skip) {
        return encode_interior(version.root_height, part, files, skip, level);
      };
      above = detail::write_level(std::span<const InteriorEntry>(above), files, rule, id, node_offset, result.nodes, encode);
    }
    manifest.files = {node_file};
    version.root = {0, above.front().child.offset, above.front().child.length};
    version.statistics = above.front().statistics;
  }
  manifest.versions = {version};
  result.manifest = encode_manifest(manifest, options_.node_zstd_level);
  return result;
}

}  // namespace orrery::inline v0::ocdbt
