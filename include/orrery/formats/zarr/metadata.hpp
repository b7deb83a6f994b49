// What .zarray (zarr v2) says of an array, and how TensorStore writes it. Strict: whatever would change decoding and is not known is
// refused by name. Rules: spec/zarr.md 3, 5, 6, 11; spec/orbax.md 3.2.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "orrery/core/cast.hpp"
#include "orrery/core/dtype.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/float_types.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/formats/json.hpp"

namespace orrery::inline v0::zarr {

enum class Order : std::uint8_t { c, f };
enum class Compressor : std::uint8_t { none, zstd };

inline constexpr std::size_t max_rank = 32;

struct ArrayMetadata {
  Shape shape{};
  Shape chunks{};                          // every extent at least 1, also where the array's is 0
  DType dtype = DType::none;
  bool big_endian = false;
  Order order = Order::c;
  char separator = '.';
  Compressor compressor = Compressor::none;
  int level = 1;                           // of zstd
  std::optional<std::array<std::byte, 16>> fill{};  // the bytes of one element, native; nothing: zero

  std::size_t chunk_elements() const { return static_cast<std::size_t>(checked_count(chunks).value()); }
  std::size_t chunk_bytes() const { return chunk_elements() * item_size(dtype); }
};

// "<f4", "|b1", "bfloat16"; nothing for a dtype that TensorStore does not have (uint2, uint4, float6_*, float8_e4m3, times).
inline std::optional<std::string> zarr2_dtype(DType dtype) {
  switch (dtype) {
    case DType::none:
    case DType::uint2:
    case DType::uint4:
    case DType::float6_e2m3fn:
    case DType::float6_e3m2fn:
    case DType::float8_e4m3: return std::nullopt;
    case DType::float16: return "<f2";
    case DType::float32: return "<f4";
    case DType::float64: return "<f8";
    case DType::bool_: return "|b1";
    default: break;
  }
  const DTypeInfo& about = info(dtype);
  if (about.kind == DTypeKind::time) return std::nullopt;
  if (about.kind == DTypeKind::complex) return "<c" + std::to_string(about.size);
  const bool whole = about.bits >= 8;
  if (whole && about.kind == DTypeKind::signed_integer) return (about.size == 1 ? "|i" : "<i") + std::to_string(about.size);
  if (whole && about.kind == DTypeKind::unsigned_integer) return (about.size == 1 ? "|u" : "<u") + std::to_string(about.size);
  return std::string(about.name);  // TensorStore's own: bfloat16, float8_*, int4, ...
}

// The text that TensorStore writes: compact, members sorted.
inline std::string to_json(const ArrayMetadata& metadata) {
  const auto list = [](const Shape& dims) {
    std::string out = "[";
    for (std::size_t i = 0; i < dims.size(); ++i) out += (i ? "," : "") + std::to_string(dims[i]);
    return out + "]";
  };
  return "{\"chunks\":" + list(metadata.chunks) + ",\"compressor\":" +
         (metadata.compressor == Compressor::zstd ? "{\"id\":\"zstd\",\"level\":" + std::to_string(metadata.level) + "}" : "null") +
         ",\"dimension_separator\":\"" + metadata.separator + "\",\"dtype\":\"" + zarr2_dtype(metadata.dtype).value() +
         "\",\"fill_value\":null,\"filters\":null,\"order\":\"" + (metadata.order == Order::f ? "F" : "C") + "\",\"shape\":" +
         list(metadata.shape) + ",\"zarr_format\":2}";
}

namespace detail {

class MetadataParser {
 public:
  MetadataParser(const json::Value& root, const Where& where) : root_(root), where_(where) {}

  ArrayMetadata parse() {
    if (!root_.object()) refuse("a JSON object is wanted");
    const auto* format = member("zarr_format").integer();
    if (!format || *format != 2) refuse("zarr_format must be 2");
    out_.shape = dims("shape", 0);
    out_.chunks = dims("chunks", 1);
    if (out_.shape.size() != out_.chunks.size()) refuse("shape and chunks differ in rank");
    parse_dtype();
    if (!checked_bytes(out_.shape, item_size(out_.dtype))) refuse("the array's extents multiply beyond 63 bits");
    if (!checked_bytes(out_.chunks, item_size(out_.dtype))) refuse("the chunk's extents multiply beyond 63 bits");
    parse_compressor();
    parse_fill();
    const std::string order = text("order");
    if (order != "C" && order != "F") refuse("order must be \"C\" or \"F\", not \"" + order + "\"");
    out_.order = order == "F" ? Order::f : Order::c;
    const json::Value& filters = member("filters");
    if (!filters.is_null() && !(filters.array() && filters.array()->empty())) refuse("filters are not supported");
    if (const json::Value* separator = root_.find("dimension_separator")) {
      const std::string* s = separator->string();
      if (!s || (*s != "." && *s != "/")) refuse("dimension_separator must be \".\" or \"/\"");
      out_.separator = (*s)[0];
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const { throw FormatError("this .zarray cannot be used: " + what, where_); }

  const json::Value& member(std::string_view key) const {
    const json::Value* found = root_.find(key);
    if (!found) refuse("\"" + std::string(key) + "\" is missing");
    return *found;
  }
  std::string text(std::string_view key) const {
    const std::string* found = member(key).string();
    if (!found) refuse("\"" + std::string(key) + "\" must be a string");
    return *found;
  }
  Shape dims(std::string_view key, Dim least) const {
    const auto* list = member(key).array();
    if (!list) refuse("\"" + std::string(key) + "\" must be an array");
    if (list->size() > max_rank) refuse("\"" + std::string(key) + "\" has more than 32 entries");
    Shape out = Shape::zeros(list->size());
    for (std::size_t i = 0; i < list->size(); ++i) {
      const std::int64_t* extent = (*list)[i].integer();
      if (!extent || *extent < least) refuse("\"" + std::string(key) + "\" must hold integers of at least " + std::to_string(least));
      out[i] = *extent;
    }
    return out;
  }

  void parse_dtype() {
    const json::Value& value = member("dtype");
    if (!value.string()) refuse("structured dtypes are not supported");
    const std::string& text = *value.string();
    if (text.size() > 1 && (text[0] == '<' || text[0] == '>' || text[0] == '|')) {
      for (int i = 1; i <= static_cast<int>(DType::complex128); ++i) {
        const auto known = zarr2_dtype(static_cast<DType>(i));
        if (!known || (*known)[0] == 'b' || known->substr(1) != text.substr(1)) continue;
        if (text[0] == '|' && (*known)[0] != '|') break;  // a byte order is needed from two bytes on
        out_.dtype = static_cast<DType>(i);
        out_.big_endian = text[0] == '>' && (*known)[0] != '|';
        return;
      }
    } else if (const auto named = dtype_from_name(text); named && zarr2_dtype(*named) == text) {
      out_.dtype = *named;
      return;
    }
    refuse("the dtype \"" + text + "\" is not supported");
  }

  void parse_compressor() {
    const json::Value& value = member("compressor");
    if (value.is_null()) return;
    const json::Value* id = value.find("id");
    if (!id || !id->string()) refuse("compressor must be null or an object with an id");
    if (*id->string() != "zstd") refuse("the compressor \"" + *id->string() + "\" is not supported");
    out_.compressor = Compressor::zstd;
    if (const json::Value* level = value.find("level")) {
      if (!level->integer() || *level->integer() < -131072 || *level->integer() > 22) refuse("the level of zstd must be an integer from -131072 to 22");
      out_.level = static_cast<int>(*level->integer());
    }
  }

  // spec/zarr.md 3.2. Numbers are stored as the element they stand for.
  void parse_fill() {
    const json::Value& value = member("fill_value");
    if (value.is_null()) return;
    out_.fill.emplace();
    const DTypeKind kind = info(out_.dtype).kind;
    std::byte* to = out_.fill->data();
    if (kind == DTypeKind::boolean) {
      if (!value.boolean()) refuse("fill_value of a bool array must be true or false");
      *to = static_cast<std::byte>(*value.boolean());
    } else if (kind == DTypeKind::complex) {
      const auto* parts = value.array();
      if (!parts || parts->size() != 2) refuse("fill_value of a complex array must be an array of two numbers");
      const DType half = out_.dtype == DType::complex64 ? DType::float32 : DType::float64;
      for (std::size_t i = 0; i < 2; ++i) put_number((*parts)[i], half, to + i * item_size(half));
    } else {
      put_number(value, out_.dtype, to);
    }
  }
  void put_number(const json::Value& value, DType dtype, std::byte* to) const {
    const ArrayView element = ArrayView::dense(dtype, to, {});
    const auto put = [&](auto number) { cast_copy(ArrayView::dense(dtype_of<decltype(number)>, &number, {}), element); };
    if (const std::int64_t* integer = value.integer()) put(*integer);
    else if (const auto* big = std::get_if<std::uint64_t>(&value.data)) put(*big);
    else if (const auto* number = std::get_if<double>(&value.data); number && info(dtype).kind == DTypeKind::floating) put(*number);
    else if (value.string() && info(dtype).kind == DTypeKind::floating) put(special(*value.string()));
    else refuse("fill_value does not fit the dtype " + std::string(name(dtype)));
  }
  double special(const std::string& text) const {
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "Infinity") return std::numeric_limits<double>::infinity();
    if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
    refuse("fill_value \"" + text + "\" is no number");
  }

  const json::Value& root_;
  const Where& where_;
  ArrayMetadata out_{};
};

}  // namespace detail

// FormatError naming `where` and the member that is wrong or not supported.
inline ArrayMetadata parse_metadata(std::string_view text, const Where& where) {
  const json::Value root = json::parse(text, where);
  return detail::MetadataParser(root, where).parse();
}

}  // namespace orrery::inline v0::zarr
