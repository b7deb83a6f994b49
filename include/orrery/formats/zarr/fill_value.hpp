// The element that stands for what an array does not store, out of the JSON of .zarray or zarr.json. Rules: spec/zarr.md 3.2, 4.2.
#pragma once

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "orrery/core/on_use.hpp"
#include "orrery/core/cast.hpp"
#include "orrery/core/dtype.hpp"
#include "orrery/core/element_bits.hpp"
#include "orrery/core/float_types.hpp"
#include "orrery/core/from_chars.hpp"
#include "orrery/formats/json_value.hpp"

namespace orrery::inline v0::zarr {

// The bytes of one element, native; those behind its size are zero.
using FillValue = std::array<std::byte, 16>;

// The declared fill value, nothing for null. FormatError naming the member for one that the dtype cannot hold.
template <OnUse = OnUse()>
inline std::optional<FillValue> parse_fill_value(const json::Cursor& value, DType dtype, bool big_endian);

// ... as zarr v3 spells it, where there always is one: no base64, no decimal strings, but bits in hexadecimal.
template <OnUse = OnUse()>
inline FillValue parse_fill_value_v3(const json::Cursor& value, DType dtype);

namespace detail {

template <OnUse = OnUse()>
[[noreturn]] inline void refuse_fill(const json::Cursor& value, DType dtype) {
  value.refuse("expected a value of dtype " + std::string(name(dtype)) + ", found " + json::dump(value.value()));
}

template <class Number>
void put_number(Number number, DType dtype, std::byte* to) {
  // The type has no zero; TensorStore, which declares one for it as for all others, then means the element without a bit.
  if (number == 0 && dtype == DType::float8_e8m0fnu) return;
  cast_copy(ArrayView::dense(dtype_of<Number>, &number, {}), ArrayView::dense(dtype, to, {}));
}

// A whole number in range, also written as 7.0.
template <OnUse = OnUse()>
inline void put_integer(const json::Cursor& value, DType dtype, std::byte* to) {
  const bool is_signed = info(dtype).kind == DTypeKind::signed_integer;
  const int bits = info(dtype).bits - (is_signed ? 1 : 0);
  const std::uint64_t most = bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
  const json::Value& json = value.value();
  if (const std::int64_t* i = json.integer()) {
    const bool fits = *i >= 0 ? static_cast<std::uint64_t>(*i) <= most : is_signed && static_cast<std::uint64_t>(-(*i + 1)) <= most;
    if (!fits) refuse_fill(value, dtype);
    put_number(*i, dtype, to);
  } else if (const std::uint64_t* u = json.unsigned_integer()) {
    if (*u > most) refuse_fill(value, dtype);
    put_number(*u, dtype, to);
  } else {
    const double* d = json.number();
    const double beyond = std::ldexp(1.0, bits);
    if (!d || *d != std::trunc(*d) || *d >= beyond || *d < (is_signed ? -beyond : 0.0)) refuse_fill(value, dtype);
    if (is_signed)
      put_number(static_cast<std::int64_t>(*d), dtype, to);
    else
      put_number(static_cast<std::uint64_t>(*d), dtype, to);
  }
}

// A number, "NaN", "Infinity", "-Infinity" or a decimal string.
template <OnUse = OnUse()>
inline void put_float(const json::Cursor& value, DType dtype, std::byte* to) {
  const json::Value& json = value.value();
  if (const std::string* text = json.string()) {
    double number = 0;
    if (*text == "NaN")
      number = std::numeric_limits<double>::quiet_NaN();
    else if (*text == "Infinity")
      number = std::numeric_limits<double>::infinity();
    else if (*text == "-Infinity")
      number = -std::numeric_limits<double>::infinity();
    else if (const auto [end, error] = orrery::detail::from_chars(text->data(), text->data() + text->size(), number);
             error != std::errc() || end != text->data() + text->size() || !std::isfinite(number))
      refuse_fill(value, dtype);
    put_number(number, dtype, to);
  } else if (const std::int64_t* i = json.integer()) {
    put_number(*i, dtype, to);
  } else if (json.unsigned_integer() || json.number()) {
    put_number(value.number(), dtype, to);
  } else {
    refuse_fill(value, dtype);
  }
}

// The element as it is stored, in base64 with padding.
template <OnUse = OnUse()>
inline void put_base64(const json::Cursor& value, DType dtype, bool big_endian, std::byte* to) {
  static constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t size = item_size(dtype);
  if (!value.value().string()) refuse_fill(value, dtype);
  const std::string& text = *value.value().string();
  if (text.size() != (size + 2) / 3 * 4) refuse_fill(value, dtype);
  std::uint32_t bits = 0;
  for (std::size_t i = 0, done = 0; i < text.size(); ++i) {
    const std::size_t digit = alphabet.find(text[i]);
    const bool padding = i * 6 >= size * 8;  // behind the last digit that carries a bit
    if (padding ? text[i] != '=' : digit == std::string_view::npos) refuse_fill(value, dtype);
    bits = bits << 6 | static_cast<std::uint32_t>(padding ? 0 : digit);
    if (i % 4 == 3)
      for (int shift = 16; shift >= 0 && done < size; shift -= 8) to[done++] = static_cast<std::byte>(bits >> shift);
  }
  if (big_endian) swap_bytes(dtype, to, 1);
  normalize_sub_byte(dtype, to, 1);
}

// A number, "NaN", "Infinity", "-Infinity", or the bits of the element as "0x" and hexadecimal digits.
template <OnUse = OnUse()>
inline void put_float_v3(const json::Cursor& value, DType dtype, std::byte* to) {
  const std::string* text = value.value().string();
  if (!text || *text == "NaN" || *text == "Infinity" || *text == "-Infinity") return put_float(value, dtype, to);
  const std::size_t size = item_size(dtype);
  std::uint64_t bits = 0;
  if (!text->starts_with("0x") || text->size() > 2 + 2 * size) refuse_fill(value, dtype);
  const auto [end, error] = std::from_chars(text->data() + 2, text->data() + text->size(), bits, 16);
  if (error != std::errc() || end != text->data() + text->size()) refuse_fill(value, dtype);
  for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<std::byte>(bits >> (8 * i));
  if constexpr (std::endian::native == std::endian::big) swap_bytes(dtype, to, 1);
  normalize_sub_byte(dtype, to, 1);
}

}  // namespace detail

template <OnUse>
inline std::optional<FillValue> parse_fill_value(const json::Cursor& value, DType dtype, bool big_endian) {
  if (value.is_null()) return std::nullopt;
  FillValue fill{};
  switch (info(dtype).kind) {
    case DTypeKind::boolean: fill[0] = static_cast<std::byte>(value.boolean()); break;
    case DTypeKind::signed_integer:
    case DTypeKind::unsigned_integer: detail::put_integer(value, dtype, fill.data()); break;
    case DTypeKind::complex:
      if (value.value().string()) {
        detail::put_base64(value, dtype, big_endian, fill.data());
      } else {
        if (value.size() != 2) value.refuse("expected the real and the imaginary part, found " + std::to_string(value.size()) + " numbers");
        const DType part = dtype == DType::complex64 ? DType::float32 : DType::float64;
        for (std::size_t i = 0; i < 2; ++i) detail::put_float(value.at(i), part, fill.data() + i * item_size(part));
      }
      break;
    default:
      // TensorStore takes float4_e2m1fn for no float here.
      if (is_sub_byte(dtype))
        detail::put_base64(value, dtype, big_endian, fill.data());
      else
        detail::put_float(value, dtype, fill.data());
  }
  return fill;
}

template <OnUse>
inline FillValue parse_fill_value_v3(const json::Cursor& value, DType dtype) {
  if (value.is_null()) detail::refuse_fill(value, dtype);
  FillValue fill{};
  switch (info(dtype).kind) {
    case DTypeKind::floating: detail::put_float_v3(value, dtype, fill.data()); break;
    case DTypeKind::complex: {
      if (value.size() != 2) value.refuse("expected the real and the imaginary part, found " + std::to_string(value.size()) + " numbers");
      const DType part = dtype == DType::complex64 ? DType::float32 : DType::float64;
      for (std::size_t i = 0; i < 2; ++i) detail::put_float_v3(value.at(i), part, fill.data() + i * item_size(part));
      break;
    }
    default: fill = *parse_fill_value(value, dtype, false);
  }
  return fill;
}

}  // namespace orrery::inline v0::zarr
