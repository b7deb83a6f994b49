// Texts as Python writes them: repr(str), repr(float). Names in Orbax's metadata, names of Flax's files and messages depend on them.
// Rules: spec/orbax.md 2.1.2, spec/flax-legacy.md 1.2, 1.3.
#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "orrery/core/on_use.hpp"
#include "orrery/formats/code_point.hpp"

namespace orrery::inline v0 {

// repr(text): single quotes, double ones where the text has single quotes and no double ones; backslash escapes for what Python calls
// not printable (controls, formats, separators, private use), other non-ASCII text as it is. Code points that no Unicode version
// assigns are kept too: Python's answer for them changes with its release. Bytes that are no UTF-8 are escaped one by one as \xhh.
template <OnUse = OnUse()>
inline std::string python_string(std::string_view text);

// repr(value): the shortest digits that read back as the same number, positional for exponents -4 to 15, else scientific.
template <OnUse = OnUse()>
inline std::string python_float(double value);

namespace detail {

// str.isprintable() for one code point from U+007F on.
inline bool is_python_printable(std::uint32_t point) noexcept {
  struct Range {
    std::uint32_t first, last;
  };
  // General categories Cc, Cf, Co, Zl, Zp and Zs, and the code points that will never be characters.
  static constexpr Range not_printable[] = {
      {0x7F, 0xA0},       {0xAD, 0xAD},       {0x600, 0x605},     {0x61C, 0x61C},     {0x6DD, 0x6DD},
      {0x70F, 0x70F},     {0x890, 0x891},     {0x8E2, 0x8E2},     {0x1680, 0x1680},   {0x180E, 0x180E},
      {0x2000, 0x200F},   {0x2028, 0x202F},   {0x205F, 0x206F},   {0x3000, 0x3000},   {0xE000, 0xF8FF},
      {0xFDD0, 0xFDEF},   {0xFEFF, 0xFEFF},   {0xFFF0, 0xFFFB},   {0x110BD, 0x110BD}, {0x110CD, 0x110CD},
      {0x13430, 0x1343F}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE00FF}, {0xE01F0, 0x10FFFF},
  };
  if ((point & 0xFFFE) == 0xFFFE) return false;
  for (const Range& range : not_printable)
    if (point <= range.last) return point < range.first;
  return true;
}

}  // namespace detail

template <OnUse>
inline std::string python_string(std::string_view text) {
  const bool single = text.find('\'') != std::string_view::npos, twice = text.find('"') != std::string_view::npos;
  const char quote = single && !twice ? '"' : '\'';
  std::string out(1, quote);
  const auto escape = [&](char letter, std::uint32_t value, int digits) {
    out += '\\';
    out += letter;
    while (digits-- > 0) out += "0123456789abcdef"[(value >> (4 * digits)) & 15];
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const std::uint32_t point = next_code_point(text, at);
    if (point == no_code_point) {
      escape('x', static_cast<unsigned char>(text[start]), 2);
    } else if (point == static_cast<unsigned char>(quote) || point == '\\') {
      out += '\\';
      out += text[start];
    } else if (point == '\n' || point == '\r' || point == '\t') {
      out += point == '\n' ? "\\n" : point == '\r' ? "\\r" : "\\t";
    } else if (point < 0x7F ? point >= 0x20 : detail::is_python_printable(point)) {
      out += text.substr(start, at - start);
    } else if (point < 0x100) {
      escape('x', point, 2);
    } else if (point < 0x10000) {
      escape('u', point, 4);
    } else {
      escape('U', point, 8);
    }
  }
  return out += quote;
}

template <OnUse>
inline std::string python_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char text[40];
  const char* end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  const std::string_view all(text, static_cast<std::size_t>(end - text));
  const std::size_t e = all.find('e');
  int exponent = 0;
  const char* digits = text + e + 1;
  std::from_chars(*digits == '+' ? digits + 1 : digits, end, exponent);
  if (exponent < -4 || exponent >= 16) return std::string(all);
  end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed).ptr;
  std::string out(text, static_cast<std::size_t>(end - text));
  return out.find('.') == std::string::npos ? out + ".0" : out;
}

}  // namespace orrery::inline v0
