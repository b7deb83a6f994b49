// Many arrays into one file in one pass: payloads go from the caller's memory to the file, headers and fillers through a small buffer.
// Knows no format; flushing to the disk, names and commits are left to atomic_directory.hpp and atomic_file.hpp.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "orrery/core/array_view.hpp"
#include "orrery/core/copy.hpp"
#include "orrery/core/crc32c.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/storage/file.hpp"

namespace orrery::inline v0::storage {

// Where bytes went.
struct Placed {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint32_t crc32c = 0;  // of these bytes, where checksums are on
};

struct GatherOptions {
  bool checksums = true;
  bool early_writeback = false;  // start on the way to the disk while more is written: for files that sync_data() follows
};

// Appends to a file from an offset on. Holds at most one batch of 1 MiB back; checksums are taken of a batch just before it is written,
// while it is in the cache, and are final when append returns. The destructor writes nothing: call flush() when done. After an error the
// file holds a part of what was appended, and the writer is of no further use. One thread.
class GatherWriter {
 public:
  explicit GatherWriter(File& file, GatherOptions options = {}, std::uint64_t offset = 0)
      : file_(&file), options_(options), end_(offset), written_(offset), started_(offset) {}
  GatherWriter(const GatherWriter&) = delete;
  GatherWriter& operator=(const GatherWriter&) = delete;

  // The memory must stay as it is until flush().
  template <OnUse = OnUse()>
  Placed append(std::span<const std::byte> bytes) {
    Placed placed{end_, bytes.size()};
    place(bytes, small, placed.crc32c, options_.checksums);
    return placed;
  }

  // ... whose checksum is known.
  template <OnUse = OnUse()>
  Placed append(std::span<const std::byte> bytes, std::uint32_t known_crc32c) {
    Placed placed{end_, bytes.size(), known_crc32c};
    place(bytes, small, placed.crc32c, false);
    return placed;
  }

  // The elements in C order. Straight from the array's memory if it is C-contiguous, by blocks through the buffer otherwise; unused bits
  // of types narrower than a byte are put right on the way.
  template <OnUse = OnUse()>
  Placed append(const ArrayView& array) {
    if (array.is_c_contiguous() && !is_sub_byte(array.dtype)) return append({static_cast<const std::byte*>(array.data), array.nbytes()});
    return append_linearised(array);
  }

  // `count` elements of `item` bytes (at most 16) that read(first, count, to) makes on demand, by blocks straight into the buffer.
  template <class Read>
  Placed append_blocks(std::size_t count, std::size_t item, Read&& read);

  // For headers: the memory is free on return.
  template <OnUse = OnUse()>
  Placed append_copy(std::span<const std::byte> bytes) {
    Placed placed{end_, bytes.size()};
    place(bytes, SIZE_MAX, placed.crc32c, options_.checksums);
    return placed;
  }

  // Zeros up to the next multiple.
  template <OnUse = OnUse()>
  void pad_to(std::uint64_t alignment) {
    for (std::uint64_t left = (alignment - end_ % alignment) % alignment; left > 0;) {
      const std::size_t count = std::min(room(), static_cast<std::size_t>(std::min<std::uint64_t>(left, batch)));
      std::memset(buffer() + buffered_, 0, count);
      take_buffered(count);
      left -= count;
    }
  }

  // Goes on in another file, which is empty; everything has been flushed. The buffer is kept.
  void change_file(File& file) noexcept {
    file_ = &file;
    end_ = written_ = started_ = 0;
  }

  // Hands everything to the kernel.
  template <OnUse = OnUse()>
  void flush() {
    file_->pwritev_all(vectors_, written_);
    vectors_.clear();
    buffered_ = 0;
    written_ = end_;
    if (options_.early_writeback && written_ - started_ >= writeback_step) {
      file_->start_writeback(started_, written_ - started_);
      started_ = written_;
    }
  }

  // The offset of what is appended next.
  std::uint64_t size() const noexcept { return end_; }

 private:
  static constexpr std::size_t batch = File::largest_write;
  static constexpr std::size_t small = 4096;  // below that a copy costs less than an entry in the kernel's list
  static constexpr std::uint64_t writeback_step = 8 * batch;

  // Batches end on multiples of their size, so that the page cache gets whole, aligned runs.
  std::size_t room() const noexcept { return batch - static_cast<std::size_t>(end_ % batch); }

  // Never full: it holds no more than the batch does.
  template <OnUse = OnUse()>
  std::byte* buffer() {
    if (!buffer_) buffer_ = std::make_unique_for_overwrite<std::byte[]>(batch);
    return buffer_.get();
  }

  template <OnUse = OnUse()>
  void place(std::span<const std::byte> bytes, std::size_t copied, std::uint32_t& crc, bool checksums) {
    const bool copies = bytes.size() <= copied;
    while (!bytes.empty()) {
      const std::span<const std::byte> piece = bytes.first(std::min(bytes.size(), room()));
      if (checksums) crc = crc32c(piece.data(), piece.size(), crc);
      if (copies) {
        std::memcpy(buffer() + buffered_, piece.data(), piece.size());
        take_buffered(piece.size());
      } else {
        take({const_cast<std::byte*>(piece.data()), piece.size()});
      }
      bytes = bytes.subspan(piece.size());
    }
  }

  template <OnUse = OnUse()>
  Placed append_linearised(const ArrayView& array) {
    return append_blocks(array.size(), array.item_size(),
                         [&](std::size_t first, std::size_t count, std::byte* to) { linearise(array, first, count, to); });
  }

  template <OnUse = OnUse()>
  static void linearise(const ArrayView& array, std::size_t first, std::size_t count, std::byte* to) {
    clear_unused_bits(array.dtype, to, copy_c_order_range(array, first, count, to));
  }

  // The next bytes of the buffer, lengthening the entry before if that ends there.
  template <OnUse = OnUse()>
  void take_buffered(std::size_t size) {
    std::byte* from = buffer_.get() + buffered_;
    buffered_ += size;
    if (vectors_.empty() || static_cast<std::byte*>(vectors_.back().iov_base) + vectors_.back().iov_len != from) return take({from, size});
    vectors_.back().iov_len += size;
    advance(size);
  }
  template <OnUse = OnUse()>
  void take(::iovec entry) {
    vectors_.push_back(entry);
    advance(entry.iov_len);
  }
  template <OnUse = OnUse()>
  void advance(std::size_t size) {
    end_ += size;
    if (end_ % batch == 0 || vectors_.size() == detail::most_vectors) flush();
  }

  File* file_;
  GatherOptions options_;
  std::uint64_t end_;      // of what was appended
  std::uint64_t written_;  // of what the kernel has
  std::uint64_t started_;  // of what is on its way to the disk
  std::vector<::iovec> vectors_{};
  std::unique_ptr<std::byte[]> buffer_{};
  std::size_t buffered_ = 0;
};

template <class Read>
Placed GatherWriter::append_blocks(std::size_t count, std::size_t item, Read&& read) {
  Placed placed{end_, count * item};
  for (std::size_t first = 0; first < count;) {
    const std::size_t block = std::min(count - first, room() / item);
    if (block == 0) {  // an element across the end of a batch
      std::byte element[16];
      read(first++, std::size_t{1}, +element);
      place({element, item}, SIZE_MAX, placed.crc32c, options_.checksums);
      continue;
    }
    std::byte* to = buffer() + buffered_;
    read(first, block, to);
    if (options_.checksums) placed.crc32c = crc32c(to, block * item, placed.crc32c);
    take_buffered(block * item);
    first += block;
  }
  return placed;
}

}  // namespace orrery::inline v0::storage
