// Accessors of Hana structs that are getters and setters (BOOST_HANA_ADAPT_ADT): called with an object they return a value, or a reference
// to one that must not be written to; called with an object and a value they set it: boost::hana::overload(get, set). What a getter returns
// is kept aside until the save has ended; the setter is called on restore, once all else is restored. Both may throw.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include <boost/hana/accessors.hpp>
#include <boost/hana/at.hpp>
#include <boost/hana/pair.hpp>
#include <boost/hana/tuple.hpp>

#include "orrery/reflect/containers.hpp"
#include "orrery/reflect/ops_of.hpp"
#include "orrery/reflect/properties.hpp"
#include "orrery/reflect/refusal.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0::detail {

template <class T, std::size_t I>
constexpr auto hana_accessor() {
  return boost::hana::second(boost::hana::at_c<I>(boost::hana::accessors<T>()));
}
template <class T, std::size_t I>
using HanaAccessor = decltype(hana_accessor<T, I>());

// What the accessor returns for an object that may be written to.
template <class T, std::size_t I>
using HanaResult = std::invoke_result_t<const HanaAccessor<T, I>&, T&>;
template <class T, std::size_t I>
inline constexpr bool has_hana_setter = std::is_invocable_v<const HanaAccessor<T, I>&, T&, std::remove_cvref_t<HanaResult<T, I>>>;
// No member that has an address to write to.
template <class T, std::size_t I>
inline constexpr bool is_hana_property = has_hana_setter<T, I> || !std::is_lvalue_reference_v<HanaResult<T, I>>;

// Never an object: stands for the row of such a property among the types of T's members.
template <class T, std::size_t I>
struct HanaProperty {};

template <class T, std::size_t I>
struct ContainerRow<HanaProperty<T, I>> {
  using Value = std::remove_cvref_t<HanaResult<T, I>>;

  static decltype(auto) get(const void* owner) {
    constexpr auto accessor = hana_accessor<T, I>();
    if constexpr (std::is_invocable_v<decltype(accessor)&, const T&>)
      return accessor(as<T>(owner));
    else
      return accessor(const_cast<T&>(as<T>(owner)));
  }
  static constexpr TypeOps ops() {
    if constexpr (!has_hana_setter<T, I>) {
      static_assert(storable<HanaProperty<T, I>>,
                    "orrery: this Hana accessor returns a copy, which cannot be restored into; let it return a reference, or set a value "
                    "too: boost::hana::overload(getter, setter)");
      return {};
    } else {
      TypeOps ops = row_aside<Value>();
      ops.open_aside = [](const void* owner, bool to_fill) -> std::shared_ptr<void> {
        if constexpr (std::is_lvalue_reference_v<decltype(get(owner))>)
          if (!to_fill) return {std::shared_ptr<void>(), address_of(get(owner))};
        return std::make_shared<Value>(get(owner));
      };
      ops.close_aside = [](void* owner, void* side) {
        constexpr auto accessor = hana_accessor<T, I>();
        static_cast<void>(accessor(as<T>(owner), std::move(as<Value>(side))));
      };
      return ops;
    }
  }
};

}  // namespace orrery::inline v0::detail
