// What .zarray (zarr v2) says of an array, and how TensorStore writes it. Strict: whatever would change decoding and is not known is
// refused by name. Rules: spec/zarr.md 3, 5, 6, 11; spec/orbax.md 3.2. Bytes and chunks are the business of array.hpp.
#pragma once

#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "orrery/core/dtype.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/formats/zarr/array_metadata.hpp"
#include "orrery/formats/zarr/dtype_text.hpp"
#include "orrery/formats/zarr/fill_value.hpp"

namespace orrery::inline v0::zarr {

// FormatError naming `where` and the member that is wrong or not supported.
template <OnUse = OnUse()>
inline ArrayMetadata parse_metadata(std::string_view text, const Where& where);

// The text that TensorStore writes: compact, members sorted. ArgumentError for what Orbax never has it write: a dtype that it lacks,
// other codecs, a fill value.
template <OnUse = OnUse()>
inline std::string to_json(const ArrayMetadata& metadata);

namespace detail {

template <OnUse = OnUse()>
inline Shape parse_extents(const json::Cursor& list, Dim least) {
  if (list.size() > max_rank) list.refuse("expected at most 32 extents, found " + std::to_string(list.size()));
  Shape out = Shape::zeros(list.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = list.at(i).integer(least);
  return out;
}

// Members that cannot change decoding are passed over (spec/zarr.md 3): the containers say what is needed to read them.
template <OnUse = OnUse()>
inline void parse_compressor(const json::Cursor& compressor, CodecChain& out) {
  if (compressor.is_null()) return;
  const json::Cursor id = compressor.at("id");
  static constexpr Codec known[] = {Codec::zstd, Codec::gzip, Codec::zlib, Codec::blosc, Codec::bz2};
  for (const Codec codec : known) {
    if (name(codec) != id.string()) continue;
    ByteCodec& found = out.bytes.emplace_back(ByteCodec{.codec = codec, .level = 1});
    const auto level = compressor.find("level");
    if (codec == Codec::zstd && level) found.level = static_cast<int>(level->integer(-131072, 22));
    return;
  }
  id.refuse("unsupported compressor '" + id.string() + "'");
}

template <OnUse = OnUse()>
inline ArrayMetadata parse_array_metadata(const json::Cursor& root) {
  ArrayMetadata out;
  root.at("zarr_format").integer(2, 2);
  out.shape = parse_extents(root.at("shape"), 0);
  out.chunks = parse_extents(root.at("chunks"), 1);
  if (out.shape.size() != out.chunks.size())
    root.refuse("shape " + to_string(out.shape) + " and chunks " + to_string(out.chunks) + " must have the same number of extents");
  const json::Cursor dtype = root.at("dtype");
  if (dtype.value().array()) dtype.refuse("structured dtypes are not supported");
  const auto stored = dtype_from_zarr2(dtype.string());
  if (!stored) dtype.refuse("unsupported dtype '" + dtype.string() + "'");
  out.dtype = stored->dtype;
  out.codecs.big_endian = stored->big_endian;
  for (const Shape* extents : {&out.shape, &out.chunks})
    if (!checked_bytes(*extents, item_size(out.dtype)))
      root.refuse("the bytes of " + to_string(*extents) + " elements must fit into 63 bits");
  parse_compressor(root.at("compressor"), out.codecs);
  out.fill = parse_fill_value(root.at("fill_value"), out.dtype, out.codecs.big_endian);
  const json::Cursor order = root.at("order");
  if (order.string() != "C" && order.string() != "F") order.refuse("expected \"C\" or \"F\", found " + json::dump(order.value()));
  if (order.string() == "F" && out.shape.size() > 1) out.codecs.transpose = f_order(out.shape.size());
  const json::Cursor filters = root.at("filters");
  if (!filters.is_null() && filters.size() != 0) filters.refuse("filters are not supported, found " + json::dump(filters.value()));
  if (const auto separator = root.find("dimension_separator")) {
    if (separator->string() != "." && separator->string() != "/")
      separator->refuse("expected \".\" or \"/\", found " + json::dump(separator->value()));
    out.keys.separator = separator->string()[0];
  }
  return out;
}

[[noreturn]] inline void throw_not_written(const std::string& what) {
  throw ArgumentError("zarr metadata as Orbax has it written cannot say that " + what);
}

template <OnUse = OnUse()>
inline std::string json_list(const Shape& dims) {
  std::string out = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) out += (i ? "," : "") + std::to_string(dims[i]);
  return out + "]";
}

}  // namespace detail

template <OnUse>
inline ArrayMetadata parse_metadata(std::string_view text, const Where& where) {
  const json::Value root = json::parse(text, where, {.max_depth = 16});
  return detail::parse_array_metadata(json::Cursor(root, where));
}

template <OnUse>
inline std::string to_json(const ArrayMetadata& metadata) {
  const CodecChain& codecs = metadata.codecs;
  std::optional<std::string> dtype = zarr2_dtype(metadata.dtype);
  if (!dtype) detail::throw_not_written("an array is of dtype " + std::string(name(metadata.dtype)));
  if (codecs.is_sharded()) detail::throw_not_written("chunks are shards");
  if (codecs.bytes.size() > 1 || (!codecs.bytes.empty() && codecs.bytes[0].codec != Codec::zstd))
    detail::throw_not_written("chunks are coded with " + std::string(name(codecs.bytes.back().codec)));
  const bool f = !is_identity(codecs.transpose);
  if (f && codecs.transpose != f_order(metadata.shape.size())) detail::throw_not_written("axes are neither in order nor reversed");
  if (metadata.keys.prefixed) detail::throw_not_written("the keys of chunks begin with c");
  if (metadata.fill) detail::throw_not_written("there is a fill value");
  if (codecs.big_endian && (*dtype)[0] == '<') (*dtype)[0] = '>';
  return "{\"chunks\":" + detail::json_list(metadata.chunks) + ",\"compressor\":" +
         (codecs.bytes.empty() ? "null" : "{\"id\":\"zstd\",\"level\":" + std::to_string(codecs.bytes[0].level) + "}") +
         ",\"dimension_separator\":\"" + metadata.keys.separator + "\",\"dtype\":\"" + *dtype +
         "\",\"fill_value\":null,\"filters\":null,\"order\":\"" + (f ? "F" : "C") + "\",\"shape\":" + detail::json_list(metadata.shape) +
         ",\"zarr_format\":2}";
}

}  // namespace orrery::inline v0::zarr
