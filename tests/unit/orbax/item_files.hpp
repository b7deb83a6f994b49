// For the tests of this room: files of an item read, changed and counted, and payloads found.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/formats/ocdbt/reader.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"
#include "storage/scratch.hpp"

namespace item_files {

using namespace orrery;
using storage_test::ScratchDirectory;

inline std::string read(const std::string& path) { return storage_test::contents(path); }

inline void write(const std::string& path, std::string_view text) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (!file) throw std::runtime_error("cannot write " + path);
  std::fwrite(text.data(), 1, text.size(), file);
  std::fclose(file);
}
// One byte of a file, changed.
inline void flip(const std::string& path, std::uint64_t offset, int mask = 1) {
  std::string text = read(path);
  text.at(offset) = static_cast<char>(text.at(offset) ^ mask);
  write(path, text);
}
inline void replace(const std::string& path, std::string_view from, std::string_view to) {
  std::string text = read(path);
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::runtime_error("no such text in " + path);
  write(path, text.replace(at, from.size(), to));
}

// Every regular file below a directory and what is in it.
inline std::map<std::string, std::string> files(const std::string& directory, const std::string& below = {}) {
  std::map<std::string, std::string> out;
  for (const std::string& name : storage::list_directory(directory + "/" + below)) {
    const std::string path = below.empty() ? name : below + "/" + name;
    if (storage::is_directory(directory + "/" + path)) out.merge(files(directory, path));
    else out.emplace(path, read(directory + "/" + path));
  }
  return out;
}

// Where the value of a key lies.
struct Place {
  std::string path;
  std::uint64_t offset;
  std::uint64_t length;
};
inline Place place(const std::string& item, std::string_view key) {
  ocdbt::Database database = ocdbt::Database::open(item);
  const ocdbt::Entry* entry = database.find(key);
  if (!entry || entry->is_inline) throw std::runtime_error("no such payload");
  return {database.path(*entry), entry->offset, entry->length};
}
// The zarr metadata of an array.
inline std::string zarray(const std::string& item, const std::string& name) {
  ocdbt::Database database = ocdbt::Database::open(item);
  const ocdbt::Entry* entry = database.find(name, "/.zarray");
  if (!entry) throw std::runtime_error("no such array");
  return database.read(*entry);
}

}  // namespace item_files
