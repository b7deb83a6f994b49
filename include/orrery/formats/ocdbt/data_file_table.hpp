// The data file table inside OCDBT blobs (section 6), in both directions, and the rules that paths of data files obey. Which blobs
// carry a table is known to decode.hpp and encode.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/byte_io.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/ocdbt/envelope.hpp"
#include "orrery/formats/ocdbt/format.hpp"

namespace orrery::inline v0::ocdbt {

// Reads a table; the transitive path of the context becomes part of every base. FormatError for what section 6 forbids.
template <OnUse = OnUse()>
inline std::vector<DataFile> decode_data_files(ByteReader& reader, const BlobContext& context);

// Why a path relative to the database must not be opened (section 14), or nothing if it may.
template <OnUse = OnUse()>
inline std::string_view unsafe_path_reason(std::string_view path) noexcept;

// The table of one blob being written: unique and sorted, made of the files that the blob's references name.
class DataFileTable {
 public:
  // references: a range whose elements project(element) maps to a Reference, or to nullptr where there is none.
  template <class Range, class Project>
  DataFileTable(const std::vector<DataFile>& files, const Range& range, Project project);

  // The index that a reference to files[file] has in the written table.
  template <OnUse = OnUse()>
  std::uint32_t index(std::uint32_t file) const {
    if (used_.size() == 1) return written_.front();
    return written_[static_cast<std::size_t>(std::lower_bound(used_.begin(), used_.end(), file) - used_.begin())];
  }
  template <OnUse = OnUse()>
  void encode(ByteWriter& writer) const;

 private:
  std::vector<std::uint32_t> used_{};     // sorted indices into the caller's files
  std::vector<std::uint32_t> written_{};  // parallel: indices into table_
  std::vector<const DataFile*> table_{};
};

namespace detail {

template <OnUse = OnUse()>
inline std::size_t common_prefix_length(std::string_view a, std::string_view b) noexcept {
  const std::size_t limit = std::min(a.size(), b.size());
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(limit), b.begin()).first - a.begin());
}

}  // namespace detail

template <OnUse>
inline std::vector<DataFile> decode_data_files(ByteReader& reader, const BlobContext& context) {
  const auto fail = [&](std::uint64_t i, const std::string& what) {
    reader.fail("data file " + std::to_string(i) + " of an OCDBT table " + what);
  };
  const std::uint64_t count = reader.v64();
  // A file costs two bytes here and far more once decoded, whence the second bound.
  if (count > reader.remaining() / 2 || count > context.max_decoded_bytes / (sizeof(DataFile) + context.transitive_path.size()))
    reader.fail("an OCDBT data file table claims " + std::to_string(count) + " files in " + std::to_string(reader.remaining()) + " bytes");
  const std::size_t n = static_cast<std::size_t>(count);
  std::vector<std::uint16_t> prefix(n), suffix(n), base(n);
  for (std::size_t i = 1; i < n; ++i) prefix[i] = reader.v16();
  for (auto& length : suffix) length = reader.v16();
  for (auto& length : base) length = reader.v16();

  const std::size_t room = max_path_length - std::min(max_path_length, context.transitive_path.size());
  std::vector<DataFile> files;
  files.reserve(n);
  std::string path;
  std::size_t previous_base = 0, total = n * (sizeof(DataFile) + context.transitive_path.size());
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t length = std::size_t{prefix[i]} + suffix[i];
    if (length > room) fail(i, "has a path of more than 65535 bytes");
    if (base[i] > length) fail(i, "has a base path longer than its path");
    if (prefix[i] > std::min<std::size_t>(previous_base, base[i]) && base[i] != previous_base)
      fail(i, "shares a prefix across the end of a base path");
    if (prefix[i] > path.size()) fail(i, "shares a longer prefix than the path before it has");
    total += length;
    if (total > context.max_decoded_bytes) fail(i, "makes the table larger than allowed");
    path.resize(prefix[i]);
    path += reader.text(suffix[i]);
    files.push_back({context.transitive_path + path.substr(0, base[i]), path.substr(base[i])});
    previous_base = base[i];
  }
  return files;
}

template <OnUse>
inline std::string_view unsafe_path_reason(std::string_view path) noexcept {
  if (path.empty()) return "is empty";
  if (path.size() > max_path_length) return "is longer than 65535 bytes";
  if (path.find('\0') != path.npos) return "contains a NUL";
  if (path.find('\\') != path.npos) return "contains a backslash";
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view part = path.substr(start, end - start);
    if (part.empty()) return "has an empty component";
    if (part == "." || part == "..") return "has a component '.' or '..'";
    if (part.ends_with(".__lock")) return "names a lock file";
    start = end + 1;
  }
  return {};
}

template <class Range, class Project>
DataFileTable::DataFileTable(const std::vector<DataFile>& files, const Range& range, Project project) {
  for (const auto& element : range) {
    const Reference* reference = project(element);
    if (reference && (used_.empty() || used_.back() != reference->file)) used_.push_back(reference->file);
  }
  std::sort(used_.begin(), used_.end());
  used_.erase(std::unique(used_.begin(), used_.end()), used_.end());
  if (!used_.empty() && used_.back() >= files.size()) throw ArgumentError("an OCDBT reference names a data file that is not in its table");
  for (const std::uint32_t file : used_) table_.push_back(&files[file]);
  const auto less = [](const DataFile* a, const DataFile* b) { return *a < *b; };
  std::sort(table_.begin(), table_.end(), less);
  table_.erase(std::unique(table_.begin(), table_.end(), [](const DataFile* a, const DataFile* b) { return *a == *b; }), table_.end());
  for (const std::uint32_t file : used_)
    written_.push_back(static_cast<std::uint32_t>(std::lower_bound(table_.begin(), table_.end(), &files[file], less) - table_.begin()));
  for (const DataFile* file : table_)
    if (file->base.size() + file->relative.size() > max_path_length)
      throw ArgumentError("the path of an OCDBT data file exceeds 65535 bytes");
}

template <OnUse>
inline void DataFileTable::encode(ByteWriter& writer) const {
  std::vector<std::size_t> prefix(table_.size());
  for (std::size_t i = 1; i < table_.size(); ++i) {
    const DataFile &before = *table_[i - 1], &file = *table_[i];
    prefix[i] = detail::common_prefix_length(before.base, file.base);
    if (before.base == file.base) prefix[i] += detail::common_prefix_length(before.relative, file.relative);
  }
  writer.varint(table_.size());
  for (std::size_t i = 1; i < table_.size(); ++i) writer.varint(prefix[i]);
  for (std::size_t i = 0; i < table_.size(); ++i) writer.varint(table_[i]->base.size() + table_[i]->relative.size() - prefix[i]);
  for (const DataFile* file : table_) writer.varint(file->base.size());
  for (std::size_t i = 0; i < table_.size(); ++i) {
    const std::string path = table_[i]->path();
    writer.text(std::string_view(path).substr(prefix[i]));
  }
}

}  // namespace orrery::inline v0::ocdbt
