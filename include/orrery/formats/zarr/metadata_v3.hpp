// What zarr.json (zarr v3) says of an array, and how TensorStore writes it. As strict as TensorStore: what is not known and may change
// decoding is refused by name. Rules: spec/zarr.md 4, 11; spec/orbax.md 3.3. Bytes and chunks are the business of array.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "orrery/core/dtype.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/formats/zarr/array_metadata.hpp"
#include "orrery/formats/zarr/dtype_text.hpp"
#include "orrery/formats/zarr/fill_value.hpp"
#include "orrery/formats/zarr/metadata.hpp"

namespace orrery::inline v0::zarr {

// FormatError naming `where` and the member that is wrong or not supported.
template <OnUse = OnUse()>
inline ArrayMetadata parse_metadata_v3(std::string_view text, const Where& where);

// The text that TensorStore writes: compact, members sorted. ArgumentError for what it is never asked to write here: a dtype that it
// lacks, a fill value other than zero, codecs other than crc32c and zstd.
template <OnUse = OnUse()>
inline std::string to_json_v3(const ArrayMetadata& metadata);

namespace detail {

// Members beside those named are refused: they may change what decoding means.
template <OnUse = OnUse()>
inline void check_members(const json::Cursor& object, std::initializer_list<std::string_view> known) {
  if (!object.value().object()) object.refuse("expected an object, found " + json::dump(object.value()));
  for (const auto& [key, value] : *object.value().object())
    if (std::find(known.begin(), known.end(), key) == known.end()) object.refuse("unsupported member '" + key + "'");
}

// A named thing with a configuration: a codec, a grid, a key encoding.
class Extension {
 public:
  template <OnUse = OnUse()>
  Extension(json::Cursor object, std::initializer_list<std::string_view> members_of_configuration) : object_(std::move(object)) {
    check_members(object_, {"name", "configuration"});
    configuration_ = object_.find("configuration");
    if (configuration_) check_members(*configuration_, members_of_configuration);
  }

  template <OnUse = OnUse()>
  std::optional<json::Cursor> find(std::string_view key) const {
    return configuration_ ? configuration_->find(key) : std::nullopt;
  }
  template <OnUse = OnUse()>
  json::Cursor at(std::string_view key) const {
    auto found = find(key);
    if (!found) object_.refuse("expected a configuration with \"" + std::string(key) + "\", found none");
    return *std::move(found);
  }

 private:
  json::Cursor object_;
  std::optional<json::Cursor> configuration_{};
};

inline constexpr std::size_t most_sub_chunks = std::size_t{1} << 30;

class CodecParser {
 public:
  explicit CodecParser(DType dtype) : dtype_(dtype) {}

  // `chunk`: what the chain encodes.
  template <OnUse = OnUse()>
  CodecChain parse(const json::Cursor& list, const Shape& chunk) const {
    CodecChain chain;
    bool to_bytes = false;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const json::Cursor codec = list.at(i);
      const json::Cursor id = codec.at("name");
      const std::string& called = id.string();
      const bool array_codec = called == "transpose" || called == "bytes" || called == "sharding_indexed";
      if (array_codec && to_bytes) codec.refuse("the codec '" + called + "' stands behind one that has made bytes of the array");
      if (called == "transpose") {
        add_transpose(codec, chain, chunk.size());
      } else if (called == "bytes") {
        chain.big_endian = endian(codec, dtype_);
        to_bytes = true;
      } else if (called == "sharding_indexed") {
        add_sharding(codec, chain, permuted(chunk, chain.transpose));
        to_bytes = true;
      } else {
        const ByteCodec known = byte_codec(codec, id);
        if (!to_bytes) codec.refuse("the codec '" + called + "' stands before one that makes bytes of the array");
        if (chain.is_sharded()) codec.refuse("the codec '" + called + "' stands behind sharding_indexed");
        chain.bytes.push_back(known);
      }
    }
    if (!to_bytes) list.refuse("expected one of the codecs bytes and sharding_indexed, found none");
    return chain;
  }

 private:
  template <OnUse = OnUse()>
  static bool endian(const json::Cursor& codec, DType dtype) {
    const Extension bytes(codec, {"endian"});
    const auto found = bytes.find("endian");
    if (!found) {
      if (item_size(dtype) > 1) bytes.at("endian");
      return false;
    }
    if (found->string() != "little" && found->string() != "big")
      found->refuse("expected \"little\" or \"big\", found " + json::dump(found->value()));
    return found->string() == "big" && item_size(dtype) > 1;  // one byte has no order
  }

  template <OnUse = OnUse()>
  static void add_transpose(const json::Cursor& codec, CodecChain& chain, std::size_t rank) {
    const json::Cursor order = Extension(codec, {"order"}).at("order");
    Shape added = Shape::zeros(rank);
    if (order.value().string()) {
      if (order.string() != "C" && order.string() != "F")
        order.refuse("expected a permutation, \"C\" or \"F\", found " + json::dump(order.value()));
      added = f_order(rank);
      if (order.string() == "C") std::reverse(added.begin(), added.end());
    } else {
      if (order.size() != rank)
        order.refuse("expected a permutation of " + std::to_string(rank) + " axes, found " + std::to_string(order.size()));
      Shape seen = Shape::zeros(rank);
      for (std::size_t i = 0; i < rank; ++i) {
        added[i] = order.at(i).integer(0, static_cast<Dim>(rank) - 1);
        if (seen[static_cast<std::size_t>(added[i])]++) order.refuse("expected a permutation, found " + json::dump(order.value()));
      }
    }
    chain.transpose = chain.transpose.empty() ? added : permuted(chain.transpose, added);
    if (is_identity(chain.transpose)) chain.transpose = {};
  }

  // `shard`: its extents, as encoded.
  template <OnUse = OnUse()>
  void add_sharding(const json::Cursor& codec, CodecChain& chain, const Shape& shard) const {
    const Extension given(codec, {"chunk_shape", "codecs", "index_codecs", "index_location"});
    Sharding sharding;
    const json::Cursor extents = given.at("chunk_shape");
    sharding.chunks = parse_extents(extents, 1);
    bool divides = sharding.chunks.size() == shard.size();
    for (std::size_t i = 0; divides && i < shard.size(); ++i) divides = shard[i] % sharding.chunks[i] == 0;
    if (!divides) extents.refuse("sub-chunks of " + to_string(sharding.chunks) + " do not divide a shard of " + to_string(shard));
    const auto count = chunk_count(shard, sharding.chunks);
    if (!count || static_cast<std::size_t>(*count) > most_sub_chunks)
      extents.refuse("expected at most 2^30 sub-chunks in a shard of " + to_string(shard) + ", found ones of " +
                     to_string(sharding.chunks));
    sharding.codecs = parse(given.at("codecs"), sharding.chunks);
    if (const auto location = given.find("index_location")) {
      if (location->string() != "start" && location->string() != "end")
        location->refuse("expected \"start\" or \"end\", found " + json::dump(location->value()));
      sharding.index_at_start = location->string() == "start";
    }
    const json::Cursor list = given.at("index_codecs");
    const CodecChain index = CodecParser(DType::uint64).parse(list, {1, 2});
    for (const ByteCodec& each : index.bytes)
      if (each.compresses()) list.refuse("the codec '" + std::string(name(each.codec)) + "' gives an index no fixed size");
    if (!index.transpose.empty() || index.is_sharded()) list.refuse("unsupported index codecs: other than bytes and crc32c");
    sharding.index_big_endian = index.big_endian;
    sharding.index_checksums = index.bytes.size();
    chain.sharding.push_back(std::move(sharding));
  }

  template <OnUse = OnUse()>
  static ByteCodec byte_codec(const json::Cursor& codec, const json::Cursor& id) {
    const std::string& called = id.string();
    if (called == "crc32c") return Extension(codec, {}), ByteCodec{.codec = Codec::crc32c};
    if (called == "gzip") return Extension(codec, {"level"}), ByteCodec{.codec = Codec::gzip};
    if (called == "blosc")  // its container says all that is needed to read it
      return Extension(codec, {"cname", "clevel", "shuffle", "typesize", "blocksize"}), ByteCodec{.codec = Codec::blosc};
    if (called != "zstd") id.refuse("unsupported codec '" + called + "'");
    const Extension zstd(codec, {"level", "checksum"});
    ByteCodec found{.codec = Codec::zstd, .level = 3};
    if (const auto level = zstd.find("level")) found.level = static_cast<int>(level->integer(-131072, 22));
    if (const auto checksum = zstd.find("checksum")) found.checksum = checksum->boolean();
    return found;
  }

  DType dtype_;
};

template <OnUse = OnUse()>
inline KeyEncoding parse_key_encoding(const json::Cursor& object) {
  const Extension given(object, {"separator"});
  const json::Cursor id = object.at("name");
  if (id.string() != "default" && id.string() != "v2") id.refuse("unsupported chunk key encoding '" + id.string() + "'");
  KeyEncoding keys = id.string() == "default" ? KeyEncoding::v3() : KeyEncoding{};
  if (const auto separator = given.find("separator")) {
    if (separator->string() != "." && separator->string() != "/")
      separator->refuse("expected \".\" or \"/\", found " + json::dump(separator->value()));
    keys.separator = separator->string()[0];
  }
  return keys;
}

// Members that no version of TensorStore knows are passed over only where they say themselves that they may be.
template <OnUse = OnUse()>
inline void check_top_level(const json::Cursor& root) {
  static constexpr std::string_view known[] = {"zarr_format",         "node_type", "shape",      "data_type",  "chunk_grid",
                                               "chunk_key_encoding",  "codecs",    "fill_value", "attributes", "dimension_names",
                                               "storage_transformers"};
  if (!root.value().object()) root.at("zarr_format");  // says what it is instead
  for (const auto& [key, value] : *root.value().object()) {
    if (std::find(std::begin(known), std::end(known), key) != std::end(known)) continue;
    const json::Value* must = value.find("must_understand");
    if (!must || !must->boolean() || *must->boolean()) root.refuse("unsupported member '" + key + "'");
  }
  const auto transformers = root.find("storage_transformers");
  if (transformers && transformers->size() != 0) transformers->refuse("storage transformers are not supported");
}

template <OnUse = OnUse()>
inline ArrayMetadata parse_array_metadata_v3(const json::Cursor& root) {
  ArrayMetadata out;
  check_top_level(root);
  root.at("zarr_format").integer(3, 3);
  const json::Cursor node = root.at("node_type");
  if (node.string() != "array") node.refuse("expected \"array\", found " + json::dump(node.value()));
  out.shape = parse_extents(root.at("shape"), 0);
  const json::Cursor dtype = root.at("data_type");
  if (!dtype.value().string()) dtype.refuse("structured dtypes are not supported");
  const auto named = dtype_from_name(dtype.string());
  if (!named || !zarr2_dtype(*named)) dtype.refuse("unsupported dtype '" + dtype.string() + "'");
  out.dtype = *named;
  const json::Cursor grid = root.at("chunk_grid"), grid_name = grid.at("name");
  if (grid_name.string() != "regular") grid_name.refuse("unsupported chunk grid '" + grid_name.string() + "'");
  out.chunks = parse_extents(Extension(grid, {"chunk_shape"}).at("chunk_shape"), 1);
  if (out.shape.size() != out.chunks.size())
    root.refuse("shape " + to_string(out.shape) + " and chunks " + to_string(out.chunks) + " must have the same number of extents");
  for (const Shape* extents : {&out.shape, &out.chunks})
    if (!checked_bytes(*extents, item_size(out.dtype)))
      root.refuse("the bytes of " + to_string(*extents) + " elements must fit into 63 bits");
  out.keys = parse_key_encoding(root.at("chunk_key_encoding"));
  out.codecs = CodecParser(out.dtype).parse(root.at("codecs"), out.chunks);
  out.fill = parse_fill_value_v3(root.at("fill_value"), out.dtype);
  return out;
}

template <OnUse = OnUse()>
inline std::string extension_json(std::string_view name, const std::string& configuration) {
  return (configuration.empty() ? "{" : "{\"configuration\":{" + configuration + "},") + "\"name\":\"" + std::string(name) + "\"}";
}

template <OnUse = OnUse()>
inline std::string bytes_json(bool big_endian, bool one_byte) {
  return extension_json("bytes", one_byte ? "" : std::string("\"endian\":") + (big_endian ? "\"big\"" : "\"little\""));
}

template <OnUse = OnUse()>
inline std::string codecs_json(const CodecChain& chain, DType dtype) {
  std::string out = "[";
  if (!is_identity(chain.transpose)) out += extension_json("transpose", "\"order\":" + json_list(chain.transpose)) + ",";
  for (const Sharding& sharding : chain.sharding) {
    std::string configuration = "\"chunk_shape\":" + json_list(sharding.chunks) + ",\"codecs\":" + codecs_json(sharding.codecs, dtype) +
                                ",\"index_codecs\":[" + bytes_json(sharding.index_big_endian, false);
    for (std::size_t i = 0; i < sharding.index_checksums; ++i) configuration += ",{\"name\":\"crc32c\"}";
    out += extension_json("sharding_indexed", configuration + (sharding.index_at_start ? "],\"index_location\":\"start\"" : "]"));
  }
  if (!chain.is_sharded()) out += bytes_json(chain.big_endian, item_size(dtype) == 1);
  for (const ByteCodec& each : chain.bytes) {
    if (each.codec != Codec::crc32c && each.codec != Codec::zstd)
      throw_not_written("chunks are coded with " + std::string(name(each.codec)));
    std::string configuration;
    if (each.codec == Codec::zstd)
      configuration = std::string("\"checksum\":") + (each.checksum ? "true" : "false") + ",\"level\":" + std::to_string(each.level);
    out += "," + extension_json(name(each.codec), configuration);
  }
  return out + "]";
}

inline std::string_view zero_json(DType dtype) {
  switch (info(dtype).kind) {
    case DTypeKind::boolean: return "false";
    case DTypeKind::floating: return "0.0";
    case DTypeKind::complex: return "[0.0,0.0]";
    default: return "0";
  }
}

}  // namespace detail

template <OnUse>
inline ArrayMetadata parse_metadata_v3(std::string_view text, const Where& where) {
  const json::Value root = json::parse(text, where, {.max_depth = 32});
  return detail::parse_array_metadata_v3(json::Cursor(root, where));
}

template <OnUse>
inline std::string to_json_v3(const ArrayMetadata& metadata) {
  if (!zarr2_dtype(metadata.dtype)) detail::throw_not_written("an array is of dtype " + std::string(name(metadata.dtype)));
  if (metadata.fill && *metadata.fill != FillValue{}) detail::throw_not_written("there is a fill value");
  const KeyEncoding usual = metadata.keys.prefixed ? KeyEncoding::v3() : KeyEncoding{};
  const std::string separator = metadata.keys == usual ? "" : std::string("\"separator\":\"") + metadata.keys.separator + "\"";
  return "{\"chunk_grid\":{\"configuration\":{\"chunk_shape\":" + detail::json_list(metadata.chunks) +
         "},\"name\":\"regular\"},\"chunk_key_encoding\":" + detail::extension_json(metadata.keys.prefixed ? "default" : "v2", separator) +
         ",\"codecs\":" + detail::codecs_json(metadata.codecs, metadata.dtype) + ",\"data_type\":\"" + std::string(name(metadata.dtype)) +
         "\",\"fill_value\":" + std::string(detail::zero_json(metadata.dtype)) +
         ",\"node_type\":\"array\",\"shape\":" + detail::json_list(metadata.shape) + ",\"zarr_format\":3}";
}

}  // namespace orrery::inline v0::zarr
