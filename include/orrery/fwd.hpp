// The customization points alone: include this beside a type to say how it is stored, without paying for the library. The primaries
// are declared and left undefined: silence means "no opinion", and reflect/kind.hpp asks in a fixed order who has one:
// Reflect > LeafTraits > ContainerTraits and the standard containers > aggregate > hana > cereal > refusal.
#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>

namespace orrery::inline v0 {

// What are the members of T, under which names? A specialization holds
//   static constexpr auto fields = orrery::fields(orrery::field<&T::w>("kernel"), orrery::field<&T::b>("bias"));
// or derives from via_hana<T> or via_cereal<T>, which hands T to that adapter although T is an aggregate.
template <class T>
struct Reflect;

// How is T an array? A specialization holds
//   using element = float;                                            // a C++ element type (core/float_types.hpp)
//   static constexpr std::array<std::int64_t, 2> extents{-1, 3};      // rank and fixed extents; -1: free
//   static constexpr bool any_rank = true;                            // instead of extents: the value decides its rank
//   static auto shape(const T&);                                      // std::array or another contiguous range of std::int64_t
//   static const element* data(const T&);
//   static auto strides(const T&);                                    // optional, in elements; absent: last index fastest
//   static void resize(T&, std::span<const std::int64_t>);            // optional; absent: the shape is fixed
//   static constexpr bool read_only = true;                           // optional: saved, never restored into (a view of constants)
template <class T>
struct LeafTraits;

// How does T nest? A specialization holds `static constexpr TypeOps ops()` (tree/type_ops.hpp): the row of T in the table of types.
template <class T>
struct ContainerTraits;

// The names of an enum's values: a specialization holds
//   static constexpr auto names = orrery::enum_names(orrery::enum_name(E::red, "red"), ...);
// and E is then stored as a string instead of its underlying integer.
template <class E>
struct EnumNames;

// How adapters at the rim take part: each completes route<its tag, T> for the types it describes.
template <class Tag, class T>
struct route;
struct hana_route;
struct cereal_route;
template <class T>
struct via_hana {
  using via = hana_route;
};
template <class T>
struct via_cereal {
  using via = cereal_route;
};

// A member that is no part of the tree and keeps the target's value on restore, as apply_fn and tx in Flax's TrainState.
template <class T>
struct Static {
  T value{};
  constexpr operator T&() noexcept { return value; }
  constexpr operator const T&() const noexcept { return value; }
  constexpr T* operator->() noexcept { return &value; }
  constexpr const T* operator->() const noexcept { return &value; }
};
template <class T>
Static(T) -> Static<T>;

// A NumPy scalar (np.float32(1), msgpack extension 3); plain float, std::int32_t and so on are 0-d arrays, as optax's count.
template <class T>
struct NumpyScalar {
  T value{};
  constexpr operator T() const noexcept { return value; }
};
template <class T>
NumpyScalar(T) -> NumpyScalar<T>;

// One described member. `Member` is a pointer to a data member.
template <auto Member>
struct Field {
  std::string_view name;
  static constexpr auto member = Member;
};
template <auto Member>
constexpr Field<Member> field(std::string_view name) {
  return {name};
}

// The members of a base class first, as Flax's subclass of TrainState has them.
template <class Base>
struct BaseFields {
  using type = Base;
};
template <class Base>
constexpr BaseFields<Base> base() {
  return {};
}

// What `fields` makes: the described members in order.
template <class... F>
struct FieldList;
template <>
struct FieldList<> {
  static constexpr std::size_t size = 0;
};
template <class First, class... Rest>
struct FieldList<First, Rest...> {
  static constexpr std::size_t size = 1 + sizeof...(Rest);
  First first;
  FieldList<Rest...> rest;
};
constexpr FieldList<> fields() { return {}; }
template <class First, class... Rest>
constexpr FieldList<First, Rest...> fields(First first, Rest... rest) {
  return {first, fields(rest...)};
}

// One value of an enum and its name.
template <class E>
struct EnumName {
  E value;
  std::string_view name;
};
template <class E>
constexpr EnumName<E> enum_name(E value, std::string_view name) {
  return {value, name};
}
template <class E, std::size_t N>
struct EnumNameList {
  EnumName<E> entries[N];
};
template <class E, class... Rest>
constexpr EnumNameList<E, 1 + sizeof...(Rest)> enum_names(EnumName<E> first, Rest... rest) {
  return {{first, rest...}};
}

}  // namespace orrery::inline v0
