// Classes as records: names, types and addresses of their members. From an aggregate's own members, or from the fields that
// Reflect<T> lists, in which base<B>() stands for all of B's.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "orrery/fwd.hpp"
#include "orrery/reflect/bind.hpp"
#include "orrery/reflect/containers.hpp"
#include "orrery/reflect/kind.hpp"
#include "orrery/reflect/names.hpp"
#include "orrery/reflect/properties.hpp"
#include "orrery/reflect/refusal.hpp"
#include "orrery/reflect/type_name.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

// What Python calls a class: a dataclass, unless it says `using orrery_namedtuple = void;` itself or Reflect<T> holds
// `static constexpr Role role`. Decides words and strictness in Flax's state dicts, nothing on disk.
template <class T>
consteval Role role_of() {
  if constexpr (requires { Reflect<T>::role; })
    return Reflect<T>::role;
  else if constexpr (requires { typename T::orrery_namedtuple; })
    return Role::namedtuple;
  else
    return Role::dataclass;
}

namespace detail {

template <class... T>
struct TypeList {
  static constexpr std::size_t size = sizeof...(T);
  static constexpr std::span<const TypeOps* const> rows() { return ops_list<T...>; }
};
template <class... A, class... B>
TypeList<A..., B...> operator+(TypeList<A...>, TypeList<B...>);

// The members of T:  using types = TypeList<...>;  static constexpr std::array<std::string_view, N> names;
//                    static void** addresses(T&, void** out);   // writes N of them, returns the end
template <class T>
struct Record;

// --- an aggregate

template <class T>
  requires(verdict<T>.route == Route::aggregate)
struct Record<T> {
  template <class... M>
  static TypeList<M...> list(M&...);
  using types = decltype(with_members(std::declval<T&>(), [](auto&... member) -> decltype(list(member...)) { return {}; }));
  static constexpr const auto& names = member_names<T>;
  static void** addresses(T& object, void** out) {
    with_members(object, [&](auto&... member) { ((*out++ = address_of(member)), ...); });
    return out;
  }
};

// --- Reflect<T>::fields

template <class T, class Entry, std::size_t I = 0>
struct FieldPart;
template <class T, auto Member, std::size_t I>
struct FieldPart<T, Field<Member>, I> {
  using types = TypeList<std::remove_reference_t<decltype(std::declval<T&>().*Member)>>;
  static constexpr std::array<std::string_view, 1> names(const Field<Member>& field) { return {field.name}; }
  static void** addresses(T& object, void** out) {
    *out = address_of(object.*Member);
    return out + 1;
  }
};
// The row of a property is given the object that it belongs to.
template <class T, class Get, class Set, std::size_t I>
struct FieldPart<T, Property<Get, Set>, I> {
  using types = TypeList<PropertyOf<T, I>>;
  static constexpr std::array<std::string_view, 1> names(const Property<Get, Set>& property) { return {property.name}; }
  static void** addresses(T& object, void** out) {
    *out = address_of(object);
    return out + 1;
  }
};
template <class T, class Base, std::size_t I>
struct FieldPart<T, BaseFields<Base>, I> {
  static_assert(std::is_base_of_v<Base, T> && !std::is_same_v<Base, T>,
                "orrery: Reflect<T> names base<B>() for a B that is no base class of T");
  static_assert(Complete<Record<Base>>,
                "orrery: base<B>() in Reflect<T> needs a B that can be described itself: an aggregate, Reflect<B> or a Hana struct");
  using types = typename Record<Base>::types;
  static constexpr const auto& names(const BaseFields<Base>&) { return Record<Base>::names; }
  static void** addresses(T& object, void** out) { return Record<Base>::addresses(static_cast<Base&>(object), out); }
};

template <class T>
constexpr std::array<std::string_view, 0> names_of(const FieldList<>&) {
  return {};
}
template <class T, class First, class... Rest>
constexpr auto names_of(const FieldList<First, Rest...>& fields) {
  const auto first = FieldPart<T, First>::names(fields.first);
  const auto rest = names_of<T>(fields.rest);
  std::array<std::string_view, first.size() + rest.size()> all{};
  for (std::size_t i = 0; i < first.size(); ++i) all[i] = first[i];
  for (std::size_t i = 0; i < rest.size(); ++i) all[first.size() + i] = rest[i];
  return all;
}
template <std::size_t N>
constexpr bool all_different(const std::array<std::string_view, N>& names) {
  for (std::size_t i = 0; i < N; ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (names[i] == names[j]) return false;
  return true;
}

template <class T, class Fields, class Sequence = std::make_index_sequence<Fields::size>>
struct FieldsRecord;
template <class T, class... Entry, std::size_t... I>
struct FieldsRecord<T, FieldList<Entry...>, std::index_sequence<I...>> {
  using types = decltype((TypeList<>() + ... + typename FieldPart<T, Entry, I>::types()));
  static constexpr auto names = names_of<T>(Reflect<T>::fields);
  static_assert(all_different(names), "orrery: Reflect<T> gives two members the same name");
  static void** addresses([[maybe_unused]] T& object, void** out) {
    ((out = FieldPart<T, Entry, I>::addresses(object, out)), ...);
    return out;
  }
};
template <class T>
  requires(verdict<T>.route == Route::user_fields)
struct Record<T> : FieldsRecord<T, std::remove_const_t<decltype(Reflect<T>::fields)>> {};

// The row of a class whose Record is known; without members there is nothing to store, as in optax's EmptyState.
template <class T>
constexpr TypeOps record_row() {
  using Members = Record<T>;
  TypeOps ops{.kind = Members::names.size() == 0 ? TypeKind::none : TypeKind::record, .role = role_of<T>(), .type_name = type_name<T>};
  if constexpr (Members::names.size() != 0) {
    ops.names = Members::names;
    ops.types = Members::types::rows();
    ops.children = [](void* object, void** out) { Members::addresses(as<T>(object), out); };
  }
  return ops;
}

}  // namespace detail

}  // namespace orrery::inline v0
