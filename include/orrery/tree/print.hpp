// A Tree as text for people, in Python's words: {'step': 1, 'bias': array([-0.001, -0.001, -0.001], dtype=float32)}.
#pragma once

#include <charconv>
#include <complex>
#include <ios>
#include <string>
#include <string_view>
#include <type_traits>

#include "orrery/core/copy.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0 {

namespace detail {

// Arrays above this many elements print as dtype and shape alone.
inline constexpr std::size_t printed_elements = 1000;

template <OnUse = OnUse()>
inline void print_text(std::string& out, std::string_view text) {
  out += '\'';
  for (char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  out += '\'';
}

template <class T>
void print_number(std::string& out, T value) {
  char digits[64];
  auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  std::string_view text(digits, static_cast<std::size_t>(end - digits));
  out += text;
  if constexpr (std::is_floating_point_v<T>)
    if (text.find_first_not_of("-0123456789") == std::string_view::npos) out += ".0";
}

template <OnUse = OnUse()>
inline void print_element(std::string& out, DType dtype, const void* data) {
  const ArrayView one = ArrayView::dense(dtype, data, {});
  auto as = [&]<class T>(T value) {
    cast_copy(one, ArrayView::dense(dtype_of<T>, &value, {}));
    return value;
  };
  switch (info(dtype).kind) {
    case DTypeKind::boolean: out += as(false) ? "True" : "False"; break;
    case DTypeKind::unsigned_integer: print_number(out, as(std::uint64_t{})); break;
    case DTypeKind::signed_integer:
    case DTypeKind::time: print_number(out, as(std::int64_t{})); break;
    case DTypeKind::floating:
      if (dtype == DType::float64)
        print_number(out, as(double{}));
      else
        print_number(out, as(float{}));
      break;
    case DTypeKind::complex: {
      auto value = as(std::complex<double>{});
      out += '(';
      print_number(out, value.real());
      if (!(value.imag() < 0)) out += '+';
      print_number(out, value.imag());
      out += "j)";
      break;
    }
    case DTypeKind::none: break;
  }
}

template <OnUse = OnUse()>
inline void print_elements(std::string& out, const AnyArray& array, std::size_t axis, std::size_t& element) {
  if (axis == array.shape().size()) {
    const char* data = static_cast<const char*>(array.view().data) + element++ * item_size(array.dtype());
    return print_element(out, array.dtype(), data);
  }
  out += '[';
  for (Dim i = 0; i < array.shape()[axis]; ++i) {
    if (i) out += ", ";
    print_elements(out, array, axis + 1, element);
  }
  out += ']';
}

template <OnUse = OnUse()>
inline void print_array(std::string& out, const AnyArray& array) {
  out += "array(";
  std::size_t element = 0;
  if (array.size() <= printed_elements)
    print_elements(out, array, 0, element);
  else
    out += "shape=" + to_string(array.shape());
  out += ", dtype=";
  out += name(array.dtype());
  out += ')';
}

template <OnUse = OnUse()>
inline void print_tree(std::string& out, const Tree& tree);

template <OnUse = OnUse()>
inline void print_leaf(std::string& out, const Tree& tree) {
  if (!tree.has_value()) {
    out += std::string(name(tree.leaf_kind())) + "(" + std::string(name(tree.dtype())) + ", " + to_string(tree.shape()) + ")";
    return;
  }
  switch (tree.leaf_kind()) {
    case LeafKind::array: return print_array(out, tree.array());
    case LeafKind::scalar: return print_element(out, tree.dtype(), tree.array().data());
    case LeafKind::numpy_scalar:
      out += std::string(name(tree.dtype())) + "(";
      print_element(out, tree.dtype(), tree.array().data());
      out += ")";
      return;
    case LeafKind::string: return print_text(out, tree.string());
    case LeafKind::bytes: out += "bytes(" + std::to_string(tree.string().size()) + ")"; return;
    case LeafKind::sharded: return;  // no Tree holds one
    case LeafKind::ext: out += "ext(" + std::to_string(tree.ext_code()) + ", " + std::to_string(tree.string().size()) + " bytes)"; return;
    case LeafKind::prng_key:
      out += "key<" + tree.impl() + ">(";
      print_array(out, tree.array());
      out += ")";
      return;
  }
}

template <OnUse>
inline void print_tree(std::string& out, const Tree& tree) {
  if (tree.is_none()) {
    out += "None";
  } else if (tree.is_leaf()) {
    print_leaf(out, tree);
  } else if (tree.is_dict()) {
    out += '{';
    for (const auto& [key, child] : tree.items()) {
      if (&key != &tree.items()[0].key) out += ", ";
      if (key.kind == DictKeyKind::string)
        print_text(out, key.text);
      else
        out += key.text;
      out += ": ";
      print_tree(out, child);
    }
    out += '}';
  } else {
    out += tree.is_list() ? '[' : '(';
    const char open = out.back();
    for (const Tree& child : tree.elements()) {
      if (&child != tree.elements().data()) out += ", ";
      print_tree(out, child);
    }
    if (open == '(' && tree.size() == 1) out += ',';
    out += tree.is_list() ? ']' : ')';
  }
}

}  // namespace detail

template <OnUse = OnUse()>
std::string to_string(const Tree& tree) {
  std::string out;
  detail::print_tree(out, tree);
  return out;
}

// For std::cout and doctest; a template so that <ostream> is included only where it is used.
template <class Stream>
  requires requires(Stream& stream, const std::string& text) { stream.write(text.data(), std::streamsize{}); }
Stream& operator<<(Stream& stream, const Tree& tree) {
  const std::string text = to_string(tree);
  stream.write(text.data(), static_cast<std::streamsize>(text.size()));
  return stream;
}

ORRERY_ONCE(std::string to_string<>(const Tree&));

}  // namespace orrery::inline v0
