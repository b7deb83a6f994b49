// The JSON files of an item as structs, for restoring: _METADATA (the tree), _strings.json, array_metadatas (PRNG keys) and our own
// _orrery.json (checksums). Which of them exist is looked up by stored_item.hpp. Rules: spec/orbax.md 2.1, 2.3, 3.7.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/orbax/params.hpp"

namespace orrery::inline v0::orbax {

// One entry of _METADATA's tree_metadata.
struct MetadataEntry {
  struct Key {
    std::string text;
    bool is_index;
  };
  std::vector<Key> path;
  ValueType type = ValueType::unknown;
  bool skip_deserialize = false;
};

struct ItemMetadata {
  std::vector<MetadataEntry> entries{};
  std::optional<bool> use_ocdbt{};  // absent before 2025-12: look for manifest.ocdbt
  bool use_zarr3 = false;
  bool chunks_are_complete = false;  // store_array_data_equal_to_fill_value: a missing chunk is data loss, not zeros
  std::string custom_metadata{};     // JSON text, or empty
};

template <OnUse = OnUse()>
inline ValueType value_type_from(std::string_view text) noexcept {
  for (int i = 0; i < static_cast<int>(ValueType::unknown); ++i)
    if (name(static_cast<ValueType>(i)) == text) return static_cast<ValueType>(i);
  return ValueType::unknown;
}

namespace detail {

// The events of a _METADATA text, in one pass. What is not known is passed over: readers pick keys by name. Where it is in the text is a
// depth and the last known key of each level, so that no event compares or makes more than one text:
//   1 {"tree_metadata": 2 {<entry>: 3 {"key_metadata": 4 [5 {"key", "key_type"}], "value_metadata": 4 {"value_type", "skip_deserialize"}}}
class MetadataHandler {
 public:
  explicit MetadataHandler(const Where& where) : where_(where) {}
  ItemMetadata result{};

  void null() {}
  template <OnUse = OnUse()>
  void boolean(bool value) {
    if (depth_ == 1) {
      if (top_ == Key::use_ocdbt)
        result.use_ocdbt = value;
      else if (top_ == Key::use_zarr3)
        result.use_zarr3 = value;
      else if (top_ == Key::complete)
        result.chunks_are_complete = value;
    } else if (in_value() && leaf_ == Key::skip_deserialize) {
      result.entries.back().skip_deserialize = value;
    }
  }
  template <OnUse = OnUse()>
  void integer(std::int64_t value) {
    if (!in_key() || leaf_ != Key::key_type) return;
    if (value != 1 && value != 2) refuse("a key_type must be 1 or 2, not " + std::to_string(value));
    result.entries.back().path.back().is_index = value == 1;
  }
  void unsigned_integer(std::uint64_t) {}
  void number(double) {}
  template <OnUse = OnUse()>
  void string(std::string_view value) {
    if (in_key() && leaf_ == Key::key) {
      result.entries.back().path.back().text = value;
      has_key_ = true;
    } else if (in_value() && leaf_ == Key::value_type) {
      result.entries.back().type = value_type_from(value);
    }
  }
  template <OnUse = OnUse()>
  void key(std::string_view name) {
    switch (depth_) {
      case 1: top_ = which(name); break;
      case 3: part_ = which(name); break;
      case 4:
      case 5: leaf_ = which(name); break;
      default: break;
    }
  }
  template <OnUse = OnUse()>
  void start_object() {
    if (in_tree() && depth_ == 1) has_tree_ = true;
    if (in_tree() && depth_ == 2) {
      result.entries.emplace_back();
      part_ = Key::other;
    }
    if (in_tree() && depth_ == 4 && part_ == Key::key_metadata) {
      result.entries.back().path.push_back({{}, false});
      has_key_ = false;
    }
    leaf_ = Key::other;
    ++depth_;
  }
  void end_object() {
    --depth_;
    if (in_tree() && depth_ == 4 && part_ == Key::key_metadata && !has_key_) refuse("a key must be a string");
  }
  void start_array() {
    if (depth_ == 2) part_ = Key::other;
    leaf_ = Key::other;
    ++depth_;
  }
  void end_array() { --depth_; }

  ItemMetadata finish() {
    if (!has_tree_) refuse("tree_metadata is missing");
    return std::move(result);
  }

 private:
  enum class Key : std::uint8_t {
    other,
    tree_metadata,
    use_ocdbt,
    use_zarr3,
    complete,
    key_metadata,
    value_metadata,
    key,
    key_type,
    value_type,
    skip_deserialize
  };
  template <OnUse = OnUse()>
  static Key which(std::string_view name) noexcept {
    static constexpr std::pair<std::string_view, Key> known[] = {{"key", Key::key},
                                                                 {"key_type", Key::key_type},
                                                                 {"value_type", Key::value_type},
                                                                 {"skip_deserialize", Key::skip_deserialize},
                                                                 {"key_metadata", Key::key_metadata},
                                                                 {"value_metadata", Key::value_metadata},
                                                                 {"tree_metadata", Key::tree_metadata},
                                                                 {"use_ocdbt", Key::use_ocdbt},
                                                                 {"use_zarr3", Key::use_zarr3},
                                                                 {"store_array_data_equal_to_fill_value", Key::complete}};
    for (const auto& [text, key] : known)
      if (text == name) return key;
    return Key::other;
  }
  bool in_tree() const noexcept { return top_ == Key::tree_metadata; }
  bool in_key() const noexcept { return depth_ == 5 && in_tree() && part_ == Key::key_metadata; }
  bool in_value() const noexcept { return depth_ == 4 && in_tree() && part_ == Key::value_metadata; }
  [[noreturn]] void refuse(const std::string& what) const { throw FormatError("this _METADATA cannot be used: " + what, where_); }

  const Where& where_;
  bool has_tree_ = false, has_key_ = false;
  int depth_ = 0;
  Key top_ = Key::other, part_ = Key::other, leaf_ = Key::other;
};

class ChecksumHandler {
 public:
  struct Entry {
    std::size_t begin, size;  // of the key, in keys
    std::uint32_t crc32c;
  };
  std::string keys{};
  std::vector<Entry> entries{};
  std::string fingerprint{}, schema{};  // of the saved type

  void null() {}
  void boolean(bool) {}
  template <OnUse = OnUse()>
  void integer(std::int64_t value) {
    if (depth_ == 2 && in_checksums_ && value >= 0 && value <= UINT32_MAX)
      entries.push_back({begin_, keys.size() - begin_, static_cast<std::uint32_t>(value)});
  }
  void unsigned_integer(std::uint64_t) {}
  void number(double) {}
  template <OnUse = OnUse()>
  void string(std::string_view text) {
    if (depth_ == 2 && of_type_) *of_type_ = text;
  }
  template <OnUse = OnUse()>
  void key(std::string_view name) {
    if (depth_ == 1) {
      in_checksums_ = name == "crc32c";
      in_type_ = name == "type";
    }
    of_type_ = depth_ != 2 || !in_type_ ? nullptr : name == "fingerprint" ? &fingerprint : name == "schema" ? &schema : nullptr;
    if (depth_ != 2 || !in_checksums_) return;
    begin_ = keys.size();
    keys += name;
  }
  void start_object() { ++depth_; }
  void end_object() { --depth_; }
  void start_array() { ++depth_; }
  void end_array() { --depth_; }

 private:
  int depth_ = 0;
  bool in_checksums_ = false, in_type_ = false;
  std::string* of_type_ = nullptr;
  std::size_t begin_ = 0;
};

}  // namespace detail

template <OnUse = OnUse()>
inline ItemMetadata parse_metadata_file(std::string_view text, const Where& where) {
  detail::MetadataHandler handler(where);
  json::parse(text, handler, where);
  return handler.finish();
}

// The checksums of _orrery.json by key, as they stand there: sorted once, if the writer has not done it. And the saved type's schema.
class StoredChecksums {
 public:
  StoredChecksums() = default;
  template <OnUse = OnUse()>
  StoredChecksums(std::string_view text, const Where& where) {
    detail::ChecksumHandler handler;
    json::parse(text, handler, where);
    keys_ = std::move(handler.keys);
    entries_ = std::move(handler.entries);
    fingerprint_ = std::move(handler.fingerprint);
    schema_ = std::move(handler.schema);
    const auto before = [&](const Entry& a, const Entry& b) { return key(a) < key(b); };
    if (!std::is_sorted(entries_.begin(), entries_.end(), before)) std::sort(entries_.begin(), entries_.end(), before);
  }

  template <OnUse = OnUse()>
  std::optional<std::uint32_t> find(std::string_view wanted) const noexcept {
    const auto found =
        std::lower_bound(entries_.begin(), entries_.end(), wanted, [&](const Entry& entry, std::string_view w) { return key(entry) < w; });
    return found != entries_.end() && key(*found) == wanted ? std::optional(found->crc32c) : std::nullopt;
  }
  // Both empty where the file does not say.
  const std::string& fingerprint() const noexcept { return fingerprint_; }
  const std::string& schema() const noexcept { return schema_; }

 private:
  using Entry = detail::ChecksumHandler::Entry;
  template <OnUse = OnUse()>
  std::string_view key(const Entry& entry) const noexcept {
    return std::string_view(keys_).substr(entry.begin, entry.size);
  }

  std::string keys_{}, fingerprint_{}, schema_{};
  std::vector<Entry> entries_{};
};

// The strings of _strings.json, found by parameter name as TensorStore finds them: a JSON pointer, so that '/' goes one object down and
// "~0", "~1" stand for '~' and '/' (spec/orbax.md 3.7).
class StoredStrings {
 public:
  StoredStrings() = default;
  template <OnUse = OnUse()>
  StoredStrings(std::string_view text, const Where& where) : file_(where.file) {
    add(json::parse(text, where), nullptr);
  }

  template <OnUse = OnUse()>
  bool empty() const noexcept {
    return texts_.empty();
  }

  // The names that find them, sorted.
  template <OnUse = OnUse()>
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [key, text] : texts_) {
      std::string& name = out.emplace_back();
      for (const char c : key) {
        if (c == separator)
          name += '/';
        else if (c == '~')
          name += "~0";
        else if (c == '/')
          name += "~1";
        else
          name += c;
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  // DataLossError where there is none of that name.
  template <OnUse = OnUse()>
  const std::string& at(std::string_view name) const {
    if (const std::string* text = find(name)) return *text;
    throw DataLossError("the string of this leaf is missing", {std::string(name), file_, {}});
  }
  // ... or null.
  template <OnUse = OnUse()>
  const std::string* find(std::string_view name) const {
    std::string key;
    for (std::size_t i = 0; i < name.size(); ++i) {
      if (name[i] == '/')
        key += separator;
      else if (name[i] == '~' && i + 1 < name.size() && (name[i + 1] == '0' || name[i + 1] == '1'))
        key += name[++i] == '0' ? '~' : '/';
      else
        key += name[i];
    }
    const auto found = texts_.find(key);
    return found == texts_.end() ? nullptr : &found->second;
  }

 private:
  static constexpr char separator = '\0';
  template <OnUse = OnUse()>
  void add(const json::Value& value, const std::string* key) {
    if (value.string() && key) texts_.emplace(*key, *value.string());
    if (const auto* members = value.object())
      for (const auto& [name, below] : *members) {
        const std::string path = key ? *key + separator + name : name;  // names may be empty
        add(below, &path);
      }
  }

  std::string file_{};
  std::unordered_map<std::string, std::string> texts_{};
};

// The implementations of typed PRNG keys by parameter name, from array_metadatas/process_<i> (spec/orbax.md 2.3).
template <OnUse = OnUse()>
inline std::unordered_map<std::string, std::string> prng_impls(std::string_view text, const Where& where) {
  std::unordered_map<std::string, std::string> out;
  const json::Value root = json::parse(text, where);
  const json::Value* list = root.find("array_metadatas");
  if (!list || !list->array()) return out;
  for (const json::Value& entry : *list->array()) {
    const json::Value* metadata = entry.find("array_metadata");
    const json::Value* ext = metadata ? metadata->find("ext_metadata") : nullptr;
    const json::Value* impl = ext ? ext->find("random_key_impl") : nullptr;
    const json::Value* param = metadata ? metadata->find("param_name") : nullptr;
    if (impl && impl->string() && param && param->string()) out.emplace(*param->string(), *impl->string());
  }
  return out;
}

}  // namespace orrery::inline v0::orbax
