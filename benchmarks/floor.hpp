// The bare system calls that saving and restoring cannot do without, written by hand: what the benchmarks are held against. Errors end
// the program.
#pragma once

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

namespace orrery::benchmarks {

struct Buffer {
  void* data;
  std::size_t size;
};

inline void must(bool worked, const char* what) {
  if (worked) return;
  std::perror(what);
  std::exit(1);
}

// Calls `transfer` with runs of at most 1 MiB, until every byte of every buffer was in one.
template <class Transfer>
void transfer_all(std::span<const Buffer> buffers, Transfer&& transfer) {
  constexpr std::size_t most = std::size_t{1} << 20;
  std::vector<iovec> run;
  std::size_t bytes = 0;
  off_t offset = 0;
  const auto go = [&] {
    if (run.empty()) return;
    must(transfer(run.data(), static_cast<int>(run.size()), offset) == static_cast<ssize_t>(bytes), "transfer");
    offset += static_cast<off_t>(bytes);
    run.clear();
    bytes = 0;
  };
  for (const Buffer& buffer : buffers) {
    for (std::size_t done = 0; done < buffer.size;) {
      const std::size_t size = std::min(buffer.size - done, most - bytes);
      run.push_back({static_cast<char*>(buffer.data) + done, size});
      done += size;
      bytes += size;
      if (bytes == most || run.size() == IOV_MAX) go();
    }
  }
  go();
}

// A new file with the buffers one after the other.
inline void write_floor(const std::string& path, std::span<const Buffer> buffers, bool synced = false) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  must(file >= 0, "create");
  transfer_all(buffers, [file](const iovec* run, int count, off_t offset) { return ::pwritev(file, run, count, offset); });
  if (synced) must(::fdatasync(file) == 0, "fdatasync");
  must(::close(file) == 0, "close");
}

// Such a file back into the buffers.
inline void read_floor(const std::string& path, std::span<const Buffer> buffers) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  must(file >= 0, "open");
  transfer_all(buffers, [file](const iovec* run, int count, off_t offset) { return ::preadv(file, run, count, offset); });
  must(::close(file) == 0, "close");
}

inline void write_small_file(const std::string& path, std::size_t size) {
  static char contents[4096] = {};
  Buffer buffer{contents, std::min(size, sizeof contents)};
  write_floor(path, {&buffer, 1});
}

// One small file, written aside and renamed.
inline void write_file_floor(const std::string& path, std::size_t size = 1024) {
  const std::string aside = path + ".tmp";
  write_small_file(aside, size);
  must(::rename(aside.c_str(), path.c_str()) == 0, "rename");
}

// The shape of a small Orbax item: nine files in four sub-directories, written aside and renamed.
inline void write_item_floor(const std::string& path, std::size_t size = 400) {
  const std::string aside = path + ".tmp";
  must(::mkdir(aside.c_str(), 0777) == 0, "mkdir");
  for (const char* directory : {"/a", "/b", "/c", "/c/d"}) must(::mkdir((aside + directory).c_str(), 0777) == 0, "mkdir");
  for (const char* file : {"/0", "/1", "/2", "/3", "/a/4", "/b/5", "/c/6", "/c/d/7", "/c/d/8"}) write_small_file(aside + file, size);
  must(::rename(aside.c_str(), path.c_str()) == 0, "rename");
}

}  // namespace orrery::benchmarks
