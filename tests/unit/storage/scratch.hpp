// For the tests of this room: a directory that goes away, and a hook that counts, shortens, fails or cuts what passes it.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

#include "orrery/storage/file_system.hpp"

namespace storage_test {

namespace storage = orrery::storage;

class ScratchDirectory {
 public:
  // In memory if possible: tests that flush at every call would wait for the disk for seconds.
  ScratchDirectory() : path_(std::string(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : P_tmpdir) + "/orrery-XXXXXX") {
    if (!::mkdtemp(path_.data())) throw orrery::IoError("mkdtemp", errno);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() { storage::remove_tree(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct TestHook final : storage::FileSystemHook {
  // What to do.
  std::size_t fail_at = SIZE_MAX;       // this call fails with `code`
  bool cut = false;                     // ... and all after it: the process has died
  int code = EIO;
  std::size_t most_bytes = SIZE_MAX;    // of a read or write
  bool no_exchange = false;             // the file system cannot do that
  // What was seen.
  struct Seen {
    storage::FileOperation operation;
    std::string path;
    std::size_t bytes;
  };
  std::mutex mutex{};
  std::vector<Seen> seen{};
  bool failed = false;

  int before(storage::FileCall& call) noexcept override {
    const std::lock_guard lock(mutex);  // flushes come from several threads
    const std::size_t index = seen.size();
    seen.push_back({call.operation, call.path, call.bytes});
    if (index == fail_at || (cut && index > fail_at)) {
      failed = true;
      return code;
    }
    if (no_exchange && call.operation == storage::FileOperation::exchange) return EINVAL;
    call.bytes = std::min(call.bytes, most_bytes);
    return 0;
  }
  std::size_t count(storage::FileOperation operation) const {
    return static_cast<std::size_t>(std::count_if(seen.begin(), seen.end(), [&](const Seen& s) { return s.operation == operation; }));
  }
  std::size_t largest(storage::FileOperation operation) const {
    std::size_t most = 0;
    for (const Seen& s : seen)
      if (s.operation == operation) most = std::max(most, s.bytes);
    return most;
  }
};

inline std::string contents(const std::string& path) { return storage::read_file(path, std::size_t{64} << 20); }

}  // namespace storage_test
