// The JSON files of an item as texts, for saving: _METADATA (the tree), _CHECKPOINT_METADATA (times and handlers), _strings.json and our
// own _orrery.json (checksums). Which of them are written is decided by save_item.hpp; read_metadata.hpp goes the other way.
// Rules: spec/orbax.md 2.1, 2.4, 3.7.
#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/core/on_use.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/formats/python_text.hpp"
#include "orrery/orbax/handlers.hpp"
#include "orrery/orbax/params.hpp"
#include "orrery/orbax/write_arrays.hpp"
#include "orrery/tree/schema_text.hpp"

namespace orrery::inline v0::orbax {

template <OnUse = OnUse()>
inline std::string metadata_file(const Params& params, std::string_view custom_metadata, bool use_ocdbt = true, bool use_zarr3 = false) {
  std::string out = "{\"tree_metadata\": {";
  for (const Param& param : params.list) {
    if (&param != &params.list.front()) out += ", ";
    std::string tuple = "(", list;
    for (const MetadataKey& key : params.path(param)) {
      if (tuple.size() > 1) {
        tuple += ", ";
        list += ", ";
      }
      tuple += python_string(key.key);
      list += "{\"key\": ";
      json::append_quoted(list, key.key);
      list += key.type == 1 ? ", \"key_type\": 1}" : ", \"key_type\": 2}";
    }
    tuple += param.key_count == 1 ? ",)" : ")";
    json::append_quoted(out, tuple);
    out += ": {\"key_metadata\": [" + list + "], \"value_metadata\": {\"value_type\": \"";
    out += name(param.type);
    out += "\", \"skip_deserialize\": ";
    out += param.leaf ? "false" : "true";
    if (param.type == ValueType::jax_array) {
      out += ", \"write_shape\": [";
      for (std::size_t i = 0; i < param.leaf->array.rank(); ++i) out += (i ? ", " : "") + std::to_string(param.leaf->array.shape[i]);
      out += "]";
    }
    out += "}}";
  }
  out += "}, \"use_ocdbt\": ";
  out += use_ocdbt ? "true" : "false";
  out += ", \"use_zarr3\": ";
  out += use_zarr3 ? "true" : "false";
  out += ", \"store_array_data_equal_to_fill_value\": true, \"custom_metadata\": ";
  out += custom_metadata.empty() ? "null" : custom_metadata;
  return out + "}";
}

// handlers: JSON text, a quoted handler name for a single item. Times are nanoseconds since the epoch, integers by rule.
template <OnUse = OnUse()>
inline std::string checkpoint_metadata_file(std::string_view handlers, std::uint64_t init_nsecs, std::uint64_t commit_nsecs,
                                            std::string_view custom_metadata) {
  return "{\"item_handlers\": " + std::string(handlers) +
         ", \"metrics\": {}, \"performance_metrics\": {}, \"init_timestamp_nsecs\": " + std::to_string(init_nsecs) +
         ", \"commit_timestamp_nsecs\": " + std::to_string(commit_nsecs) +
         ", \"custom_metadata\": " + (custom_metadata.empty() ? "{}" : std::string(custom_metadata)) + "}";
}

// Our own side file: which payloads have which CRC-32C, and the schema of the C++ type that was saved, where there is one
// (tree/schema_text.hpp). Ignored by every Orbax. Appended to a string that may be written away and emptied in between.
class ChecksumsText {
 public:
  template <OnUse = OnUse()>
  explicit ChecksumsText(std::string& out) : out_(out) {
    out_ += "{\"format\": \"orrery\", \"version\": 1, \"crc32c\": {";
  }
  template <OnUse = OnUse()>
  void add(std::string_view key, std::uint32_t crc32c) {
    if (!std::exchange(is_empty_, false)) out_ += ", ";
    json::append_quoted(out_, key);
    out_ += ": ";
    char digits[10];
    out_.append(digits, std::to_chars(digits, digits + sizeof digits, crc32c).ptr);
  }
  template <OnUse = OnUse()>
  void end(const TypeOps* type) {
    out_ += "}";
    if (type) {
      const std::string schema = schema_text(*type);
      out_ += ", \"type\": {\"fingerprint\": \"" + fingerprint_text(text_fingerprint(schema)) + "\", \"schema\": ";
      json::append_quoted(out_, schema);
      out_ += "}";
    }
    out_ += "}";
  }
  bool is_empty() const noexcept { return is_empty_; }

 private:
  std::string& out_;
  bool is_empty_ = true;
};

// ... at once.
template <OnUse = OnUse()>
inline std::string checksums_file(const std::vector<PayloadChecksum>& checksums, const TypeOps* type = nullptr) {
  std::string out;
  ChecksumsText text(out);
  for (const PayloadChecksum& c : checksums) text.add(c.key, c.crc32c);
  text.end(type);
  return out;
}

// URL-safe base64 with padding: the key of a parameter in _sharding (spec/orbax.md 2.2).
template <OnUse = OnUse()>
inline std::string base64_url(std::string_view bytes) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) bits = bits << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j) out += j <= count ? digits[(bits >> (18 - 6 * j)) & 63] : '=';
  }
  return out;
}

// One string leaf a member; a '/' in a name nests (spec/orbax.md 3.7). Compact and sorted, as TensorStore writes it.
template <OnUse = OnUse()>
inline std::string strings_file(const Params& params) {
  struct Node {
    std::map<std::string, std::unique_ptr<Node>> below{};
    const std::string_view* text = nullptr;
  };
  Node root;
  for (const Param& param : params.list) {
    if (param.type != ValueType::string) continue;
    Node* at = &root;
    for (std::size_t from = 0, slash = 0; slash != std::string::npos; from = slash + 1) {
      slash = param.name.find('/', from);
      std::unique_ptr<Node>& next = at->below[param.name.substr(from, slash - from)];
      if (!next) next = std::make_unique<Node>();
      at = next.get();
    }
    at->text = &param.leaf->text;
  }
  std::string out;
  const auto write = [&](const auto& self, const Node& node) -> void {
    if (node.text) return json::append_quoted(out, *node.text);
    out += '{';
    for (auto entry = node.below.begin(); entry != node.below.end(); ++entry) {
      if (entry != node.below.begin()) out += ',';
      json::append_quoted(out, entry->first);
      out += ':';
      self(self, *entry->second);
    }
    out += '}';
  };
  write(write, root);
  return out;
}

}  // namespace orrery::inline v0::orbax
