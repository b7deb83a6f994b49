// Where the values of an item's keys are: in an OCDBT database at the item's root, or in files below it, one directory a parameter.
// Gives places, not bytes, so that payloads can be read straight to where they belong. Orbax 0.4.0 cut names at their last '/': the
// array "c/d" is array "d" of a database of its own in the folder c (spec/orbax.md 3.1).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/ocdbt/reader.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_system.hpp"

namespace orrery::inline v0::orbax {

class ItemStore {
 public:
  struct Value {
    bool is_inline = false;
    std::string_view bytes{};  // where inline
    std::uint32_t file = 0;    // else: a number for open()
    std::uint64_t offset = 0;
    std::uint64_t length = 0;  // in both cases
  };

  // An item without arrays has neither a database nor files; every key is then absent.
  template <OnUse = OnUse()>
  static ItemStore open(const std::string& directory, bool use_ocdbt) {
    ItemStore store(directory);
    if (use_ocdbt && storage::exists(directory + "/manifest.ocdbt")) store.database_.emplace(ocdbt::Database::open(directory));
    store.in_files_ = !use_ocdbt;
    return store;
  }

  // The value of the key prefix + rest: a place that the file really has, so that its length can be believed. FormatError or
  // DataLossError where it is not.
  template <OnUse = OnUse()>
  std::optional<Value> find(std::string_view prefix, std::string_view rest) {
    if (database_) {
      if (const ocdbt::Entry* entry = database_->find(prefix, rest, likely_)) {
        likely_ = static_cast<std::size_t>(entry - database_->entries().data()) + 1;
        return place_of(*database_, *entry);
      }
      return find_nested(prefix, rest);
    }
    if (!in_files_) return std::nullopt;
    path_.assign(directory_).append("/").append(prefix).append(rest);
    if (!stays_below(std::string_view(path_).substr(directory_.size()))) return std::nullopt;
    // What was found once is not looked for again: an item is asked for every file when it is opened, and when it is read.
    const auto known = numbers_.find(path_);
    if (known != numbers_.end()) return Value{false, {}, known->second, 0, files_[known->second].size};
    const std::optional<std::uint64_t> size = storage::find_size(path_);
    if (!size) return std::nullopt;
    return Value{false, {}, add_file(path_, *size), 0, *size};
  }

  // The database at the root, or null where the values are in files or there are none.
  template <OnUse = OnUse()>
  const ocdbt::Database* database() const noexcept {
    return database_ ? &*database_ : nullptr;
  }

  const std::string& path(std::uint32_t file) const { return files_[file].path; }
  std::size_t file_count() const noexcept { return files_.size(); }

  // Opened once and kept while it is the one asked for.
  template <OnUse = OnUse()>
  const storage::File& open(std::uint32_t file) {
    if (current_ != file || !file_.is_open()) {
      file_ = storage::File::open(files_[file].path);
      current_ = file;
    }
    return file_;
  }

  // The bytes themselves, of a value that find() gave.
  template <OnUse = OnUse()>
  std::string read(const Value& value) {
    if (value.is_inline) return std::string(value.bytes);
    const storage::File& file = open(value.file);
    std::string bytes(static_cast<std::size_t>(value.length), '\0');
    if (!bytes.empty()) file.pread_exactly(value.offset, bytes.data(), bytes.size());
    return bytes;
  }

 private:
  explicit ItemStore(std::string directory) : directory_(std::move(directory)) {}

  // No name, a slash before it, leads out of the item.
  template <OnUse = OnUse()>
  static bool stays_below(std::string_view name) {
    return name.find("/../") == name.npos && name.find('\0') == name.npos;
  }

  template <OnUse = OnUse()>
  Value place_of(ocdbt::Database& database, const ocdbt::Entry& entry) {
    if (entry.is_inline) return Value{true, entry.inline_value, 0, 0, entry.length};
    const std::uint32_t file = number_of(database.path(entry));
    const std::uint64_t size = files_[file].size;
    if (entry.offset > size || entry.length > size - entry.offset)
      throw DataLossError("this file has " + std::to_string(size) + " bytes, but the value of " + std::string(entry.key) +
                              " is said to end at " + std::to_string(entry.offset + entry.length),
                          {{}, files_[file].path, entry.offset});
    return Value{false, {}, file, entry.offset, entry.length};
  }

  // Of the name "c/d/": in the database of the folder c, under "d/". Folders are looked at once.
  template <OnUse = OnUse()>
  std::optional<Value> find_nested(std::string_view prefix, std::string_view rest) {
    const std::size_t slash = prefix.size() < 2 ? prefix.npos : prefix.rfind('/', prefix.size() - 2);
    if (slash == prefix.npos || slash == 0) return std::nullopt;
    const std::string folder(prefix.substr(0, slash));
    auto found = nested_.find(folder);
    if (found == nested_.end()) {
      const std::string path = directory_ + "/" + folder;
      std::optional<ocdbt::Database> database;
      if (stays_below("/" + folder + "/") && storage::exists(path + "/manifest.ocdbt")) database.emplace(ocdbt::Database::open(path));
      found = nested_.emplace(folder, std::move(database)).first;
    }
    if (!found->second) return std::nullopt;
    const ocdbt::Entry* entry = found->second->find(prefix.substr(slash + 1), rest);
    return entry ? std::optional(place_of(*found->second, *entry)) : std::nullopt;
  }

  template <OnUse = OnUse()>
  std::uint32_t number_of(const std::string& path) {
    if (!files_.empty() && files_.back().path == path) return static_cast<std::uint32_t>(files_.size() - 1);
    if (const auto found = numbers_.find(path); found != numbers_.end()) return found->second;
    return add_file(path, storage::File::open(path).size());
  }

  template <OnUse = OnUse()>
  std::uint32_t add_file(const std::string& path, std::uint64_t size) {
    files_.push_back({path, size});
    return numbers_.emplace(path, static_cast<std::uint32_t>(files_.size() - 1)).first->second;
  }

  struct SizedFile {
    std::string path;
    std::uint64_t size;
  };

  std::string directory_;
  std::optional<ocdbt::Database> database_{};
  std::unordered_map<std::string, std::optional<ocdbt::Database>> nested_{};  // by folder
  bool in_files_ = false;
  std::string path_{};  // of the value that is looked for
  std::vector<SizedFile> files_{};
  std::unordered_map<std::string, std::uint32_t> numbers_{};
  std::size_t likely_ = 0;  // who asked for a key will ask for the next one
  std::uint32_t current_ = 0;
  storage::File file_{};
};

}  // namespace orrery::inline v0::orbax
