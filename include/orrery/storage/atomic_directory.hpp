// A directory that appears under its name complete or not at all: written aside, flushed, renamed (spec/orbax.md 1.3). What is in it,
// and markers inside, are left to orbax/.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/storage/durability.hpp"
#include "orrery/storage/file_system.hpp"
#include "orrery/storage/sync_tree.hpp"

namespace orrery::inline v0::storage {

// Names that contain this are not finished, or about to go; nobody lists them. A dash has to follow: Orbax before 0.12 takes names without
// one for finished checkpoints.
inline constexpr std::string_view temporary_suffix = ".orbax-checkpoint-tmp";

struct AtomicDirectoryOptions {
  bool force = false;  // replace what is there
  Durability durability = Durability::synced;
};

// Puts back what a save that died while replacing `path` has set aside, and removes what it no longer needs; says whether there
// was something to put back. Only file systems that cannot exchange two names ever need it. Not while another process saves there.
template <OnUse = OnUse()>
bool recover(const std::string& path);

// Write to path(), then commit(). Without commit the destructor removes what was written. One save at a time per final path: what
// another has left under the temporary name is removed first.
class AtomicDirectory {
 public:
  // Makes the temporary directory, and missing parents. AlreadyExistsError where there is something and no force.
  template <OnUse = OnUse()>
  explicit AtomicDirectory(std::string final_path, AtomicDirectoryOptions options = {});
  AtomicDirectory(const AtomicDirectory&) = delete;
  AtomicDirectory& operator=(const AtomicDirectory&) = delete;
  ~AtomicDirectory() {
    if (!committed_) abandon_(path_);
  }

  // Where to write.
  const std::string& path() const noexcept { return path_; }
  const std::string& final_path() const noexcept { return final_path_; }

  // Brings all of it to the disk (if synced), which commit() does otherwise: for who has to say that it takes its time. Nothing may be
  // written after it.
  template <OnUse = OnUse()>
  void flush() {
    if (options_.durability == Durability::synced && !flushed_) sync_tree(path_);
    flushed_ = true;
  }

  // Flushes (if synced), renames, and then removes what was replaced. When it throws, what was there before is still there under its
  // name; only an IoError of the last flush, of the parent directory, comes after the new one has taken its place. Once.
  template <OnUse = OnUse()>
  void commit();

 private:
  template <OnUse = OnUse()>
  void give_name();
  template <OnUse = OnUse()>
  void replace_without_exchange();

  std::string final_path_;
  std::string path_;
  AtomicDirectoryOptions options_;
  std::size_t made_parents_ = 0;
  bool flushed_ = false, committed_ = false;
  void (*abandon_)(const std::string& path) noexcept;  // OnUse for the destructor
  std::string replaced_{};                             // what was there before, under its new name
};

[[noreturn, gnu::cold]] inline void throw_destination_exists(const std::string& path) {
  throw AlreadyExistsError("Destination " + path + " already exists. Choose another path, or replace it with force = true", {.file = path});
}

namespace detail {

inline std::string aside_name(const std::string& path) { return path + std::string(temporary_suffix) + "-old"; }

template <OnUse = OnUse()>
inline std::string without_slashes_at_end(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path.empty() || path == "/") throw ArgumentError("a checkpoint needs a path that names it; found \"" + path + "\"");
  return path;
}

// A leftover of a save whose work is done, or that nobody will finish.
template <OnUse = OnUse()>
inline void remove_quietly(const std::string& path) noexcept {
  try {
    remove_tree(path);
  } catch (...) {  // its name says that it is temporary: nobody lists it, and the next save of this name tries again
  }
}

}  // namespace detail

template <OnUse>
inline bool recover(const std::string& path) {
  const std::string aside = detail::aside_name(path);
  if (!exists(aside)) return false;
  const bool is_needed = !exists(path);
  if (is_needed)
    rename(aside, path);
  else
    remove_tree(aside);
  return is_needed;
}

template <OnUse>
inline AtomicDirectory::AtomicDirectory(std::string final_path, AtomicDirectoryOptions options)
    : final_path_(detail::without_slashes_at_end(std::move(final_path))),
      path_(final_path_ + std::string(temporary_suffix) + "-orrery"),
      options_(options),
      abandon_([](const std::string& path) noexcept {
        try {
          remove_tree(path);
        } catch (...) {  // the next save of this name removes it
        }
      }) {
  // After a crash the old one may have to come back first: it must outlive this save, should this one fail too.
  if ((!options_.force && exists(final_path_)) || (recover(final_path_) && !options_.force)) throw_destination_exists(final_path_);
  int code = detail::try_make_directory(path_);
  if (code == EEXIST) {
    remove_tree(path_);
    code = detail::try_make_directory(path_);
  } else if (code == ENOENT) {
    made_parents_ = make_directories(parent_directory(final_path_));
    code = detail::try_make_directory(path_);
  }
  if (code != 0) detail::throw_not_made("make this directory", path_, code);
}

template <OnUse>
inline void AtomicDirectory::commit() {
  if (committed_) throw ArgumentError("commit() was called before", {.file = final_path_});
  const bool synced = options_.durability == Durability::synced;
  flush();
  give_name();
  committed_ = true;
  if (synced) {
    std::string directory = final_path_;
    for (std::size_t i = 0; i <= made_parents_; ++i) sync_directory(directory = parent_directory(directory));
  }
  // Not before: the old one must outlive a power failure that forgets the new name.
  if (!replaced_.empty()) detail::remove_quietly(replaced_);
}

template <OnUse>
inline void AtomicDirectory::give_name() {
  if (!options_.force) return rename_to_new(path_, final_path_);
  const int code = detail::try_rename(FileOperation::exchange, path_, final_path_, RENAME_EXCHANGE);
  if (code == 0)
    replaced_ = path_;
  else if (code == ENOENT)
    rename(path_, final_path_);
  else if (detail::means_unsupported(code))
    replace_without_exchange();
  else
    detail::throw_io_error("exchange this with " + path_, final_path_, code);
}

// For a moment there is nothing under the final name; recover() knows what to do if it lasts.
template <OnUse>
inline void AtomicDirectory::replace_without_exchange() {
  const std::string aside = detail::aside_name(final_path_);
  remove_tree(aside);  // of an earlier save that had done all but this
  const int code = detail::try_rename(FileOperation::rename, final_path_, aside, 0);
  if (code != 0 && code != ENOENT) detail::throw_io_error("rename this to " + aside, final_path_, code);
  if (const int failure = detail::try_rename(FileOperation::rename, path_, final_path_, 0); failure != 0) {
    if (code == 0) detail::try_rename(FileOperation::rename, aside, final_path_, 0);
    detail::throw_io_error("rename this to " + final_path_, path_, failure);
  }
  if (code == 0) replaced_ = aside;
}

}  // namespace orrery::inline v0::storage
