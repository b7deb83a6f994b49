// The members of an aggregate as references, all at once. The one header that touches Boost.PFR: its generated structured bindings are
// given our count (member_count.hpp), which is right where PFR's own is not.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include <boost/pfr/detail/core17_generated.hpp>

#include "orrery/reflect/member_count.hpp"

namespace orrery::inline v0 {

namespace detail {

namespace bindings = boost::pfr::detail;

// The references of PFR's tuple as one pack: one instantiation a struct, where get<I> takes one a member.
template <class... M, std::size_t... I, class F>
constexpr decltype(auto) unpack(bindings::sequence_tuple::tuple<M...>&& all, std::index_sequence<I...>, F&& f) {
  return f(static_cast<bindings::sequence_tuple::base_from_member<I, M>&>(all).value...);
}
template <class F>
constexpr decltype(auto) unpack(bindings::sequence_tuple::tuple<>&&, std::index_sequence<>, F&& f) {
  return f();
}

}  // namespace detail

// f(member...) with an lvalue for each member of `value`, in order of declaration; const members come as const.
template <class T, class F>
constexpr decltype(auto) with_members(T& value, F&& f) {
  constexpr std::size_t count = member_count<T>;
  return detail::unpack(detail::bindings::tie_as_tuple(value, detail::bindings::size_t_<count>{}), std::make_index_sequence<count>{},
                        std::forward<F>(f));
}

// PFR promises none of what is used here, so that a release that changes it must fail here and not in a user's file.
namespace detail {
struct BindCheck {
  short first;
  int second[2];
  const char third;
};
inline constexpr BindCheck bind_check{1, {2, 3}, 4};
static_assert(with_members(bind_check, [](auto&... member) { return sizeof...(member) == 3 && ((sizeof member) + ...) == 11; }),
              "orrery: this release of Boost.PFR binds members otherwise than 1.81 does");
}  // namespace detail

}  // namespace orrery::inline v0
