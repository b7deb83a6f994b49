// Owned, aligned bytes for arrays and staging. Large blocks come as huge pages from the kernel, already zero and untouched: first
// use of them costs a fifth of what 4 KiB pages cost.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

namespace orrery::inline v0 {

// A block of bytes aligned to 64, or nothing. Move-only; its address stays the same when moved.
class Memory {
 public:
  Memory() noexcept = default;
  Memory(Memory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)), origin_(std::exchange(other.origin_, nullptr)) {}
  Memory& operator=(Memory&& other) noexcept {
    if (this != &other) {
      release();
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
      origin_ = std::exchange(other.origin_, nullptr);
    }
    return *this;
  }
  ~Memory() { release(); }

  // Contents unspecified, pages untouched. std::bad_alloc if there is no memory. Zero bytes own nothing: data() is null.
  static Memory uninitialized(std::size_t size) { return Memory(size, false); }
  // All zero; large blocks are not touched for it.
  static Memory zeros(std::size_t size) { return Memory(size, true); }

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }

  static constexpr std::size_t alignment = 64;
  static constexpr std::size_t huge_page = std::size_t{2} << 20;
  // From here on the kernel is asked directly.
  static constexpr std::size_t large = 2 * huge_page;

 private:
  Memory(std::size_t size, bool zero) {
    if (size == 0) return;
    if (size > SIZE_MAX / 4) throw std::bad_alloc();
    if (size >= large) {
      map(size);
    } else {
      origin_ = zero ? std::calloc(size + alignment, 1) : std::malloc(size + alignment);
      if (!origin_) throw std::bad_alloc();
      const std::size_t misaligned = reinterpret_cast<std::uintptr_t>(origin_) % alignment;
      data_ = static_cast<std::byte*>(origin_) + (alignment - misaligned) % alignment;
    }
    size_ = size;
  }

  // Whole pages, whatever their size is (4, 16 or 64 KiB).
  static std::size_t mapped_size(std::size_t size) noexcept { return (size + 65535) / 65536 * 65536; }

  // Huge pages want 2 MiB alignment, which mmap does not promise: map more and give the ends back.
  void map(std::size_t size) {
    const std::size_t wanted = mapped_size(size), asked = wanted + huge_page;
    void* start = ::mmap(nullptr, asked, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) throw std::bad_alloc();
    const std::size_t before = (huge_page - reinterpret_cast<std::uintptr_t>(start) % huge_page) % huge_page;
    data_ = static_cast<std::byte*>(start) + before;
    if (before > 0) ::munmap(start, before);
    if (huge_page > before) ::munmap(data_ + wanted, huge_page - before);
    ::madvise(data_, wanted, MADV_HUGEPAGE);  // a kernel without huge pages says no, which is as well
  }

  void release() noexcept {
    if (origin_)
      std::free(origin_);
    else if (data_)
      ::munmap(data_, mapped_size(size_));
  }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  void* origin_ = nullptr;  // what malloc gave; null for mapped blocks
};

}  // namespace orrery::inline v0
