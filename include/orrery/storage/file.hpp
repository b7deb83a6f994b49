// One open file: whole reads and writes at an offset, flushing, and the errors that name it; whole small files at once. With
// file_system.hpp (names and directories) and mapped_file.hpp this is the one seam to the operating system; which bytes go where is
// decided above.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/storage/durability.hpp"
#include "orrery/storage/file_hook.hpp"
#include "orrery/storage/io_vectors.hpp"

namespace orrery::inline v0::storage {

// Owns a descriptor. Move-only. Reads may come from several threads at once, and so may writes to disjoint ranges.
class File {
 public:
  // No write call is larger: kernels that size page-cache folios by the call meet slow memory above it.
  static constexpr std::size_t largest_write = std::size_t{1} << 20;

  // For reading. NotFoundError where there is none; IoError for other failures.
  template <OnUse = OnUse()>
  static File open(std::string path) {
    // O_NONBLOCK: a pipe in the place of a file must not hang us. Regular files know no such thing.
    return File(FileOperation::open, O_RDONLY | O_NONBLOCK, std::move(path));
  }
  // A new file for writing and reading; AlreadyExistsError where the name is taken.
  template <OnUse = OnUse()>
  static File create(std::string path) {
    return File(FileOperation::create, O_RDWR | O_CREAT | O_EXCL, std::move(path));
  }
  // ... an existing one is emptied first.
  template <OnUse = OnUse()>
  static File create_or_truncate(std::string path) {
    return File(FileOperation::create, O_RDWR | O_CREAT | O_TRUNC, std::move(path));
  }

  File() noexcept = default;
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}
  File& operator=(File&& other) noexcept {
    if (this != &other) {
      drop();
      descriptor_ = std::exchange(other.descriptor_, -1);
      path_ = std::move(other.path_);
    }
    return *this;
  }
  ~File() { drop(); }  // without a check: whoever wrote calls close()

  bool is_open() const noexcept { return descriptor_ >= 0; }
  const std::string& path() const noexcept { return path_; }
  int descriptor() const noexcept { return descriptor_; }

  template <OnUse = OnUse()>
  std::uint64_t size() const {
    struct ::stat status {};
    const int result = perform(FileOperation::size, 0, [&](const FileCall&) { return ::fstat(descriptor_, &status); });
    if (result != 0) detail::throw_io_error("ask for the size of this file", path_, errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

  // Reads exactly `size` bytes at `offset`; DataLossError where the file ends before. The caller owns memory for them, so `size` has been
  // checked against size() wherever it came out of a file.
  template <OnUse = OnUse()>
  void pread_exactly(std::uint64_t offset, void* to, std::size_t size) const {
    ::iovec one{to, size};
    preadv_exactly({&one, 1}, offset);
  }
  // ... into a list of buffers, one after the other. Uses the list up: its entries are changed.
  template <OnUse = OnUse()>
  void preadv_exactly(std::span<::iovec> list, std::uint64_t offset) const;

  template <OnUse = OnUse()>
  void pwrite_all(const void* from, std::size_t size, std::uint64_t offset) {
    ::iovec one{const_cast<void*>(from), size};
    pwritev_all({&one, 1}, offset);
  }
  // Writes a list of buffers, one after the other, in calls that end on multiples of largest_write. Uses the list up.
  template <OnUse = OnUse()>
  void pwritev_all(std::span<::iovec> list, std::uint64_t offset);

  // Waits until the contents are on the disk; the name is sync_directory's business.
  template <OnUse = OnUse()>
  void sync_data() {
    if (perform(FileOperation::sync, 0, [&](const FileCall&) { return ::fdatasync(descriptor_); }) != 0)
      detail::throw_io_error("flush this file to the disk", path_, errno);
  }
  // Starts writing a range to the disk and does not wait. A hint: failures show in sync_data.
  template <OnUse = OnUse()>
  void start_writeback(std::uint64_t offset, std::uint64_t length) noexcept {
    perform(FileOperation::writeback, 0, [&](const FileCall&) {
      return ::sync_file_range(descriptor_, signed_offset(offset), signed_offset(length), SYNC_FILE_RANGE_WRITE);
    });
  }
  // Reserves space, so that a full disk is met before the work; does nothing where the file system cannot.
  template <OnUse = OnUse()>
  void allocate(std::uint64_t bytes) {
    if (bytes == 0) return;
    const auto call = [&](const FileCall&) { return ::fallocate(descriptor_, FALLOC_FL_KEEP_SIZE, 0, signed_offset(bytes)); };
    if (perform(FileOperation::allocate, static_cast<std::size_t>(bytes), call) != 0 && errno != EOPNOTSUPP && errno != ENOSYS)
      detail::throw_io_error("reserve " + std::to_string(bytes) + " bytes for this file", path_, errno);
  }
  // Says that the file will be read from front to back.
  void expect_sequential_reads() const noexcept { ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_SEQUENTIAL); }

  // Gives the descriptor back. Some file systems report failed writes only here.
  template <OnUse = OnUse()>
  void close() {
    if (descriptor_ < 0) return;
    FileCall call{FileOperation::close, path_.c_str()};
    int code = detail::ask_hook(call);
    if (::close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR && code == 0) code = errno;
    if (code != 0) detail::throw_io_error("close this file", path_, code);
  }

 private:
  template <OnUse = OnUse()>
  File(FileOperation operation, int flags, std::string path) : path_(std::move(path)) {
    descriptor_ = perform(operation, 0, [&](const FileCall&) { return ::open(path_.c_str(), flags | O_CLOEXEC, 0666); });
    if (descriptor_ >= 0) return;
    if (operation == FileOperation::open) detail::throw_not_read("open this file", path_, errno);
    detail::throw_not_made("create this file", path_, errno);
  }

  template <class SystemCall, class Result = std::invoke_result_t<SystemCall&, const FileCall&>>
  Result perform(FileOperation operation, std::size_t bytes, SystemCall&& system_call) const noexcept {
    return detail::perform({operation, path_.c_str(), bytes}, system_call);
  }
  static ::off_t signed_offset(std::uint64_t offset) noexcept { return static_cast<::off_t>(offset); }
  void drop() noexcept {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }
  template <OnUse = OnUse()>
  [[noreturn, gnu::cold]] void throw_transfer_error(const char* attempt, std::uint64_t offset, int code) const;
  [[noreturn, gnu::cold]] void throw_end_of_file(std::uint64_t end, std::uint64_t missing) const;

  int descriptor_ = -1;
  std::string path_{};
};

template <OnUse>
inline void File::throw_transfer_error(const char* attempt, std::uint64_t offset, int code) const {
  const std::string message = "could not " + std::string(attempt) + ": " + std::generic_category().message(code);
  throw IoError(message, code, {.file = path_, .offset = offset});
}
inline void File::throw_end_of_file(std::uint64_t end, std::uint64_t missing) const {
  const std::string message = "this file is too short: " + std::to_string(missing) + " more bytes were expected here";
  throw DataLossError(message + "; it is truncated, or belongs to another checkpoint", {.file = path_, .offset = end});
}

template <OnUse>
inline void File::preadv_exactly(std::span<::iovec> list, std::uint64_t offset) const {
  detail::IoVectors vectors(list);
  while (!vectors.empty()) {
    const std::size_t wanted = vectors.next(SIZE_MAX);
    const ::ssize_t got = perform(FileOperation::read, wanted, [&](const FileCall& call) {
      vectors.shorten(call.bytes);
      return ::preadv(descriptor_, vectors.data(), vectors.count(), signed_offset(offset));
    });
    if (got < 0) throw_transfer_error("read this file", offset, errno);
    if (got == 0) throw_end_of_file(offset, vectors.bytes_left());
    vectors.advance(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
}

template <OnUse>
inline void File::pwritev_all(std::span<::iovec> list, std::uint64_t offset) {
  detail::IoVectors vectors(list);
  while (!vectors.empty()) {
    const std::size_t wanted = vectors.next(largest_write - static_cast<std::size_t>(offset % largest_write));
    const ::ssize_t put = perform(FileOperation::write, wanted, [&](const FileCall& call) {
      vectors.shorten(call.bytes);
      return ::pwritev(descriptor_, vectors.data(), vectors.count(), signed_offset(offset));
    });
    if (put < 0) throw_transfer_error("write this file", offset, errno);
    if (put == 0) throw_transfer_error("write this file", offset, ENOSPC);  // cannot happen, and must not loop
    vectors.advance(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
}

// All of a file. FormatError where it is larger than `limit` bytes, before anything is allocated for it.
template <OnUse = OnUse()>
inline std::string read_file(const std::string& path, std::size_t limit) {
  const File file = File::open(path);
  const std::uint64_t size = file.size();
  if (size > limit)
    throw FormatError("this file should have at most " + std::to_string(limit) + " bytes and has " + std::to_string(size), {.file = path});
  std::string bytes(static_cast<std::size_t>(size), '\0');
  file.pread_exactly(0, bytes.data(), bytes.size());
  return bytes;
}

// A file of these bytes, replacing what has the name, not at once: for files inside a directory that nobody looks at yet.
template <OnUse = OnUse()>
inline void write_file(const std::string& path, std::string_view bytes, Durability durability = Durability::fast) {
  File file = File::create_or_truncate(path);
  file.pwrite_all(bytes.data(), bytes.size(), 0);
  if (durability == Durability::synced) file.sync_data();
  file.close();
}

}  // namespace orrery::inline v0::storage
