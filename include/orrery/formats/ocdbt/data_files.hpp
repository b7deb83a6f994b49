// The data files of one database on disk: finds them below the database's directory, opens each at most once, reads ranges of them.
// Bytes come back as they are; what they mean is the reader's.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/ocdbt/data_file_table.hpp"
#include "orrery/formats/ocdbt/format.hpp"
#include "orrery/storage/file.hpp"

namespace orrery::inline v0::ocdbt {

// Not for use by several threads at a time.
class DataFiles {
 public:
  // With follow_links_out a symbolic link may lead to a file outside of the directory (section 14), else that is an error.
  explicit DataFiles(std::string directory, bool follow_links_out = false)
      : directory_(std::move(directory)), follow_links_out_(follow_links_out) {}

  const std::string& directory() const noexcept { return directory_; }
  std::size_t size() const noexcept { return files_.size(); }
  const DataFile& operator[](std::uint32_t id) const noexcept { return files_[id].name; }

  // The id of the file with that path, the same for equal paths. FormatError, naming `where`, if such a path must not be opened.
  template <OnUse = OnUse()>
  std::uint32_t id(const DataFile& file, const Where& where);

  // Path that open() takes. DataLossError if there is no such file, saying what needs it; FormatError if a link leads out.
  template <OnUse = OnUse()>
  const std::string& path(std::uint32_t id, std::string_view needed_by);

  // The bytes [offset, offset + length) of a file; DataLossError if it ends before, found out before anything is allocated.
  template <OnUse = OnUse()>
  std::string read(std::uint32_t id, std::uint64_t offset, std::uint64_t length, std::string_view needed_by);

 private:
  struct Entry {
    DataFile name{};
    std::string path{};  // empty until checked
    storage::File file{};
    std::uint64_t size = 0;
  };

  template <OnUse = OnUse()>
  Entry& opened(std::uint32_t id, std::string_view needed_by);

  std::string directory_;
  bool follow_links_out_;
  std::string root_{};  // directory_ without links; empty until needed
  std::deque<Entry> files_{};
  std::unordered_map<std::string, std::uint32_t> ids_{};
  std::deque<std::uint32_t> open_{};  // oldest first
};

namespace detail {

// Without links, "." and ".."; empty if there is no such file.
template <OnUse = OnUse()>
inline std::string real_path(const std::string& path) {
  struct Free {
    void operator()(char* text) const noexcept { std::free(text); }
  };
  const std::unique_ptr<char, Free> resolved(::realpath(path.c_str(), nullptr));
  if (resolved) return resolved.get();
  if (errno == ENOENT || errno == ENOTDIR) return {};
  throw IoError("cannot resolve a path", errno, {{}, path, {}});
}

}  // namespace detail

template <OnUse>
inline std::uint32_t DataFiles::id(const DataFile& file, const Where& where) {
  const std::string path = file.path();
  if (const auto found = ids_.find(path); found != ids_.end()) return found->second;
  if (const auto reason = unsafe_path_reason(path); !reason.empty())
    throw FormatError("the path '" + path + "' of an OCDBT data file " + std::string(reason), where);
  const auto id = static_cast<std::uint32_t>(files_.size());
  files_.push_back({.name = file});
  ids_.emplace(path, id);
  return id;
}

template <OnUse>
inline const std::string& DataFiles::path(std::uint32_t id, std::string_view needed_by) {
  Entry& entry = files_[id];
  if (!entry.path.empty()) return entry.path;
  std::string path = directory_ + "/" + entry.name.path();
  const std::string resolved = detail::real_path(path);
  if (resolved.empty()) throw DataLossError("an OCDBT data file is missing, needed by " + std::string(needed_by), {{}, path, {}});
  if (!follow_links_out_) {
    if (root_.empty()) {
      root_ = detail::real_path(directory_);
      if (!root_.ends_with('/')) root_ += '/';
    }
    if (!resolved.starts_with(root_))
      throw FormatError(
          "an OCDBT data file is a symbolic link out of its database, to '" + resolved + "'; set follow_links_out to read it all the same",
          {{}, path, {}});
  }
  return entry.path = std::move(path);
}

template <OnUse>
inline DataFiles::Entry& DataFiles::opened(std::uint32_t id, std::string_view needed_by) {
  Entry& entry = files_[id];
  if (!entry.file.is_open()) {
    path(id, needed_by);
    if (open_.size() == 64) {  // a database over thousands of process directories must not use up the descriptors
      files_[open_.front()].file = {};
      open_.pop_front();
    }
    entry.file = storage::File::open(entry.path);
    entry.size = entry.file.size();
    open_.push_back(id);
  }
  return entry;
}

template <OnUse>
inline std::string DataFiles::read(std::uint32_t id, std::uint64_t offset, std::uint64_t length, std::string_view needed_by) {
  Entry& entry = opened(id, needed_by);
  if (length > entry.size || offset > entry.size - length)
    throw DataLossError("expected " + std::to_string(length) + " bytes of " + std::string(needed_by) + " here, but the file has only " +
                            std::to_string(entry.size),
                        {{}, entry.path, offset});
  std::string bytes(static_cast<std::size_t>(length), '\0');
  entry.file.pread_exactly(offset, bytes.data(), bytes.size());
  return bytes;
}

}  // namespace orrery::inline v0::ocdbt
