// Rows of leaves of the standard library that are known by what they can do, so that <chrono> and <filesystem> are paid for by who uses
// them: durations and time points, paths, and bitsets, which have no elements to point at.
#pragma once

#include <bitset>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include "orrery/core/float_types.hpp"
#include "orrery/reflect/leaves.hpp"
#include "orrery/tree/tree_view.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0::detail {

// std::chrono::duration, by [time.duration]: holds its count and nothing else.
template <class T>
concept Duration = std::is_class_v<T> && requires(const T& duration) {
  typename T::rep;
  { T::period::num } -> std::convertible_to<long long>;
  { T::period::den } -> std::convertible_to<long long>;
  { duration.count() } -> std::same_as<typename T::rep>;
  { T::zero() } -> std::same_as<T>;
  requires Element<typename T::rep> && sizeof(T) == sizeof(typename T::rep) && std::is_standard_layout_v<T>;
};
// std::chrono::time_point: holds the duration since its clock's epoch.
template <class T>
concept TimePoint = std::is_class_v<T> && requires(const T& point) {
  typename T::clock;
  { T::min() } -> std::same_as<T>;
  { point.time_since_epoch() } -> std::same_as<typename T::duration>;
  requires Duration<typename T::duration> && sizeof(T) == sizeof(typename T::duration) && std::is_standard_layout_v<T>;
};

// A number in the unit of the C++ type; the file does not say which unit, nor which clock.
template <Duration T>
struct LeafRow<T> {
  static constexpr TypeOps ops() { return number_row<T, typename T::rep, scalar_kind<typename T::rep>>(); }
};
template <TimePoint T>
struct LeafRow<T> {
  static constexpr TypeOps ops() { return number_row<T, typename T::rep, scalar_kind<typename T::rep>>(); }
};

// std::filesystem::path where its own form is bytes, as on every POSIX system.
template <class T>
concept FilePath = std::is_class_v<T> && requires(const T& path) {
  { T::preferred_separator } -> std::convertible_to<char>;
  { path.native() } -> std::same_as<const std::string&>;
  { path.lexically_normal() } -> std::same_as<T>;  // not of a class derived from it
  requires std::same_as<typename T::value_type, char> && std::constructible_from<T, std::string>;
};

template <FilePath T>
struct LeafRow<T> {
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::leaf, .type_name = "path", .leaf = {.kind = LeafKind::string, .extents = free_vector}};
    ops.view = [](const void* object) { return text_leaf(as<T>(object).native()); };
    ops.assign = [](void* object, const LeafView& leaf) { as<T>(object) = T(std::string(leaf.text)); };
    return ops;
  }
};

// An array of N truth values, bit 0 first. Goes through bytes.
template <std::size_t N>
struct LeafRow<std::bitset<N>> {
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::leaf, .type_name = "bitset", .leaf = {.dtype = DType::bool_, .extents = fixed_extents<N>}};
    ops.stage = [](const void* object, TreeView& view) {
      std::byte* to = view.stage(N);
      for (std::size_t i = 0; i < N; ++i) to[i] = static_cast<std::byte>(as<std::bitset<N>>(object)[i]);
      return array_leaf(ArrayView::dense(DType::bool_, to, Shape{static_cast<Dim>(N)}));
    };
    ops.assign = [](void* object, const LeafView& leaf) {
      const std::byte* from = static_cast<const std::byte*>(leaf.array.data);
      for (std::size_t i = 0; i < N; ++i) as<std::bitset<N>>(object)[i] = from[i] != std::byte{0};
    };
    return ops;
  }
};

}  // namespace orrery::inline v0::detail
