// What the compiler says about a type that cannot be stored: one sentence a reason, with what to write instead. The type itself stands in
// the compiler's error or "in instantiation of" line, which then leads to the call.
#pragma once

#include "orrery/reflect/kind.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0::detail {

template <class T>
inline constexpr bool storable = false;

template <class T, Refusal Why>
constexpr TypeOps refuse() {
  if constexpr (Why == Refusal::pointer)
    static_assert(
        storable<T>,
        "orrery: a raw pointer does not say what it points at, or whose it is; store the value itself, std::optional, std::unique_ptr or "
        "std::shared_ptr, or mark the member Static<T>");
  if constexpr (Why == Refusal::reference)
    static_assert(storable<T>, "orrery: a reference cannot be restored into; hold the value itself, or std::shared_ptr");
  if constexpr (Why == Refusal::union_type)
    static_assert(storable<T>, "orrery: a union does not say which member is alive; use std::variant");
  if constexpr (Why == Refusal::no_adapter)
    static_assert(storable<T>,
                  "orrery: Reflect<T> hands this type over, but its adapter finds no description: include orrery/adapters/hana.hpp or "
                  "cereal.hpp before "
                  "the first use, and check the description");
  if constexpr (Why == Refusal::empty_reflect)
    static_assert(
        storable<T>,
        "orrery: Reflect<T> needs `static constexpr auto fields = orrery::fields(orrery::field<&T::x>(\"x\"), ...);`, or to derive from "
        "via_hana<T> or via_cereal<T>");
  if constexpr (Why == Refusal::data_in_base)
    static_assert(
        storable<T>,
        "orrery: a base class of this struct has members of its own, which cannot be seen together with it; write Reflect<T> with "
        "`fields(orrery::base<Base>(), orrery::field<&T::x>(\"x\"), ...)`");
  if constexpr (Why == Refusal::too_many_members)
    static_assert(storable<T>,
                  "orrery: this struct has more than 100 members; group some in a struct of their own, or write Reflect<T> with "
                  "`fields(orrery::field<&T::x>(\"x\"), ...)`");
  if constexpr (Why == Refusal::not_countable)
    static_assert(
        storable<T>,
        "orrery: the members of this struct cannot be counted (is one a reference, or an array of more than 128 elements beside a member "
        "without default constructor?); write Reflect<T> with `fields(orrery::field<&T::x>(\"x\"), ...)`");
  if constexpr (Why == Refusal::not_nameable)
    static_assert(storable<T>,
                  "orrery: a member of this struct is a reference or a bit-field and has no address; hold a plain value, or write "
                  "Reflect<T> with the "
                  "other members: `fields(orrery::field<&T::x>(\"x\"), ...)`");
  if constexpr (Why == Refusal::no_dtype)
    static_assert(
        storable<T>,
        "orrery: there is no dtype for this type of number (long double, wchar_t and the like); store double, float or an integer "
        "of fixed width");
  if constexpr (Why == Refusal::map_key)
    static_assert(storable<T>, "orrery: the keys of a map are strings or integers; others have no text in a checkpoint");
  if constexpr (Why == Refusal::not_described)
    static_assert(storable<T>,
                  "orrery: this class is no aggregate (private members, constructors or virtual functions) and nothing describes it; write "
                  "Reflect<T> "
                  "with `fields(orrery::field<&T::x>(\"x\"), ...)` as its friend, or describe it with Boost.Hana or cereal; include "
                  "orrery/adapters/hana.hpp, cereal.hpp, or what fits (Eigen: eigen.hpp) before the first use");
  return {};
}

}  // namespace orrery::inline v0::detail
