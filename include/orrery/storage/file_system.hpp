// Names and directories: making, listing, renaming, removing, flushing. Open files are file.hpp's business, whole trees on their way to the
// disk sync_tree.hpp's; what makes a set of
// names appear at once is known to atomic_directory.hpp and atomic_file.hpp.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_hook.hpp"

namespace orrery::inline v0::storage {

enum class FileKind : std::uint8_t { file, directory, link, other };

struct DirectoryEntry {
  std::string name{};
  FileKind kind = FileKind::other;
};

// Of "a/b/c": "a/b"; of "c": "."; of "/c": "/". No slashes at the end.
template <OnUse = OnUse()>
inline std::string parent_directory(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  const std::size_t end = path.find_last_not_of('/', slash);
  return end == std::string_view::npos ? "/" : std::string(path.substr(0, end + 1));
}

namespace detail {

template <class SystemCall>
int perform_on(FileOperation operation, const std::string& path, SystemCall&& system_call) noexcept {
  return perform({operation, path.c_str()}, [&](const FileCall&) { return system_call(path.c_str()); });
}

// Each answers 0 or an errno.
template <OnUse = OnUse()>
inline int try_make_directory(const std::string& path) noexcept {
  return perform_on(FileOperation::make_directory, path, [](const char* name) { return ::mkdir(name, 0777); }) == 0 ? 0 : errno;
}
template <OnUse = OnUse()>
inline int try_remove_file(const std::string& path) noexcept {
  return perform_on(FileOperation::remove_file, path, ::unlink) == 0 ? 0 : errno;
}
template <OnUse = OnUse()>
inline int try_rename(FileOperation operation, const std::string& from, const std::string& to, unsigned flags) noexcept {
  const auto call = [&](const FileCall&) { return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags); };
  return perform({operation, from.c_str(), 0, to.c_str()}, call) == 0 ? 0 : errno;
}
// What kernels and file systems say to a flag of renameat2 that they do not know.
inline bool means_unsupported(int code) noexcept { return code == EINVAL || code == ENOSYS || code == ENOTSUP; }

// 0 or an errno; follows links.
template <OnUse = OnUse()>
inline int try_status(const std::string& path, struct ::stat& status) noexcept {
  return perform_on(FileOperation::status, path, [&](const char* name) { return ::stat(name, &status); }) == 0 ? 0 : errno;
}

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

// Nothing and an errno, or an open directory. O_NOFOLLOW in `flags` refuses a link.
template <OnUse = OnUse()>
inline std::unique_ptr<DIR, CloseDirectory> try_open_directory(const std::string& path, int flags, int& code) {
  const int descriptor =
      perform_on(FileOperation::list, path, [&](const char* name) { return ::open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags); });
  code = descriptor < 0 ? errno : 0;
  if (descriptor < 0) return nullptr;
  std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(descriptor));
  if (!directory) {
    code = errno;
    ::close(descriptor);
  }
  return directory;
}

inline FileKind kind_of(unsigned char type) noexcept {
  return type == DT_REG ? FileKind::file : type == DT_DIR ? FileKind::directory : type == DT_LNK ? FileKind::link : FileKind::other;
}

template <OnUse = OnUse()>
inline std::vector<DirectoryEntry> entries_of(DIR* directory, const std::string& path) {
  std::vector<DirectoryEntry> entries;
  for (;;) {
    errno = 0;
    const ::dirent* entry = ::readdir(directory);
    if (!entry) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    FileKind kind = kind_of(entry->d_type);
    struct ::stat status {};
    if (entry->d_type == DT_UNKNOWN && ::fstatat(::dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
      kind = kind_of(static_cast<unsigned char>(IFTODT(status.st_mode)));
    entries.push_back({std::string(name), kind});
  }
  if (errno != 0) throw_io_error("list this directory", path, errno);
  return entries;
}

}  // namespace detail

// Whether something of that name is there, behind links too.
template <OnUse = OnUse()>
inline bool exists(const std::string& path) {
  const int result = detail::perform_on(FileOperation::status, path, [](const char* name) { return ::access(name, F_OK); });
  if (result == 0) return true;
  if (errno != ENOENT && errno != ENOTDIR) detail::throw_io_error("look for this name", path, errno);
  return false;
}

// The size of the file of that name, behind links too, in one call; nothing where there is none.
template <OnUse = OnUse()>
inline std::optional<std::uint64_t> find_size(const std::string& path) {
  struct ::stat status {};
  const int code = detail::try_status(path, status);
  if (code == ENOENT || code == ENOTDIR) return std::nullopt;
  if (code != 0) detail::throw_io_error("ask for the size of this file", path, code);
  return static_cast<std::uint64_t>(status.st_size);
}

template <OnUse = OnUse()>
inline bool is_directory(const std::string& path) {
  struct ::stat status {};
  const int code = detail::try_status(path, status);
  if (code != 0 && code != ENOENT && code != ENOTDIR) detail::throw_io_error("look at this name", path, code);
  return code == 0 && S_ISDIR(status.st_mode);
}

// What is in a directory, sorted by name, links unfollowed. NotFoundError where there is no directory.
template <OnUse = OnUse()>
inline std::vector<DirectoryEntry> list_entries(const std::string& path) {
  int code = 0;
  const auto directory = detail::try_open_directory(path, 0, code);
  if (!directory) detail::throw_not_read("list this directory", path, code);
  std::vector<DirectoryEntry> entries = detail::entries_of(directory.get(), path);
  std::sort(entries.begin(), entries.end(), [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
  return entries;
}

// ... the names alone.
template <OnUse = OnUse()>
inline std::vector<std::string> list_directory(const std::string& path) {
  std::vector<std::string> names;
  for (DirectoryEntry& entry : list_entries(path)) names.push_back(std::move(entry.name));
  return names;
}

// AlreadyExistsError where the name is taken.
template <OnUse = OnUse()>
inline void make_directory(const std::string& path) {
  if (const int code = detail::try_make_directory(path); code != 0) detail::throw_not_made("make this directory", path, code);
}

// ... with its missing parents; one that exists will do. Returns how many were made.
template <OnUse = OnUse()>
inline std::size_t make_directories(const std::string& path) {
  const int code = detail::try_make_directory(path);
  if (code == 0) return 1;
  if (code == EEXIST && is_directory(path)) return 0;
  const std::string parent = parent_directory(path);
  if (code != ENOENT || parent == path || path.empty()) detail::throw_not_made("make this directory", path, code);
  const std::size_t made = make_directories(parent);
  const int again = detail::try_make_directory(path);
  if (again != 0 && again != EEXIST) detail::throw_not_made("make this directory", path, again);
  return made + 1;
}

// Replaces a file, or an empty directory, that has the new name.
template <OnUse = OnUse()>
inline void rename(const std::string& from, const std::string& to) {
  if (const int code = detail::try_rename(FileOperation::rename, from, to, 0); code != 0)
    detail::throw_io_error("rename this to " + to, from, code);
}

// AlreadyExistsError where the new name is taken. Where the file system cannot promise that in one step, it is looked at first.
template <OnUse = OnUse()>
inline void rename_to_new(const std::string& from, const std::string& to) {
  int code = detail::try_rename(FileOperation::rename, from, to, RENAME_NOREPLACE);
  if (detail::means_unsupported(code)) code = exists(to) ? EEXIST : detail::try_rename(FileOperation::rename, from, to, 0);
  if (code == EEXIST || code == ENOTEMPTY) detail::throw_not_made("rename " + from + " to this", to, EEXIST);
  if (code != 0) detail::throw_io_error("rename this to " + to, from, code);
}

// Two names change places in one step. False, and nothing has happened, where the file system cannot do that.
template <OnUse = OnUse()>
inline bool exchange(const std::string& one, const std::string& other) {
  const int code = detail::try_rename(FileOperation::exchange, one, other, RENAME_EXCHANGE);
  if (code == 0) return true;
  if (detail::means_unsupported(code)) return false;
  detail::throw_io_error("exchange this with " + other, one, code);
}

// A missing one will do.
template <OnUse = OnUse()>
inline void remove_file(const std::string& path) {
  const int code = detail::try_remove_file(path);
  if (code != 0 && code != ENOENT) detail::throw_io_error("remove this file", path, code);
}

// A directory with all that is in it, or a file, or a link (never what it points to); a missing one will do.
template <OnUse = OnUse()>
inline void remove_tree(const std::string& path) {
  int code = 0;
  auto directory = detail::try_open_directory(path, O_NOFOLLOW, code);
  if (code == ENOENT) return;
  if (code == ENOTDIR || code == ELOOP) return remove_file(path);
  if (!directory) detail::throw_io_error("open this directory to remove it", path, code);
  const std::vector<DirectoryEntry> entries = detail::entries_of(directory.get(), path);
  directory.reset();  // a deep tree must not use up the descriptors
  for (const DirectoryEntry& entry : entries) {
    if (entry.kind == FileKind::directory)
      remove_tree(path + "/" + entry.name);
    else
      remove_file(path + "/" + entry.name);
  }
  if (detail::perform_on(FileOperation::remove_directory, path, ::rmdir) != 0 && errno != ENOENT)
    detail::throw_io_error("remove this directory", path, errno);
}

// Waits until the names in a directory are on the disk.
template <OnUse = OnUse()>
inline void sync_directory(const std::string& path) {
  const int result = detail::perform_on(FileOperation::sync_directory, path, [](const char* name) {
    const int descriptor = ::open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return -1;
    const int code = ::fsync(descriptor) == 0 || errno == EINVAL ? 0 : errno;  // EINVAL: a file system without such a thing
    ::close(descriptor);
    errno = code;
    return code == 0 ? 0 : -1;
  });
  if (result != 0) detail::throw_io_error("flush this directory to the disk", path, errno);
}

}  // namespace orrery::inline v0::storage
