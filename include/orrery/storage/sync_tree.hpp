// Everything below a directory on its way to the disk: how many files there are decides how they are flushed. When that has to happen is
// known to atomic_directory.hpp.
#pragma once

#include <fcntl.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/file_hook.hpp"
#include "orrery/storage/file_system.hpp"
#include "orrery/storage/worker_pool.hpp"

namespace orrery::inline v0::storage {

namespace detail {

// One syncfs() flushes all that flushing each file would, and reports what failed: on local file systems of Linux 5.8 and later. FUSE and
// network file systems may tell their server of fsync() alone.
template <OnUse = OnUse()>
inline bool syncs_as_a_whole(int descriptor) noexcept {
  struct ::statfs about {};
  struct ::utsname system {};
  int major = 0, minor = 0;
  if (::fstatfs(descriptor, &about) != 0 || ::uname(&system) != 0 || std::sscanf(system.release, "%d.%d", &major, &minor) != 2)
    return false;
  if (major < 5 || (major == 5 && minor < 8)) return false;
  static constexpr std::uint64_t local[] = {0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x01021994};  // ext2 to 4, XFS, Btrfs, F2FS, tmpfs
  return std::find(std::begin(local), std::end(local), static_cast<std::uint64_t>(about.f_type) & 0xffffffff) != std::end(local);
}

// False where that is not to be had and each file must be flushed on its own.
template <OnUse = OnUse()>
inline bool try_sync_file_system(const std::string& path) {
  bool is_possible = true;
  const int result = perform_on(FileOperation::sync_file_system, path, [&](const char* name) {
    const int descriptor = ::open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return -1;
    is_possible = syncs_as_a_whole(descriptor);
    const int code = !is_possible || ::syncfs(descriptor) == 0 ? 0 : errno;
    ::close(descriptor);
    errno = code;
    return code == 0 ? 0 : -1;
  });
  if (result != 0) throw_io_error("flush the file system of this directory to the disk", path, errno);
  return is_possible;
}

// Every file below, and every directory, innermost first.
template <OnUse = OnUse()>
inline void list_tree(const std::string& path, std::vector<std::string>& files, std::vector<std::string>& directories) {
  for (const DirectoryEntry& entry : list_entries(path)) {
    if (entry.kind == FileKind::directory) list_tree(path + "/" + entry.name, files, directories);
    if (entry.kind == FileKind::file) files.push_back(path + "/" + entry.name);
  }
  directories.push_back(path);
}

}  // namespace detail

// Waits until everything below is on the disk. A few files and directories are flushed at the same time, after all have started on their
// way: a disk that is asked for several flushes at once does one for all, where ten in turn may take 40 ms. Where there are many files the
// whole file system is flushed, which takes a tenth of the time or less.
template <OnUse = OnUse()>
inline void sync_tree(const std::string& path) {
  constexpr std::size_t few = 64;  // that are open at a time
  constexpr std::size_t at_a_time = 16;
  std::vector<std::string> names, directories;
  detail::list_tree(path, names, directories);
  if (names.size() > few && detail::try_sync_file_system(path)) return;
  WorkerPool pool(std::min(names.size() + directories.size(), at_a_time));
  std::vector<File> files;
  for (std::size_t first = 0; first == 0 || first < names.size(); first += few) {
    for (std::size_t i = first; i < std::min(names.size(), first + few); ++i) {
      files.push_back(File::open(std::move(names[i])));
      files.back().start_writeback(0, 0);
    }
    const std::size_t with = first == 0 ? directories.size() : 0;
    pool.run(files.size() + with, [&](std::size_t i) {
      if (i < files.size())
        files[i].sync_data();
      else
        sync_directory(directories[i - files.size()]);
    });
    files.clear();
  }
}

}  // namespace orrery::inline v0::storage
