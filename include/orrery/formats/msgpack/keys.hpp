// Dict keys other than strings, which only msgpack files hold (spec/flax-legacy.md 2.8): DictKey::text is Python's str(key), and from it
// the key itself can be had back.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>

#include "orrery/core/on_use.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/from_chars.hpp"
#include "orrery/formats/python_text.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0::msgpack_format {

// str(b"..."): b'\x00a'.
template <OnUse = OnUse()>
inline std::string python_bytes(std::string_view content) {
  constexpr char hex[] = "0123456789abcdef";
  const bool has_single = content.find('\'') != content.npos, has_double = content.find('"') != content.npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string text = {'b', quote};
  for (char c : content) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\')
      text += {'\\', c};
    else if (c == '\n')
      text += "\\n";
    else if (c == '\r')
      text += "\\r";
    else if (c == '\t')
      text += "\\t";
    else if (byte < 0x20 || byte > 0x7e)
      text += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
    else
      text += c;
  }
  return text += quote;
}

// The content of what python_bytes made; ArgumentError for anything else.
template <OnUse = OnUse()>
inline std::string bytes_of_repr(std::string_view text) {
  auto refuse = [&] { throw ArgumentError("the key " + std::string(text) + " does not read as a Python bytes literal"); };
  if (text.size() < 3 || text[0] != 'b' || (text[1] != '\'' && text[1] != '"') || text.back() != text[1]) refuse();
  text.remove_prefix(2);
  text.remove_suffix(1);
  std::string content;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      content += text[i];
      continue;
    }
    if (++i == text.size()) refuse();
    if (text[i] == 'x') {
      unsigned byte = 0;
      if (text.size() - i < 3 || std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr != text.data() + i + 3) refuse();
      content += static_cast<char>(byte);
      i += 2;
    } else {
      content += text[i] == 'n' ? '\n' : text[i] == 'r' ? '\r' : text[i] == 't' ? '\t' : text[i];
    }
  }
  return content;
}

// The number that a key's text spells; ArgumentError where it spells none of that type.
template <class Number>
Number parse_number(std::string_view text) {
  Number value{};
  auto [end, error] = orrery::detail::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw ArgumentError("the key " + std::string(text) + " does not read as the number it says it is");
  return value;
}

// For Python's order of numeric keys. Integers beyond 2^53 may compare equal.
template <OnUse = OnUse()>
inline double key_number(const DictKey& key) {
  return key.kind == DictKeyKind::boolean ? (key.text == "True" ? 1.0 : 0.0) : parse_number<double>(key.text);
}

// For Python's order of string and bytes keys: code points, which UTF-8 keeps, or bytes.
template <OnUse = OnUse()>
inline std::string key_content(const DictKey& key) {
  return key.kind == DictKeyKind::bytes ? bytes_of_repr(key.text) : key.text;
}

inline DictKey integer_key(std::int64_t value) { return {std::to_string(value), DictKeyKind::integer}; }
inline DictKey integer_key(std::uint64_t value) { return {std::to_string(value), DictKeyKind::integer}; }
template <OnUse = OnUse()>
inline DictKey float_key(double value) {
  return {python_float(value), DictKeyKind::floating};
}
inline DictKey bool_key(bool value) { return {value ? "True" : "False", DictKeyKind::boolean}; }
template <OnUse = OnUse()>
inline DictKey bytes_key(std::string_view content) {
  return {python_bytes(content), DictKeyKind::bytes};
}
inline DictKey none_key() { return {"None", DictKeyKind::none}; }

}  // namespace orrery::inline v0::msgpack_format
