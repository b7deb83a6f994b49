// A whole file as read-only memory. What the bytes mean, and checking them, is left to formats/.
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "orrery/core/on_use.hpp"
#include "orrery/storage/file.hpp"

namespace orrery::inline v0::storage {

// Mapped as long as it lives; moving leaves the bytes where they are. Costs the same for every size: pages come in as they are
// touched, and are shared with the page cache. A file that somebody shortens meanwhile raises SIGBUS where it is missing:
// checkpoints are replaced by renaming, never shortened.
class MappedFile {
 public:
  // NotFoundError, IoError.
  template <OnUse = OnUse()>
  static MappedFile open(const std::string& path) {
    return MappedFile(File::open(path));
  }

  // The file may be closed afterwards.
  template <OnUse = OnUse()>
  explicit MappedFile(const File& file) : path_(file.path()) {
    const std::uint64_t size = file.size();
    if (size > PTRDIFF_MAX) detail::throw_io_error("map this file", path_, EFBIG);
    size_ = static_cast<std::size_t>(size);
    if (size_ == 0) return;  // mmap refuses to map nothing
    FileCall call{FileOperation::map, path_.c_str(), size_};
    const int code = detail::ask_hook(call);
    void* start = code == 0 ? ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file.descriptor(), 0) : MAP_FAILED;
    if (start == MAP_FAILED) detail::throw_io_error("map this file", path_, code != 0 ? code : errno);
    data_ = static_cast<const std::byte*>(start);
  }

  MappedFile() noexcept = default;
  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)), path_(std::move(other.path_)) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(path_, other.path_);
    return *this;
  }
  ~MappedFile() {
    if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
  }

  const std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  const std::string& path() const noexcept { return path_; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::string path_{};
};

}  // namespace orrery::inline v0::storage
