// JSON, read through RapidJSON, which no other header includes. parse() drives a handler through a text in one pass (a _METADATA of
// 100 000 leaves is 30 MB) or makes a Value (json_value.hpp) of a small one; text is written with json_writer.hpp.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>
#include <rapidjson/stream.h>

#include "orrery/core/on_use.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/from_chars.hpp"
#include "orrery/formats/json_value.hpp"   // IWYU pragma: export
#include "orrery/formats/json_writer.hpp"  // IWYU pragma: export
#include "orrery/formats/utf8.hpp"

namespace orrery::inline v0::json {

struct ParseOptions {
  std::size_t max_depth = 128;    // containers inside one another
  bool nan_and_infinity = false;  // accept NaN, Infinity and -Infinity, as Python's json writes them
};

// Calls handler.null(), boolean(bool), integer(int64), unsigned_integer(uint64; only above int64), number(double; also integers of more
// than 64 bits), string(string_view), start_object(), key(string_view), end_object(), start_array(), end_array() in the order of the text.
// FormatError with the offset (counted from where.offset) for anything that is not one strict JSON value in UTF-8, nests too deep, or
// repeats a key, which shows when its object ends; handlers throw their own. O(n log n), whatever the text is.
template <class Handler>
void parse(std::string_view text, Handler& handler, const Where& where, const ParseOptions& options = {});

// The whole text as a Value. FormatError as above.
template <OnUse = OnUse()>
Value parse(std::string_view text, const Where& where, const ParseOptions& options = {});

namespace detail {

template <OnUse = OnUse()>
[[noreturn]] inline void refuse(const std::string& what, Where where, std::uint64_t offset) {
  where.offset = where.offset.value_or(0) + offset;
  throw FormatError("this is no JSON text that can be used: " + what, std::move(where));
}

// The keys of the open objects, views of texts that stay. Sorted when an object ends, so that no choice of keys makes it slow.
class OpenKeys {
 public:
  struct Key {
    std::string_view text;
    std::uint64_t offset;  // of the key, in the text
  };

  template <OnUse = OnUse()>
  void open_object() {
    starts_.push_back(keys_.size());
  }
  template <OnUse = OnUse()>
  void add(std::string_view key, std::uint64_t offset) {
    keys_.push_back({key, offset});
  }
  template <OnUse = OnUse()>
  void close_object(const Where& where) {
    const auto begin = keys_.begin() + static_cast<std::ptrdiff_t>(starts_.back());
    // Keys in order, as writers mostly have them, show at one look that none stands twice.
    const auto not_above = [](const Key& a, const Key& b) { return a.text.compare(b.text) >= 0; };
    if (std::adjacent_find(begin, keys_.end(), not_above) != keys_.end()) {
      std::sort(begin, keys_.end(), [](const Key& a, const Key& b) {
        const int order = a.text.compare(b.text);
        return order != 0 ? order < 0 : a.offset < b.offset;
      });
      const auto twice = std::adjacent_find(begin, keys_.end(), [](const Key& a, const Key& b) { return a.text == b.text; });
      if (twice != keys_.end()) refuse("the key " + quoted(twice->text) + " stands twice in one object", where, (twice + 1)->offset);
    }
    keys_.resize(starts_.back());
    starts_.pop_back();
  }

 private:
  std::vector<Key> keys_{};
  std::vector<std::size_t> starts_{};  // of each open object, in keys_
};

// Whether the digits of a number that no double holds stand for something below 1, that is, for zero.
template <OnUse = OnUse()>
inline bool underflows(std::string_view text) noexcept {
  const std::size_t e = std::min(text.find_first_of("eE"), text.size());
  std::int64_t exponent = 0;
  if (e < text.size()) {
    const char* digits = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
    if (std::from_chars(digits, text.data() + text.size(), exponent).ec != std::errc()) return text[e + 1] == '-';
  }
  exponent = std::clamp<std::int64_t>(exponent, -(std::int64_t{1} << 40), std::int64_t{1} << 40);  // a text is shorter
  const std::size_t point = std::min(text.find('.'), e), leading = std::min(text.find_first_of("123456789"), e);
  return exponent + static_cast<std::int64_t>(point) - static_cast<std::int64_t>(leading) < 0;
}

// RapidJSON's handler concept, with what it leaves to us: depth, duplicate keys, numbers, and its bools, which become exceptions.
// Numbers come as text: RapidJSON 1.1 reads outside its tables for some exponents ("1e-99999999999999").
template <class Handler>
class Adapter {
 public:
  Adapter(Handler& handler, rapidjson::InsituStringStream& stream, bool has_escapes, const Where& where, const ParseOptions& options)
      : handler_(handler), stream_(stream), has_escapes_(has_escapes), where_(where), options_(options) {}

  bool Null() { return handler_.null(), true; }
  bool Bool(bool value) { return handler_.boolean(value), true; }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) { return number({text, size}), true; }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    check_surrogates({text, size});
    return handler_.string({text, size}), true;
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    check_surrogates({text, size});
    keys_.add({text, size}, stream_.Tell());
    return handler_.key({text, size}), true;
  }
  bool StartObject() {
    enter();
    keys_.open_object();
    return handler_.start_object(), true;
  }
  bool EndObject(rapidjson::SizeType) {
    keys_.close_object(where_);
    --depth_;
    return handler_.end_object(), true;
  }
  bool StartArray() {
    enter();
    return handler_.start_array(), true;
  }
  bool EndArray(rapidjson::SizeType) {
    --depth_;
    return handler_.end_array(), true;
  }
  // Never called: numbers come raw.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

 private:
  void enter() {
    if (++depth_ > options_.max_depth)
      refuse("it nests deeper than " + std::to_string(options_.max_depth) + " levels", where_, stream_.Tell());
  }

  // RapidJSON lets a lone \udc00 pass, and makes bytes of it that are no UTF-8.
  void check_surrogates(std::string_view text) {
    if (!has_escapes_) return;
    for (std::size_t at = 0; (at = text.find('\xED', at)) != std::string_view::npos; ++at)
      if (static_cast<unsigned char>(text[at + 1]) >= 0xA0) refuse("half a surrogate pair stands in a string", where_, stream_.Tell());
  }

  void number(std::string_view text) {
    const char *first = text.data(), *last = first + text.size();
    const bool minus = text.front() == '-';
    if (const char letter = text[minus ? 1 : 0]; letter == 'N' || letter == 'I') {
      if (!options_.nan_and_infinity || (text != "NaN" && text != "Infinity" && text != "-Infinity"))
        refuse("\"" + std::string(text) + "\" is no JSON number", where_, stream_.Tell());
      const double value = letter == 'N' ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
      return handler_.number(minus ? -value : value);
    }
    if (text.find_first_of(".eE") == std::string_view::npos) {
      if (std::int64_t value = 0; std::from_chars(first, last, value).ec == std::errc()) return handler_.integer(value);
      if (std::uint64_t value = 0; !minus && std::from_chars(first, last, value).ec == std::errc()) return handler_.unsigned_integer(value);
    }
    double value = 0;
    if (orrery::detail::from_chars(first, last, value).ec == std::errc::result_out_of_range) {
      if (!underflows(text)) refuse("a number is too large for a double", where_, stream_.Tell());
      value = minus ? -0.0 : 0.0;
    }
    handler_.number(value);
  }

  Handler& handler_;
  rapidjson::InsituStringStream& stream_;
  bool has_escapes_;
  const Where& where_;
  const ParseOptions& options_;
  std::size_t depth_ = 0;
  OpenKeys keys_{};
};

class Builder {
 public:
  Value root{};
  template <OnUse = OnUse()>
  void null() {
    add(Value{nullptr});
  }
  template <OnUse = OnUse()>
  void boolean(bool v) {
    add(Value{v});
  }
  template <OnUse = OnUse()>
  void integer(std::int64_t v) {
    add(Value{v});
  }
  template <OnUse = OnUse()>
  void unsigned_integer(std::uint64_t v) {
    add(Value{v});
  }
  template <OnUse = OnUse()>
  void number(double v) {
    add(Value{v});
  }
  template <OnUse = OnUse()>
  void string(std::string_view v) {
    add(Value{std::string(v)});
  }
  template <OnUse = OnUse()>
  void key(std::string_view k) {
    key_ = k;
  }
  template <OnUse = OnUse()>
  void start_object() {
    open_.push_back(&add(Value{Value::Object{}}));
  }
  template <OnUse = OnUse()>
  void start_array() {
    open_.push_back(&add(Value{Value::Array{}}));
  }
  template <OnUse = OnUse()>
  void end_object() {
    open_.pop_back();
  }
  template <OnUse = OnUse()>
  void end_array() {
    open_.pop_back();
  }

 private:
  // Only the last child of a container is open, so that growing a vector moves nothing that open_ points at.
  template <OnUse = OnUse()>
  Value& add(Value value) {
    if (open_.empty()) return root = std::move(value);
    if (auto* members = std::get_if<Value::Object>(&open_.back()->data))
      return members->emplace_back(std::move(key_), std::move(value)).second;
    return std::get<Value::Array>(open_.back()->data).emplace_back(std::move(value));
  }
  std::vector<Value*> open_{};
  std::string key_{};
};

}  // namespace detail

template <class Handler>
void parse(std::string_view text, Handler& handler, const Where& where, const ParseOptions& options) {
  constexpr unsigned flags =
      rapidjson::kParseInsituFlag | rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseNanAndInfFlag;
  // RapidJSON counts digits in an int.
  if (text.size() > std::numeric_limits<std::int32_t>::max()) detail::refuse("it has 2 GiB or more", where, 0);
  // Python's json writes ASCII, which this passes eight bytes at a time; RapidJSON's own check takes every byte by itself.
  if (const std::size_t at = invalid_utf8(text); at != text.size()) detail::refuse("it is not UTF-8", where, at);
  // Parsed where it is: texts are put together in place, and stay until the end.
  std::string place(text);
  rapidjson::InsituStringStream stream(place.data());
  rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>> reader;
  detail::Adapter<Handler> adapter(handler, stream, text.find("\\u") != text.npos, where, options);
  const auto result = reader.template Parse<flags>(stream, adapter);
  if (result.IsError()) detail::refuse(rapidjson::GetParseError_En(result.Code()), where, result.Offset());
  // A zero byte is the end to RapidJSON.
  if (stream.Tell() != text.size()) detail::refuse("a zero byte stands behind the value", where, stream.Tell());
}

template <OnUse>
Value parse(std::string_view text, const Where& where, const ParseOptions& options) {
  detail::Builder builder;
  parse(text, builder, where, options);
  return std::move(builder.root);
}

ORRERY_ONCE(Value parse<>(std::string_view, const Where&, const ParseOptions&));

}  // namespace orrery::inline v0::json
