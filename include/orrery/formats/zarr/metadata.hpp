// What .zarray (zarr v2) says of an array, and how TensorStore writes it. Strict: whatever would change decoding and is not known is
// refused by name. Rules: spec/zarr.md 3, 5, 6, 11; spec/orbax.md 3.2. Bytes and chunks are the business of array.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "orrery/core/dtype.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/formats/json.hpp"
#include "orrery/formats/zarr/dtype_text.hpp"
#include "orrery/formats/zarr/fill_value.hpp"

namespace orrery::inline v0::zarr {

enum class Order : std::uint8_t { c, f };

// other: a codec of zarr v2 that is known but that chunks cannot be read with; ArrayMetadata::codec names it.
enum class Compressor : std::uint8_t { none, zstd, other };

inline constexpr std::size_t max_rank = 32;

struct ArrayMetadata {
  Shape shape{};
  Shape chunks{};                   // every extent at least 1, also where the array's is 0
  DType dtype = DType::none;
  bool big_endian = false;
  Order order = Order::c;
  char separator = '.';
  Compressor compressor = Compressor::none;
  int level = 1;                    // of zstd
  std::optional<FillValue> fill{};  // nothing: zero
  std::string codec{};              // the id of another compressor: "gzip", "zlib", "bz2", "blosc"

  std::size_t chunk_elements() const { return static_cast<std::size_t>(checked_count(chunks).value()); }
  std::size_t chunk_bytes() const { return chunk_elements() * item_size(dtype); }
};

// FormatError naming `where` and the member that is wrong or not supported.
inline ArrayMetadata parse_metadata(std::string_view text, const Where& where);

// FormatError naming the compressor where chunks of this array cannot be decoded.
inline void check_readable(const ArrayMetadata& metadata, const Where& where);

// The text that TensorStore writes: compact, members sorted. ArgumentError for what Orbax never has it write: a dtype that it lacks,
// other compressors, a fill value.
inline std::string to_json(const ArrayMetadata& metadata);

namespace detail {

inline Shape parse_extents(const json::Cursor& list, Dim least) {
  if (list.size() > max_rank) list.refuse("expected at most 32 extents, found " + std::to_string(list.size()));
  Shape out = Shape::zeros(list.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = list.at(i).integer(least);
  return out;
}

// Members that cannot change decoding are passed over (spec/zarr.md 3).
inline void parse_compressor(const json::Cursor& compressor, ArrayMetadata& out) {
  if (compressor.is_null()) return;
  const json::Cursor id = compressor.at("id");
  if (id.string() == "zstd") {
    out.compressor = Compressor::zstd;
    if (const auto level = compressor.find("level")) out.level = static_cast<int>(level->integer(-131072, 22));
    return;
  }
  static constexpr std::string_view known[] = {"gzip", "zlib", "bz2", "blosc"};
  if (std::find(std::begin(known), std::end(known), id.string()) == std::end(known))
    id.refuse("unsupported compressor '" + id.string() + "'");
  out.compressor = Compressor::other;
  out.codec = id.string();
}

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
  out.big_endian = stored->big_endian;
  for (const Shape* extents : {&out.shape, &out.chunks})
    if (!checked_bytes(*extents, item_size(out.dtype)))
      root.refuse("the bytes of " + to_string(*extents) + " elements must fit into 63 bits");
  parse_compressor(root.at("compressor"), out);
  out.fill = parse_fill_value(root.at("fill_value"), out.dtype, out.big_endian);
  const json::Cursor order = root.at("order");
  if (order.string() != "C" && order.string() != "F") order.refuse("expected \"C\" or \"F\", found " + json::dump(order.value()));
  out.order = order.string() == "F" ? Order::f : Order::c;
  const json::Cursor filters = root.at("filters");
  if (!filters.is_null() && filters.size() != 0) filters.refuse("filters are not supported, found " + json::dump(filters.value()));
  if (const auto separator = root.find("dimension_separator")) {
    if (separator->string() != "." && separator->string() != "/")
      separator->refuse("expected \".\" or \"/\", found " + json::dump(separator->value()));
    out.separator = separator->string()[0];
  }
  return out;
}

[[noreturn]] inline void throw_not_written(const std::string& what) {
  throw ArgumentError("zarr metadata as Orbax has it written cannot say that " + what);
}

}  // namespace detail

inline ArrayMetadata parse_metadata(std::string_view text, const Where& where) {
  const json::Value root = json::parse(text, where, {.max_depth = 16});
  return detail::parse_array_metadata(json::Cursor(root, where));
}

inline void check_readable(const ArrayMetadata& metadata, const Where& where) {
  if (metadata.compressor == Compressor::other)
    throw FormatError("unsupported compressor '" + metadata.codec + "': chunks can be read that are not compressed or compressed with zstd",
                      where);
}

inline std::string to_json(const ArrayMetadata& metadata) {
  std::optional<std::string> dtype = zarr2_dtype(metadata.dtype);
  if (!dtype) detail::throw_not_written("an array is of dtype " + std::string(name(metadata.dtype)));
  if (metadata.compressor == Compressor::other) detail::throw_not_written("chunks are compressed with " + metadata.codec);
  if (metadata.fill) detail::throw_not_written("there is a fill value");
  if (metadata.big_endian && (*dtype)[0] == '<') (*dtype)[0] = '>';
  const auto list = [](const Shape& dims) {
    std::string out = "[";
    for (std::size_t i = 0; i < dims.size(); ++i) out += (i ? "," : "") + std::to_string(dims[i]);
    return out + "]";
  };
  return "{\"chunks\":" + list(metadata.chunks) + ",\"compressor\":" +
         (metadata.compressor == Compressor::zstd ? "{\"id\":\"zstd\",\"level\":" + std::to_string(metadata.level) + "}" : "null") +
         ",\"dimension_separator\":\"" + metadata.separator + "\",\"dtype\":\"" + *dtype +
         "\",\"fill_value\":null,\"filters\":null,\"order\":\"" + (metadata.order == Order::f ? "F" : "C") + "\",\"shape\":" +
         list(metadata.shape) + ",\"zarr_format\":2}";
}

}  // namespace orrery::inline v0::zarr
