// One file into many arrays: requests are read in file order, neighbours in one call, straight into the caller's memory, and checked
// while they are in the cache. Which requests there are is decided by formats/ and orbax/.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/crc32c.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/storage/file.hpp"
#include "orrery/storage/mapped_file.hpp"
#include "orrery/storage/progress.hpp"

namespace orrery::inline v0::storage {

struct ReadRequest {
  std::uint64_t offset = 0;
  std::size_t size = 0;
  void* to = nullptr;                     // memory of `size` bytes
  std::optional<std::uint32_t> crc32c{};  // what the bytes must have, if known
  std::string_view key_path{};            // for errors; must outlive the call
};

// Reads all of them, in any order and overlapping if they like. DataLossError, naming file, offset and key path, where a request reaches
// beyond the end of the file (before anything is read) or, with `verify`, where a checksum differs (some targets have been overwritten
// then). One pass over the file; bytes between requests are read along if they are few. `meter`, where there is one, counts requests as
// leaves.
template <OnUse = OnUse()>
void read_scattered(const File& file, const std::vector<ReadRequest>& requests, bool verify = true, ProgressMeter* meter = nullptr);

namespace detail {

inline constexpr std::uint64_t largest_gap = std::uint64_t{16} << 10;  // above that another call costs less than reading along

class ScatterReader {
 public:
  // `span`: bytes from the first to the last that are wanted.
  ScatterReader(const File& file, bool verify, std::uint64_t span, ProgressMeter* meter) noexcept
      : file_(file), verify_(verify), meter_(meter), bounce_size_(static_cast<std::size_t>(std::min<std::uint64_t>(batch, span))) {}

  // Offsets must not fall, except to read something again.
  template <OnUse = OnUse()>
  void read(const ReadRequest& request) {
    if (request.offset != end_) go_to(request.offset);
    auto* to = static_cast<std::byte*>(request.to);
    std::size_t left = request.size;
    do {
      if (taken_ == batch || vectors_.size() == most_vectors) flush();
      const std::size_t size = std::min(left, batch - taken_);
      left -= size;
      take(size, request.size <= small ? nullptr : to, {to, &request, size, left == 0});
      to += size;
    } while (left > 0);
  }

  template <OnUse = OnUse()>
  void flush() {
    file_.preadv_exactly(vectors_, end_ - taken_);
    const std::byte* bounced = bounce_.get();
    for (const Piece& piece : pieces_) {
      if (!piece.to)
        bounced += piece.size;
      else
        deliver(piece, bounced);
    }
    if (meter_)
      for (const Piece& piece : pieces_)
        if (piece.to) meter_->add(piece.size, piece.last);
    vectors_.clear();
    pieces_.clear();
    taken_ = bounced_ = 0;
  }

 private:
  static constexpr std::size_t batch = std::size_t{1} << 20;  // stays in the second-level cache until its checksum is taken
  static constexpr std::size_t small = 2048;                  // below that a copy costs less than an entry in the kernel's list

  // A part of a request, or with a null `to` of a gap.
  struct Piece {
    std::byte* to;
    const ReadRequest* request;
    std::size_t size;
    bool last;
  };

  template <OnUse = OnUse()>
  void go_to(std::uint64_t offset) {
    const std::uint64_t gap = offset - end_;
    if (offset > end_ && taken_ > 0 && gap <= std::min<std::uint64_t>(largest_gap, batch - taken_) && vectors_.size() < most_vectors)
      return take(static_cast<std::size_t>(gap), nullptr, {nullptr, nullptr, static_cast<std::size_t>(gap), false});
    flush();
    end_ = offset;
  }

  // The next bytes of the file, into `direct`, or into the bounce buffer if that is null.
  template <OnUse = OnUse()>
  void take(std::size_t size, std::byte* direct, Piece piece) {
    pieces_.push_back(piece);
    taken_ += size;
    end_ += size;
    std::byte* into = direct;
    if (!direct) {
      if (!bounce_) bounce_ = std::make_unique_for_overwrite<std::byte[]>(bounce_size_);
      into = bounce_.get() + bounced_;
      bounced_ += size;
    }
    if (!direct && !vectors_.empty() && static_cast<std::byte*>(vectors_.back().iov_base) + vectors_.back().iov_len == into)
      vectors_.back().iov_len += size;
    else
      vectors_.push_back({into, size});
  }

  template <OnUse = OnUse()>
  void deliver(const Piece& piece, const std::byte*& bounced) {
    const ReadRequest& request = *piece.request;
    const std::byte* bytes = piece.to;
    if (request.size <= small && piece.size > 0) {
      bytes = bounced;
      bounced += piece.size;
      std::memcpy(piece.to, bytes, piece.size);
    }
    if (!verify_ || !request.crc32c) return;
    crc_ = crc32c(bytes, piece.size, crc_);
    if (!piece.last) return;
    if (crc_ != *request.crc32c) throw_checksum_differs(request);
    crc_ = 0;
  }

  template <OnUse = OnUse()>
  [[noreturn, gnu::cold]] void throw_checksum_differs(const ReadRequest& request) const {
    char text[160];
    std::snprintf(text, sizeof text, "damaged data: the CRC-32C of these %zu bytes should be 0x%08x and is 0x%08x; restore an older step",
                  request.size, *request.crc32c, crc_);
    throw DataLossError(text, {std::string(request.key_path), file_.path(), request.offset});
  }

  const File& file_;
  bool verify_;
  ProgressMeter* meter_;
  std::size_t bounce_size_;
  std::uint64_t end_ = 0;    // offset after what was taken
  std::size_t taken_ = 0;    // bytes of the batch
  std::size_t bounced_ = 0;  // ... of them in the bounce buffer
  std::uint32_t crc_ = 0;    // of the request that is under way
  std::vector<::iovec> vectors_{};
  std::vector<Piece> pieces_{};
  std::unique_ptr<std::byte[]> bounce_{};
};

[[noreturn, gnu::cold]] inline void throw_beyond_end(const File& file, const ReadRequest& request, std::uint64_t size) {
  throw DataLossError(std::to_string(request.size) + " bytes were expected here and the file ends at " + std::to_string(size) +
                          "; it is truncated, or belongs to another checkpoint",
                      {std::string(request.key_path), file.path(), request.offset});
}

// Runs of columns, as another sharding wants them: more than twice their bytes would be read along. From a mapping the processor fetches
// none of these, and what the kernel has in its cache is not copied twice.
template <OnUse = OnUse()>
inline bool is_sparse(const std::vector<const ReadRequest*>& in_order) noexcept {
  constexpr std::uint64_t worth_mapping = std::uint64_t{1} << 20;
  std::uint64_t wanted = 0, along = 0, end = in_order.front()->offset;
  for (const ReadRequest* request : in_order) {
    if (request->crc32c) return false;
    wanted += request->size;
    if (request->offset > end && request->offset - end <= largest_gap) along += request->offset - end;
    end = request->offset + request->size;
  }
  return wanted >= worth_mapping && along >= wanted;
}

template <OnUse = OnUse()>
inline void copy_mapped(const File& file, const std::vector<const ReadRequest*>& in_order, ProgressMeter* meter) {
  const MappedFile mapped(file);
  for (const ReadRequest* request : in_order) {
    if (request->offset + request->size > mapped.size()) throw_beyond_end(file, *request, mapped.size());
    std::memcpy(request->to, mapped.data() + request->offset, request->size);
    if (meter) meter->add(request->size, true);
  }
}

}  // namespace detail

template <OnUse>
inline void read_scattered(const File& file, const std::vector<ReadRequest>& requests, bool verify, ProgressMeter* meter) {
  constexpr std::uint64_t worth_a_hint = std::uint64_t{8} << 20;
  if (requests.empty()) return;
  const std::uint64_t size = file.size();
  std::vector<const ReadRequest*> order;
  order.reserve(requests.size());
  std::uint64_t begin = size, end = 0;
  for (const ReadRequest& request : requests) {
    if (request.size > size || request.offset > size - request.size) detail::throw_beyond_end(file, request, size);
    begin = std::min(begin, request.offset);
    end = std::max(end, request.offset + request.size);
    order.push_back(&request);
  }
  const auto before = [](const ReadRequest* a, const ReadRequest* b) { return a->offset < b->offset; };
  if (!std::is_sorted(order.begin(), order.end(), before)) std::sort(order.begin(), order.end(), before);
  if (detail::is_sparse(order)) return detail::copy_mapped(file, order, meter);
  if (end - begin >= worth_a_hint) file.expect_sequential_reads();
  detail::ScatterReader reader(file, verify, end - begin, meter);
  for (const ReadRequest* request : order) reader.read(*request);
  reader.flush();
}

}  // namespace orrery::inline v0::storage
