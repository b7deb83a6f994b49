// Rows of the table for the standard library's containers: what is a list, a tuple, a dict, an optional, a variant. ContainerRow<T> is
// complete exactly for those; other containers come by ContainerTraits (fwd.hpp), which may use the functions here.
// What a type cannot (elements that cannot be made) is a null entry of its row.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/fwd.hpp"
#include "orrery/reflect/leaves.hpp"
#include "orrery/reflect/type_name.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

namespace detail {

template <class T>
void* address_of(T& element) {
  return const_cast<void*>(static_cast<const volatile void*>(std::addressof(element)));
}

template <class T>
struct ContainerRow;

// --- lists

template <class Sequence, class T>
constexpr TypeOps list_row(std::string_view name) {
  TypeOps ops{.kind = TypeKind::list, .role = Role::list, .type_name = name, .types = ops_list<T>};
  ops.size = [](const void* object) -> std::size_t { return as<Sequence>(object).size(); };
  ops.children = [](void* object, void** out) {
    for (T& element : as<Sequence>(object)) *out++ = address_of(element);
  };
  // A new list rather than a resized one: what was there says nothing about what comes, and elements need not be movable.
  if constexpr (std::is_default_constructible_v<T> && std::is_move_assignable_v<Sequence>)
    ops.make = [](void* object, std::size_t count) { as<Sequence>(object) = Sequence(count); };
  return ops;
}
template <class T, class A>
struct ContainerRow<std::vector<T, A>> {
  static constexpr TypeOps ops() { return list_row<std::vector<T, A>, T>("vector"); }
};
template <class T, class A>
struct ContainerRow<std::deque<T, A>> {
  static constexpr TypeOps ops() { return list_row<std::deque<T, A>, T>("deque"); }
};
template <class T, class A>
struct ContainerRow<std::list<T, A>> {
  static constexpr TypeOps ops() { return list_row<std::list<T, A>, T>("list"); }
};

template <class T, std::size_t N>
constexpr TypeOps fixed_list_row(std::string_view name) {
  TypeOps ops{.kind = TypeKind::list, .role = Role::list, .fixed_size = true, .type_name = name, .types = ops_list<T>};
  ops.size = [](const void*) { return N; };
  ops.children = [](void* object, void** out) {
    T* elements = static_cast<T*>(object);  // of an array and of a std::array alike
    for (std::size_t i = 0; i < N; ++i) out[i] = address_of(elements[i]);
  };
  return ops;
}
template <class T, std::size_t N>
struct ContainerRow<std::array<T, N>> {
  static constexpr TypeOps ops() { return fixed_list_row<T, N>("array"); }
};
template <class T, std::size_t N>
struct ContainerRow<T[N]> {
  static constexpr TypeOps ops() { return fixed_list_row<T, N>("C array"); }
};

// --- tuples

template <class Tuple, class... T>
constexpr TypeOps tuple_row(std::string_view name) {
  TypeOps ops{.kind = TypeKind::tuple, .role = Role::tuple, .type_name = name, .types = ops_list<T...>};
  ops.children = [](void* object, [[maybe_unused]] void** out) {
    std::apply([&](auto&... member) { ((*out++ = address_of(member)), ...); }, as<Tuple>(object));
  };
  return ops;
}
template <class... T>
struct ContainerRow<std::tuple<T...>> {
  static constexpr TypeOps ops() { return tuple_row<std::tuple<T...>, T...>("tuple"); }
};
template <class A, class B>
struct ContainerRow<std::pair<A, B>> {
  static constexpr TypeOps ops() { return tuple_row<std::pair<A, B>, A, B>("pair"); }
};

// --- dicts

template <class K>
concept IntegerKey = std::integral<K> && Element<K> && !std::same_as<K, bool> && !std::same_as<K, char>;
// Owns its text: a string_view made from a file would dangle.
template <class K>
concept TextKey =
    std::convertible_to<const K&, std::string_view> && std::constructible_from<K, std::string_view> && !std::same_as<K, std::string_view>;

template <IntegerKey K>
std::optional<K> parse_key(std::string_view text) {
  K key{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), key);
  if (error != std::errc() || end != text.data() + text.size() || std::to_string(key) != text) return std::nullopt;
  return key;
}
template <TextKey K>
std::string_view key_text(const K& key, std::deque<std::string>&) {
  return key;
}
template <IntegerKey K>
std::string_view key_text(const K& key, std::deque<std::string>& made) {
  return made.emplace_back(std::to_string(key));
}

// Entries of an unordered map in the order in which they are stored: by their text, whatever the hash.
template <class Map>
auto sorted_entries(Map& map, std::deque<std::string>& made) {
  std::vector<std::pair<std::string_view, typename Map::mapped_type*>> entries;
  entries.reserve(map.size());
  for (auto& [key, element] : map) entries.emplace_back(key_text(key, made), std::addressof(element));
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return entries;
}

// Keys that a map tells apart and a checkpoint cannot. Those of the standard's strings and of integers always differ as texts.
template <class K>
void check_keys([[maybe_unused]] const std::string_view* keys, [[maybe_unused]] std::size_t count) {
  if constexpr (!IntegerKey<K> && !std::same_as<K, std::string>) {
    std::vector<std::string_view> sorted(keys, keys + count);
    std::sort(sorted.begin(), sorted.end());
    if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
      throw ArgumentError("two keys of a map have one text, \"" + std::string(*twice) + "\", and cannot be stored beside each other");
  }
}

template <class Map, bool Ordered>
constexpr TypeOps map_row(std::string_view name) {
  using Key = typename Map::key_type;
  using T = typename Map::mapped_type;
  TypeOps ops{.kind = TypeKind::map, .role = Role::dict, .type_name = name, .types = ops_list<T>};
  ops.size = [](const void* object) -> std::size_t { return as<Map>(object).size(); };
  if constexpr (Ordered) {
    ops.children = [](void* object, void** out) {
      for (auto& [key, element] : as<Map>(object)) *out++ = address_of(element);
    };
    ops.keys = [](const void* object, std::string_view* out, std::deque<std::string>& made) {
      const std::string_view* first = out;
      for (const auto& [key, element] : as<Map>(object)) *out++ = key_text(key, made);
      check_keys<Key>(first, as<Map>(object).size());
    };
  } else {
    ops.children = [](void* object, void** out) {
      std::deque<std::string> made;
      for (const auto& [key, element] : sorted_entries(as<Map>(object), made)) *out++ = address_of(*element);
    };
    ops.keys = [](const void* object, std::string_view* out, std::deque<std::string>& made) {
      const std::string_view* first = out;
      for (const auto& [key, element] : sorted_entries(const_cast<Map&>(as<Map>(object)), made)) *out++ = key;
      check_keys<Key>(first, as<Map>(object).size());
    };
  }
  ops.integer_keys = IntegerKey<Key>;
  if constexpr (IntegerKey<Key>) ops.accepts = [](std::string_view text) { return parse_key<Key>(text).has_value(); };
  if constexpr (std::is_default_constructible_v<T>) {
    ops.make = [](void* object, std::size_t) { as<Map>(object).clear(); };
    ops.emplace = [](void* object, std::string_view text) -> void* {
      Map& map = as<Map>(object);
      if constexpr (IntegerKey<Key>)
        return address_of(map.try_emplace(*parse_key<Key>(text)).first->second);
      else
        return address_of(map.try_emplace(map.end(), Key(text))->second);
    };
  }
  return ops;
}
template <class K, class T, class C, class A>
  requires IntegerKey<K> || TextKey<K>
struct ContainerRow<std::map<K, T, C, A>> {
  static constexpr TypeOps ops() { return map_row<std::map<K, T, C, A>, true>("map"); }
};
template <class K, class T, class H, class E, class A>
  requires IntegerKey<K> || TextKey<K>
struct ContainerRow<std::unordered_map<K, T, H, E, A>> {
  static constexpr TypeOps ops() { return map_row<std::unordered_map<K, T, H, E, A>, false>("unordered_map"); }
};

// --- nothing or something

template <class Optional, class T>
constexpr TypeOps optional_row(std::string_view name) {
  TypeOps ops{.kind = TypeKind::optional, .type_name = name, .types = ops_list<T>};
  ops.size = [](const void* object) -> std::size_t { return as<Optional>(object) ? 1 : 0; };
  ops.children = [](void* object, void** out) {
    if (as<Optional>(object)) *out = address_of(*as<Optional>(object));
  };
  return ops;
}
template <class T>
struct ContainerRow<std::optional<T>> {
  static constexpr TypeOps ops() {
    TypeOps ops = optional_row<std::optional<T>, T>("optional");
    if constexpr (std::is_default_constructible_v<T>)
      ops.make = [](void* object, std::size_t count) {
        count ? void(as<std::optional<T>>(object).emplace()) : as<std::optional<T>>(object).reset();
      };
    return ops;
  }
};
template <class T, class Deleter>
  requires(!std::is_array_v<T>)
struct ContainerRow<std::unique_ptr<T, Deleter>> {
  static constexpr TypeOps ops() {
    TypeOps ops = optional_row<std::unique_ptr<T, Deleter>, T>("unique_ptr");
    if constexpr (std::is_default_constructible_v<T> && std::is_same_v<Deleter, std::default_delete<T>>)
      ops.make = [](void* object, std::size_t count) { as<std::unique_ptr<T>>(object) = count ? std::make_unique<T>() : nullptr; };
    return ops;
  }
};
template <class T>
  requires(!std::is_array_v<T>)
struct ContainerRow<std::shared_ptr<T>> {
  static constexpr TypeOps ops() {
    TypeOps ops = optional_row<std::shared_ptr<T>, T>("shared_ptr");
    if constexpr (std::is_default_constructible_v<T>)
      ops.make = [](void* object, std::size_t count) { as<std::shared_ptr<T>>(object) = count ? std::make_shared<T>() : nullptr; };
    return ops;
  }
};

template <class... T>
struct ContainerRow<std::variant<T...>> {
  using Variant = std::variant<T...>;
  template <std::size_t I>
  static void emplace(void* object) {
    as<Variant>(object).template emplace<I>();
  }
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::variant, .type_name = "variant", .types = ops_list<T...>};
    ops.active = [](const void* object) -> std::size_t { return as<Variant>(object).index(); };
    ops.size = [](const void*) -> std::size_t { return 1; };
    ops.children = [](void* object, void** out) { *out = std::visit([](auto& held) { return address_of(held); }, as<Variant>(object)); };
    if constexpr ((std::is_default_constructible_v<T> && ...)) {
      ops.make = [](void* object, std::size_t alternative) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
          constexpr void (*emplacers[])(void*) = {&emplace<I>...};
          emplacers[alternative](object);
        }(std::index_sequence_for<T...>{});
      };
    }
    return ops;
  }
};

// --- nothing at all

template <>
struct ContainerRow<std::monostate> {
  static constexpr TypeOps ops() { return {.kind = TypeKind::none, .type_name = "monostate"}; }
};
template <>
struct ContainerRow<std::nullopt_t> {
  static constexpr TypeOps ops() { return {.kind = TypeKind::none, .type_name = "nullopt"}; }
};
template <class T>
struct ContainerRow<Static<T>> {
  static constexpr TypeOps ops() { return {.kind = TypeKind::skipped, .type_name = "Static"}; }
};

}  // namespace detail

}  // namespace orrery::inline v0
