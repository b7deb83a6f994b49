// A file that appears under its name complete or not at all: written aside, flushed, renamed. Directories are atomic_directory.hpp's
// business.
#pragma once

#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/storage/durability.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_system.hpp"

namespace orrery::inline v0::storage {

struct AtomicFileOptions {
  std::string temporary_path{};  // in the directory of the final one; "<final>.tmp" if empty
  bool overwrite = true;         // otherwise AlreadyExistsError where there is something
  Durability durability = Durability::synced;
};

// Write to file(), then commit(). Without commit the destructor removes what was written. A file that an earlier, unfinished save left
// under the temporary name is emptied; a missing parent directory is made.
class AtomicFile {
 public:
  template <OnUse = OnUse()>
  explicit AtomicFile(std::string final_path, AtomicFileOptions options = {})
      : final_path_(std::move(final_path)),
        options_(std::move(options)),
        abandon_([](const std::string& path) noexcept { detail::try_remove_file(path); }) {
    if (options_.temporary_path.empty()) options_.temporary_path = final_path_ + ".tmp";
    if (!options_.overwrite && exists(final_path_)) throw_exists();
    try {
      file_ = File::create_or_truncate(options_.temporary_path);
    } catch (const IoError& error) {
      if (error.code() != ENOENT) throw;
      made_parents_ = make_directories(parent_directory(options_.temporary_path));
      file_ = File::create_or_truncate(options_.temporary_path);
    }
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() {
    if (!committed_) abandon_(options_.temporary_path);
  }

  File& file() noexcept { return file_; }

  // Flushes (if synced), closes and renames. When it throws, what was there before is still there; only an IoError of the last flush,
  // of the directory, comes after the new file has taken its place. Once.
  template <OnUse = OnUse()>
  void commit() {
    if (committed_) throw ArgumentError("commit() was called before", {.file = final_path_});
    const bool synced = options_.durability == Durability::synced;
    if (synced) file_.sync_data();
    file_.close();
    if (options_.overwrite)
      rename(options_.temporary_path, final_path_);
    else
      rename_to_new(options_.temporary_path, final_path_);
    committed_ = true;
    if (!synced) return;
    std::string directory = final_path_;
    for (std::size_t i = 0; i <= made_parents_; ++i) sync_directory(directory = parent_directory(directory));
  }

 private:
  [[noreturn, gnu::cold]] void throw_exists() const {
    throw AlreadyExistsError("Destination " + final_path_ + " already exists. Choose another path, or replace it with overwrite = true",
                             {.file = final_path_});
  }

  std::string final_path_;
  AtomicFileOptions options_;
  File file_{};
  std::size_t made_parents_ = 0;
  bool committed_ = false;
  void (*abandon_)(const std::string& path) noexcept;  // OnUse for the destructor
};

// write(File&) puts the contents there.
template <class Write>
  requires requires(Write& write, File& file) { write(file); }
void write_file_atomically(std::string path, Write&& write, AtomicFileOptions options = {}) {
  AtomicFile target(std::move(path), std::move(options));
  write(target.file());
  target.commit();
}

template <OnUse = OnUse()>
inline void write_file_atomically(std::string path, std::string_view bytes, AtomicFileOptions options = {}) {
  AtomicFile target(std::move(path), std::move(options));
  target.file().pwrite_all(bytes.data(), bytes.size(), 0);
  target.commit();
}

}  // namespace orrery::inline v0::storage
