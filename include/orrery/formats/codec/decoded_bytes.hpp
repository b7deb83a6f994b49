// Where a streaming decoder (gzip.hpp, bz2.hpp) puts what it makes: memory of the size that the stream must have, or bytes that grow with
// what really comes out. Decoders are templates over the two; both are asked for the free part, told what was filled, asked to grow.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "orrery/core/on_use.hpp"

namespace orrery::inline v0::detail {

// The caller's memory, which does not grow.
class FixedBytes {
 public:
  FixedBytes(void* out, std::size_t size) noexcept : out_(static_cast<char*>(out)), size_(size) {}
  std::span<char> free() const noexcept { return size_ == filled_ ? std::span<char>() : std::span<char>(out_ + filled_, size_ - filled_); }
  void fill(std::size_t count) noexcept { filled_ += count; }
  bool grow() noexcept { return false; }
  std::size_t filled() const noexcept { return filled_; }
  std::string limit() const { return "of " + std::to_string(size_) + " decoded bytes"; }

 private:
  char* out_;
  std::size_t size_, filled_ = 0;
};

// Bytes of unknown number, up to a cap. Takes at most twice what came out, and a little.
class GrowingBytes {
 public:
  explicit GrowingBytes(std::size_t cap) : cap_(cap), bytes_(std::min(cap, first), '\0') {}
  template <OnUse = OnUse()>
  std::span<char> free() noexcept {
    return std::span<char>(bytes_).subspan(filled_);
  }
  void fill(std::size_t count) noexcept { filled_ += count; }
  template <OnUse = OnUse()>
  bool grow() {
    if (bytes_.size() == cap_) return false;
    bytes_.resize(bytes_.size() < cap_ / 2 ? 2 * bytes_.size() : cap_);
    return true;
  }
  std::size_t filled() const noexcept { return filled_; }
  std::string limit() const { return "of at most " + std::to_string(cap_) + " decoded bytes"; }
  template <OnUse = OnUse()>
  std::string take() && {
    bytes_.resize(filled_);
    return std::move(bytes_);
  }

 private:
  static constexpr std::size_t first = 4096;

  std::size_t cap_;
  std::string bytes_;
  std::size_t filled_ = 0;
};

}  // namespace orrery::inline v0::detail
