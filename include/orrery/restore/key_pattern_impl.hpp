// How patterns become std::regex, and what is refused because Python's re reads it differently. The only header with <regex>.
#pragma once

#include <cstddef>
#include <memory>
#include <regex>
#include <string>
#include <string_view>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/restore/key_pattern.hpp"

namespace orrery::inline v0 {

namespace detail {

template <class Wanted>
struct RegexOf {
  using type = std::regex;
};

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

template <class Wanted>
KeyPattern KeyPattern::compile(std::string text) {
  using Regex = typename detail::RegexOf<Wanted>::type;
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

}  // namespace orrery::inline v0
