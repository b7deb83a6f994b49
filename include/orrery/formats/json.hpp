// JSON, through RapidJSON, which no other header includes. parse() drives a handler through a text in one pass (a _METADATA of 100 000
// leaves is 30 MB); Value is a small document for small files. Text is written by hand where it is needed, with append_quoted.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "orrery/core/error.hpp"

namespace orrery::inline v0::json {

// Containers inside one another that a text may have.
inline constexpr std::size_t max_depth = 128;

namespace detail {

[[noreturn]] inline void refuse(const std::string& what, Where where, std::uint64_t offset) {
  where.offset = offset;
  throw FormatError("this is no JSON text that can be used: " + what, std::move(where));
}

// RapidJSON's handler concept, with what it leaves to us: depth, duplicate keys, and bools that say "stop" become exceptions.
template <class Handler>
class Adapter {
 public:
  Adapter(Handler& handler, const rapidjson::MemoryStream& stream, const Where& where) : handler_(handler), stream_(stream), where_(where) {}

  bool Null() { return handler_.null(), true; }
  bool Bool(bool value) { return handler_.boolean(value), true; }
  bool Int(int value) { return handler_.integer(value), true; }
  bool Uint(unsigned value) { return handler_.integer(static_cast<std::int64_t>(value)), true; }
  bool Int64(std::int64_t value) { return handler_.integer(value), true; }
  bool Uint64(std::uint64_t value) { return handler_.unsigned_integer(value), true; }
  bool Double(double value) { return handler_.number(value), true; }
  bool RawNumber(const char*, rapidjson::SizeType, bool) { return false; }
  bool String(const char* text, rapidjson::SizeType size, bool) { return handler_.string({text, size}), true; }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    if (!keys_.back().insert(std::string(text, size)).second) refuse("the key \"" + std::string(text, size) + "\" stands twice in one object", where_, stream_.Tell());
    return handler_.key({text, size}), true;
  }
  bool StartObject() {
    enter();
    keys_.emplace_back();
    return handler_.start_object(), true;
  }
  bool EndObject(rapidjson::SizeType) {
    keys_.pop_back();
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

 private:
  void enter() {
    if (++depth_ > max_depth) refuse("it nests deeper than " + std::to_string(max_depth) + " levels", where_, stream_.Tell());
  }

  Handler& handler_;
  const rapidjson::MemoryStream& stream_;
  const Where& where_;
  std::size_t depth_ = 0;
  std::vector<std::unordered_set<std::string>> keys_{};
};

}  // namespace detail

// Calls handler.null(), boolean(bool), integer(int64), unsigned_integer(uint64; only above int64), number(double), string(string_view),
// start_object(), key(string_view), end_object(), start_array(), end_array() in the order of the text. FormatError with the offset for
// anything that is not one strict JSON value in UTF-8, nests deeper than max_depth, or repeats a key; handlers throw their own.
template <class Handler>
void parse(std::string_view text, Handler& handler, const Where& where) {
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>> reader;
  detail::Adapter<Handler> adapter(handler, stream, where);
  const auto result = reader.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag | rapidjson::kParseFullPrecisionFlag>(stream, adapter);
  if (result.IsError()) detail::refuse(rapidjson::GetParseError_En(result.Code()), where, result.Offset());
}

// A parsed text. Objects keep the order of the file.
class Value {
 public:
  using Array = std::vector<Value>;
  using Object = std::vector<std::pair<std::string, Value>>;
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> data = nullptr;

  bool is_null() const noexcept { return std::holds_alternative<std::nullptr_t>(data); }
  const Object* object() const noexcept { return std::get_if<Object>(&data); }
  const Array* array() const noexcept { return std::get_if<Array>(&data); }
  const std::string* string() const noexcept { return std::get_if<std::string>(&data); }
  const bool* boolean() const noexcept { return std::get_if<bool>(&data); }
  const std::int64_t* integer() const noexcept { return std::get_if<std::int64_t>(&data); }
  // The member of that name, or null where this is no object or has none.
  const Value* find(std::string_view key) const noexcept {
    if (const Object* members = object())
      for (const auto& [name, value] : *members)
        if (name == key) return &value;
    return nullptr;
  }
};

namespace detail {

class Builder {
 public:
  Value root{};
  void null() { add(Value{nullptr}); }
  void boolean(bool v) { add(Value{v}); }
  void integer(std::int64_t v) { add(Value{v}); }
  void unsigned_integer(std::uint64_t v) { add(Value{v}); }
  void number(double v) { add(Value{v}); }
  void string(std::string_view v) { add(Value{std::string(v)}); }
  void key(std::string_view k) { key_ = k; }
  void start_object() { open_.push_back(&add(Value{Value::Object{}})); }
  void start_array() { open_.push_back(&add(Value{Value::Array{}})); }
  void end_object() { open_.pop_back(); }
  void end_array() { open_.pop_back(); }

 private:
  // Only the last child of a container is open, so that growing a vector moves nothing that open_ points at.
  Value& add(Value value) {
    if (open_.empty()) return root = std::move(value);
    if (auto* members = std::get_if<Value::Object>(&open_.back()->data)) return members->emplace_back(std::move(key_), std::move(value)).second;
    return std::get<Value::Array>(open_.back()->data).emplace_back(std::move(value));
  }
  std::vector<Value*> open_{};
  std::string key_{};
};

}  // namespace detail

// The whole text as a Value. FormatError as parse().
inline Value parse(std::string_view text, const Where& where) {
  detail::Builder builder;
  parse(text, builder, where);
  return std::move(builder.root);
}

// A JSON string as Python's json.dumps writes it: ASCII alone, \uXXXX for the rest. Bytes that are no UTF-8 become U+FFFD.
inline void append_quoted(std::string& out, std::string_view text);

namespace detail {

inline void append_escape(std::string& out, std::uint32_t unit) {
  constexpr char digits[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += digits[(unit >> shift) & 15];
}

// The code point at `at`, which is moved behind it.
inline std::uint32_t decode_utf8(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t lead = byte(at++);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xF0 && lead < 0xF8 ? 3 : lead >= 0xE0 && lead < 0xF0 ? 2 : lead >= 0xC2 && lead < 0xE0 ? 1 : 0;
  if (more == 0 || at + static_cast<std::size_t>(more) > text.size()) return 0xFFFD;
  std::uint32_t point = lead & (0x3Fu >> more);
  for (int i = 0; i < more; ++i) {
    if ((byte(at + static_cast<std::size_t>(i)) & 0xC0) != 0x80) return 0xFFFD;
    point = point << 6 | (byte(at + static_cast<std::size_t>(i)) & 0x3F);
  }
  const std::uint32_t least[] = {0, 0x80, 0x800, 0x10000};
  if (point < least[more] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return 0xFFFD;
  at += static_cast<std::size_t>(more);
  return point;
}

}  // namespace detail

inline void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t point = detail::decode_utf8(text, at);
    switch (point) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      default:
        if (point >= 0x20 && point < 0x7F) {
          out += static_cast<char>(point);
        } else if (point < 0x10000) {
          detail::append_escape(out, point);
        } else {
          detail::append_escape(out, 0xD800 + ((point - 0x10000) >> 10));
          detail::append_escape(out, 0xDC00 + ((point - 0x10000) & 0x3FF));
        }
    }
  }
  out += '"';
}

inline std::string quoted(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

}  // namespace orrery::inline v0::json
