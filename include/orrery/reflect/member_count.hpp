// How many members an aggregate has, found by trying initialisers (spec/reflection.md 2). Unlike PFR's own count it takes a C array for
// one member, looks through empty bases and survives optional<Eigen::Matrix>. Binding the members is bind.hpp's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "orrery/reflect/detail/braces.hpp"

namespace orrery::inline v0 {

enum class CountTrouble : std::uint8_t {
  none,
  data_in_base,      // members in a base class: structured bindings cannot see both classes
  too_many_members,  // more than max_members
  not_countable,     // no list of initialisers is accepted: a reference member, say
};

struct MemberCount {
  std::size_t members = 0;
  CountTrouble trouble = CountTrouble::none;
};

namespace detail {

template <std::size_t>
using any_at = AnyValue;

// --- the first probe: empty braces, for every type with a valid T{}

// Low braces fit, High do not.
template <class T, std::size_t Low, std::size_t High>
consteval std::size_t bisect_braces() {
  if constexpr (High - Low == 1) {
    return Low;
  } else {
    constexpr std::size_t middle = (Low + High) / 2;
    if constexpr (Braces<middle>::template fit<T>)
      return bisect_braces<T, middle, High>();
    else
      return bisect_braces<T, Low, middle>();
  }
}
template <class T, std::size_t K = 4>
consteval std::size_t gallop_braces() {
  if constexpr (K > max_members) {
    if constexpr (Braces<max_members + 1>::template fit<T>)
      return max_members + 1;
    else
      return bisect_braces<T, K / 2, max_members + 1>();
  } else if constexpr (Braces<K>::template fit<T>) {
    return gallop_braces<T, K * 2>();
  } else {
    return bisect_braces < T, K == 4 ? 0 : K / 2, K > ();
  }
}

// --- the second probe: arguments that convert to anything, for types with a member that refuses {}

inline constexpr std::size_t max_arguments = 128;  // elements of C arrays count one by one here

template <class T, std::size_t... I>
consteval bool takes_arguments(std::index_sequence<I...>) {
  return requires { T{any_at<I>{}...}; };
}
template <class T, std::size_t N>
consteval bool takes() {
  return takes_arguments<T>(std::make_index_sequence<N>{});
}
template <class T, std::size_t N = 1>
consteval std::size_t fewest_arguments() {
  if constexpr (N > max_arguments)
    return 0;
  else if constexpr (takes<T, N>())
    return N;
  else
    return fewest_arguments<T, N + 1>();
}
template <class T, std::size_t Low>
consteval std::size_t most_arguments() {
  if constexpr (Low < max_arguments && takes<T, Low + 1>())
    return most_arguments<T, Low + 1>();
  else
    return Low;
}

// May the member at argument B be given E values in braces of its own, and A arguments follow it?
template <class T, std::size_t... B, std::size_t... E, std::size_t... A>
consteval bool takes_nested(std::index_sequence<B...>, std::index_sequence<E...>, std::index_sequence<A...>) {
  return requires { T{any_at<B>{}..., {any_at<E>{}...}, any_at<A>{}...}; };
}
template <class T, std::size_t Before, std::size_t Inside, std::size_t After>
consteval bool nests() {
  return takes_nested<T>(std::make_index_sequence<Before>{}, std::make_index_sequence<Inside>{}, std::make_index_sequence<After>{});
}
// The arguments that the member at argument Before takes: 1, or the extent of an array. Braces around some of them change nothing for an
// array, while a class that they initialise leaves all other arguments to the members behind it.
template <class T, std::size_t Before, std::size_t Total, std::size_t Extent = 1>
consteval std::size_t extent_at() {
  if constexpr (Before + Extent > Total)
    return 1;
  else if constexpr (nests<T, Before, Extent, Total - Before - 1>() || nests<T, Before, 0, Total - Before - 1>())
    return 1;
  else if constexpr (nests<T, Before, Extent, Total - Before - Extent>() || nests<T, Before, 0, Total - Before - Extent>())
    return Extent;
  else
    return extent_at<T, Before, Total, Extent + 1>();
}
template <class T, std::size_t Total, std::size_t At = 0>
consteval std::size_t fold_arrays() {
  if constexpr (At >= Total)
    return 0;
  else
    return 1 + fold_arrays<T, Total, At + extent_at<T, At, Total>()>();
}

// --- bases: each takes an initialiser

// Converts to bases of T alone; where Empty, to those without data.
template <class T, bool Empty>
struct BaseValue {
  template <class U>
    requires(std::is_base_of_v<U, T> && !std::is_same_v<U, T> && (!Empty || std::is_empty_v<U>))
  operator U() const;
};
struct NoValue {};

template <class T, class Value, std::size_t... Before, std::size_t... After>
consteval bool takes_base(std::index_sequence<Before...>, std::index_sequence<After...>) {
  using Base = BaseValue<T, false>;
  // A greedy first member accepts anything, and then it is no base.
  return requires {
    T{(void(Before), Base{})..., Value{}, any_at<After>{}...};
  } && !requires {
    T{(void(Before), Base{})..., NoValue{}, any_at<After>{}...};
  };
}
// Bases from number At on, at most Limit altogether, where Total arguments are given (0: no more than needed).
template <class T, bool Empty, std::size_t Limit, std::size_t Total, std::size_t At = 0>
consteval std::size_t count_bases() {
  if constexpr (At >= Limit) {
    return At;
  } else {
    constexpr std::size_t after = Total > At ? Total - At - 1 : 0;
    if constexpr (takes_base<T, BaseValue<T, Empty>>(std::make_index_sequence<At>{}, std::make_index_sequence<after>{}))
      return count_bases<T, Empty, Limit, Total, At + 1>();
    else
      return At;
  }
}

template <class T, std::size_t Elements, std::size_t Arguments>
consteval MemberCount without_bases() {
  constexpr std::size_t bases = count_bases<T, false, Elements, Arguments>();
  if constexpr (bases == 0) {
    if constexpr (Elements > max_members)
      return {0, CountTrouble::too_many_members};
    else
      return {Elements, CountTrouble::none};
  } else {
    if constexpr (count_bases<T, true, Elements, Arguments>() != bases)
      return {0, CountTrouble::data_in_base};
    else if constexpr (Elements - bases > max_members)
      return {0, CountTrouble::too_many_members};
    else
      return {Elements - bases, CountTrouble::none};
  }
}

template <class T>
consteval MemberCount count_by_arguments() {
  constexpr std::size_t fewest = fewest_arguments<T>();
  if constexpr (fewest == 0) {
    return {0, CountTrouble::not_countable};
  } else {
    constexpr std::size_t most = most_arguments<T, fewest>();
    if constexpr (most == max_arguments)
      return {0, CountTrouble::too_many_members};
    else
      return without_bases<T, fold_arrays<T, most>(), most>();
  }
}

template <class T>
consteval MemberCount count_members() {
  if constexpr (std::is_empty_v<T>) {
    return {};
  } else if constexpr (!Braces<0>::template fit<T>) {
    return count_by_arguments<T>();
  } else {
    constexpr std::size_t elements = gallop_braces<T>();
    if constexpr (elements > max_members)
      return {0, CountTrouble::too_many_members};
    else if constexpr (Braces<elements>::template leave_room<T>)
      return count_by_arguments<T>();  // a member refuses {}
    else
      return without_bases<T, elements, 0>();
  }
}

}  // namespace detail

// The members of an aggregate, or why they cannot be counted. Cost: a handful of probes for most types.
template <class T>
inline constexpr MemberCount member_count_of = detail::count_members<std::remove_cv_t<T>>();

// The members of an aggregate that can be counted.
template <class T>
inline constexpr std::size_t member_count = member_count_of<T>.members;

}  // namespace orrery::inline v0
