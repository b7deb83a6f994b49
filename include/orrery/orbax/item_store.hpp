// Where the values of an item's keys are: in an OCDBT database at the item's root, or in files below it, one directory a parameter.
// Gives places, not bytes, so that payloads can be read straight to where they belong.
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
#include "orrery/formats/ocdbt/reader.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_system.hpp"

namespace orrery::inline v0::orbax {

class ItemStore {
 public:
  struct Value {
    bool is_inline = false;
    std::string_view bytes{};      // where inline
    std::uint32_t file = 0;        // else: a number for open()
    std::uint64_t offset = 0;
    std::uint64_t length = 0;      // in both cases
  };

  // An item without arrays has neither a database nor files; every key is then absent.
  static ItemStore open(const std::string& directory, bool use_ocdbt) {
    ItemStore store(directory);
    if (use_ocdbt && storage::exists(directory + "/manifest.ocdbt")) store.database_.emplace(ocdbt::Database::open(directory));
    store.in_files_ = !use_ocdbt;
    return store;
  }

  // The value of the key prefix + rest. FormatError or DataLossError where the place it should be at is not sound.
  std::optional<Value> find(std::string_view prefix, std::string_view rest) {
    if (database_) {
      const ocdbt::Entry* entry = database_->find(prefix, rest);
      if (!entry) return std::nullopt;
      if (entry->is_inline) return Value{true, entry->inline_value, 0, 0, entry->length};
      return Value{false, {}, number_of(database_->path(*entry)), entry->offset, entry->length};
    }
    if (!in_files_) return std::nullopt;
    std::string path = directory_ + "/";
    path += prefix;
    path += rest;
    if (path.find("/../") != std::string::npos || path.find('\0') != std::string::npos) return std::nullopt;  // names stay below the item
    try {
      const std::uint64_t size = storage::File::open(path).size();
      return Value{false, {}, number_of(path), 0, size};
    } catch (const NotFoundError&) {
      return std::nullopt;
    }
  }

  // Keys there can be at most: a bound on how many chunks an array can really have.
  std::size_t key_bound() const noexcept { return database_ ? database_->entries().size() : std::size_t{1} << 24; }

  const std::string& path(std::uint32_t file) const { return paths_[file]; }
  std::size_t file_count() const noexcept { return paths_.size(); }

  // Opened once and kept while it is the one asked for.
  const storage::File& open(std::uint32_t file) {
    if (current_ != file || !file_.is_open()) {
      file_ = storage::File::open(paths_[file]);
      current_ = file;
    }
    return file_;
  }

  // The bytes themselves; the length is checked against the file before anything is allocated.
  std::string read(const Value& value, const Where& where) {
    if (value.is_inline) return std::string(value.bytes);
    const storage::File& file = open(value.file);
    const std::uint64_t size = file.size();
    if (value.offset > size || value.length > size - value.offset)
      throw DataLossError("this file has " + std::to_string(size) + " bytes, but a value is said to end at " + std::to_string(value.offset + value.length),
                          {where.key_path, file.path(), value.offset});
    std::string bytes(static_cast<std::size_t>(value.length), '\0');
    if (!bytes.empty()) file.pread_exactly(value.offset, bytes.data(), bytes.size());
    return bytes;
  }

 private:
  explicit ItemStore(std::string directory) : directory_(std::move(directory)) {}

  std::uint32_t number_of(const std::string& path) {
    if (!paths_.empty() && paths_.back() == path) return static_cast<std::uint32_t>(paths_.size() - 1);
    const auto [found, is_new] = numbers_.emplace(path, static_cast<std::uint32_t>(paths_.size()));
    if (is_new) paths_.push_back(path);
    return found->second;
  }

  std::string directory_;
  std::optional<ocdbt::Database> database_{};
  bool in_files_ = false;
  std::vector<std::string> paths_{};
  std::unordered_map<std::string, std::uint32_t> numbers_{};
  std::uint32_t current_ = 0;
  storage::File file_{};
};

}  // namespace orrery::inline v0::orbax
