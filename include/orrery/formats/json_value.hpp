// A small JSON document: Value holds it, Cursor reads it and names the place where it is not what it should be. Big files are not
// read this way: json::parse (json.hpp) drives a handler through them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/json_writer.hpp"

namespace orrery::inline v0::json {

// A parsed text. Objects keep the order of the file. Integers are int64, or uint64 where only that holds them.
class Value {
 public:
  using Array = std::vector<Value>;
  using Object = std::vector<std::pair<std::string, Value>>;
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> data = nullptr;

  template <OnUse = OnUse()>
  bool is_null() const noexcept {
    return std::holds_alternative<std::nullptr_t>(data);
  }
  template <OnUse = OnUse()>
  const Object* object() const noexcept {
    return std::get_if<Object>(&data);
  }
  template <OnUse = OnUse()>
  const Array* array() const noexcept {
    return std::get_if<Array>(&data);
  }
  template <OnUse = OnUse()>
  const std::string* string() const noexcept {
    return std::get_if<std::string>(&data);
  }
  template <OnUse = OnUse()>
  const bool* boolean() const noexcept {
    return std::get_if<bool>(&data);
  }
  template <OnUse = OnUse()>
  const std::int64_t* integer() const noexcept {
    return std::get_if<std::int64_t>(&data);
  }
  template <OnUse = OnUse()>
  const std::uint64_t* unsigned_integer() const noexcept {
    return std::get_if<std::uint64_t>(&data);
  }
  template <OnUse = OnUse()>
  const double* number() const noexcept {
    return std::get_if<double>(&data);
  }

  // The member of that name, or null where this is no object or has none.
  template <OnUse = OnUse()>
  const Value* find(std::string_view key) const noexcept {
    if (const Object* members = object())
      for (const auto& [name, value] : *members)
        if (name == key) return &value;
    return nullptr;
  }
};

// The events of a value, for a Writer or any handler of json::parse.
template <class Handler>
void emit(const Value& value, Handler& handler) {
  if (value.is_null()) return handler.null();
  if (const auto* b = value.boolean()) return handler.boolean(*b);
  if (const auto* i = value.integer()) return handler.integer(*i);
  if (const auto* u = value.unsigned_integer()) return handler.unsigned_integer(*u);
  if (const auto* d = value.number()) return handler.number(*d);
  if (const auto* s = value.string()) return handler.string(*s);
  if (const auto* list = value.array()) {
    handler.start_array();
    for (const Value& element : *list) emit(element, handler);
    return handler.end_array();
  }
  handler.start_object();
  for (const auto& [key, below] : *value.object()) {
    handler.key(key);
    emit(below, handler);
  }
  handler.end_object();
}

// The text of a value; errors as Writer's.
template <OnUse = OnUse()>
inline std::string dump(const Value& value, Style style = Style::python) {
  std::string out;
  Writer writer(out, style);
  emit(value, writer);
  return out;
}

// A value together with its path in the document ("compressor.id", "shape[2]"). Whatever is asked for and is not there is a FormatError
// that names the path. Document and Where must live longer.
class Cursor {
 public:
  Cursor(const Value& root, const Where& where) noexcept : value_(&root), where_(&where) {}

  const Value& value() const noexcept { return *value_; }
  const std::string& path() const noexcept { return path_; }
  template <OnUse = OnUse()>
  bool is_null() const noexcept {
    return value_->is_null();
  }

  // Members of an object; find() gives nothing where there is none of that name.
  template <OnUse = OnUse()>
  Cursor at(std::string_view key) const {
    auto found = find(key);
    if (!found) refuse("expected a member \"" + std::string(key) + "\", found none");
    return *std::move(found);
  }
  template <OnUse = OnUse()>
  std::optional<Cursor> find(std::string_view key) const {
    if (!value_->object()) refuse_kind("an object");
    const Value* found = value_->find(key);
    if (!found) return std::nullopt;
    return Cursor(*found, *where_, path_ + (path_.empty() ? "" : ".") + std::string(key));
  }

  // Elements of an array.
  template <OnUse = OnUse()>
  std::size_t size() const {
    return list().size();
  }
  template <OnUse = OnUse()>
  Cursor at(std::size_t i) const {
    if (i >= size()) refuse("expected an array of more than " + std::to_string(i) + " elements, found " + std::to_string(size()));
    return Cursor(list()[i], *where_, path_ + "[" + std::to_string(i) + "]");
  }

  template <OnUse = OnUse()>
  const std::string& string() const {
    if (!value_->string()) refuse_kind("a string");
    return *value_->string();
  }
  template <OnUse = OnUse()>
  bool boolean() const {
    if (!value_->boolean()) refuse_kind("true or false");
    return *value_->boolean();
  }
  template <OnUse = OnUse()>
  std::uint64_t unsigned_integer() const {
    if (const auto* u = value_->unsigned_integer()) return *u;
    return static_cast<std::uint64_t>(integer(0, std::numeric_limits<std::int64_t>::max()));
  }
  // An integer from least to most.
  template <OnUse = OnUse()>
  std::int64_t integer(std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                       std::int64_t most = std::numeric_limits<std::int64_t>::max()) const {
    const std::int64_t* found = value_->integer();
    if (!found) refuse_kind("an integer of 63 bits and a sign");
    if (*found < least || *found > most)
      refuse("expected an integer from " + std::to_string(least) + " to " + std::to_string(most) + ", found " + std::to_string(*found));
    return *found;
  }
  // Any number; integers beyond 2^53 round.
  template <OnUse = OnUse()>
  double number() const {
    if (const auto* d = value_->number()) return *d;
    if (const auto* i = value_->integer()) return static_cast<double>(*i);
    if (const auto* u = value_->unsigned_integer()) return static_cast<double>(*u);
    refuse_kind("a number");
  }

  template <OnUse = OnUse()>
  [[noreturn]] void refuse(const std::string& what) const {
    throw FormatError((path_.empty() ? "the JSON document" : "\"" + path_ + "\" of the JSON document") + ": " + what, *where_);
  }

 private:
  Cursor(const Value& value, const Where& where, std::string path) noexcept : value_(&value), where_(&where), path_(std::move(path)) {}

  template <OnUse = OnUse()>
  const Value::Array& list() const {
    if (!value_->array()) refuse_kind("an array");
    return *value_->array();
  }
  template <OnUse = OnUse()>
  [[noreturn]] void refuse_kind(std::string_view expected) const {
    static constexpr std::string_view kinds[] = {
        "null",     "true or false", "an integer", "an integer beyond 63 bits", "a number that is no integer",
        "a string", "an array",      "an object"};
    refuse("expected " + std::string(expected) + ", found " + std::string(kinds[value_->data.index()]));
  }

  const Value* value_;
  const Where* where_;
  std::string path_{};
};

}  // namespace orrery::inline v0::json
