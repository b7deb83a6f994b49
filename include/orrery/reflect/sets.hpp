// Rows for std::set, std::unordered_set and their multi forms. A set is what its elements are: of numbers, an array leaf, of anything
// else a list, both sorted (a std::set in its own order, an unordered one by operator<). Elements of a set cannot be written to, so that
// it is made anew on restore, always as the file has it; elements that are equal make FormatError.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "orrery/core/on_use.hpp"
#include "orrery/core/error.hpp"
#include "orrery/reflect/containers.hpp"
#include "orrery/reflect/leaves.hpp"
#include "orrery/tree/tree_view.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0::detail {

template <class Set>
inline constexpr std::string_view set_name{};
template <class T, class C, class A>
inline constexpr std::string_view set_name<std::set<T, C, A>> = "set";
template <class T, class C, class A>
inline constexpr std::string_view set_name<std::multiset<T, C, A>> = "multiset";
template <class T, class H, class E, class A>
inline constexpr std::string_view set_name<std::unordered_set<T, H, E, A>> = "unordered_set";
template <class T, class H, class E, class A>
inline constexpr std::string_view set_name<std::unordered_multiset<T, H, E, A>> = "unordered_multiset";

template <OnUse = OnUse()>
[[noreturn, gnu::cold]] inline void throw_equal_elements(std::string_view set, std::size_t index, std::size_t size) {
  throw FormatError("element " + std::to_string(index) + " of the " + std::to_string(size) + " stored for a " + std::string(set) +
                    " is equal to an earlier one; a set has each element once. Restore into a vector to see them all");
}

template <class T>
concept Sortable = requires(const T& a, const T& b) {
  { a < b } -> std::convertible_to<bool>;
};

// Addresses of the elements in the order in which they are stored.
template <class Set>
void sorted_elements(const Set& set, const typename Set::value_type** out) {
  auto end = out;
  for (const auto& element : set) *end++ = std::addressof(element);
  if constexpr (!requires { typename Set::value_compare; }) std::sort(out, end, [](const auto* a, const auto* b) { return *a < *b; });
}

// An empty set with the comparison, or the hash, of another one.
template <class Set>
Set empty_like(const Set& set) {
  if constexpr (requires { set.hash_function(); })
    return Set(0, set.hash_function(), set.key_eq());
  else
    return Set(set.key_comp());
}

// Makes `target` the set of those elements, which are moved from; left as it was where two are equal.
template <class Set, class Elements>
void assign_elements(Set& target, Elements&& elements) {
  Set set = empty_like(target);
  if constexpr (requires { set.reserve(elements.size()); }) set.reserve(elements.size());
  std::size_t index = 0;
  for (auto& element : elements) {
    const auto before = set.size();
    set.insert(std::move(element));
    if (set.size() == before) throw_equal_elements(set_name<Set>, index, elements.size());
    ++index;
  }
  target = std::move(set);
}

template <class Set>
constexpr TypeOps number_set_row() {
  using T = typename Set::value_type;
  TypeOps ops{.kind = TypeKind::leaf, .type_name = set_name<Set>, .leaf = {.dtype = dtype_of<T>, .extents = free_vector}};
  ops.stage = [](const void* object, TreeView& view) {
    const Set& set = as<Set>(object);
    std::vector<const T*> elements(set.size());
    sorted_elements(set, elements.data());
    std::byte* to = view.stage(set.size() * sizeof(T));
    for (std::size_t i = 0; i < elements.size(); ++i) std::memcpy(to + i * sizeof(T), elements[i], sizeof(T));
    return array_leaf(ArrayView::dense(dtype_of<T>, to, Shape{static_cast<Dim>(set.size())}));
  };
  ops.assign = [](void* object, const LeafView& leaf) {
    const T* from = static_cast<const T*>(leaf.array.data);
    assign_elements(as<Set>(object), std::span<const T>(from, leaf.array.size()));
  };
  return ops;
}

template <class Set>
constexpr TypeOps list_set_row() {
  using T = typename Set::value_type;
  TypeOps ops{.kind = TypeKind::list, .role = Role::list, .type_name = set_name<Set>, .types = ops_list<T>};
  if constexpr (!std::is_default_constructible_v<T> || !std::is_move_constructible_v<T>) {
    static_assert(
        std::is_default_constructible_v<T> && std::is_move_constructible_v<T>,
        "orrery: the elements of a set are made anew on restore, and these cannot be: they need a default and a move constructor");
  } else {
    ops.size = [](const void* object) -> std::size_t { return as<Set>(object).size(); };
    ops.children = [](void* object, void** out) {
      std::vector<const T*> elements(as<Set>(object).size());
      sorted_elements(as<Set>(object), elements.data());
      for (const T* element : elements) *out++ = const_cast<T*>(element);
    };
    ops.aside = &ops_of<std::vector<T>>::value;
    ops.open_aside = [](const void*, bool) -> std::shared_ptr<void> { return std::make_shared<std::vector<T>>(); };
    ops.close_aside = [](void* object, void* side) { assign_elements(as<Set>(object), as<std::vector<T>>(side)); };
  }
  return ops;
}

template <class T>
concept Set = !set_name<T>.empty();
template <class T>
concept SetWithOrder = Set<T> && (requires { typename T::value_compare; } || Sortable<typename T::value_type>);

template <Set T>
  requires Element<typename T::value_type>
struct LeafRow<T> {
  static constexpr TypeOps ops() { return number_set_row<T>(); }
};
template <Set T>
  requires(!Element<typename T::value_type>)
struct ContainerRow<T> {
  static constexpr TypeOps ops() {
    if constexpr (SetWithOrder<T>)
      return list_set_row<T>();
    else
      static_assert(SetWithOrder<T>,
                    "orrery: the elements of an unordered set are stored sorted, and these have no operator<; give them "
                    "one, or use std::set with a comparison");
    return {};
  }
};

}  // namespace orrery::inline v0::detail
