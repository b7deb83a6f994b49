// A msgpack object ready to be written: small header bytes of its own, and references to payloads that stay where they are. Made by
// the packer; what becomes of it, a file or a buffer, is decided above.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/core/copy.hpp"
#include "orrery/core/on_use.hpp"

namespace orrery::inline v0::msgpack_format {

static_assert(std::endian::native == std::endian::little, "orrery: payloads are written in memory order, which must be little-endian");

// Refers to the arrays it was made of: valid while they live and do not change.
class Image {
 public:
  std::size_t size() const noexcept { return size_; }

  // Calls put(bytes, stays) for consecutive runs of bytes. `stays`: they lie there as long as the image and its arrays; otherwise
  // they are a part of an array that does not lie as it is written, gathered in a buffer, and are gone after the call.
  template <class Put>
  void for_each_run(Put&& put) const {
    std::unique_ptr<std::byte[]> buffer;
    for (const Piece& piece : pieces_) {
      if (piece.view == no_view) {
        put(std::span(data(piece), piece.size), true);
        continue;
      }
      if (!buffer) buffer = std::make_unique_for_overwrite<std::byte[]>(block);
      const ArrayView& array = views_[piece.view];
      const std::size_t item = array.item_size(), end = piece.first + piece.size / item, most = block / item;
      for (std::size_t first = piece.first; first < end; first += most) {
        const std::size_t count = std::min(most, end - first);
        elements(array, first, count, buffer.get());
        put(std::span<const std::byte>(buffer.get(), count * item), false);
      }
    }
  }

  // --- making one: what the packer needs, and payloads
  Image& write(const char* data, std::size_t size) {
    heads_.append(data, size);
    return *this;
  }

  // Elements [first, first + count) of an array in C order. Small ones are copied at once, so that they cost no piece.
  template <OnUse = OnUse()>
  void payload(const ArrayView& array, std::size_t first, std::size_t count) {
    const std::size_t item = array.item_size(), size = count * item;
    if (size == 0) return;
    const bool plain = array.is_c_contiguous() && !is_sub_byte(array.dtype);
    if (size <= small) {
      const std::size_t at = heads_.size();
      heads_.resize(at + size);
      elements(array, first, count, reinterpret_cast<std::byte*>(heads_.data() + at));
      return;
    }
    close_heads();
    if (plain) {
      pieces_.push_back({static_cast<const std::byte*>(array.data) + first * item, size, 0, no_view});
    } else {
      pieces_.push_back({nullptr, size, first, static_cast<std::uint32_t>(views_.size())});
      views_.push_back(array);
    }
    size_ += size;
  }

  template <OnUse = OnUse()>
  void text(std::string_view content) {
    if (content.size() <= small) {
      heads_.append(content);
    } else {
      close_heads();
      pieces_.push_back({reinterpret_cast<const std::byte*>(content.data()), content.size(), 0, no_view});
      size_ += content.size();
    }
  }

  template <OnUse = OnUse()>
  void close_heads() {
    if (heads_.size() == closed_) return;
    pieces_.push_back({nullptr, heads_.size() - closed_, closed_, no_view});
    size_ += heads_.size() - closed_;
    closed_ = heads_.size();
  }

 private:
  static constexpr std::size_t small = 256;
  static constexpr std::size_t block = std::size_t{256} << 10;
  static constexpr std::uint32_t no_view = 0xffffffff;
  struct Piece {
    const std::byte* data;  // null: in heads_ at `first`, or elements of a view from `first` on
    std::size_t size;
    std::size_t first;
    std::uint32_t view;
  };

  const std::byte* data(const Piece& piece) const noexcept {
    return piece.data ? piece.data : reinterpret_cast<const std::byte*>(heads_.data() + piece.first);
  }
  // The upper bits of sub-byte elements are cleared, as ml_dtypes of today writes them (3.5).
  template <OnUse = OnUse()>
  static void elements(const ArrayView& array, std::size_t first, std::size_t count, std::byte* out) {
    copy_c_order_range(array, first, count, out);
    if (!is_sub_byte(array.dtype)) return;
    const std::byte mask{static_cast<unsigned char>((1u << info(array.dtype).bits) - 1)};
    for (std::size_t i = 0; i < count; ++i) out[i] &= mask;
  }

  std::string heads_{};
  std::vector<Piece> pieces_{};
  std::deque<ArrayView> views_{};
  std::size_t closed_ = 0;
  std::size_t size_ = 0;
};

}  // namespace orrery::inline v0::msgpack_format
