// Standard containers inside of classes that cereal describes: a vector is a list, a map with text or integers as keys a dict, an optional
// what it holds or none, as everywhere in orrery, but with elements that cereal's functions describe. No header of cereal/types is
// needed for these; what stands neither here nor among orrery's own types is left to those headers.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <deque>
#include <forward_list>
#include <iterator>
#include <list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "orrery/adapters/cereal/input_archive.hpp"
#include "orrery/adapters/cereal/output_archive.hpp"
#include "orrery/reflect/containers.hpp"

namespace orrery::inline v0::detail::cereal_adapter {

// --- lists

template <class Elements>
void save_list(Output& archive, std::string_view key, const Elements& elements, NodeKind kind = NodeKind::list) {
  TreeView& out = archive.out();
  const std::size_t node = out.enter(kind, key, 0);
  std::size_t count = 0;
  for (const auto& element : elements) archive.element({}, count++, element);
  out.nodes[node].count = static_cast<std::uint32_t>(count);
  out.leave(node);
}

template <class Sequence, class T>
struct ResizedList {
  static constexpr bool plain() { return is_plain<T>(); }
  static void save(Output& archive, std::string_view key, const Sequence& value) { save_list(archive, key, value); }
  static void load(Input& archive, const Tree& stored, Sequence& value) {
    const std::vector<const Tree*> elements = archive.elements(stored, "a list");
    value.resize(elements.size());
    std::size_t i = 0;
    for (T& element : value) {
      archive.element(*elements[i], {}, i, element);
      ++i;
    }
  }
};
template <class T, class A>
struct StandardType<std::vector<T, A>> : ResizedList<std::vector<T, A>, T> {};
template <class T, class A>
struct StandardType<std::deque<T, A>> : ResizedList<std::deque<T, A>, T> {};
template <class T, class A>
struct StandardType<std::list<T, A>> : ResizedList<std::list<T, A>, T> {};
template <class T, class A>
  requires(!Complete<ContainerRow<std::forward_list<T, A>>>)
struct StandardType<std::forward_list<T, A>> : ResizedList<std::forward_list<T, A>, T> {
  static constexpr bool plain() { return false; }
};

template <class Elements, std::size_t N>
struct FixedList {
  static constexpr bool plain() { return is_plain<std::remove_cvref_t<decltype(std::declval<Elements&>()[0])>>(); }
  static void save(Output& archive, std::string_view key, const Elements& value) { save_list(archive, key, value); }
  static void load(Input& archive, const Tree& stored, Elements& value) {
    const std::vector<const Tree*> elements = archive.elements(stored, "a list");
    if (elements.size() != N) archive.wrong_kind("a list of " + std::to_string(N), stored);
    for (std::size_t i = 0; i < N; ++i) archive.element(*elements[i], {}, i, value[i]);
  }
};
template <class T, std::size_t N>
struct StandardType<std::array<T, N>> : FixedList<std::array<T, N>, N> {};
template <class T, std::size_t N>
struct StandardType<T[N]> : FixedList<T[N], N> {};

template <class Set>
struct InsertedList {
  static constexpr bool plain() { return false; }
  static void save(Output& archive, std::string_view key, const Set& value) { save_list(archive, key, value); }
  static void load(Input& archive, const Tree& stored, Set& value) {
    value.clear();
    const std::vector<const Tree*> elements = archive.elements(stored, "a list");
    for (std::size_t i = 0; i < elements.size(); ++i) {
      typename Set::key_type element{};
      archive.element(*elements[i], {}, i, element);
      value.insert(value.end(), std::move(element));
    }
  }
};
template <class T>
concept StandardSet = requires { typename T::key_type; } && std::is_same_v<typename T::key_type, typename T::value_type> &&
                      !Complete<ContainerRow<T>> && !Complete<LeafRow<T>>;
template <class T, class... Rest>
  requires StandardSet<std::set<T, Rest...>>
struct StandardType<std::set<T, Rest...>> : InsertedList<std::set<T, Rest...>> {};
template <class T, class... Rest>
  requires StandardSet<std::multiset<T, Rest...>>
struct StandardType<std::multiset<T, Rest...>> : InsertedList<std::multiset<T, Rest...>> {};
template <class T, class... Rest>
  requires StandardSet<std::unordered_set<T, Rest...>>
struct StandardType<std::unordered_set<T, Rest...>> : InsertedList<std::unordered_set<T, Rest...>> {};
template <class T, class... Rest>
  requires StandardSet<std::unordered_multiset<T, Rest...>>
struct StandardType<std::unordered_multiset<T, Rest...>> : InsertedList<std::unordered_multiset<T, Rest...>> {};

// --- tuples

template <class Tuple, class... T>
struct FixedTuple {
  static constexpr bool plain() { return (is_plain<T>() && ...); }
  static void save(Output& archive, std::string_view key, const Tuple& value) {
    TreeView& out = archive.out();
    const std::size_t node = out.enter(NodeKind::tuple, key, sizeof...(T));
    [[maybe_unused]] std::size_t i = 0;
    std::apply([&](const T&... member) { (archive.element({}, i++, member), ...); }, value);
    out.leave(node);
  }
  static void load(Input& archive, const Tree& stored, Tuple& value) {
    const std::vector<const Tree*> elements = archive.elements(stored, "a tuple");
    if (elements.size() != sizeof...(T)) archive.wrong_kind("a tuple of " + std::to_string(sizeof...(T)), stored);
    [[maybe_unused]] std::size_t i = 0;
    std::apply([&](T&... member) { ((archive.element(*elements[i], {}, i, member), ++i), ...); }, value);
  }
};
template <class... T>
struct StandardType<std::tuple<T...>> : FixedTuple<std::tuple<T...>, T...> {};
template <class A, class B>
struct StandardType<std::pair<A, B>> : FixedTuple<std::pair<A, B>, A, B> {};

// --- dicts

template <class Map>
struct Dict {
  using Key = typename Map::key_type;
  using T = typename Map::mapped_type;
  static constexpr bool plain() { return is_plain<T>(); }
  static void save(Output& archive, std::string_view key, const Map& value) {
    TreeView& out = archive.out();
    const std::size_t node = out.enter(NodeKind::dict, key, value.size());
    std::size_t i = 0;
    for (const auto& [text, element] : sorted_entries(const_cast<Map&>(value), out.names))
      archive.element(archive.is_held() ? text : archive.keep(text), i++, *element, false);
    out.leave(node);
  }
  static void load(Input& archive, const Tree& stored, Map& value) {
    value.clear();
    if (is_empty(stored)) return;
    if (!stored.is_dict()) archive.wrong_kind("a dict", stored);
    for (const auto& [key, child] : stored.items()) {
      if constexpr (IntegerKey<Key>) {
        const std::optional<Key> number = parse_key<Key>(key.text);
        if (!number) archive.wrong_kind("a dict whose keys are integers", stored);
        archive.element(child, key.text, 0, value.try_emplace(*number).first->second, false);
      } else {
        archive.element(child, key.text, 0, value.try_emplace(Key(key.text)).first->second, false);
      }
    }
  }
};
// Keys without a text: a list of pairs, as cereal has it.
template <class Map>
struct ListOfPairs {
  static constexpr bool plain() { return false; }
  using Entry = std::pair<typename Map::key_type, typename Map::mapped_type>;
  static void save(Output& archive, std::string_view key, const Map& value) {
    TreeView& out = archive.out();
    const std::size_t node = out.enter(NodeKind::list, key, value.size());
    std::size_t i = 0;
    for (const auto& entry : value) archive.element({}, i++, std::tie(entry.first, entry.second));
    out.leave(node);
  }
  static void load(Input& archive, const Tree& stored, Map& value) {
    value.clear();
    const std::vector<const Tree*> elements = archive.elements(stored, "a list of pairs");
    for (std::size_t i = 0; i < elements.size(); ++i) {
      Entry entry{};
      archive.element(*elements[i], {}, i, entry);
      value.insert(value.end(), std::move(entry));
    }
  }
};
template <class... T>
struct StandardType<std::tuple<const T&...>> {
  static constexpr bool plain() { return false; }
  static void save(Output& archive, std::string_view key, const std::tuple<const T&...>& value) {
    FixedTuple<std::tuple<const T&...>, T...>::save(archive, key, value);
  }
};
template <class K>
concept NamedKey = IntegerKey<K> || TextKey<K>;
template <class K, class T, class... Rest>
struct StandardType<std::map<K, T, Rest...>>
    : std::conditional_t<NamedKey<K>, Dict<std::map<K, T, Rest...>>, ListOfPairs<std::map<K, T, Rest...>>> {};
template <class K, class T, class... Rest>
struct StandardType<std::unordered_map<K, T, Rest...>>
    : std::conditional_t<NamedKey<K>, Dict<std::unordered_map<K, T, Rest...>>, ListOfPairs<std::unordered_map<K, T, Rest...>>> {};
template <class K, class T, class... Rest>
struct StandardType<std::multimap<K, T, Rest...>> : ListOfPairs<std::multimap<K, T, Rest...>> {};
template <class K, class T, class... Rest>
struct StandardType<std::unordered_multimap<K, T, Rest...>> : ListOfPairs<std::unordered_multimap<K, T, Rest...>> {};

}  // namespace orrery::inline v0::detail::cereal_adapter
