// JSON text, written event by event: as Python's json.dumps writes it, or compact as TensorStore does. The events are those that
// json::parse (json.hpp) gives to its handlers, so a text can be parsed straight into a Writer.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/code_point.hpp"
#include "orrery/formats/python_text.hpp"

namespace orrery::inline v0::json {

// python: ", " and ": " between things, ASCII alone, \uXXXX (surrogate pairs) for the rest. compact: "," and ":", UTF-8 as it is.
enum class Style : std::uint8_t { python, compact };

// A JSON string with its quotes. ArgumentError for bytes that are no UTF-8: they would come back as something else.
template <OnUse = OnUse()>
void append_quoted(std::string& out, std::string_view text, Style style = Style::python);
template <OnUse = OnUse()>
inline std::string quoted(std::string_view text, Style style = Style::python) {
  std::string out;
  append_quoted(out, text, style);
  return out;
}

// Appends one value to a string it does not own. The caller keeps the events in order: every start has its end, every value in an
// object its key. Floats are Python's repr, NaN and the infinities its tokens in style python and an ArgumentError in style compact.
class Writer {
 public:
  explicit Writer(std::string& out, Style style = Style::python) noexcept : out_(out), style_(style) {}

  template <OnUse = OnUse()>
  void null() {
    value("null");
  }
  template <OnUse = OnUse()>
  void boolean(bool b) {
    value(b ? "true" : "false");
  }
  template <OnUse = OnUse()>
  void integer(std::int64_t i) {
    value(std::to_string(i));
  }
  template <OnUse = OnUse()>
  void unsigned_integer(std::uint64_t i) {
    value(std::to_string(i));
  }
  template <OnUse = OnUse()>
  void number(double d);
  template <OnUse = OnUse()>
  void string(std::string_view text) {
    separate();
    append_quoted(out_, text, style_);
  }
  template <OnUse = OnUse()>
  void key(std::string_view text) {
    string(text);
    out_ += style_ == Style::python ? ": " : ":";
    follows_ = false;
  }
  template <OnUse = OnUse()>
  void start_object() {
    open('{');
  }
  template <OnUse = OnUse()>
  void end_object() {
    close('}');
  }
  template <OnUse = OnUse()>
  void start_array() {
    open('[');
  }
  template <OnUse = OnUse()>
  void end_array() {
    close(']');
  }

 private:
  template <OnUse = OnUse()>
  void separate() {
    if (follows_) out_ += style_ == Style::python ? ", " : ",";
    follows_ = true;
  }
  template <OnUse = OnUse()>
  void value(std::string_view text) {
    separate();
    out_ += text;
  }
  template <OnUse = OnUse()>
  void open(char bracket) {
    separate();
    out_ += bracket;
    follows_ = false;
  }
  template <OnUse = OnUse()>
  void close(char bracket) {
    out_ += bracket;
    follows_ = true;
  }

  std::string& out_;
  Style style_;
  bool follows_ = false;  // the next value or key stands behind another one
};

namespace detail {

[[noreturn]] inline void throw_not_utf8(std::size_t at) {
  throw ArgumentError("a text that JSON is to hold must be UTF-8; its byte " + std::to_string(at) + " is not");
}
[[noreturn]] inline void throw_no_number() { throw ArgumentError("strict JSON has no number for NaN and the infinities"); }

template <OnUse = OnUse()>
inline void append_unit(std::string& out, std::uint32_t unit) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += "0123456789abcdef"[(unit >> shift) & 15];
}

constexpr bool is_plain(char c) noexcept { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

}  // namespace detail

template <OnUse>
inline void Writer::number(double d) {
  if (std::isfinite(d)) return value(python_float(d));
  if (style_ == Style::compact) detail::throw_no_number();
  value(std::isnan(d) ? "NaN" : d < 0 ? "-Infinity" : "Infinity");
}

template <OnUse>
void append_quoted(std::string& out, std::string_view text, Style style) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    while (at < text.size() && detail::is_plain(text[at])) ++at;
    out += text.substr(start, at - start);
    if (at == text.size()) break;
    const std::size_t special = at;
    const std::uint32_t point = next_code_point(text, at);
    switch (point) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case no_code_point: detail::throw_not_utf8(special);
      default:
        if (point >= 0x20 && style == Style::compact) {
          out += text.substr(special, at - special);
        } else if (point < 0x10000) {
          detail::append_unit(out, point);
        } else {
          detail::append_unit(out, 0xD800 + ((point - 0x10000) >> 10));
          detail::append_unit(out, 0xDC00 + ((point - 0x10000) & 0x3FF));
        }
    }
  }
  out += '"';
}

ORRERY_ONCE(void append_quoted<>(std::string&, std::string_view, Style));

}  // namespace orrery::inline v0::json
