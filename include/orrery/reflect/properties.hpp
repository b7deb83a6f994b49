// Members that are a pair of functions (fwd.hpp, Property): rows whose value is kept aside, in an object of its own that lives as long as
// the described tree, or until its setter was called.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "orrery/fwd.hpp"
#include "orrery/reflect/containers.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0::detail {

template <class T>
constexpr TypeOps make_row();  // ops_of.hpp

// The property that is entry I of Reflect<T>::fields. Never an object: stands for its row among the types of T's members.
template <class T, std::size_t I>
struct PropertyOf {};

template <std::size_t I, class First, class... Rest>
constexpr const auto& entry_of(const FieldList<First, Rest...>& fields) {
  if constexpr (I == 0)
    return fields.first;
  else
    return entry_of<I - 1>(fields.rest);
}

template <class T, std::size_t I>
inline constexpr const auto& property = entry_of<I>(Reflect<T>::fields);

// f(object, argument...), or (object.*f)(argument...).
template <class F, class T, class... A>
  requires(!std::is_member_pointer_v<F> && std::is_invocable_v<const F&, T&, A...>)
constexpr decltype(auto) call_on(const F& f, T& object, A&&... argument) {
  return f(object, std::forward<A>(argument)...);
}
template <class F, class T, class... A>
  requires std::is_member_function_pointer_v<F> && std::is_invocable_v<const F&, T&, A...>
constexpr decltype(auto) call_on(const F& f, T& object, A&&... argument) {
  return (object.*f)(std::forward<A>(argument)...);
}

template <class T, class Get>
concept Gets = requires(const Get& get, const T& object) { call_on(get, object); } &&
               !std::is_void_v<decltype(call_on(std::declval<const Get&>(), std::declval<const T&>()))>;
template <class T, class Set, class V>
concept Sets = requires(const Set& set, T& object, V&& value) { call_on(set, object, std::move(value)); };

template <class T, std::size_t I>
using PropertyValue = std::remove_cvref_t<decltype(call_on(property<T, I>.get, std::declval<const T&>()))>;

// The row of a V that is kept aside, without the functions that open and close it: what walks ask of a type that has no object.
template <class V>
constexpr TypeOps row_aside() {
  const TypeOps row = make_row<V>();
  TypeOps ops{};
  ops.kind = row.kind;
  ops.role = row.role;
  ops.fixed_size = row.fixed_size;
  ops.integer_keys = row.integer_keys;
  ops.type_name = row.type_name;
  ops.leaf = row.leaf;
  ops.names = row.names;
  ops.types = row.types;
  ops.aside = &ops_of<V>::value;
  return ops;
}

template <class T, std::size_t I, class V, bool HasSetter>
constexpr TypeOps property_row() {
  TypeOps ops = row_aside<V>();
  ops.read_only = !HasSetter;
  ops.open_aside = [](const void* owner, bool to_fill) -> std::shared_ptr<void> {
    const T& object = as<T>(owner);
    using Result = decltype(call_on(property<T, I>.get, object));
    if constexpr (std::is_lvalue_reference_v<Result>)
      if (!to_fill) return {std::shared_ptr<void>(), address_of(call_on(property<T, I>.get, object))};
    if constexpr (HasSetter || !std::is_lvalue_reference_v<Result>)
      return std::make_shared<V>(call_on(property<T, I>.get, object));
    else
      return nullptr;
  };
  if constexpr (HasSetter)
    ops.close_aside = [](void* owner, void* side) { static_cast<void>(call_on(property<T, I>.set, as<T>(owner), std::move(as<V>(side)))); };
  return ops;
}

template <class T, std::size_t I>
struct ContainerRow<PropertyOf<T, I>> {
  static constexpr TypeOps ops() {
    using Entry = std::remove_cvref_t<decltype(property<T, I>)>;
    using Get = std::remove_const_t<decltype(Entry::get)>;
    using Set = std::remove_const_t<decltype(Entry::set)>;
    if constexpr (std::is_null_pointer_v<Get>) {
      static_assert(!std::is_null_pointer_v<Get>,
                    "orrery: a field of Reflect<T> has a setter and no getter; without one there is nothing to save");
    } else if constexpr (!Gets<T, Get>) {
      static_assert(Gets<T, Get>, "orrery: a getter of Reflect<T> must be callable with a const T and nothing else, and return the value");
    } else {
      using V = PropertyValue<T, I>;
      constexpr bool has_setter = !std::is_same_v<Set, NoSetter>;
      if constexpr (has_setter && !Sets<T, Set, V>)
        static_assert(Sets<T, Set, V>, "orrery: a setter of Reflect<T> must be callable with a T and what the getter returns");
      else if constexpr (has_setter && !std::is_constructible_v<V, decltype(call_on(std::declval<const Get&>(), std::declval<const T&>()))>)
        static_assert(std::is_copy_constructible_v<V>,
                      "orrery: what a getter of Reflect<T> refers to is copied before a restore, and its type cannot be");
      else
        return property_row<T, I, V, has_setter>();
    }
    return {};
  }
};

}  // namespace orrery::inline v0::detail
