// The table of types: ops_of<T>::value, one constant row for each type that is reached, made by the route that the type takes. Templates
// end here; below, ordinary code walks rows (tree/describe.hpp, restore/match.hpp).
#pragma once

#include <type_traits>

#include "orrery/reflect/containers.hpp"
#include "orrery/reflect/kind.hpp"
#include "orrery/reflect/leaves.hpp"
#include "orrery/reflect/records.hpp"
#include "orrery/reflect/refusal.hpp"
#include "orrery/reflect/sharded_arrays.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

namespace detail {

// A refused type is reported here and nowhere else, so that it is reported once, and can never be stored as nothing.
template <class T>
constexpr TypeOps make_row() {
  if constexpr (std::is_const_v<T>) {
    TypeOps ops = make_row<std::remove_const_t<T>>();
    ops.read_only = true;
    ops.make = nullptr;
    ops.emplace = nullptr;
    ops.resize = nullptr;
    ops.allocate = nullptr;
    ops.assign = nullptr;
    ops.set_text = nullptr;
    ops.take = nullptr;
    ops.loaded = nullptr;
    return ops;
  } else {
    constexpr Route route = verdict<T>.route;
    if constexpr (route == Route::user_leaf)
      return user_leaf_row<T>();
    else if constexpr (route == Route::user_container)
      return ContainerTraits<T>::ops();
    else if constexpr (route == Route::leaf)
      return LeafRow<T>::ops();
    else if constexpr (route == Route::container)
      return ContainerRow<T>::ops();
    else if constexpr (route == Route::user_fields || route == Route::aggregate)
      return record_row<T>();
    else if constexpr (route == Route::hana)
      return orrery::route<hana_route, T>::ops();
    else if constexpr (route == Route::cereal)
      return orrery::route<cereal_route, T>::ops();
    else
      return refuse<T, verdict<T>.refusal>();
  }
}

}  // namespace detail

template <class T>
constinit const TypeOps ops_of<T>::value = detail::make_row<T>();

}  // namespace orrery::inline v0
