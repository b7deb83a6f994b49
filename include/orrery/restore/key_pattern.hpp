// Patterns over key paths ("model/params/(.*)"): literal ones are compared, the others are ECMAScript regular expressions, which must
// match the whole path, as Orbax's do with Python's re. What the two languages read differently is refused by name. The only header with
// <regex>; nothing of it is instantiated unless a pattern is written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <regex>
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

template <OnUse = OnUse()>
inline bool is_metacharacter(char c) noexcept {
  return std::string_view("\\^$.|?*+()[]{}").find(c) != std::string_view::npos;
}

// Finds what Python's re reads in another way than ECMAScript, or what ECMAScript does not have, and the literal start of a pattern.
class PatternCheck {
 public:
  template <OnUse = OnUse()>
  explicit PatternCheck(std::string_view pattern) : pattern_(pattern) {
    while (at_ < pattern_.size()) step();
  }
  // The text that every match starts with.
  template <OnUse = OnUse()>
  std::string_view prefix() const noexcept {
    return has_alternatives_ ? std::string_view() : pattern_.substr(0, prefix_);
  }

 private:
  char look(std::size_t ahead) const noexcept { return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0'; }
  [[noreturn]] void refuse(const std::string& what) const { refuse_pattern(pattern_, what); }

  template <OnUse = OnUse()>
  void step() {
    const char c = pattern_[at_];
    if (!is_metacharacter(c)) {
      ++at_;
      if (!prefix_is_over_) prefix_ = at_;
      was_quantifier_ = false;
      return;
    }
    if (!prefix_is_over_ && (c == '?' || c == '*' || c == '+' || c == '{') && prefix_ > 0) --prefix_;  // what stands before may be absent
    prefix_is_over_ = true;
    switch (c) {
      case '\\': escape(false); break;
      case '[': bracket(); break;
      case '(': group(); break;
      case ')': --depth_, plain(); break;
      case '|': has_alternatives_ = has_alternatives_ || depth_ == 0, plain(); break;
      case '?':
      case '*':
      case '+': quantifier(1); break;
      case '{': quantifier(braces()); break;
      default: plain(); break;
    }
  }
  void plain() {
    ++at_;
    was_quantifier_ = false;
  }

  template <OnUse = OnUse()>
  void escape(bool in_bracket) {
    const char c = look(1);
    if (c == '\0') refuse("it ends in a backslash");
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const std::string_view known = in_bracket ? "dDsSwWnrtfvx" : "dDsSwWbBnrtfvx";
    if (letter && known.find(c) == std::string_view::npos)
      refuse(std::string("\\") + c +
             " means something else, or nothing, outside of Python; key paths are matched whole, so that \\A and \\Z are not needed");
    at_ += 2;
    was_quantifier_ = false;
  }

  template <OnUse = OnUse()>
  void bracket() {
    ++at_;
    if (look(0) == '^') ++at_;
    if (look(0) == ']') refuse("a ] right after [ is a character to Python and the end of the set here; write \\]");
    while (look(0) != ']') {
      if (at_ >= pattern_.size()) refuse("a [ is not closed");
      if (static_cast<unsigned char>(look(0)) >= 0x80)
        refuse("sets of characters are of ASCII only; write alternatives, as (?:\xC3\xA4|\xC3\xB6)");
      if (look(0) == '[' && (look(1) == ':' || look(1) == '.' || look(1) == '='))
        refuse("[: :] and the like are no part of Python's patterns");
      if (look(0) == '\\')
        escape(true);
      else
        ++at_;
    }
    plain();
  }

  void group() {
    ++depth_;
    if (look(1) != '?') return plain();
    const char kind = look(2), next = look(3);
    if (kind == 'P') refuse("named groups (?P...) are Python's alone; groups have numbers here: (...) and \\1");
    if (kind == '<' && (next == '=' || next == '!')) refuse("look-behind (?<" + std::string(1, next) + "...) is Python's alone");
    if (kind == '<') refuse("groups have numbers, not names: (...) and \\1");
    if (kind == '>') refuse("atomic groups (?>...) are Python's alone");
    if (kind == '(') refuse("conditional groups (?(...)...) are Python's alone");
    if (kind == '#') refuse("comments (?#...) are Python's alone");
    if (kind != ':' && kind != '=' && kind != '!') refuse("inline flags, as (?i), are Python's alone");
    at_ += 3;
    was_quantifier_ = false;
  }

  // The length of {n}, {n,} or {n,m}.
  template <OnUse = OnUse()>
  std::size_t braces() const {
    const std::size_t close = pattern_.find('}', at_);
    if (close == std::string_view::npos) refuse("a { is not closed; write \\{ for the character");
    const std::string_view inside = pattern_.substr(at_ + 1, close - at_ - 1);
    if (inside.empty() || inside[0] == ',') refuse("{,n} is Python's alone; write {0,n}");
    if (inside.find_first_not_of("0123456789,") != std::string_view::npos)
      refuse("{" + std::string(inside) + "} is no number of repetitions; write \\{");
    return close - at_ + 1;
  }
  void quantifier(std::size_t length) {
    if (at_ > 0 && static_cast<unsigned char>(pattern_[at_ - 1]) >= 0x80)
      refuse("what is repeated must be in parentheses where it is not ASCII");
    if (was_quantifier_ && pattern_[at_] == '+') refuse("possessive quantifiers, as *+, are Python's alone");
    const bool lazy = was_quantifier_ && pattern_[at_] == '?';
    if (was_quantifier_ && !lazy) refuse("multiple repeat");
    at_ += length;
    was_quantifier_ = !lazy;
  }

  std::string_view pattern_;
  std::size_t at_ = 0, prefix_ = 0;
  int depth_ = 0;
  bool prefix_is_over_ = false, has_alternatives_ = false, was_quantifier_ = false;
};

}  // namespace detail

// One pattern; cheap to copy.
class KeyPattern {
 public:
  // ArgumentError, naming the pattern, for what is no pattern or has another meaning in Python. (A template, so that who writes no pattern
  // does not pay for std::regex.)
  template <class Regex = std::regex>
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

template <class Regex>
KeyPattern KeyPattern::compile(std::string text) {
  KeyPattern out;
  out.text_ = std::move(text);
  out.is_literal_ = out.text_.find_first_of("\\^$.|?*+()[]{}") == std::string::npos;
  if (out.is_literal_) return out;
  out.prefix_ = detail::PatternCheck(out.text_).prefix();
  try {
    auto regex = std::make_shared<const Regex>(out.text_, Regex::ECMAScript);
    out.groups_ = regex->mark_count();
    out.regex_ = std::move(regex);
  } catch (const std::regex_error& error) {
    detail::refuse_pattern(out.text_, error.what());
  }
  out.run_ = [](const void* regex, const char* first, const char* last, detail::Captures* captures) {
    std::match_results<const typename Regex::value_type*> found;
    if (!std::regex_match(first, last, found, *static_cast<const Regex*>(regex))) return false;
    if (captures) captures->assign(found.begin(), found.end());
    return true;
  };
  return out;
}

ORRERY_ONCE(KeyPattern KeyPattern::compile<std::regex>(std::string));

}  // namespace orrery::inline v0
