// Rows of the table for leaves: numbers, enums, text, and everything that holds its elements in one run of memory (docs: "what is a
// leaf"). A leaf row says what the leaf is before it exists, how to see it, and how to make room in it. LeafRow<T> is complete exactly
// for the leaves of this header; a user's LeafTraits<T> is turned into a row by user_leaf_row.
#pragma once

#include <array>
#include <complex>
#include <concepts>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <valarray>
#include <vector>

#include "orrery/core/array.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/float_types.hpp"
#include "orrery/fwd.hpp"
#include "orrery/reflect/random_engines.hpp"
#include "orrery/reflect/type_name.hpp"
#include "orrery/tree/prng_key.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

// bool, int64, double and complex<double> are Python's own scalars; every other width is a 0-d array.
template <class T>
inline constexpr LeafKind scalar_kind =
    dtype_of<T> == DType::bool_ || dtype_of<T> == DType::int64 || dtype_of<T> == DType::float64 || dtype_of<T> == DType::complex128
        ? LeafKind::scalar
        : LeafKind::array;

namespace detail {

template <class T>
T& as(void* object) {
  return *static_cast<T*>(object);
}
template <class T>
const T& as(const void* object) {
  return *static_cast<const T*>(object);
}

inline LeafView array_leaf(ArrayView view, LeafKind kind = LeafKind::array) { return {kind, 0, std::move(view), {}}; }
inline LeafView text_leaf(std::string_view text) { return {LeafKind::string, 0, {}, text}; }

template <class T>
LeafView vector_leaf(const T* data, std::size_t size) {
  return array_leaf(ArrayView::dense(dtype_of<T>, data, Shape{static_cast<Dim>(size)}));
}

inline constexpr std::array<Dim, 1> free_vector{any_dim};
template <std::size_t... N>
inline constexpr std::array<Dim, sizeof...(N)> fixed_extents{static_cast<Dim>(N)...};

template <class T>
struct LeafRow;

template <class T, class Stored, LeafKind Kind>
constexpr TypeOps number_row() {
  TypeOps ops{.kind = TypeKind::leaf, .type_name = type_name<T>, .leaf = {.kind = Kind, .dtype = dtype_of<Stored>}};
  ops.view = [](const void* object) {
    LeafView leaf;  // of rank 0
    leaf.kind = Kind;
    leaf.array.dtype = dtype_of<Stored>;
    leaf.array.data = object;
    return leaf;
  };
  return ops;
}
template <Element T>
struct LeafRow<T> {
  static constexpr TypeOps ops() { return number_row<T, T, scalar_kind<T>>(); }
};
template <Element T>
struct LeafRow<NumpyScalar<T>> {
  static_assert(sizeof(NumpyScalar<T>) == sizeof(T));
  static constexpr TypeOps ops() { return number_row<NumpyScalar<T>, T, LeafKind::numpy_scalar>(); }
};

template <class E>
concept Enum = std::is_enum_v<E>;
template <class E>
concept NamedEnum = Enum<E> && requires { sizeof(EnumNames<E>); };

[[noreturn]] inline void throw_unnamed_enum(std::string_view type, long long value) {
  throw ArgumentError("the value " + std::to_string(value) + " of " + std::string(type) + " has no name in EnumNames and cannot be stored");
}
[[noreturn]] inline void throw_unknown_enum_name(std::string_view type, std::string_view found) {
  throw FormatError("\"" + std::string(found) + "\" is stored where the name of a value of " + std::string(type) + " is expected");
}

template <Enum E>
struct LeafRow<E> {
  static constexpr TypeOps ops() {
    using Number = std::underlying_type_t<E>;
    return number_row<E, Number, scalar_kind<Number>>();
  }
};
template <class E, std::size_t N>
constexpr bool are_names_different(const EnumNameList<E, N>& names) {
  for (std::size_t i = 0; i < N; ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (names.entries[i].name == names.entries[j].name) return false;
  return true;
}

template <NamedEnum E>
struct LeafRow<E> {
  static constexpr TypeOps ops() {
    static_assert(are_names_different(EnumNames<E>::names),
                  "orrery: EnumNames<E> gives two values the same name; restore cannot tell them apart");
    TypeOps ops{.kind = TypeKind::leaf, .type_name = type_name<E>, .leaf = {.kind = LeafKind::string, .extents = free_vector}};
    ops.stage = [](const void* object, TreeView&) {
      for (const auto& entry : EnumNames<E>::names.entries)
        if (entry.value == as<E>(object)) return text_leaf(entry.name);
      throw_unnamed_enum(type_name<E>, static_cast<long long>(as<E>(object)));
    };
    ops.assign = [](void* object, const LeafView& leaf) {
      for (const auto& entry : EnumNames<E>::names.entries) {
        if (entry.name != leaf.text) continue;
        as<E>(object) = entry.value;
        return;
      }
      throw_unknown_enum_name(type_name<E>, leaf.text);
    };
    return ops;
  }
};

template <class Traits, class Allocator>
struct LeafRow<std::basic_string<char, Traits, Allocator>> {
  using Text = std::basic_string<char, Traits, Allocator>;
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::leaf, .type_name = "string", .leaf = {.kind = LeafKind::string, .extents = free_vector}};
    ops.view = [](const void* object) { return text_leaf({as<Text>(object).data(), as<Text>(object).size()}); };
    ops.resize = [](void* object, std::span<const Dim> shape) { as<Text>(object).resize(static_cast<std::size_t>(shape[0])); };
    return ops;
  }
};
template <>
struct LeafRow<std::string_view> {
  static constexpr TypeOps ops() {
    TypeOps ops{
        .kind = TypeKind::leaf, .read_only = true, .type_name = "string_view", .leaf = {.kind = LeafKind::string, .extents = free_vector}};
    ops.view = [](const void* object) { return text_leaf(as<std::string_view>(object)); };
    return ops;
  }
};

template <class T>
struct LeafRow<Array<T>> {
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::leaf, .type_name = "Array", .leaf = {.dtype = dtype_of<T>, .any_rank = true}};
    ops.view = [](const void* object) { return array_leaf(as<Array<T>>(object).view()); };
    ops.resize = [](void* object, std::span<const Dim> shape) { as<Array<T>>(object).resize(Shape(shape)); };
    return ops;
  }
};
template <std::same_as<AnyArray> T>
struct LeafRow<T> {
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::leaf, .type_name = "AnyArray", .leaf = {.any_rank = true}};
    ops.view = [](const void* object) { return array_leaf(as<AnyArray>(object).view()); };
    ops.allocate = [](void* object, DType dtype, std::span<const Dim> shape) {
      AnyArray& array = as<AnyArray>(object);
      if (array.dtype() != dtype || array.shape() != Shape(shape)) array = AnyArray::uninitialized(dtype, Shape(shape));
    };
    return ops;
  }
};
template <std::same_as<PrngKey> T>
struct LeafRow<T> {
  static constexpr TypeOps ops() {
    TypeOps ops{
        .kind = TypeKind::leaf, .type_name = "PrngKey", .leaf = {.kind = LeafKind::prng_key, .dtype = DType::uint32, .any_rank = true}};
    ops.view = [](const void* object) {
      const PrngKey& key = as<PrngKey>(object);
      return LeafView{LeafKind::prng_key, 0, key.data.view(), key.impl};
    };
    ops.resize = [](void* object, std::span<const Dim> shape) { as<PrngKey>(object).data.resize(Shape(shape)); };
    ops.set_text = [](void* object, std::string_view impl) { as<PrngKey>(object).impl = impl; };
    return ops;
  }
};
template <std::same_as<Tree> T>
struct LeafRow<T> {
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::tree, .type_name = "Tree"};
    ops.tree = [](const void* object) { return &as<Tree>(object); };
    ops.take = [](void* object, Tree&& tree) { as<Tree>(object) = std::move(tree); };
    return ops;
  }
};

template <Element T, class Allocator>
struct LeafRow<std::vector<T, Allocator>> {
  using Vector = std::vector<T, Allocator>;
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::leaf, .type_name = "vector", .leaf = {.dtype = dtype_of<T>, .extents = free_vector}};
    ops.view = [](const void* object) { return vector_leaf(as<Vector>(object).data(), as<Vector>(object).size()); };
    ops.resize = [](void* object, std::span<const Dim> shape) { as<Vector>(object).resize(static_cast<std::size_t>(shape[0])); };
    return ops;
  }
};
// Has no elements to point at: goes through bytes.
template <class Allocator>
struct LeafRow<std::vector<bool, Allocator>> {
  using Vector = std::vector<bool, Allocator>;
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::leaf, .type_name = "vector", .leaf = {.dtype = DType::bool_, .extents = free_vector}};
    ops.stage = [](const void* object, TreeView& view) {
      const Vector& bits = as<Vector>(object);
      std::byte* to = view.stage(bits.size());
      for (std::size_t i = 0; i < bits.size(); ++i) to[i] = static_cast<std::byte>(bits[i]);
      return array_leaf(ArrayView::dense(DType::bool_, to, Shape{static_cast<Dim>(bits.size())}));
    };
    ops.assign = [](void* object, const LeafView& leaf) {
      const std::byte* from = static_cast<const std::byte*>(leaf.array.data);
      Vector& bits = as<Vector>(object);
      bits.resize(leaf.array.size());
      for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = from[i] != std::byte{0};
    };
    return ops;
  }
};
template <Element T>
struct LeafRow<std::valarray<T>> {
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::leaf, .type_name = "valarray", .leaf = {.dtype = dtype_of<T>, .extents = free_vector}};
    ops.view = [](const void* object) {
      const std::valarray<T>& all = as<std::valarray<T>>(object);
      return vector_leaf<T>(all.size() ? &all[0] : nullptr, all.size());
    };
    ops.resize = [](void* object, std::span<const Dim> shape) {
      if (as<std::valarray<T>>(object).size() != static_cast<std::size_t>(shape[0]))
        as<std::valarray<T>>(object).resize(static_cast<std::size_t>(shape[0]));
    };
    return ops;
  }
};
template <Element T, std::size_t N>
struct LeafRow<std::array<T, N>> {
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::leaf,
                .read_only = std::is_const_v<T>,
                .type_name = "array",
                .leaf = {.dtype = dtype_of<T>, .extents = fixed_extents<N>}};
    ops.view = [](const void* object) { return vector_leaf(as<std::array<T, N>>(object).data(), N); };
    return ops;
  }
};
// Elements that somebody else owns: restored in place where their number is right.
template <class T, std::size_t N>
  requires Element<std::remove_const_t<T>>
struct LeafRow<std::span<T, N>> {
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::leaf, .read_only = std::is_const_v<T>, .type_name = "span", .leaf = {.dtype = dtype_of<T>}};
    if constexpr (N == std::dynamic_extent)
      ops.leaf.extents = free_vector;
    else
      ops.leaf.extents = fixed_extents<N>;
    ops.view = [](const void* object) {
      return vector_leaf<std::remove_const_t<T>>(as<std::span<T, N>>(object).data(), as<std::span<T, N>>(object).size());
    };
    return ops;
  }
};

template <RandomEngine T>
struct LeafRow<T> {
  static constexpr TypeOps ops() { return engine_row<T>(free_vector); }
};

// A C array of any rank: its element and its extents.
template <class T, std::size_t... N>
struct CArray {
  using element = T;
  static constexpr const auto& extents = fixed_extents<N...>;
};
template <class T, std::size_t M, std::size_t... N>
struct CArray<T[M], N...> : CArray<T, N..., M> {};

template <class T, std::size_t N>
  requires Element<std::remove_all_extents_t<T>>
struct LeafRow<T[N]> {
  static constexpr TypeOps ops() {
    using Elements = CArray<T[N]>;
    TypeOps ops{.kind = TypeKind::leaf,
                .type_name = "C array",
                .leaf = {.dtype = dtype_of<typename Elements::element>, .extents = Elements::extents}};
    ops.view = [](const void* object) {
      return array_leaf(ArrayView::dense(dtype_of<typename Elements::element>, object, Shape(std::span<const Dim>(Elements::extents))));
    };
    return ops;
  }
};

// The row of a type with LeafTraits (fwd.hpp). Strides come in elements, and go into the view in bytes.
template <class T>
constexpr TypeOps user_leaf_row() {
  using Traits = LeafTraits<T>;
  using Scalar = typename Traits::element;
  static_assert(Element<Scalar>,
                "orrery: LeafTraits<T>::element must be a type with a dtype (core/float_types.hpp), as float or std::int32_t");
  TypeOps ops{.kind = TypeKind::leaf, .type_name = type_name<T>, .leaf = {.dtype = dtype_of<Scalar>}};
  if constexpr (requires { requires Traits::any_rank; })
    ops.leaf.any_rank = true;
  else
    ops.leaf.extents = Traits::extents;
  ops.view = [](const void* object) {
    const T& value = as<T>(object);
    const auto extents = Traits::shape(value);
    ArrayView view = ArrayView::dense(dtype_of<Scalar>, Traits::data(value), Shape(std::span<const Dim>(extents)));
    if constexpr (requires { Traits::strides(value); }) {
      const auto strides = Traits::strides(value);
      for (std::size_t i = 0; i < view.rank(); ++i) view.strides[i] = static_cast<Dim>(strides[i]) * static_cast<Dim>(sizeof(Scalar));
    }
    return array_leaf(std::move(view));
  };
  if constexpr (requires(T& value, std::span<const Dim> shape) { Traits::resize(value, shape); })
    ops.resize = [](void* object, std::span<const Dim> shape) { Traits::resize(as<T>(object), shape); };
  if constexpr (requires(const T& value, std::span<const Dim> shape) { Traits::takes_shape(value, shape); })
    ops.takes_shape = [](const void* object, std::span<const Dim> shape) -> bool { return Traits::takes_shape(as<T>(object), shape); };
  if constexpr (requires { Traits::read_only; }) ops.read_only = Traits::read_only;
  return ops;
}

}  // namespace detail

}  // namespace orrery::inline v0
