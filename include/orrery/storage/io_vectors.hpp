// A list of buffers on its way through calls that may move less than asked: file.hpp's bookkeeping for preadv and pwritev.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <span>

#include "orrery/core/on_use.hpp"

namespace orrery::inline v0::storage::detail {

// Entries per call that Linux accepts (UIO_MAXIOV).
inline constexpr std::size_t most_vectors = 1024;

// Walks a list by prefixes: next() or shorten() chooses one, the call is made with data() and count(), advance() drops what was moved.
// The entry where a prefix ends is cut for the call and made whole again by advance().
class IoVectors {
 public:
  template <OnUse = OnUse()>
  explicit IoVectors(std::span<::iovec> list) noexcept : list_(list) {
    drop_empty();
  }

  template <OnUse = OnUse()>
  bool empty() const noexcept {
    return list_.empty();
  }
  ::iovec* data() const noexcept { return list_.data(); }
  int count() const noexcept { return static_cast<int>(count_); }

  // Chooses the longest prefix of at most `limit` > 0 bytes that one call takes; returns its bytes.
  std::size_t next(std::size_t limit) noexcept {
    std::size_t bytes = 0;
    for (count_ = 0; count_ < list_.size() && count_ < most_vectors && bytes < limit; ++count_) {
      const std::size_t room = limit - bytes;
      if (list_[count_].iov_len > room) cut(count_, room);
      bytes += list_[count_].iov_len;
    }
    return bytes_ = bytes;
  }

  // Chooses a shorter one.
  void shorten(std::size_t limit) noexcept {
    if (limit >= bytes_) return;
    make_whole();
    next(std::max(limit, std::size_t{1}));
  }

  template <OnUse = OnUse()>
  void advance(std::size_t bytes) noexcept {
    make_whole();
    while (bytes > 0 && bytes >= list_.front().iov_len) {
      bytes -= list_.front().iov_len;
      list_ = list_.subspan(1);
    }
    if (bytes > 0) {
      list_.front().iov_base = static_cast<char*>(list_.front().iov_base) + bytes;
      list_.front().iov_len -= bytes;
    }
    drop_empty();
  }

  template <OnUse = OnUse()>
  std::size_t bytes_left() noexcept {
    make_whole();
    std::size_t bytes = 0;
    for (const ::iovec& entry : list_) bytes += entry.iov_len;
    return bytes;
  }

 private:
  void cut(std::size_t at, std::size_t length) noexcept {
    cut_at_ = at;
    cut_off_ = list_[at].iov_len - length;
    list_[at].iov_len = length;
  }
  void make_whole() noexcept {
    if (cut_off_ > 0) list_[cut_at_].iov_len += cut_off_;
    cut_off_ = 0;
  }
  template <OnUse = OnUse()>
  void drop_empty() noexcept {
    while (!list_.empty() && list_.front().iov_len == 0) list_ = list_.subspan(1);
  }

  std::span<::iovec> list_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  std::size_t cut_at_ = 0;
  std::size_t cut_off_ = 0;
};

}  // namespace orrery::inline v0::storage::detail
