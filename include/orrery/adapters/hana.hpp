// Classes described with Boost.Hana (DEFINE_STRUCT, ADAPT_STRUCT, accessors written by hand) as records. Speaks for classes that are no
// aggregates, and for those whose Reflect<T> derives from via_hana<T>. Include it before the first use of such a class.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

#include <boost/hana/accessors.hpp>
#include <boost/hana/concept/struct.hpp>
#include <boost/hana/core/to.hpp>
#include <boost/hana/length.hpp>
#include <boost/hana/pair.hpp>
#include <boost/hana/string.hpp>
#include <boost/hana/tuple.hpp>
#include <boost/hana/unpack.hpp>

#include "orrery/adapters/hana/containers.hpp"
#include "orrery/adapters/hana/properties.hpp"
#include "orrery/fwd.hpp"
#include "orrery/reflect/kind.hpp"
#include "orrery/reflect/records.hpp"

// The accessors that Hana's macros make, declared here as their header would pull in all the macros.
namespace boost::hana::struct_detail {
template <typename Memptr, Memptr ptr>
struct member_ptr;
}

namespace orrery::inline v0 {

namespace detail {

template <class T>
concept HanaStruct = boost::hana::Struct<T>::value;

// The class that an accessor made by Hana's macros speaks of.
template <class Accessor>
struct OwnerOf {
  using type = void;  // written by hand: nothing can be said
};
template <class M, class C, M C::*Pointer>
struct OwnerOf<boost::hana::struct_detail::member_ptr<M C::*, Pointer>> {
  using type = C;
};

// A class inherits the nested description of its Hana base, without its own members: some accessor must be of the class itself.
template <class T>
consteval bool is_hana_description_inherited() {
  if constexpr (!requires { typename T::hana_accessors_impl; }) {
    return false;
  } else {
    return decltype(boost::hana::unpack(boost::hana::accessors<T>(), [](auto... pair) {
      using boost::hana::second;
      constexpr bool unknown = (std::is_void_v<typename OwnerOf<std::decay_t<decltype(second(pair))>>::type> || ...);
      constexpr bool own = (std::is_same_v<typename OwnerOf<std::decay_t<decltype(second(pair))>>::type, T> || ...);
      return std::bool_constant < sizeof...(pair) != 0 && !unknown && !own > ();
    }))::value;
  }
}

template <HanaStruct T>
struct HanaRecord {
  static_assert(
      !is_hana_description_inherited<T>(),
      "orrery: this class inherits the Hana description of its base, which leaves out its own members; describe the class itself, or write "
      "Reflect<T>");

  static constexpr std::size_t count = decltype(boost::hana::length(boost::hana::accessors<T>()))::value;

  template <std::size_t I>
  static auto type() {
    if constexpr (is_hana_property<T, I>)
      return std::type_identity<HanaProperty<T, I>>();
    else
      return std::type_identity<std::remove_reference_t<HanaResult<T, I>>>();
  }
  // The row of a property is given the object that it belongs to.
  template <std::size_t I>
  static void* address(T& object) {
    if constexpr (is_hana_property<T, I>)
      return address_of(object);
    else
      return address_of(hana_accessor<T, I>()(object));
  }
  template <std::size_t... I>
  static auto list(std::index_sequence<I...>) {
    return TypeList<typename decltype(type<I>())::type...>();
  }

  using types = decltype(list(std::make_index_sequence<count>()));
  static constexpr std::array<std::string_view, count> names = boost::hana::unpack(boost::hana::accessors<T>(), [](auto... pair) {
    return std::array<std::string_view, sizeof...(pair)>{std::string_view(boost::hana::to<char const*>(boost::hana::first(pair)))...};
  });
  static void** addresses(T& object, void** out) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((*out++ = address<I>(object)), ...);
      return out;
    }(std::make_index_sequence<count>());
  }
};

template <class T>
  requires(verdict<T>.route == Route::hana)
struct Record<T> : HanaRecord<T> {};

}  // namespace detail

template <detail::HanaStruct T>
struct route<hana_route, T> {
  static constexpr TypeOps ops() { return detail::record_row<T>(); }
};

}  // namespace orrery::inline v0
