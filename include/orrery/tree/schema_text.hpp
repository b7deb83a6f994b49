// What a type stores, as a text: one line a leaf, "params/kernel: float32[?,?]". Written from the table of types, at run time by walking
// it (here), at compile time type by type (reflect/schema.hpp), both through write_schema_node. The text, and so its fingerprint, depends
// on names, kinds, dtypes and extents alone: not on values, nor on where a type is defined, nor on the compiler.
//
//   step: int64                  a Python scalar; "int64[]" an array without dimensions, "numpy int64" a NumPy scalar
//   params/kernel: float32[?,3]  extents, "?" where the type leaves them to the value; "[...]" where the rank is free too
//   layers/[]/name: string       [] each element of a list, [3] of one that has three; {} and {int} each of a map; 0, 1, ... of a tuple
//   momentum?: float64           ? perhaps; |0, |1, ... one of these
//   opt_state/0: none            nothing to store; "any[...]" any dtype; "tree", "dynamic": what run time decides
//   children/[]: ^Node           a type within itself
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "orrery/core/on_use.hpp"
#include "orrery/core/dtype.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/tree/leaf_view.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

namespace detail {

// Which type it is: by its row, or where that address is no constant (g++ under -fsanitize=undefined) by the text of its name.
struct SchemaOwner {
  const TypeOps* row;
  std::string_view type{};

  friend constexpr bool operator==(const SchemaOwner& a, const SchemaOwner& b) {
    return a.type.empty() ? a.row == b.row : a.type == b.type;
  }
};

// One step down from a type to what it holds. Linked on the stack.
struct SchemaLink {
  enum class Step : std::uint8_t { name, index, element, entry, optional, alternative };
  const SchemaLink* up;
  SchemaOwner owner;  // the type that holds it
  Step step;
  std::string_view text{};  // name; entry: "int" for integer keys
  std::size_t number = 0;   // index, alternative; element: how many there are, 0 where that is free
};

// `Out` takes a string_view.
template <class Out>
constexpr void write_number(Out& out, std::size_t number) {
  char digits[20]{};
  std::size_t at = 20;
  do digits[--at] = static_cast<char>('0' + number % 10);
  while (number /= 10);
  out(std::string_view(digits + at, 20 - at));
}

template <class Out>
constexpr void write_schema_path(Out& out, const SchemaLink* link) {
  if (!link) return;
  write_schema_path(out, link->up);
  using Step = SchemaLink::Step;
  if (link->up && link->step != Step::optional && link->step != Step::alternative) out("/");
  switch (link->step) {
    case Step::name: return out(link->text);
    case Step::index: return write_number(out, link->number);
    case Step::optional: return out("?");
    case Step::element:
      out("[");
      if (link->number) write_number(out, link->number);
      return out("]");
    case Step::entry:
      out("{");
      out(link->text);
      return out("}");
    case Step::alternative: out("|"); return write_number(out, link->number);
  }
}

template <class Out>
constexpr void write_leaf_type(Out& out, const LeafType& leaf) {
  if (leaf.kind == LeafKind::string) return out("string");
  if (leaf.kind == LeafKind::prng_key) out("prng_key ");
  if (leaf.kind == LeafKind::numpy_scalar) out("numpy ");
  out(leaf.dtype == DType::none ? std::string_view("any") : name(leaf.dtype));
  if (leaf.kind == LeafKind::scalar || leaf.kind == LeafKind::numpy_scalar) return;
  if (leaf.any_rank) return out("[...]");
  out("[");
  for (std::size_t i = 0; i < leaf.extents.size(); ++i) {
    if (i) out(",");
    if (leaf.extents[i] == any_dim)
      out("?");
    else
      write_number(out, static_cast<std::size_t>(leaf.extents[i]));
  }
  out("]");
}

// A type whose row is `row`, known as `self`. For what it holds, calls below(link_of): link_of(i) is the step to the i-th type of
// row.types, for each of which the caller goes on.
template <class Out, class Below>
constexpr void write_schema_node(Out& out, const TypeOps& row, const SchemaOwner& self, const SchemaLink* link, Below&& below) {
  const auto line = [&](std::string_view type) {
    if (link)
      write_schema_path(out, link);
    else
      out(".");
    out(": ");
    out(type);
  };
  const auto whole_line = [&](std::string_view type) {
    line(type);
    out("\n");
  };
  for (const SchemaLink* up = link; up; up = up->up) {
    if (!(up->owner == self)) continue;
    line("^");
    return out(row.type_name), out("\n");
  }
  if (row.deferred) return whole_line("dynamic");
  using Step = SchemaLink::Step;
  switch (row.kind) {
    case TypeKind::skipped: return;
    case TypeKind::none: return whole_line("none");
    case TypeKind::tree: return whole_line("tree");
    case TypeKind::leaf:
      line({});
      write_leaf_type(out, row.leaf);
      return out("\n");
    case TypeKind::record: return below([&](std::size_t i) { return SchemaLink{link, self, Step::name, row.names[i]}; });
    case TypeKind::tuple:
      if (row.types.empty()) return whole_line("none");
      return below([&](std::size_t i) { return SchemaLink{link, self, Step::index, {}, i}; });
    case TypeKind::list:
      return below([&](std::size_t) { return SchemaLink{link, self, Step::element, {}, row.fixed_size ? row.size(nullptr) : 0}; });
    case TypeKind::map:
      return below([&](std::size_t) {
        return SchemaLink{link, self, Step::entry, row.integer_keys ? std::string_view("int") : std::string_view()};
      });
    case TypeKind::optional: return below([&](std::size_t) { return SchemaLink{link, self, Step::optional}; });
    case TypeKind::variant: return below([&](std::size_t i) { return SchemaLink{link, self, Step::alternative, {}, i}; });
  }
}

// Walks the table.
template <class Out>
void write_schema(Out& out, const TypeOps& ops, const SchemaLink* link = nullptr) {
  if (ops.aside && !ops.children) return write_schema(out, *ops.aside, link);
  write_schema_node(out, ops, {&ops}, link, [&](auto&& link_of) {
    for (std::size_t i = 0; i < ops.types.size(); ++i) {
      const SchemaLink below = link_of(i);
      write_schema(out, *ops.types[i], &below);
    }
  });
}

// FNV-1a, 64 bits.
struct SchemaHash {
  std::uint64_t value = 0xcbf29ce484222325u;
  constexpr void operator()(std::string_view text) {
    for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
};

}  // namespace detail

// Sixteen hexadecimal digits.
template <OnUse = OnUse()>
inline std::string fingerprint_text(std::uint64_t fingerprint) {
  std::string text(16, '0');
  for (std::size_t i = 16; i-- > 0; fingerprint >>= 4) text[i] = "0123456789abcdef"[fingerprint & 15];
  return text;
}

// Of a schema's text: equal where the texts are equal, and different, but for chance, where they are not.
constexpr std::uint64_t text_fingerprint(std::string_view schema) {
  detail::SchemaHash hash;
  hash(schema);
  return hash.value;
}

// The schema of the type of that row, a line a leaf, each with an end of line.
template <OnUse = OnUse()>
inline std::string schema_text(const TypeOps& ops) {
  std::string text;
  const auto append = [&text](std::string_view piece) { text += piece; };
  detail::write_schema(append, ops);
  return text;
}

// ... and its fingerprint.
template <OnUse = OnUse()>
inline std::uint64_t schema_fingerprint(const TypeOps& ops) {
  detail::SchemaHash hash;
  detail::write_schema(hash, ops);
  return hash.value;
}

}  // namespace orrery::inline v0
