// The names of an aggregate's members at compile time (spec/reflection.md 4): the compiler prints pointers to the members of an object
// that is never defined, all of a struct in one text, which is cut apart once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "orrery/reflect/bind.hpp"

namespace orrery::inline v0 {

namespace detail {

#pragma GCC diagnostic push
#ifdef __clang__
#pragma clang diagnostic ignored "-Wundefined-var-template"
#pragma clang diagnostic ignored "-Wundefined-inline"
#pragma clang diagnostic ignored "-Wundefined-internal"
#endif

// The odd name of the member is the mark that cut_names looks for.
template <class T>
struct ReflectedStorage {
  T orrery_value_;
};
template <class T>
extern ReflectedStorage<T> never_defined;

// A structural type that holds the pointers in one flat list.
template <std::size_t I, class Pointer>
struct PointerSlot {
  Pointer pointer;
};
template <class Sequence, class... Pointer>
struct PointerSlots;
template <std::size_t... I, class... Pointer>
struct PointerSlots<std::index_sequence<I...>, Pointer...> : PointerSlot<I, Pointer>... {};

// A function, not a variable: for types with internal linkage g++ -O0 would emit the variable, and the link would fail.
template <class T>
consteval auto member_pointers() {
  return with_members(never_defined<T>.orrery_value_, [](auto&... member) {
    return PointerSlots<std::make_index_sequence<sizeof...(member)>, decltype(std::addressof(member))...>{{std::addressof(member)}...};
  });
}
template <auto Pointers>
consteval std::string_view signature() {
  return __PRETTY_FUNCTION__;
}

template <std::size_t N>
struct NameCuts {
  std::array<std::size_t, N> at{};
  std::array<std::size_t, N> length{};
  std::size_t total = 0;
};

// Where the names lie in such a text: behind the mark, and on g++ behind "Owner::", whose length is that of the last one. Scanned by
// hand: string_view::find takes seconds in g++'s constant evaluator.
template <std::size_t N>
constexpr NameCuts<N> cut_names(std::string_view text) {
  constexpr std::string_view mark = "orrery_value_.";
  NameCuts<N> cuts{};
  std::size_t found = 0;
  for (std::size_t i = 0; i + mark.size() <= text.size() && found < N; ++i) {
    if (text[i] != 'o' || text[i + 6] != '_') continue;
    bool same = true;
    for (std::size_t j = 0; j < mark.size() && same; ++j) same = text[i + j] == mark[j];
    if (same) {
      cuts.at[found++] = i + mark.size();
      i += mark.size() - 1;
    }
  }
  if (found != N) throw "orrery: this compiler prints pointers to members in a way that is not known";
#ifdef __clang__
  constexpr char end = '}';
  const std::size_t owner = 0;
#else
  constexpr char end = ')';
  std::size_t last = cuts.at[N - 1];
  while (text[last] != ')' || text[last + 1] != '}') ++last;
  while (text[last - 1] != ':') --last;
  const std::size_t owner = last - cuts.at[N - 1];
#endif
  for (std::size_t k = 0; k < N; ++k) {
    cuts.at[k] += owner;
    while (text[cuts.at[k] + cuts.length[k]] != end) ++cuts.length[k];
    cuts.total += cuts.length[k];
  }
  return cuts;
}

// Only this reaches the object file.
template <std::size_t N, std::size_t Total>
struct NameText {
  std::array<char, Total> text{};
  std::array<std::uint16_t, N + 1> end{};
};

template <class T>
constexpr auto make_names() {
  constexpr std::size_t count = member_count<T>;
  constexpr std::string_view text = signature<member_pointers<T>()>();
  constexpr NameCuts<count> cuts = cut_names<count>(text);
  NameText<count, cuts.total> names{};
  std::size_t to = 0;
  for (std::size_t k = 0; k < count; ++k) {
    for (std::size_t j = 0; j < cuts.length[k]; ++j) names.text[to++] = text[cuts.at[k] + j];
    names.end[k + 1] = static_cast<std::uint16_t>(to);
  }
  return names;
}

#pragma GCC diagnostic pop

template <class T>
inline constexpr auto name_text = make_names<T>();

}  // namespace detail

// The members' names in order of declaration, as spelled in the source.
template <class T>
inline constexpr auto member_names = [] {
  std::array<std::string_view, member_count<T>> names{};
  if constexpr (member_count<T> > 0) {
    constexpr const auto& held = detail::name_text<T>;
    for (std::size_t k = 0; k < names.size(); ++k)
      names[k] = {held.text.data() + held.end[k], static_cast<std::size_t>(held.end[k + 1] - held.end[k])};
  }
  return names;
}();

namespace detail {
template <class T>
struct NameCheck {
  T first_;
  int _second[2];
};
static_assert(member_names<NameCheck<void (*)(int)>>[0] == "first_" && member_names<NameCheck<void (*)(int)>>[1] == "_second",
              "orrery: this compiler prints the names of members in a way that is not known; g++ 12 to 14 and clang 16 to 19 were tried");
}  // namespace detail

}  // namespace orrery::inline v0
