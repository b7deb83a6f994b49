// Random engines as leaves: std::mt19937 and its kin, and any class that works like them, as an array of their state words. They are
// known by what they can do, so that <random> is paid for by who uses it.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "orrery/core/array_view.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/float_types.hpp"
#include "orrery/reflect/type_name.hpp"
#include "orrery/tree/tree_view.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0::detail {

template <class T>
concept UniformBits = std::is_class_v<T> && requires(T& engine) {
  typename T::result_type;
  requires std::unsigned_integral<typename T::result_type>;
  { engine() } -> std::same_as<typename T::result_type>;
  requires T::min() < T::max();
};

// Its state goes to a stream as decimal words and comes back equal: [rand.req.eng] asks for both.
template <class T>
concept RandomEngine =
    UniformBits<T> && std::copyable<T> &&
    requires(T& engine, const T& other, unsigned long long count, std::basic_ostream<char>& out, std::basic_istream<char>& in) {
      engine.seed();
      engine.discard(count);
      { engine == other } -> std::convertible_to<bool>;
      out << other;
      in >> engine;
    };

// Words are as wide as what the engine makes, or as what the engine inside an adaptor makes.
template <class T>
constexpr bool has_wide_words() {
  if constexpr (requires(const T& engine) { engine.base(); })
    return T::max() > 0xffffffffu || has_wide_words<std::remove_cvref_t<decltype(std::declval<const T&>().base())>>();
  else
    return T::max() > 0xffffffffu;
}
template <RandomEngine T>
using EngineWord = std::conditional_t<has_wide_words<T>(), std::uint64_t, std::uint32_t>;

// Named by way of T, so that the stream has to be there where an engine is stored, not here.
template <class T>
using TextStream = std::basic_stringstream<std::conditional_t<std::is_class_v<T>, char, void>>;

template <class T>
std::vector<EngineWord<T>> engine_words(const T& engine) {
  TextStream<T> stream;
  stream.imbue(decltype(stream.getloc())::classic());  // no thousands separators
  stream << engine;
  std::vector<EngineWord<T>> words;
  for (EngineWord<T> word; stream >> word;) words.push_back(word);
  if (!stream.eof())
    throw ArgumentError("the state of " + std::string(type_name<T>) + " is not a list of unsigned numbers and cannot be stored");
  return words;
}

[[noreturn, gnu::cold]] inline void throw_other_engine(std::string_view type, std::size_t wanted, std::size_t found) {
  throw FormatError("expected the " + std::to_string(wanted) + " words of the state of " + std::string(type) + ", found " +
                    (wanted == found ? "others" : std::to_string(found)) +
                    ": it was saved from another kind of engine, or by a program with another standard library");
}

// libstdc++ takes any number for a position in its tables, and would write there.
#if defined(__GLIBCXX__)
inline constexpr std::uint64_t position_words = 1;
#else
inline constexpr std::uint64_t position_words = 0;
#endif

// Takes the words of one of the standard's engines from the front; false where they cannot be its state. Which engine it is, its constants
// tell. Others (a user's) are trusted to check for themselves.
template <class T, class Word>
bool take_words(std::span<const Word>& words) {
  const auto take = [&words](std::uint64_t count, std::uint64_t least, std::uint64_t most) {
    if (words.size() < count) return false;
    for (std::uint64_t i = 0; i < count; ++i)
      if (words[i] < least || words[i] > most) return false;
    words = words.subspan(static_cast<std::size_t>(count));
    return true;
  };
  if constexpr (requires { T::tempering_u; })
    return take(T::state_size, 0, T::max()) && take(position_words, 0, T::state_size);
  else if constexpr (requires { T::long_lag; })
    return take(T::long_lag, 0, T::max()) && take(1, 0, 1) && take(position_words, 0, T::long_lag - 1);
  else if constexpr (requires { T::used_block; })
    return take_words<std::remove_cvref_t<decltype(std::declval<const T&>().base())>>(words) && take(1, 0, T::used_block);
  else if constexpr (requires { T::table_size; })
    return take_words<std::remove_cvref_t<decltype(std::declval<const T&>().base())>>(words) && take(T::table_size + 1, T::min(), T::max());
  else if constexpr (requires { T::modulus; })
    return take(1, T::min(), T::max());
  else if constexpr (requires(const T& engine) { engine.base(); })
    return take_words<std::remove_cvref_t<decltype(std::declval<const T&>().base())>>(words);
  else if constexpr (requires { T::round_count; })
    return take(words.size() - position_words, 0, T::max()) && take(position_words, 0, T::word_count);
  words = {};
  return true;
}

template <class T>
void set_engine_words(T& engine, const EngineWord<T>* words, std::size_t count) {
  if (const std::size_t wanted = engine_words(engine).size(); count != wanted) throw_other_engine(type_name<T>, wanted, count);
  std::span<const EngineWord<T>> left(words, count);
  if (!take_words<T>(left) || !left.empty()) throw_other_engine(type_name<T>, count, count);
  TextStream<T> stream;
  stream.imbue(decltype(stream.getloc())::classic());
  for (std::size_t i = 0; i < count; ++i) stream << (i ? " " : "") << words[i];
  T restored = engine;
  if (!(stream >> restored) || engine_words(restored) != std::vector<EngineWord<T>>(words, words + count))
    throw_other_engine(type_name<T>, count, count);
  engine = restored;
}

template <RandomEngine T>
constexpr TypeOps engine_row(std::span<const Dim> extents) {
  static_assert(
      requires { sizeof(TextStream<T>); },
      "orrery: include <sstream> where a random engine is saved or restored: its state is read as text");
  using Word = EngineWord<T>;
  TypeOps ops{.kind = TypeKind::leaf, .type_name = type_name<T>, .leaf = {.dtype = dtype_of<Word>, .extents = extents}};
  ops.stage = [](const void* object, TreeView& view) {
    const std::vector<Word> words = engine_words(*static_cast<const T*>(object));
    std::byte* to = view.stage(words.size() * sizeof(Word));
    std::memcpy(to, words.data(), words.size() * sizeof(Word));
    return LeafView{LeafKind::array, 0, ArrayView::dense(dtype_of<Word>, to, Shape{static_cast<Dim>(words.size())}), {}};
  };
  ops.assign = [](void* object, const LeafView& leaf) {
    set_engine_words(*static_cast<T*>(object), static_cast<const Word*>(leaf.array.data), leaf.array.size());
  };
  return ops;
}

}  // namespace orrery::inline v0::detail
