// Which route a type takes, decided in one place and in one order (spec/reflection.md 6): user > leaf > container > aggregate > hana >
// cereal > refusal. What a type is does not depend on the adapters that a translation unit includes, except for types that are refused
// without them.
#pragma once

#include <cstdint>
#include <type_traits>

#include "orrery/fwd.hpp"
#include "orrery/reflect/containers.hpp"
#include "orrery/reflect/leaves.hpp"
#include "orrery/reflect/member_count.hpp"
#include "orrery/reflect/names.hpp"
#include "orrery/reflect/sets.hpp"
#include "orrery/reflect/staged_leaves.hpp"

namespace orrery::inline v0 {

enum class Route : std::uint8_t {
  user_fields,     // Reflect<T>::fields
  user_leaf,       // LeafTraits<T>
  user_container,  // ContainerTraits<T>
  leaf,
  container,
  aggregate,
  hana,
  cereal,
  refused,
};

// Why a type is refused; each has its own sentence in refusal.hpp.
enum class Refusal : std::uint8_t {
  none,
  pointer,
  reference,
  union_type,
  no_adapter,     // Reflect<T> says via_hana or via_cereal, and that adapter is not included or finds no description
  empty_reflect,  // Reflect<T> is neither that nor has fields
  data_in_base,
  too_many_members,
  not_countable,
  not_nameable,  // counted and bound, but a member has no address: a reference, a bit-field
  map_key,
  not_described,  // a class that is no aggregate and says nothing
};

namespace detail {

template <class T>
concept Complete = requires { sizeof(T); };

template <class T>
concept HasReflect = Complete<Reflect<T>>;
template <class T>
concept HasFields = HasReflect<T> && requires { Reflect<T>::fields; };
template <class T>
concept HandsOver = HasReflect<T> && requires { typename Reflect<T>::via; };
template <class T>
concept Aggregate = std::is_class_v<T> && std::is_aggregate_v<T>;

template <auto>
struct Argument;
// Pointers to its members are constants, which those to references and bit-fields are not.
template <class T>
concept Nameable = requires { typename Argument<member_pointers<T>()>; };

template <class T>
inline constexpr bool is_map = false;
template <class K, class T, class C, class A>
inline constexpr bool is_map<std::map<K, T, C, A>> = true;
template <class K, class T, class H, class E, class A>
inline constexpr bool is_map<std::unordered_map<K, T, H, E, A>> = true;

struct Verdict {
  Route route = Route::refused;
  Refusal refusal = Refusal::none;
};

template <class T>
consteval Verdict judge_aggregate() {
  constexpr MemberCount count = member_count_of<T>;
  if constexpr (count.trouble == CountTrouble::data_in_base)
    return {Route::refused, Refusal::data_in_base};
  else if constexpr (count.trouble == CountTrouble::too_many_members)
    return {Route::refused, Refusal::too_many_members};
  else if constexpr (count.trouble == CountTrouble::not_countable)
    return {Route::refused, Refusal::not_countable};
  else if constexpr (count.members == 0)
    return {Route::aggregate};
  else if constexpr (!Nameable<T>)
    return {Route::refused, Refusal::not_nameable};
  else
    return {Route::aggregate};
}

template <class T>
consteval Verdict judge_other() {
  if constexpr (std::is_pointer_v<T> || std::is_member_pointer_v<T> || std::is_null_pointer_v<T>)
    return {Route::refused, Refusal::pointer};
  else if constexpr (std::is_union_v<T>)
    return {Route::refused, Refusal::union_type};
  else if constexpr (is_map<T>)
    return {Route::refused, Refusal::map_key};
  else if constexpr (Complete<route<hana_route, T>>)
    return {Route::hana};
  else if constexpr (Complete<route<cereal_route, T>>)
    return {Route::cereal};
  else
    return {Route::refused, Refusal::not_described};
}

template <class T>
consteval Verdict judge() {
  if constexpr (std::is_reference_v<T>) {
    return {Route::refused, Refusal::reference};
  } else if constexpr (HandsOver<T>) {
    using Via = typename Reflect<T>::via;
    if constexpr (!Complete<route<Via, T>>)
      return {Route::refused, Refusal::no_adapter};
    else
      return {std::is_same_v<Via, hana_route> ? Route::hana : Route::cereal};
  } else if constexpr (HasFields<T>) {
    return {Route::user_fields};
  } else if constexpr (HasReflect<T>) {
    return {Route::refused, Refusal::empty_reflect};
  } else if constexpr (Complete<LeafTraits<T>>) {
    return {Route::user_leaf};
  } else if constexpr (Complete<ContainerTraits<T>>) {
    return {Route::user_container};
  } else if constexpr (Complete<LeafRow<T>>) {
    return {Route::leaf};
  } else if constexpr (Complete<ContainerRow<T>>) {
    return {Route::container};
  } else if constexpr (Aggregate<T>) {
    return judge_aggregate<T>();
  } else {
    return judge_other<T>();
  }
}

// Asked once a type: adapters come before its first use.
template <class T>
inline constexpr Verdict verdict = judge<T>();

}  // namespace detail

// The route of T, which may be const.
template <class T>
consteval Route kind_of() {
  return detail::verdict<std::remove_const_t<T>>.route;
}

}  // namespace orrery::inline v0
