// What a type stores, at compile time: schema<T>() as a text (tree/schema_text.hpp says how it reads), fingerprint<T>() as a number, and
// matches<T>("..."_schema), which pins a type to a text that is kept in the source, so that a checkpoint cannot lose its readers unseen.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "orrery/reflect/ops_of.hpp"
#include "orrery/tree/schema_text.hpp"

namespace orrery::inline v0 {

namespace detail {

template <class T>
struct TypeArguments;
template <template <class...> class C, class... A>
struct TypeArguments<C<A...>> {
  using type = TypeList<A...>;
};

template <class T>
inline constexpr bool elements_are_known = false;

// The types that a row's `types` stands for: from the class itself, as rows do not lead back to types.
template <class T, TypeKind Kind>
constexpr auto elements_of() {
  if constexpr (Kind == TypeKind::record && requires { typename Record<T>::types; })
    return typename Record<T>::types();
  else if constexpr (Kind == TypeKind::list && std::is_array_v<T>)
    return TypeList<std::remove_extent_t<T>>();
  else if constexpr (Kind == TypeKind::map && requires { typename T::mapped_type; })
    return TypeList<typename T::mapped_type>();
  else if constexpr ((Kind == TypeKind::list || Kind == TypeKind::optional) && requires { typename T::value_type; })
    return TypeList<typename T::value_type>();
  else if constexpr (Kind == TypeKind::optional && requires { typename T::element_type; })
    return TypeList<typename T::element_type>();
  else if constexpr ((Kind == TypeKind::tuple || Kind == TypeKind::variant) && requires { typename TypeArguments<T>::type; })
    return typename TypeArguments<T>::type();
  else {
    static_assert(elements_are_known<T>,
                  "orrery: schema<T>() cannot see which types this container holds; its class needs mapped_type (a map), value_type (a "
                  "list, an optional) or its types as template arguments (a tuple, a variant)");
    return TypeList<>();
  }
}

// What a property's getter returns; any other type is itself.
template <class T>
struct SchemaType {
  using type = T;
};
template <class T, std::size_t I>
struct SchemaType<PropertyOf<T, I>> {
  using type = PropertyValue<T, I>;
};

template <class T, class Out>
constexpr void write_schema_of(Out& out, const SchemaLink* link);

template <class Out, class LinkOf, class... M>
constexpr void write_schemas_below(Out& out, LinkOf& link_of, TypeList<M...>) {
  [[maybe_unused]] std::size_t i = 0;
  [[maybe_unused]] const auto write = [&]<class Member>(std::type_identity<Member>) {
    const SchemaLink below = link_of(i++);
    write_schema_of<typename SchemaType<Member>::type>(out, &below);
  };
  (write(std::type_identity<M>()), ...);
}

template <class T>
constexpr std::string_view text_of_type() {
  return __PRETTY_FUNCTION__;
}

template <class T, class Out>
constexpr void write_schema_of(Out& out, const SchemaLink* link) {
  constexpr TypeOps row = make_row<T>();
  write_schema_node(out, row, {nullptr, text_of_type<T>()}, link, [&](auto&& link_of) {
    if constexpr (!row.deferred && row.kind != TypeKind::leaf && row.kind != TypeKind::none && row.kind != TypeKind::skipped &&
                  row.kind != TypeKind::tree)
      write_schemas_below(out, link_of, elements_of<std::remove_const_t<T>, row.kind>());
  });
}

struct SchemaSize {
  std::size_t value = 0;
  constexpr void operator()(std::string_view text) { value += text.size(); }
};
struct SchemaCopy {
  char* to;
  constexpr void operator()(std::string_view text) {
    for (const char c : text) *to++ = c;
  }
};

template <class T>
constexpr auto make_schema() {
  constexpr std::size_t size = [] {
    SchemaSize count;
    write_schema_of<T>(count, nullptr);
    return count.value;
  }();
  std::array<char, size> text{};
  SchemaCopy copy{text.data()};
  write_schema_of<T>(copy, nullptr);
  return text;
}
template <class T>
inline constexpr auto schema_chars = make_schema<T>();
template <class T>
inline constexpr std::uint64_t schema_hash = text_fingerprint({schema_chars<T>.data(), schema_chars<T>.size()});

}  // namespace detail

// The schema of T, a line a leaf. The same text as schema_text(ops<T>()), which a saved checkpoint carries.
template <class T>
constexpr std::string_view schema() {
  const auto& text = detail::schema_chars<std::remove_cvref_t<T>>;
  return {text.data(), text.size()};
}

// 64 bits of it (FNV-1a of the text), to be kept in programs and files.
template <class T>
constexpr std::uint64_t fingerprint() {
  return detail::schema_hash<std::remove_cvref_t<T>>;
}

// A text as a template argument.
template <std::size_t N>
struct FixedText {
  char text[N]{};
  constexpr FixedText() = default;
  constexpr FixedText(const char (&from)[N]) {
    for (std::size_t i = 0; i < N; ++i) text[i] = from[i];
  }
  constexpr std::string_view view() const { return {text, N - 1}; }
};

// A schema written down in the source. Spaces around lines and empty lines do not count.
template <FixedText Text>
struct Schema {
  static constexpr std::string_view text() { return Text.view(); }
};

inline namespace literals {
template <FixedText Text>
constexpr Schema<Text> operator""_schema() {
  return {};
}
}  // namespace literals

namespace detail {

// The next line of `text`, without spaces around it, which is taken off its front; empty at the end.
constexpr std::string_view next_line(std::string_view& text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty()) {
    std::size_t end = 0;
    while (end < text.size() && text[end] != '\n') ++end;
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end < text.size() ? end + 1 : end);
    while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
    while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
    if (!line.empty()) return line;
  }
  return {};
}

struct LinePair {
  std::string_view committed, now;
};
// The first lines that differ; both empty where none do.
constexpr LinePair first_difference(std::string_view committed, std::string_view now) {
  while (!committed.empty() || !now.empty()) {
    const std::string_view a = next_line(committed), b = next_line(now);
    bool same = a.size() == b.size();
    for (std::size_t i = 0; same && i < a.size(); ++i) same = a[i] == b[i];
    if (!same) return {a.empty() ? "(the end)" : a, b.empty() ? "(the end)" : b};
  }
  return {};
}

template <std::size_t N>
constexpr FixedText<N> fixed_text(std::string_view from) {
  FixedText<N> out;
  for (std::size_t i = 0; i < from.size(); ++i) out.text[i] = from[i];
  return out;
}

// Names the difference in the compiler's message.
template <FixedText Committed, FixedText Now>
struct SchemaDifference {
  static constexpr bool is_none = false;
};
template <class Difference>
constexpr void refuse_schema() {
  static_assert(Difference::is_none,
                "orrery: this type does not have the committed schema any more; the first lines that differ are the arguments of "
                "SchemaDifference<Committed, Now>. Checkpoints of the old type may need transforms; then commit orrery::schema<T>() anew");
}

}  // namespace detail

// static_assert(orrery::matches<State>(R"(...)"_schema)): true, or a compiler error that names the first line that differs.
template <class T, FixedText Text>
constexpr bool matches(Schema<Text>) {
  constexpr detail::LinePair lines = detail::first_difference(Text.view(), schema<T>());
  if constexpr (!lines.committed.empty())
    detail::refuse_schema<detail::SchemaDifference<detail::fixed_text<lines.committed.size() + 1>(lines.committed),
                                                   detail::fixed_text<lines.now.size() + 1>(lines.now)>>();
  return true;
}

}  // namespace orrery::inline v0
