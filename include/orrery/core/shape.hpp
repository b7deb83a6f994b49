// Extents of arrays. Ranks up to six need no allocation; products are checked, since extents come out of files.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"

namespace orrery::inline v0 {

using Dim = std::int64_t;

// A short list of Dims: a shape, strides, an index. Value semantics; at most 255 entries; converts to std::span<const Dim> as any
// contiguous range does.
class Shape {
 public:
  static constexpr std::size_t inline_rank = 6;

  Shape() noexcept = default;
  template <OnUse = OnUse()>
  Shape(std::initializer_list<Dim> dims) : Shape(std::span<const Dim>(dims.begin(), dims.size())) {}
  template <OnUse = OnUse()>
  explicit Shape(std::span<const Dim> dims) {
    resize(dims.size());
    std::copy(dims.begin(), dims.end(), data());
  }
  Shape(const Shape& other) : Shape(std::span<const Dim>(other)) {}
  Shape(Shape&& other) noexcept : rank_(std::exchange(other.rank_, std::uint8_t{0})), far_(std::move(other.far_)) {
    std::copy_n(other.near_, rank_ < inline_rank ? rank_ : inline_rank, near_);
  }
  Shape& operator=(const Shape& other) {
    if (this != &other) {
      resize(other.size());
      std::copy(other.begin(), other.end(), data());
    }
    return *this;
  }
  Shape& operator=(Shape&& other) noexcept {
    if (this != &other) {
      rank_ = std::exchange(other.rank_, std::uint8_t{0});
      far_ = std::move(other.far_);
      std::copy_n(other.near_, rank_ < inline_rank ? rank_ : inline_rank, near_);
    }
    return *this;
  }
  ~Shape() = default;

  // rank entries, all zero.
  template <OnUse = OnUse()>
  static Shape zeros(std::size_t rank) {
    Shape shape;
    shape.resize(rank);
    std::fill_n(shape.data(), rank, Dim{0});
    return shape;
  }

  std::size_t size() const noexcept { return rank_; }
  std::size_t rank() const noexcept { return rank_; }
  bool empty() const noexcept { return rank_ == 0; }
  template <OnUse = OnUse()>
  Dim* data() noexcept {
    return rank_ > inline_rank ? far_.get() : near_;
  }
  template <OnUse = OnUse()>
  const Dim* data() const noexcept {
    return rank_ > inline_rank ? far_.get() : near_;
  }
  template <OnUse = OnUse()>
  Dim* begin() noexcept {
    return data();
  }
  template <OnUse = OnUse()>
  Dim* end() noexcept {
    return data() + rank_;
  }
  template <OnUse = OnUse()>
  const Dim* begin() const noexcept {
    return data();
  }
  template <OnUse = OnUse()>
  const Dim* end() const noexcept {
    return data() + rank_;
  }
  template <OnUse = OnUse()>
  Dim& operator[](std::size_t i) noexcept {
    return data()[i];
  }
  template <OnUse = OnUse()>
  Dim operator[](std::size_t i) const noexcept {
    return data()[i];
  }

  // Leaves the entries unspecified. ArgumentError above 255 entries.
  template <OnUse = OnUse()>
  void resize(std::size_t rank) {
    if (rank > 255) throw_rank(rank);
    if (rank > inline_rank) far_ = std::make_unique<Dim[]>(rank);
    rank_ = static_cast<std::uint8_t>(rank);
  }

  friend bool operator==(const Shape& a, const Shape& b) noexcept { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

 private:
  [[noreturn]] static void throw_rank(std::size_t rank) {
    throw ArgumentError("arrays have at most 255 dimensions, not " + std::to_string(rank));
  }

  std::uint8_t rank_ = 0;
  Dim near_[inline_rank]{};
  std::unique_ptr<Dim[]> far_{};
};

// Product of the extents: 1 for rank 0, nothing if an extent is negative or the product exceeds 2^63 - 1. A zero extent gives zero
// whatever the others are, as in NumPy, once each of them is valid.
template <OnUse = OnUse()>
inline std::optional<Dim> checked_count(std::span<const Dim> shape) noexcept {
  Dim count = 1;
  bool zero = false;
  for (Dim extent : shape) {
    if (extent < 0) return std::nullopt;
    if (extent == 0) zero = true;
  }
  if (zero) return 0;
  for (Dim extent : shape)
    if (__builtin_mul_overflow(count, extent, &count)) return std::nullopt;
  return count;
}

// Bytes of that many elements, or nothing where that does not fit into 63 bits.
template <OnUse = OnUse()>
inline std::optional<std::size_t> checked_bytes(std::span<const Dim> shape, std::size_t item) noexcept {
  auto count = checked_count(shape);
  Dim bytes = 0;
  if (!count || __builtin_mul_overflow(*count, static_cast<Dim>(item), &bytes)) return std::nullopt;
  return static_cast<std::size_t>(bytes);
}

// "(5, 3)", "(3,)", "()": as NumPy prints a shape.
template <OnUse = OnUse()>
inline std::string to_string(std::span<const Dim> shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}
template <OnUse = OnUse()>
inline std::string to_string(const Shape& shape) {
  return to_string(std::span<const Dim>(shape));
}

}  // namespace orrery::inline v0
