// blosc containers (version 1) through c-blosc, decoding alone: TensorStore's default for zarr v2 where nobody says otherwise. What the
// header says of itself is checked before the library acts on it. Rules: spec/zarr.md 5.4.
#pragma once

#include <blosc.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "orrery/core/byte_io.hpp"
#include "orrery/core/error.hpp"

namespace orrery::inline v0 {

// Decodes a container that must fill the size bytes at out exactly. FormatError naming `where` if it does not or is no such container;
// out is then unspecified. From any thread; beside out at most 4 times its size is allocated.
inline void blosc_decompress(std::string_view container, void* out, std::size_t size, const Where& where = {});

// ... of unknown size; FormatError if it is said to be more than cap bytes.
inline std::string blosc_decompress_unknown(std::string_view container, std::size_t cap, const Where& where = {});

namespace detail {

[[noreturn]] inline void throw_blosc(const std::string& what, const Where& where) {
  throw FormatError("expected exactly one blosc container, found " + what, where);
}

inline void check_blosc_header(std::string_view container, std::size_t size, const Where& where) {
  if (container.size() < BLOSC_MIN_HEADER_LENGTH) throw_blosc(std::to_string(container.size()) + " bytes, less than its header", where);
  const char* header = container.data();
  const std::uint8_t version = static_cast<std::uint8_t>(header[0]), type_size = static_cast<std::uint8_t>(header[3]);
  const std::uint32_t decoded = load_le<std::uint32_t>(header + 4), block = load_le<std::uint32_t>(header + 8),
                      whole = load_le<std::uint32_t>(header + 12);
  if (version != BLOSC_VERSION_FORMAT) throw_blosc("format version " + std::to_string(version), where);
  if (whole != container.size()) throw_blosc("one of " + std::to_string(whole) + " bytes in " + std::to_string(container.size()), where);
  if (decoded != size)
    throw FormatError("expected a blosc container of " + std::to_string(size) + " decoded bytes, found " + std::to_string(decoded), where);
  // Blocks are buffers that the library allocates.
  if (type_size == 0 || block == 0 || block > decoded)
    throw_blosc("elements of " + std::to_string(type_size) + " bytes in blocks of " + std::to_string(block) + ", which cannot be", where);
}

}  // namespace detail

inline void blosc_decompress(std::string_view container, void* out, std::size_t size, const Where& where) {
  detail::check_blosc_header(container, size, where);
  const int length = ::blosc_decompress_ctx(container.data(), out, size, 1);
  if (length < 0 || static_cast<std::size_t>(length) != size)
    detail::throw_blosc("one that c-blosc refuses (code " + std::to_string(length) + "): damaged, or of a codec that it was built without",
                        where);
}

inline std::string blosc_decompress_unknown(std::string_view container, std::size_t cap, const Where& where) {
  if (container.size() < BLOSC_MIN_HEADER_LENGTH) detail::check_blosc_header(container, 0, where);  // says so
  const std::size_t size = load_le<std::uint32_t>(container.data() + 4);
  if (size > cap)
    throw FormatError("expected a blosc container of at most " + std::to_string(cap) + " decoded bytes, found " + std::to_string(size),
                      where);
  detail::check_blosc_header(container, size, where);
  std::string bytes(size, '\0');
  blosc_decompress(container, bytes.data(), bytes.size(), where);
  return bytes;
}

}  // namespace orrery::inline v0
