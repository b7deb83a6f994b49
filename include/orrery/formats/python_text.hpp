// Texts as Python writes them: repr(str), repr(float). Names in Orbax's metadata, names of Flax's files and messages depend on them.
// Rules: spec/orbax.md 2.1.2, spec/flax-legacy.md 1.2, 1.3.
#pragma once

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

namespace orrery::inline v0 {

// repr(text): single quotes, double ones where the text has single quotes and no double ones; backslash escapes. Non-ASCII text is kept
// as it is but for the C1 controls, which is what repr does for everything that occurs in keys; readers do not depend on it.
inline std::string python_string(std::string_view text) {
  const bool single = text.find('\'') != std::string_view::npos, twice = text.find('"') != std::string_view::npos;
  const char quote = single && !twice ? '"' : '\'';
  std::string out(1, quote);
  const auto hex = [&](unsigned value) {
    constexpr char digits[] = "0123456789abcdef";
    out += "\\x";
    out += digits[value >> 4];
    out += digits[value & 15];
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (c == static_cast<unsigned char>(quote) || c == '\\') {
      out += '\\';
      out += text[i];
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7F) {
      hex(c);
    } else if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) <= 0xA0) {
      hex(static_cast<unsigned char>(text[++i]));
    } else {
      out += text[i];
    }
  }
  return out += quote;
}

// repr(value): the shortest digits that read back as the same number, positional for exponents -4 to 15, else scientific.
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
