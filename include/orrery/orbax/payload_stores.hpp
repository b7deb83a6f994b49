// Where the keys and values of an item's arrays go: into one OCDBT database at the item's root, or into files below it, one directory an
// array. Both take payloads through the same writer, straight from the caller's memory; item_store.hpp goes the other way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/ocdbt/writer.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_system.hpp"
#include "orrery/storage/gather_writer.hpp"

namespace orrery::inline v0::orbax {

// Payloads into one data file, metadata inline in the B+tree, its nodes behind the payloads, the manifest last: spec/orbax.md 0.1.
class DatabasePayloads {
 public:
  template <OnUse = OnUse()>
  DatabasePayloads(const std::string& directory, storage::GatherOptions options)
      : directory_(directory),
        data_{"", "d/" + ocdbt::random_hex_name()},
        file_(make_file(directory, data_)),
        writer_(file_, options),
        database_(),
        number_(database_.add_file(data_)) {}

  template <OnUse = OnUse()>
  void put_metadata(const std::string& prefix, std::string_view name, std::string_view text) {
    std::string key = prefix + std::string(name);
    if (text.size() <= database_.config().max_inline_value_bytes) return database_.put_inline(key, text);
    const storage::Placed placed = writer_.append_copy(std::as_bytes(std::span(text)));
    database_.put_reference(key, number_, placed.offset, placed.size);
  }

  // write(writer) appends one value, which starts on a multiple of `alignment`, and answers where it lies.
  template <class Write>
  storage::Placed put(std::string_view key, std::size_t alignment, Write&& write) {
    writer_.pad_to(alignment);
    const storage::Placed placed = write(writer_);
    database_.put_reference(key, number_, placed.offset, placed.size);
    return placed;
  }

  // A data file of another process, whose base is its directory, and values that lie there.
  template <OnUse = OnUse()>
  std::uint32_t add_file(ocdbt::DataFile file) {
    return database_.add_file(std::move(file));
  }
  template <OnUse = OnUse()>
  void put_reference(std::string_view key, std::uint32_t file, std::uint64_t offset, std::uint64_t size) {
    database_.put_reference(key, file, offset, size);
  }

  // As ocdbt::Writer's.
  template <OnUse = OnUse()>
  void reserve(std::size_t entries, std::size_t bytes) {
    database_.reserve(entries, bytes);
  }

  // From here on the memory of what was put is the caller's again.
  template <OnUse = OnUse()>
  void flush() {
    writer_.flush();
  }

  template <OnUse = OnUse()>
  void finish() {
    writer_.pad_to(8);
    const ocdbt::WriterResult result = database_.finish(data_, writer_.size());
    writer_.append(std::as_bytes(std::span(result.nodes)));
    writer_.flush();
    file_.close();
    storage::File manifest = storage::File::create(directory_ + "/manifest.ocdbt");
    manifest.pwrite_all(result.manifest.data(), result.manifest.size(), 0);
    manifest.close();
  }

 private:
  template <OnUse = OnUse()>
  static storage::File make_file(const std::string& directory, const ocdbt::DataFile& data) {
    storage::make_directory(directory + "/d");
    return storage::File::create(directory + "/" + data.path());
  }

  std::string directory_;
  ocdbt::DataFile data_;
  storage::File file_;
  storage::GatherWriter writer_;
  ocdbt::Writer database_;
  std::uint32_t number_;
};

// Every value in a file of its own: <name>/.zarray, <name>/0.0. Names have passed file_names.hpp.
class FilePayloads {
 public:
  FilePayloads(const std::string& directory, storage::GatherOptions options) : directory_(directory), writer_(file_, options) {}

  // Metadata comes before the chunks and makes the directory.
  template <OnUse = OnUse()>
  void put_metadata(const std::string& prefix, std::string_view name, std::string_view text) {
    if (!prefix.empty()) make_directory_of(prefix);
    storage::File file = storage::File::create(directory_ + "/" + prefix + std::string(name));
    file.pwrite_all(text.data(), text.size(), 0);
    file.close();
  }

  template <class Write>
  storage::Placed put(std::string_view key, std::size_t, Write&& write) {
    if (const std::size_t slash = key.rfind('/'); slash != std::string_view::npos) make_directory_of(key.substr(0, slash + 1));
    file_ = storage::File::create(directory_ + "/" + std::string(key));
    writer_.change_file(file_);
    const storage::Placed placed = write(writer_);
    writer_.flush();
    file_.close();
    return placed;
  }

  void flush() {}
  void finish() {}

 private:
  // "a/b/": one after the other, since a name with slashes nests; what is there already will do.
  template <OnUse = OnUse()>
  void make_directory_of(std::string_view prefix) {
    if (prefix == last_) return;
    storage::make_directories(directory_ + "/" + std::string(prefix.substr(0, prefix.size() - 1)));
    last_ = prefix;
  }

  std::string directory_, last_{};
  storage::File file_{};
  storage::GatherWriter writer_;
};

}  // namespace orrery::inline v0::orbax
