// What is inside Flax's msgpack extensions: the array of code 1 and the NumPy scalar of code 3, the complex number of code 2
// (spec/flax-legacy.md 3.4). Nothing is copied: an array is described, with a view of its bytes.
#pragma once

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <msgpack/null_visitor.hpp>
#include <msgpack/unpack.hpp>

#include "orrery/core/dtype.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/shape.hpp"

namespace orrery::inline v0::msgpack_format {

// Deepest nesting of containers, as in Python's decoder (3.9).
inline constexpr std::size_t max_containers = 1024;

struct ArrayPayload {
  DType dtype = DType::none;
  Shape shape{};
  std::string_view data{};
};

// Decodes a payload; what is wrong with it goes to `error`, in Python's words where it has some.
template <OnUse = OnUse()>
std::optional<ArrayPayload> read_array_payload(std::string_view payload, std::string& error);
template <OnUse = OnUse()>
std::optional<std::complex<double>> read_complex_payload(std::string_view payload, std::string& error);

namespace detail {

// As NumPy prints a shape in this one message: "(2,3)", "(4,)", "(4,newaxis)".
template <OnUse = OnUse()>
inline std::string reshape_text(std::span<const Dim> shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i)
    text += (i ? "," : "") + (shape[i] < 0 ? std::string("newaxis") : std::to_string(shape[i]));
  return text + (shape.size() == 1 ? ",)" : ")");
}

// The shape that `count` elements take, with at most one extent of -1 filled in; nothing where they do not.
template <OnUse = OnUse()>
inline std::optional<Shape> reshaped(std::span<const Dim> wanted, std::size_t count) {
  Shape shape(wanted);
  Dim* unknown = nullptr;
  for (Dim& extent : shape) {
    if (extent >= 0) continue;
    if (extent != -1 || unknown) return std::nullopt;
    unknown = &extent;
  }
  if (unknown) *unknown = 1;
  const auto product = checked_count(shape);
  if (!product) return std::nullopt;
  const auto known = static_cast<std::size_t>(*product);
  if (!unknown) return known == count ? std::optional(shape) : std::nullopt;
  if (known == 0 || count % known != 0) return std::nullopt;
  *unknown = static_cast<Dim>(count / known);
  return shape;
}

// What both payloads have in common: an outermost array whose items are looked at, and bounded nesting.
struct PayloadVisitor : ::msgpack::null_visitor {
  std::string error{};
  std::size_t depth = 0;
  std::uint32_t length = 0;  // of the outermost array
  std::uint32_t item = 0;

  template <OnUse = OnUse()>
  bool refuse(std::string message) {
    if (error.empty()) error = std::move(message);
    return false;
  }
  template <OnUse = OnUse()>
  bool enter() {
    return ++depth <= max_containers || refuse("the payload of an extension nests deeper than 1024 containers");
  }
  template <OnUse = OnUse()>
  bool start_map(std::uint32_t) {
    return enter();
  }
  bool end_map() {
    --depth;
    return true;
  }
  bool end_array() {
    --depth;
    return true;
  }
  bool end_array_item() {
    item += depth == 1;
    return true;
  }
  template <OnUse = OnUse()>
  void parse_error(std::size_t, std::size_t) {
    refuse("the payload of an extension holds a byte that is no msgpack");
  }
  template <OnUse = OnUse()>
  void insufficient_bytes(std::size_t, std::size_t) {
    refuse("Unpack failed: incomplete input: the payload of an extension ends early");
  }
};

template <class Visitor>
bool parse_payload(std::string_view payload, Visitor& visitor) {
  std::size_t end = 0;
  if (!::msgpack::parse(payload.data(), payload.size(), end, visitor))
    return visitor.refuse("the payload of an extension cannot be decoded");
  return end == payload.size() || visitor.refuse("unpack(b) received extra data.: inside the payload of an extension");
}

struct ArrayVisitor : PayloadVisitor {
  static constexpr std::size_t max_rank = 64;  // NumPy's
  std::array<Dim, max_rank> extents{};
  std::size_t rank = 0;
  std::string_view dtype{};
  std::string_view data{};

  template <OnUse = OnUse()>
  bool start_array(std::uint32_t count) {
    if (!enter()) return false;
    if (depth == 1) {
      length = count;
      if (count > 3) return refuse("too many values to unpack (expected 3): an array is [shape, dtype, data]");
      if (count < 3)
        return refuse("not enough values to unpack (expected 3, got " + std::to_string(count) + "): an array is [shape, dtype, data]");
      return true;
    }
    if (depth == 2 && item == 0)
      return count <= max_rank || refuse("maximum supported dimension for an ndarray is 64, found " + std::to_string(count));
    return unexpected();
  }
  template <OnUse = OnUse()>
  bool start_map(std::uint32_t) {
    return unexpected();
  }
  template <OnUse = OnUse()>
  bool visit_positive_integer(std::uint64_t value) {
    constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<Dim>::max());
    return extent(value > largest ? std::numeric_limits<Dim>::min() : static_cast<Dim>(value));
  }
  template <OnUse = OnUse()>
  bool visit_negative_integer(std::int64_t value) {
    return extent(value);
  }
  template <OnUse = OnUse()>
  bool extent(Dim value) {
    if (depth == 0 || item != 0 || depth > 2) return unexpected();
    extents[rank++] = value;  // a bare integer is a shape of one extent, as for reshape
    return true;
  }
  // Python decodes payloads raw: str and bin are the same here.
  template <OnUse = OnUse()>
  bool visit_str(const char* text, std::uint32_t size) {
    if (depth != 1 || item == 0) return unexpected();
    (item == 1 ? dtype : data) = {text, size};
    return true;
  }
  template <OnUse = OnUse()>
  bool visit_bin(const char* text, std::uint32_t size) {
    return visit_str(text, size);
  }
  template <OnUse = OnUse()>
  bool visit_nil() {
    return unexpected();
  }
  template <OnUse = OnUse()>
  bool visit_boolean(bool) {
    return unexpected();
  }
  template <OnUse = OnUse()>
  bool visit_float32(float) {
    return unexpected();
  }
  template <OnUse = OnUse()>
  bool visit_float64(double) {
    return unexpected();
  }
  template <OnUse = OnUse()>
  bool visit_ext(const char*, std::uint32_t) {
    return unexpected();
  }
  template <OnUse = OnUse()>
  bool unexpected() {
    return refuse("expected an array's [shape, dtype, data], found something else in item " + std::to_string(item));
  }
};

struct ComplexVisitor : PayloadVisitor {
  double parts[2]{};

  template <OnUse = OnUse()>
  bool start_array(std::uint32_t count) {
    if (depth > 0) return container();
    length = count;
    return enter();
  }
  template <OnUse = OnUse()>
  bool start_map(std::uint32_t) {
    return depth > 0 ? container() : other();
  }
  // Elements after the second are ignored, as by Flax.
  template <OnUse = OnUse()>
  bool container() {
    return other() && enter();
  }
  template <OnUse = OnUse()>
  bool other() {
    return (depth > 0 && item >= 2) || refuse("expected a complex number's [real, imag], found something else");
  }
  template <OnUse = OnUse()>
  bool number(double value) {
    if (depth == 0) return other();
    if (depth == 1 && item < 2) parts[item] = value;
    return true;
  }
  template <OnUse = OnUse()>
  bool visit_positive_integer(std::uint64_t value) {
    return number(static_cast<double>(value));
  }
  template <OnUse = OnUse()>
  bool visit_negative_integer(std::int64_t value) {
    return number(static_cast<double>(value));
  }
  template <OnUse = OnUse()>
  bool visit_boolean(bool value) {
    return number(value);
  }
  template <OnUse = OnUse()>
  bool visit_float32(float value) {
    return number(static_cast<double>(value));
  }
  template <OnUse = OnUse()>
  bool visit_float64(double value) {
    return number(value);
  }
  template <OnUse = OnUse()>
  bool visit_nil() {
    return other();
  }
  template <OnUse = OnUse()>
  bool visit_str(const char*, std::uint32_t) {
    return other();
  }
  template <OnUse = OnUse()>
  bool visit_bin(const char*, std::uint32_t) {
    return other();
  }
  template <OnUse = OnUse()>
  bool visit_ext(const char*, std::uint32_t) {
    return other();
  }
};

}  // namespace detail

template <OnUse>
inline std::optional<ArrayPayload> read_array_payload(std::string_view payload, std::string& error) {
  detail::ArrayVisitor visitor;
  auto failed = [&](std::string message) {
    error = std::move(message);
    return std::nullopt;
  };
  if (!detail::parse_payload(payload, visitor)) return failed(std::move(visitor.error));
  if (visitor.length != 3) return failed("expected an array's [shape, dtype, data], found something else");
  const auto dtype = dtype_from_name(visitor.dtype);
  if (!dtype) return failed("data type '" + std::string(visitor.dtype) + "' not understood");
  const std::size_t item = item_size(*dtype);
  if (visitor.data.size() % item != 0)
    return failed("buffer size must be a multiple of element size: " + std::to_string(visitor.data.size()) + " bytes of " +
                  std::string(name(*dtype)));
  const std::span<const Dim> extents(visitor.extents.data(), visitor.rank);
  const std::size_t count = visitor.data.size() / item;
  auto shape = detail::reshaped(extents, count);
  if (!shape) return failed("cannot reshape array of size " + std::to_string(count) + " into shape " + detail::reshape_text(extents));
  return ArrayPayload{*dtype, std::move(*shape), visitor.data};
}

template <OnUse>
inline std::optional<std::complex<double>> read_complex_payload(std::string_view payload, std::string& error) {
  detail::ComplexVisitor visitor;
  if (!detail::parse_payload(payload, visitor)) {
    error = std::move(visitor.error);
    return std::nullopt;
  }
  if (visitor.length < 2) {
    error = "list index out of range: a complex number is [real, imag], found " + std::to_string(visitor.length) + " items";
    return std::nullopt;
  }
  return std::complex<double>(visitor.parts[0], visitor.parts[1]);
}

}  // namespace orrery::inline v0::msgpack_format
