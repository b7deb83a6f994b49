#include "canonical.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <memory>

#include "orrery/core/copy.hpp"
#include "orrery/core/crc32c.hpp"

namespace orrery::tools {

namespace {

constexpr std::size_t gather_bytes = std::size_t{1} << 20;
constexpr std::size_t hex_whole = 256, hex_head = 64;         // bytes shown: all, or the first
constexpr std::size_t text_whole = 1024, text_head = 64;      // bytes that count as long, characters shown then

void append_hex(std::string& out, const unsigned char* bytes, std::size_t size) {
  constexpr char digits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < size; ++i) {
    out += digits[bytes[i] >> 4];
    out += digits[bytes[i] & 15];
  }
}

void append_crc(std::string& out, std::uint32_t crc) {
  out += ", \"crc32c\": \"";
  const unsigned char bytes[] = {static_cast<unsigned char>(crc >> 24), static_cast<unsigned char>(crc >> 16),
                                 static_cast<unsigned char>(crc >> 8), static_cast<unsigned char>(crc)};
  append_hex(out, bytes, 4);
  out += '"';
}

template <class Int>
void append_integer(std::string& out, Int value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

// Python's repr(float): the shortest digits that read back, positional between 1e-4 and 1e16.
void append_double(std::string& out, double value) {
  if (std::isnan(value)) out += "\"NaN\"";
  else if (std::isinf(value)) out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  else {
    char digits[40];
    const double size = std::fabs(value);
    const auto format = size == 0 || (size >= 1e-4 && size < 1e16) ? std::chars_format::fixed : std::chars_format::scientific;
    const std::string_view text(digits,
                                static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, value, format).ptr - digits));
    out += text;
    if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
  }
}

template <class T>
T read(const ArrayView& scalar) {
  T value;
  std::memcpy(&value, scalar.data, sizeof value);
  return value;
}

double as_double(const ArrayView& scalar) {
  double value = 0;
  cast_copy(scalar, ArrayView::dense(DType::float64, &value, {}));
  return value;
}

void append_key(std::string& out, const DictKey& key) {
  if (key.kind == DictKeyKind::string) return append_json_string(out, key.text);
  out += "{\"key\": ";
  switch (key.kind) {
    case DictKeyKind::integer:
    case DictKeyKind::floating: {
      const bool finite = key.text.find_first_of("nN") == std::string::npos;
      if (finite) out += key.text;
      else append_json_string(out, key.text);
      break;
    }
    case DictKeyKind::boolean: out += key.text == "True" ? "true" : "false"; break;
    case DictKeyKind::none: out += "null"; break;
    default: append_json_string(out, key.text);
  }
  out += '}';
}

// nbytes, and with checksums crc32c and hex, of bytes that lie in one piece.
void append_bytes(std::string& out, std::string_view bytes, bool checksums) {
  out += ", \"nbytes\": ";
  append_integer(out, bytes.size());
  if (!checksums) return;
  append_crc(out, crc32c(bytes.data(), bytes.size()));
  out += ", \"hex\": \"";
  append_hex(out, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size() <= hex_whole ? bytes.size() : hex_head);
  out += '"';
}

void append_array(std::string& out, const Tree& leaf, CanonicalOptions options) {
  const DType dtype = leaf.leaf_kind() == LeafKind::scalar ? python_scalar_dtype(leaf.dtype()) : leaf.dtype();
  out += ", \"dtype\": \"";
  out += name(dtype);
  out += "\", \"shape\": [";
  const Shape& shape = leaf.shape();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) out += ", ";
    append_integer(out, shape[i]);
  }
  out += "], \"nbytes\": ";
  append_integer(out, checked_bytes(shape, item_size(dtype)).value_or(0));
  if (leaf.has_value() && options.checksums) {
    const ArrayView view = leaf.array().view();
    append_crc(out, checksum(view));
    out += ", \"hex\": \"";
    const std::size_t size = view.nbytes(), count = size <= hex_whole ? view.size() : hex_head / view.item_size();
    unsigned char head[hex_whole];
    if (count > 0) copy_c_order_range(view, 0, count, head);
    append_hex(out, head, count * view.item_size());
    out += '"';
  }
  const LeafKind kind = leaf.leaf_kind();
  if (leaf.has_value() && (options.values || options.checksums) && (kind == LeafKind::scalar || kind == LeafKind::numpy_scalar) &&
      info(leaf.dtype()).kind != DTypeKind::time) {
    out += ", \"value\": ";
    append_number(out, leaf.array().view());
  }
  if (kind == LeafKind::prng_key) {
    out += ", \"impl\": ";
    append_json_string(out, leaf.impl());
  }
}

void append_text(std::string& out, const Tree& leaf, CanonicalOptions options) {
  if (!leaf.has_value()) return;
  const std::string& text = leaf.string();
  out += ", \"nbytes\": ";
  append_integer(out, text.size());
  if (options.checksums) append_crc(out, crc32c(text.data(), text.size()));
  if (!options.checksums && !options.values) return;
  if (text.size() <= text_whole) {
    out += ", \"value\": ";
    return append_json_string(out, text);
  }
  std::size_t end = 0;
  for (std::size_t characters = 0; end < text.size(); ++end)
    if ((static_cast<unsigned char>(text[end]) & 0xc0) != 0x80 && characters++ == text_head) break;
  out += ", \"value_prefix\": ";
  append_json_string(out, std::string_view(text).substr(0, end));
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (const auto byte = static_cast<unsigned char>(c); byte < 0x20) {
          out += "\\u00";
          append_hex(out, &byte, 1);
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void append_number(std::string& out, const ArrayView& scalar) {
  switch (info(scalar.dtype).kind) {
    case DTypeKind::boolean: out += read<unsigned char>(scalar) != 0 ? "true" : "false"; return;
    case DTypeKind::signed_integer: {
      std::int64_t value = 0;
      cast_copy(scalar, ArrayView::dense(DType::int64, &value, {}));
      return append_integer(out, value);
    }
    case DTypeKind::unsigned_integer: {
      std::uint64_t value = 0;
      cast_copy(scalar, ArrayView::dense(DType::uint64, &value, {}));
      return append_integer(out, value);
    }
    case DTypeKind::floating: {
      // NumPy knows no narrow float: the canonical form has the repr() of its value as text.
      const bool native = scalar.dtype == DType::float16 || scalar.dtype == DType::float32 || scalar.dtype == DType::float64;
      const double value = as_double(scalar);
      const bool quoted = !native && std::isfinite(value);
      if (quoted) out += '"';
      if (native || quoted) append_double(out, value);
      else out += std::isnan(value) ? "\"nan\"" : value > 0 ? "\"inf\"" : "\"-inf\"";
      if (quoted) out += '"';
      return;
    }
    case DTypeKind::complex: {
      std::complex<double> value;
      cast_copy(scalar, ArrayView::dense(DType::complex128, &value, {}));
      out += '[';
      append_double(out, value.real());
      out += ", ";
      append_double(out, value.imag());
      out += ']';
      return;
    }
    default: return;
  }
}

std::uint32_t checksum(const ArrayView& view) {
  if (view.is_c_contiguous()) return crc32c(view.data, view.nbytes());
  const std::size_t step = std::max<std::size_t>(gather_bytes / view.item_size(), 1), total = view.size();
  const auto buffer = std::make_unique<std::byte[]>(std::min(step, total) * view.item_size());
  std::uint32_t crc = 0;
  for (std::size_t first = 0; first < total; first += step) {
    const std::size_t count = std::min(step, total - first);
    copy_c_order_range(view, first, count, buffer.get());
    crc = crc32c(buffer.get(), count * view.item_size(), crc);
  }
  return crc;
}

std::string to_string(const LeafPath& path) {
  std::string text;
  for (const PathStep& step : path) {
    if (&step != path.data()) text += '/';
    if (step.key) text += step.key->text;
    else append_integer(text, step.index);
  }
  return text;
}

std::string_view kind_of(const Tree& leaf) {
  switch (leaf.kind()) {
    case Tree::Kind::none: return "none";
    case Tree::Kind::dict: return "empty_dict";
    case Tree::Kind::list: return "empty_list";
    case Tree::Kind::tuple: return "empty_tuple";
    default: return name(leaf.leaf_kind());
  }
}

void append_leaf(std::string& out, const LeafPath& path, const Tree& leaf, CanonicalOptions options) {
  out += "{\"path\": [";
  for (const PathStep& step : path) {
    if (&step != path.data()) out += ", ";
    if (step.key) append_key(out, *step.key);
    else append_integer(out, step.index);
  }
  out += "], \"kind\": \"";
  out += kind_of(leaf);
  out += '"';
  if (leaf.is_leaf()) {
    switch (leaf.leaf_kind()) {
      case LeafKind::string: append_text(out, leaf, options); break;
      case LeafKind::ext:
        out += ", \"code\": ";
        append_integer(out, int{leaf.ext_code()});
        [[fallthrough]];
      case LeafKind::bytes:
        if (leaf.has_value()) append_bytes(out, leaf.string(), options.checksums);
        break;
      default: append_array(out, leaf, options);
    }
  }
  out += '}';
}

std::string canonical_json(std::string_view format, const Tree& tree, CanonicalOptions options) {
  std::string out = "{\"format\": ";
  append_json_string(out, format);
  out += ", \"leaves\": [";
  bool first = true;
  for_each_leaf(tree, [&](const LeafPath& path, const Tree& leaf) {
    out += first ? "\n  " : ",\n  ";
    first = false;
    append_leaf(out, path, leaf, options);
  });
  out += "]}\n";
  return out;
}

}  // namespace orrery::tools
