// Boost.Hana's own containers as pytrees: hana::tuple and hana::pair are tuples, hana::map with strings as keys is a dict, hana::optional
// is what it holds, or none. What is in them is known at compile time: a restore fills all of it or says what is missing.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

#include <boost/hana/at_key.hpp>
#include <boost/hana/core/to.hpp>
#include <boost/hana/map.hpp>
#include <boost/hana/optional.hpp>
#include <boost/hana/pair.hpp>
#include <boost/hana/string.hpp>
#include <boost/hana/tuple.hpp>
#include <boost/hana/unpack.hpp>

#include "orrery/fwd.hpp"
#include "orrery/reflect/containers.hpp"
#include "orrery/reflect/refusal.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

namespace detail {

template <class Key>
inline constexpr bool is_hana_string = std::is_same_v<boost::hana::tag_of_t<Key>, boost::hana::string_tag>;

template <class... Key>
inline constexpr std::array<std::string_view, sizeof...(Key)> hana_texts{std::string_view(boost::hana::to<char const*>(Key()))...};

// The pairs of a map, in the order in which Hana keeps them: that of their insertion.
template <class Map, class... K, class... V>
constexpr TypeOps hana_map_row(boost::hana::basic_tuple<boost::hana::pair<K, V>...>*) {
  static_assert((is_hana_string<K> && ...),
                "orrery: the keys of a hana::map are BOOST_HANA_STRINGs here; others have no text in a checkpoint");
  if constexpr (sizeof...(K) == 0) {
    return {.kind = TypeKind::none, .type_name = "hana::map"};
  } else if constexpr ((is_hana_string<K> && ...)) {
    TypeOps ops{.kind = TypeKind::record, .role = Role::dict, .type_name = "hana::map", .names = hana_texts<K...>, .types = ops_list<V...>};
    ops.children = [](void* object, void** out) {
      boost::hana::unpack(as<Map>(object).storage, [&](auto&... pair) { ((*out++ = address_of(boost::hana::second(pair))), ...); });
    };
    return ops;
  } else {
    return {};
  }
}

}  // namespace detail

template <class... T>
struct ContainerTraits<boost::hana::tuple<T...>> {
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::tuple, .role = Role::tuple, .type_name = "hana::tuple", .types = ops_list<T...>};
    ops.children = [](void* object, [[maybe_unused]] void** out) {
      boost::hana::unpack(detail::as<boost::hana::tuple<T...>>(object),
                          [&](auto&... member) { ((*out++ = detail::address_of(member)), ...); });
    };
    return ops;
  }
};

template <class A, class B>
struct ContainerTraits<boost::hana::pair<A, B>> {
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::tuple, .role = Role::tuple, .type_name = "hana::pair", .types = ops_list<A, B>};
    ops.children = [](void* object, void** out) {
      auto& pair = detail::as<boost::hana::pair<A, B>>(object);
      out[0] = detail::address_of(boost::hana::first(pair));
      out[1] = detail::address_of(boost::hana::second(pair));
    };
    return ops;
  }
};

template <class Map>
  requires std::is_same_v<typename Map::hana_tag, boost::hana::map_tag>
struct ContainerTraits<Map> {
  static constexpr TypeOps ops() {
    return detail::hana_map_row<Map>(static_cast<std::remove_cvref_t<decltype(std::declval<Map&>().storage)>*>(nullptr));
  }
};

template <>
struct ContainerTraits<boost::hana::optional<>> {
  static constexpr TypeOps ops() { return {.kind = TypeKind::none, .type_name = "hana::nothing"}; }
};
// It cannot be emptied: a variant of one alternative, for which a stored none is a difference.
template <class T>
struct ContainerTraits<boost::hana::optional<T>> {
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::variant, .type_name = "hana::just", .types = ops_list<T>};
    ops.active = [](const void*) -> std::size_t { return 0; };
    ops.size = [](const void*) -> std::size_t { return 1; };
    ops.children = [](void* object, void** out) { *out = detail::address_of(*detail::as<boost::hana::optional<T>>(object)); };
    ops.make = [](void*, std::size_t) {};
    return ops;
  }
};

}  // namespace orrery::inline v0
