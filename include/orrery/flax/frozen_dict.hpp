// Flax's FrozenDict: a dict that cannot be changed, only replaced. On disk it is a dict; in messages of from_state_dict it is told apart.
#pragma once

#include <cstddef>
#include <deque>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/fwd.hpp"
#include "orrery/reflect/containers.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0::flax {

namespace detail {
template <class A, class B>
struct FrozenTypes {
  using key = A;
  using value = B;
};
template <class A>
struct FrozenTypes<A, void> {
  using key = std::string;
  using value = A;
};
struct FrozenAccess;
}  // namespace detail

// FrozenDict<V> has string keys, FrozenDict<K, V> others. Entries are in order of their keys, as pytrees have them.
template <class A, class B = void>
class FrozenDict {
 public:
  using key_type = typename detail::FrozenTypes<A, B>::key;
  using mapped_type = typename detail::FrozenTypes<A, B>::value;
  using Map = std::map<key_type, mapped_type>;
  using const_iterator = typename Map::const_iterator;

  FrozenDict() = default;
  explicit FrozenDict(Map entries) : entries_(std::move(entries)) {}
  FrozenDict(std::initializer_list<typename Map::value_type> entries) : entries_(entries) {}

  std::size_t size() const noexcept { return entries_.size(); }
  bool empty() const noexcept { return entries_.empty(); }
  const_iterator begin() const noexcept { return entries_.begin(); }
  const_iterator end() const noexcept { return entries_.end(); }
  bool contains(const key_type& key) const { return entries_.contains(key); }
  // KeyError where it is not there.
  const mapped_type& operator[](const key_type& key) const { return at(key); }
  const mapped_type& at(const key_type& key) const {
    auto found = entries_.find(key);
    if (found == entries_.end()) throw KeyError("the FrozenDict has no such key", Differences{});
    return found->second;
  }

  // A new one with those entries added or replaced.
  FrozenDict copy(Map add_or_replace) const {
    for (const auto& [key, value] : entries_) add_or_replace.try_emplace(key, value);
    return FrozenDict(std::move(add_or_replace));
  }
  // A new one without that key, and what it held; KeyError where it is not there.
  std::pair<FrozenDict, mapped_type> pop(const key_type& key) const {
    mapped_type value = at(key);
    Map rest = entries_;
    rest.erase(key);
    return {FrozenDict(std::move(rest)), std::move(value)};
  }
  // A plain map.
  Map unfreeze() const { return entries_; }

  friend bool operator==(const FrozenDict& a, const FrozenDict& b) { return a.entries_ == b.entries_; }
  friend bool operator==(const FrozenDict& a, const Map& b) { return a.entries_ == b; }

 private:
  friend struct detail::FrozenAccess;
  Map entries_{};
};

namespace detail {

// Restoring fills what nobody else may change.
struct FrozenAccess {
  template <class Dict>
  static typename Dict::Map* entries(void* dict) {
    return &static_cast<Dict*>(dict)->entries_;
  }
  template <class Dict>
  static const typename Dict::Map* entries(const void* dict) {
    return &static_cast<const Dict*>(dict)->entries_;
  }
};

}  // namespace detail

}  // namespace orrery::inline v0::flax

template <class A, class B>
struct orrery::ContainerTraits<orrery::flax::FrozenDict<A, B>> {
 private:
  using Dict = flax::FrozenDict<A, B>;
  using Access = flax::detail::FrozenAccess;
  static constexpr TypeOps map_ops = orrery::detail::map_row<typename Dict::Map, true>("FrozenDict");

 public:
  static constexpr TypeOps ops() {
    TypeOps ops = map_ops;
    ops.role = Role::frozen_dict;
    ops.size = [](const void* dict) { return map_ops.size(Access::entries<Dict>(dict)); };
    ops.children = [](void* dict, void** out) { map_ops.children(Access::entries<Dict>(dict), out); };
    ops.keys = [](const void* dict, std::string_view* out, std::deque<std::string>& made) {
      map_ops.keys(Access::entries<Dict>(dict), out, made);
    };
    if constexpr (std::is_default_constructible_v<typename Dict::mapped_type>) {
      ops.make = [](void* dict, std::size_t count) { map_ops.make(Access::entries<Dict>(dict), count); };
      ops.emplace = [](void* dict, std::string_view key) { return map_ops.emplace(Access::entries<Dict>(dict), key); };
    }
    return ops;
  }
};
