// Patterns over key paths ("model/params/(.*)"): literal ones are compared, the others are ECMAScript regular expressions, which must
// match the whole path, as Orbax's do with Python's re. What the two languages read differently is refused by name. <regex> is
// in key_pattern_impl.hpp alone; nothing of it is instantiated unless a pattern is written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"

namespace orrery::inline v0 {

namespace detail {

// What the groups of a match hold, the whole match first; a group that took no part is empty.
using Captures = std::vector<std::string>;

inline constexpr std::size_t longest_key = 2048;  // std::regex takes a stack frame and more for every character

[[noreturn]] inline void refuse_pattern(std::string_view pattern, const std::string& what) {
  throw ArgumentError("the pattern \"" + std::string(pattern) + "\" cannot be used: " + what);
}

// std::regex, for those who see it (key_pattern_impl.hpp).
struct StandardRegex;

}  // namespace detail

// One pattern; cheap to copy.
class KeyPattern {
 public:
  // ArgumentError, naming the pattern, for what is no pattern or has another meaning in Python. (A template, so that who writes no pattern
  // does not pay for std::regex.)
  template <class Regex = detail::StandardRegex>
  static KeyPattern compile(std::string text);

  const std::string& text() const noexcept { return text_; }
  bool is_literal() const noexcept { return is_literal_; }
  std::size_t groups() const noexcept { return groups_; }

  // Whether it matches the whole key; the groups on request. ArgumentError for keys over 2048 bytes that are not ruled out by their start.
  template <OnUse = OnUse()>
  bool matches(std::string_view key, detail::Captures* captures = nullptr) const {
    if (is_literal_) {
      if (key != text_) return false;
      if (captures) captures->assign(1, text_);
      return true;
    }
    if (!key.starts_with(prefix_)) return false;
    if (key.size() > detail::longest_key)
      throw ArgumentError("a key path of " + std::to_string(key.size()) + " bytes is too long to be matched with \"" + text_ +
                          "\"; the most is " + std::to_string(detail::longest_key));
    return run_(regex_.get(), key.data(), key.data() + key.size(), captures);
  }

 private:
  std::string text_{}, prefix_{};
  bool is_literal_ = true;
  std::size_t groups_ = 0;
  std::shared_ptr<const void> regex_{};
  bool (*run_)(const void*, const char*, const char*, detail::Captures*) = nullptr;
};

namespace detail {

// Python's match.expand: \1 to \99, \g<1>, and the escapes of characters. Calls text(part) and group(number) in turn. ArgumentError,
// naming the template, for what Python refuses, for group names, and for octal escapes.
template <class Text, class Group>
void parse_key_template(std::string_view from, Text&& text, Group&& group) {
  const auto refuse = [&](const std::string& what) {
    throw ArgumentError("the original_key \"" + std::string(from) + "\" cannot be used: " + what);
  };
  const auto digit = [&](std::size_t i) { return i < from.size() && from[i] >= '0' && from[i] <= '9'; };
  for (std::size_t i = 0; i < from.size();) {
    if (from[i] != '\\') {
      const std::size_t end = std::min(from.find('\\', i), from.size());
      text(from.substr(i, end - i));
      i = end;
      continue;
    }
    const char c = i + 1 < from.size() ? from[i + 1] : '\0';
    if (c >= '1' && c <= '9') {
      const std::size_t digits = digit(i + 2) ? 2 : 1;
      if (digits == 2 && digit(i + 3)) refuse("Python reads three digits as one octal character; write \\g<1> before digits");
      group(static_cast<std::size_t>(std::stoul(std::string(from.substr(i + 1, digits)))));
      i += 1 + digits;
    } else if (c == 'g') {
      const std::size_t close = from.find('>', i);
      if (i + 2 >= from.size() || from[i + 2] != '<' || close == std::string_view::npos) refuse("\\g must be followed by <number>");
      const std::string_view number = from.substr(i + 3, close - i - 3);
      if (number.empty() || number.size() > 2 || number.find_first_not_of("0123456789") != std::string_view::npos)
        refuse("groups have numbers, not names: \\g<1>");
      group(static_cast<std::size_t>(std::stoul(std::string(number))));
      i = close + 1;
    } else if (constexpr std::string_view escapes = "ntrafv\\b", characters = "\n\t\r\a\f\v\\\b";
               escapes.find(c) != std::string_view::npos && c) {
      text(characters.substr(escapes.find(c), 1));
      i += 2;
    } else if (c == '\0' || c == '0' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      refuse("bad escape \\" + (c ? std::string(1, c) : "") + "; \\1 is the first group, \\\\ a backslash");
    } else {
      text(from.substr(i, 2));  // Python keeps the backslash
      i += 2;
    }
  }
}

template <OnUse = OnUse()>
inline std::string expand_key(std::string_view from, const Captures& captures) {
  std::string out;
  parse_key_template(
      from, [&](std::string_view part) { out += part; }, [&](std::size_t group) { out += captures[group]; });
  return out;
}

}  // namespace detail

ORRERY_ONCE(KeyPattern KeyPattern::compile<detail::StandardRegex>(std::string));

}  // namespace orrery::inline v0

#ifndef ORRERY_COMPILED
#include "orrery/restore/key_pattern_impl.hpp"  // IWYU pragma: export
#endif
