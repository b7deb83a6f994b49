// A library of somebody's own, and what it says of its arrays to be leaves: fwd.hpp is all that it includes of orrery.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "orrery/fwd.hpp"

namespace own_library {

// An array of any rank.
struct Tensor {
  std::vector<std::int64_t> shape{0};
  std::vector<float> elements{};
};

// Elements of somebody else, of any rank.
struct TensorView {
  std::vector<std::int64_t> shape{};
  float* elements = nullptr;
};

// Rows of four numbers, a quaternion each, and constants that are never written.
template <class T>
struct Quaternions {
  std::vector<std::array<T, 4>> rows{};
};
struct Constants {
  const double* elements = nullptr;
  std::int64_t size = 0;
};

}  // namespace own_library

template <>
struct orrery::LeafTraits<own_library::Tensor> {
  using element = float;
  static constexpr bool any_rank = true;
  static const auto& shape(const own_library::Tensor& t) { return t.shape; }
  static const float* data(const own_library::Tensor& t) { return t.elements.data(); }
  static void resize(own_library::Tensor& t, std::span<const std::int64_t> shape) {
    t.shape.assign(shape.begin(), shape.end());
    t.elements.resize(
        static_cast<std::size_t>(std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, [](auto a, auto b) { return a * b; })));
  }
};
template <>
struct orrery::LeafTraits<own_library::TensorView> {
  using element = float;
  static constexpr bool any_rank = true;
  static const auto& shape(const own_library::TensorView& t) { return t.shape; }
  static const float* data(const own_library::TensorView& t) { return t.elements; }
};
template <class T>
struct orrery::LeafTraits<own_library::Quaternions<T>> {
  using element = T;
  static constexpr std::array<std::int64_t, 2> extents{-1, 4};
  static std::array<std::int64_t, 2> shape(const own_library::Quaternions<T>& q) { return {static_cast<std::int64_t>(q.rows.size()), 4}; }
  static const T* data(const own_library::Quaternions<T>& q) { return q.rows.empty() ? nullptr : q.rows[0].data(); }
  static void resize(own_library::Quaternions<T>& q, std::span<const std::int64_t> shape) {
    q.rows.resize(static_cast<std::size_t>(shape[0]));
  }
};
template <>
struct orrery::LeafTraits<own_library::Constants> {
  using element = double;
  static constexpr std::array<std::int64_t, 1> extents{-1};
  static constexpr bool read_only = true;
  static std::array<std::int64_t, 1> shape(const own_library::Constants& c) { return {c.size}; }
  static const double* data(const own_library::Constants& c) { return c.elements; }
};
