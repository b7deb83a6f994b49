// Reading and writing the fixed-width integers, varints and byte runs of which binary formats consist. A reader never looks past its
// end, and its errors name file and offset. What the fields mean is the business of formats/.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"

namespace orrery::inline v0 {

// Unsigned or signed integers in the stated byte order, at any alignment.
template <class Int>
Int load_le(const void* from) noexcept;
template <class Int>
Int load_be(const void* from) noexcept;
template <class Int>
void store_le(void* to, Int value) noexcept;
template <class Int>
void store_be(void* to, Int value) noexcept;

// Walks over bytes somebody else owns. Every read that would pass the end throws FormatError and leaves the position where it was.
// `file` must outlive the reader; `base` is the offset in that file of the first byte.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> data, std::string_view file = {}, std::uint64_t base = 0) noexcept
      : data_(data), file_(file), base_(base) {}
  template <OnUse = OnUse()>
  explicit ByteReader(std::string_view data, std::string_view file = {}, std::uint64_t base = 0) noexcept
      : ByteReader(std::as_bytes(std::span(data.data(), data.size())), file, base) {}

  std::size_t position() const noexcept { return at_; }  // bytes read so far
  std::size_t remaining() const noexcept { return data_.size() - at_; }
  bool at_end() const noexcept { return at_ == data_.size(); }
  std::uint64_t offset() const noexcept { return base_ + at_; }  // in the file
  std::string_view file() const noexcept { return file_; }

  std::uint8_t u8() { return fixed<std::uint8_t>(); }
  std::uint16_t u16le() { return fixed<std::uint16_t>(); }
  std::uint32_t u32le() { return fixed<std::uint32_t>(); }
  std::uint64_t u64le() { return fixed<std::uint64_t>(); }
  std::uint16_t u16be() { return load_be<std::uint16_t>(take(2)); }
  std::uint32_t u32be() { return load_be<std::uint32_t>(take(4)); }
  std::uint64_t u64be() { return load_be<std::uint64_t>(take(8)); }

  // LEB128, as OCDBT limits it (spec/ocdbt.md 3): FormatError if too long or too large; padding within the length is accepted.
  template <OnUse = OnUse()>
  std::uint16_t v16() {
    return static_cast<std::uint16_t>(varint(5, 32, 0xffffu));
  }
  template <OnUse = OnUse()>
  std::uint32_t v32() {
    return static_cast<std::uint32_t>(varint(5, 32, 0xffffffffu));
  }
  template <OnUse = OnUse()>
  std::uint64_t v64() {
    return varint(10, 64, ~std::uint64_t{0});
  }

  // The next n bytes, in place.
  std::span<const std::byte> bytes(std::uint64_t n) { return {take(n), static_cast<std::size_t>(n)}; }
  std::string_view text(std::uint64_t n) { return {reinterpret_cast<const char*>(take(n)), static_cast<std::size_t>(n)}; }
  void skip(std::uint64_t n) { take(n); }

  // A reader of the next n bytes, which this one passes over.
  ByteReader sub(std::uint64_t n) {
    const std::uint64_t start = offset();
    return ByteReader(bytes(n), file_, start);
  }

  // FormatError at the current place, or at an offset of the file.
  [[noreturn]] void fail(const std::string& message) const { fail_at(offset(), message); }
  [[noreturn]] void fail_at(std::uint64_t offset, const std::string& message) const {
    throw FormatError(message, {{}, std::string(file_), offset});
  }

  // FormatError unless everything has been read; `what` names what should have ended here.
  void expect_end(std::string_view what) const {
    if (!at_end()) fail("expected the end of " + std::string(what) + ", found " + std::to_string(remaining()) + " more bytes");
  }

 private:
  template <class Int>
  Int fixed() {
    return load_le<Int>(take(sizeof(Int)));
  }

  const std::byte* take(std::uint64_t n) {
    if (n > remaining()) fail_short(n);
    const std::byte* start = data_.data() + at_;
    at_ += static_cast<std::size_t>(n);
    return start;
  }

  template <OnUse = OnUse()>
  std::uint64_t varint(unsigned max_bytes, unsigned bits, std::uint64_t largest) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < max_bytes; ++i) {
      if (i >= remaining()) fail_short(std::uint64_t{i} + 1);
      const auto byte = std::to_integer<std::uint8_t>(data_[at_ + i]);
      const unsigned group = byte & 0x7fu;
      if (bits - 7 * i < 7 && (group >> (bits - 7 * i)) != 0) fail_varint(largest);
      value |= std::uint64_t{group} << (7 * i);
      if (byte < 0x80) {
        if (value > largest) fail_varint(largest);
        at_ += i + 1;
        return value;
      }
    }
    fail_varint(largest);
  }

  [[noreturn]] void fail_short(std::uint64_t n) const {
    fail("the data ends early: expected " + std::to_string(n) + " more bytes, found " + std::to_string(remaining()));
  }
  [[noreturn]] void fail_varint(std::uint64_t largest) const {
    fail("expected a varint of at most " + std::to_string(largest) + ", found a longer or larger one");
  }

  std::span<const std::byte> data_;
  std::string_view file_;
  std::uint64_t base_;
  std::size_t at_ = 0;
};

// Appends to a string it does not own.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) noexcept : out_(out) {}

  std::size_t size() const noexcept { return out_.size(); }
  template <OnUse = OnUse()>
  void u8(std::uint8_t value) {
    out_.push_back(static_cast<char>(value));
  }
  template <OnUse = OnUse()>
  void u16le(std::uint16_t value) {
    little(value);
  }
  template <OnUse = OnUse()>
  void u32le(std::uint32_t value) {
    little(value);
  }
  template <OnUse = OnUse()>
  void u64le(std::uint64_t value) {
    little(value);
  }
  template <OnUse = OnUse()>
  void u16be(std::uint16_t value) {
    big(value);
  }
  template <OnUse = OnUse()>
  void u32be(std::uint32_t value) {
    big(value);
  }
  template <OnUse = OnUse()>
  void u64be(std::uint64_t value) {
    big(value);
  }

  // LEB128 in the fewest bytes.
  template <OnUse = OnUse()>
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) u8(static_cast<std::uint8_t>(value | 0x80));
    u8(static_cast<std::uint8_t>(value));
  }

  template <OnUse = OnUse()>
  void bytes(const void* data, std::size_t n) {
    out_.append(static_cast<const char*>(data), n);
  }
  template <OnUse = OnUse()>
  void bytes(std::span<const std::byte> data) {
    bytes(data.data(), data.size());
  }
  template <OnUse = OnUse()>
  void text(std::string_view data) {
    out_.append(data);
  }

 private:
  template <class Int>
  void little(Int value) {
    char raw[sizeof value];
    store_le(raw, value);
    out_.append(raw, sizeof raw);
  }
  template <class Int>
  void big(Int value) {
    char raw[sizeof value];
    store_be(raw, value);
    out_.append(raw, sizeof raw);
  }

  std::string& out_;
};

namespace detail {

template <class Int>
constexpr Int byte_reversed(Int value) noexcept {
  auto in = static_cast<std::uint64_t>(value);
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < sizeof(Int); ++i, in >>= 8) out = (out << 8) | (in & 0xffu);
  return static_cast<Int>(out);
}

template <class Int, std::endian Order>
Int load_int(const void* from) noexcept {
  Int value;
  std::memcpy(&value, from, sizeof value);
  return Order == std::endian::native ? value : byte_reversed(value);
}

template <class Int, std::endian Order>
void store_int(void* to, Int value) noexcept {
  if constexpr (Order != std::endian::native) value = byte_reversed(value);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace detail

template <class Int>
Int load_le(const void* from) noexcept {
  return detail::load_int<Int, std::endian::little>(from);
}
template <class Int>
Int load_be(const void* from) noexcept {
  return detail::load_int<Int, std::endian::big>(from);
}
template <class Int>
void store_le(void* to, Int value) noexcept {
  detail::store_int<Int, std::endian::little>(to, value);
}
template <class Int>
void store_be(void* to, Int value) noexcept {
  detail::store_int<Int, std::endian::big>(to, value);
}

}  // namespace orrery::inline v0
