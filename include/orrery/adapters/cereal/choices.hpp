// Standard types that hold one thing or another inside of classes that cereal describes: optional, variant and smart pointers are what they
// hold; atomic, chrono's and bitset are their value.
#pragma once

#include <array>
#include <atomic>
#include <bitset>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "orrery/adapters/cereal/input_pointers.hpp"
#include "orrery/adapters/cereal/standard_types.hpp"

namespace orrery::inline v0::detail::cereal_adapter {

template <class T>
struct StandardType<std::optional<T>> {
  static constexpr bool plain() { return is_plain<T>(); }
  static void save(Output& archive, std::string_view key, const std::optional<T>& value) {
    if (!value) return archive.out().none(key);
    archive.write(key, *value, archive.is_held() ? Held::of(std::addressof(*value), sizeof *value) : Held());
  }
  static void load(Input& archive, const Tree& stored, std::optional<T>& value) {
    if (stored.is_none()) return value.reset();
    if (!value) value.emplace();
    archive.read(stored, *value);
  }
};

// --- variants

// What an alternative looks like in a tree, where that tells which one is stored.
struct Look {
  enum Kind : std::uint8_t { unknown, nothing, text, number, list, map, members } kind = unknown;
  DType dtype = DType::none;
  int rank = -1;  // of a number; -1: any

  // An empty container may come back as none, a list as a dict of numbers.
  constexpr bool is_other_than(const Look& look) const {
    if (kind == unknown || look.kind == unknown) return false;
    if (kind == number && look.kind == number)
      return dtype != DType::none && look.dtype != DType::none &&
             (dtype != look.dtype || (rank >= 0 && look.rank >= 0 && rank != look.rank));
    const bool is_alike =
        (kind == list && look.kind == map) || (kind == map && look.kind == members) || (kind == nothing && look.kind >= list);
    const bool is_alike_too =
        (look.kind == list && kind == map) || (look.kind == map && kind == members) || (look.kind == nothing && kind >= list);
    return kind != look.kind && !is_alike && !is_alike_too;
  }
  bool is_of(const Tree& stored, bool is_exact) const {
    if (kind == nothing) return is_empty(stored);
    if (kind == text) return stored.is_leaf() && stored.leaf_kind() == LeafKind::string;
    if (kind == list) return stored.is_list() || stored.is_tuple() || is_numbered(stored) || is_empty(stored);
    if (kind == map) return stored.is_dict() || stored.is_none();
    if (kind == members) return (stored.is_dict() && !(is_exact && is_numbered(stored))) || stored.is_none();
    if (!stored.is_leaf() || stored.leaf_kind() == LeafKind::string) return false;
    if (rank >= 0 && stored.shape().size() != static_cast<std::size_t>(rank)) return false;
    return is_exact ? stored.dtype() == dtype : is_lossless(stored.dtype(), dtype);
  }
};
template <class T>
constexpr Look look_of() {
  if constexpr (std::is_same_v<T, std::monostate>) {
    return {Look::nothing};
  } else if constexpr (OwnLeaf<T>) {
    constexpr TypeOps ops = [] {
      if constexpr (Complete<LeafTraits<T>>)
        return user_leaf_row<T>();
      else
        return LeafRow<T>::ops();
    }();
    if (ops.kind != TypeKind::leaf) return {};
    if (ops.leaf.kind == LeafKind::string) return {Look::text};
    return {Look::number, ops.leaf.dtype, ops.leaf.any_rank ? -1 : static_cast<int>(ops.leaf.extents.size())};
  } else if constexpr (requires { typename T::mapped_type; }) {
    return NamedKey<typename T::key_type> ? Look{Look::map} : Look{Look::list};
  } else if constexpr (
      requires { std::tuple_size<T>::value; } || requires(T& all) { all.resize(1); }) {
    return {Look::list};
  } else if constexpr (Complete<StandardType<T>>) {
    return {};
  } else if constexpr (Described<T>) {
    return Minimal<T> ? Look{} : Look{Look::members};
  } else {
    return {};
  }
}

template <class... T>
struct StandardType<std::variant<T...>> {
  using Variant = std::variant<T...>;
  static constexpr std::array<Look, sizeof...(T)> looks{look_of<T>()...};
  // What is stored says which alternative it is; else its number stands beside it.
  static constexpr bool is_told_apart() {
    for (std::size_t i = 0; i < looks.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (!looks[i].is_other_than(looks[j])) return false;
    return true;
  }
  static constexpr bool plain() { return false; }

  static void save(Output& archive, std::string_view key, const Variant& value) {
    if (value.valueless_by_exception()) throw ArgumentError("a valueless variant cannot be stored", {to_string(archive.path())});
    TreeView& out = archive.out();
    if constexpr (is_told_apart()) {
      std::visit([&](const auto& one) { archive.write(key, one, archive.is_held() ? Held::of(std::addressof(one), sizeof one) : Held()); },
                 value);
    } else {
      const std::size_t node = out.enter(NodeKind::record, key, 2);
      const std::int64_t index = static_cast<std::int64_t>(value.index());
      archive.write("index", index, Held());
      std::visit([&](const auto& one) { archive.element("data", 0, one, false); }, value);
      out.leave(node);
    }
  }
  static void load(Input& archive, const Tree& stored, Variant& value) {
    if constexpr (is_told_apart()) {
      for (const bool is_exact : {true, false})
        for (std::size_t i = 0; i < looks.size(); ++i)
          if (looks[i].is_of(stored, is_exact)) return load(archive, stored, value, i, std::index_sequence_for<T...>());
      archive.wrong_kind("what one of the variant's " + std::to_string(looks.size()) + " alternatives takes", stored);
    } else {
      const Tree* index = stored.find("index");
      const Tree* data = stored.find("data");
      if (!index) archive.missing("index");
      if (!data) archive.missing("data");
      const auto number = index->scalar<std::uint64_t>();
      if (number >= sizeof...(T)) archive.wrong_kind("the number of one of the variant's alternatives", *index);
      archive.below("data", [&] { load(archive, *data, value, number, std::index_sequence_for<T...>()); });
    }
  }
  template <std::size_t... I>
  static void load(Input& archive, const Tree& stored, Variant& value, std::size_t index, std::index_sequence<I...>) {
    ((index == I ? archive.read(stored, value.index() == I ? *std::get_if<I>(&value) : value.template emplace<I>()) : void()), ...);
  }
};

// --- smart pointers

template <class T>
concept NeedsCereal = std::is_polymorphic_v<T> || traits::has_load_and_construct<T, Input>::value;

template <class T, class D>
  requires(!std::is_array_v<T>)
struct StandardType<std::unique_ptr<T, D>> {
  static constexpr bool plain() {
    if constexpr (NeedsCereal<T>)
      return false;
    else
      return std::is_default_constructible_v<T> && std::is_same_v<D, std::default_delete<T>> && is_plain<std::remove_const_t<T>>();
  }
  static void save(Output& archive, std::string_view key, const std::unique_ptr<T, D>& value) {
    if (!value) return archive.out().none(key);
    archive.pointee(key, *value, false, archive.is_held());
  }
  static void load(Input& archive, const Tree& stored, std::unique_ptr<T, D>& value) { archive.unique(stored, value); }
};
// An object that several pointers share is stored where the first of them is; the others say where that is.
template <class T>
  requires(!std::is_array_v<T>)
struct StandardType<std::shared_ptr<T>> {
  static constexpr bool plain() { return false; }
  static void save(Output& archive, std::string_view key, const std::shared_ptr<T>& value) {
    archive.shared(key, value, archive.is_held());
  }
  static void load(Input& archive, const Tree& stored, std::shared_ptr<T>& value) { archive.shared(stored, value); }
};
template <class T>
struct StandardType<std::weak_ptr<T>> {
  static constexpr bool plain() { return false; }
  static void save(Output& archive, std::string_view key, const std::weak_ptr<T>& value) { archive.shared(key, value.lock(), false); }
  static void load(Input& archive, const Tree& stored, std::weak_ptr<T>& value) {
    std::shared_ptr<T> pointer;
    archive.shared(stored, pointer);
    value = pointer;
  }
};

// --- values in a wrapping

template <class T, class Value>
struct WrappedValue {
  static constexpr bool plain() { return false; }
  static void save(Output& archive, std::string_view key, const T& value) { archive.write(key, Value::of(value), Held()); }
  static void load(Input& archive, const Tree& stored, T& value) {
    auto inner = Value::of(value);
    archive.read(stored, inner);
    Value::set(value, std::move(inner));
  }
};
template <class T>
concept Unknown = !Complete<ContainerRow<T>> && !Complete<LeafRow<T>>;

template <class T>
struct AtomicValue {
  static T of(const std::atomic<T>& value) { return value.load(); }
  static void set(std::atomic<T>& value, T inner) { value.store(inner); }
};
template <class T>
  requires Unknown<std::atomic<T>>
struct StandardType<std::atomic<T>> : WrappedValue<std::atomic<T>, AtomicValue<T>> {};

template <class R, class P>
struct DurationValue {
  static R of(std::chrono::duration<R, P> value) { return value.count(); }
  static void set(std::chrono::duration<R, P>& value, R inner) { value = std::chrono::duration<R, P>(inner); }
};
template <class R, class P>
  requires Unknown<std::chrono::duration<R, P>>
struct StandardType<std::chrono::duration<R, P>> : WrappedValue<std::chrono::duration<R, P>, DurationValue<R, P>> {};
template <class C, class D>
struct TimeValue {
  static D of(std::chrono::time_point<C, D> value) { return value.time_since_epoch(); }
  static void set(std::chrono::time_point<C, D>& value, D inner) { value = std::chrono::time_point<C, D>(inner); }
};
template <class C, class D>
  requires Unknown<std::chrono::time_point<C, D>>
struct StandardType<std::chrono::time_point<C, D>> : WrappedValue<std::chrono::time_point<C, D>, TimeValue<C, D>> {};

template <std::size_t N>
struct BitsetValue {
  static std::array<bool, N> of(const std::bitset<N>& value) {
    std::array<bool, N> bits{};
    for (std::size_t i = 0; i < N; ++i) bits[i] = value[i];
    return bits;
  }
  static void set(std::bitset<N>& value, const std::array<bool, N>& bits) {
    for (std::size_t i = 0; i < N; ++i) value[i] = bits[i];
  }
};
template <std::size_t N>
  requires Unknown<std::bitset<N>>
struct StandardType<std::bitset<N>> : WrappedValue<std::bitset<N>, BitsetValue<N>> {};

}  // namespace orrery::inline v0::detail::cereal_adapter
