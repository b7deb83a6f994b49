// What a class is called, for messages: the last part of its name, without namespaces and template arguments.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>

namespace orrery::inline v0 {

namespace detail {

template <class T>
consteval auto type_signature() {
  return std::string_view(__PRETTY_FUNCTION__);
}

struct NameRange {
  std::size_t begin;
  std::size_t end;
};

// The signature says "T = a::b<c>::Name<d>", then "]", or on g++ perhaps ";".
constexpr NameRange cut_type_name(std::string_view text) {
  std::size_t i = 0;
  while (text[i] != 'T' || text[i + 1] != ' ' || text[i + 2] != '=' || text[i - 1] == '_') ++i;
  i += 4;
  NameRange range{i, 0};
  int depth = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (depth == 0 && (c == ']' || c == ';')) break;
    if (c == '<' || c == '(' || c == '{' || c == '[') {
      if (depth++ == 0 && range.end == 0) range.end = i;
    } else if (c == '>' || c == ')' || c == '}' || c == ']') {
      --depth;
    } else if (depth == 0 && c == ':' && text[i + 1] == ':') {
      range = {i + 2, 0};
      ++i;
    }
  }
  if (range.end == 0) range.end = i;
  return range;
}

template <class T>
inline constexpr auto type_name_text = [] {
  constexpr std::string_view text = type_signature<T>();
  constexpr NameRange range = cut_type_name(text);
  std::array<char, range.end - range.begin> name{};
  for (std::size_t k = 0; k < name.size(); ++k) name[k] = text[range.begin + k];
  return name;
}();

}  // namespace detail

// "TrainState" for app::TrainState<float>.
template <class T>
inline constexpr std::string_view type_name{detail::type_name_text<std::remove_cv_t<T>>.data(),
                                            detail::type_name_text<std::remove_cv_t<T>>.size()};

namespace detail {
template <class T>
struct TypeNameCheck {};
static_assert(type_name<TypeNameCheck<int>> == "TypeNameCheck" && type_name<int> == "int",
              "orrery: this compiler prints types in a way that is not known");
}  // namespace detail

}  // namespace orrery::inline v0
