// One Unicode code point out of UTF-8, for those who write text that depends on it (json_writer.hpp, python_text.hpp). Checking a
// whole text is left to utf8.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace orrery::inline v0 {

// What next_code_point gives for bytes that are no UTF-8.
inline constexpr std::uint32_t no_code_point = 0xFFFFFFFF;

// The code point at text[at]; `at` is moved behind it. Shortest forms only, no surrogates, nothing above U+10FFFF: otherwise
// no_code_point, and `at` is moved by one byte.
inline std::uint32_t next_code_point(std::string_view text, std::size_t& at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t lead = byte(at);
  const std::size_t more = lead < 0x80 ? 0 : lead < 0xC2 ? 4 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : lead < 0xF5 ? 3 : 4;
  if (more == 4 || more >= text.size() - at) return ++at, no_code_point;
  std::uint32_t point = more == 0 ? lead : lead & (0x3Fu >> more);
  for (std::size_t i = 1; i <= more; ++i) {
    if ((byte(at + i) & 0xC0u) != 0x80u) return ++at, no_code_point;
    point = point << 6 | (byte(at + i) & 0x3Fu);
  }
  constexpr std::uint32_t least[] = {0, 0x80, 0x800, 0x10000};
  if (point < least[more] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return ++at, no_code_point;
  at += more + 1;
  return point;
}

}  // namespace orrery::inline v0
