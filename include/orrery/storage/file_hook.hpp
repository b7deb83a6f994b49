// The one point that every operation on the file system passes: tests fail, shorten, cut or count calls here. Without a hook it costs
// one atomic load. What the operations are for is known to file.hpp, file_system.hpp and mapped_file.hpp.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"

namespace orrery::inline v0::storage {

enum class FileOperation : std::uint8_t {
  open,
  create,
  size,
  read,
  write,
  sync,
  writeback,
  allocate,
  close,
  map,
  status,
  list,
  make_directory,
  rename,
  exchange,
  remove_file,
  remove_directory,
  sync_directory,
  sync_file_system,
};

// What is about to be asked of the kernel.
struct FileCall {
  FileOperation operation;
  const char* path;
  std::size_t bytes = 0;           // of reads, writes, allocations and maps; those of a read or write a hook may lower: a short one
  const char* new_path = nullptr;  // of rename and exchange
};

class FileSystemHook {
 public:
  virtual ~FileSystemHook() = default;
  // Called before the call: 0 lets it happen, anything else is the errno it fails with. Calls may come from several threads.
  virtual int before(FileCall& call) noexcept = 0;
};

namespace detail {

inline std::atomic<FileSystemHook*> installed_hook{nullptr};

template <OnUse = OnUse()>
inline int ask_hook(FileCall& call) noexcept {
  FileSystemHook* hook = installed_hook.load(std::memory_order_acquire);
  return hook ? hook->before(call) : 0;
}

// Runs a system call that answers -1 and sets errno, again after interruptions. `system_call` is given the possibly shortened call.
template <class SystemCall>
auto perform(FileCall call, SystemCall&& system_call) noexcept -> decltype(system_call(call)) {
  if (const int code = ask_hook(call); code != 0) {
    errno = code;
    return -1;
  }
  for (;;) {
    const auto result = system_call(call);
    if (result != -1 || errno != EINTR) return result;
  }
}

// "could not <attempt>: <what errno says> [file ...]"
template <OnUse = OnUse()>
[[noreturn, gnu::cold]] inline void throw_io_error(std::string_view attempt, const std::string& path, int code) {
  throw IoError("could not " + std::string(attempt) + ": " + std::generic_category().message(code), code, {.file = path});
}

// ... NotFoundError where there is nothing of that name.
template <OnUse = OnUse()>
[[noreturn, gnu::cold]] inline void throw_not_read(std::string_view attempt, const std::string& path, int code) {
  if (code == ENOENT || code == ENOTDIR)
    throw NotFoundError("could not " + std::string(attempt) + ": " + std::generic_category().message(code), {.file = path});
  throw_io_error(attempt, path, code);
}

// ... AlreadyExistsError where there is something of that name.
template <OnUse = OnUse()>
[[noreturn, gnu::cold]] inline void throw_not_made(std::string_view attempt, const std::string& path, int code) {
  if (code == EEXIST) throw AlreadyExistsError("could not " + std::string(attempt) + ": something of that name exists", {.file = path});
  throw_io_error(attempt, path, code);
}

}  // namespace detail

// Installs a hook for the whole process while it lives, then the one before it.
class ScopedFileSystemHook {
 public:
  explicit ScopedFileSystemHook(FileSystemHook& hook) noexcept : before_(detail::installed_hook.exchange(&hook)) {}
  ~ScopedFileSystemHook() { detail::installed_hook.store(before_); }
  ScopedFileSystemHook(const ScopedFileSystemHook&) = delete;
  ScopedFileSystemHook& operator=(const ScopedFileSystemHook&) = delete;

 private:
  FileSystemHook* before_;
};

}  // namespace orrery::inline v0::storage
