// std::mdspan as an array leaf: elements of somebody else, restored in place where the shape is equal, and never written where they are
// constant. Any layout with strides (layout_right, layout_left, layout_stride): nothing is transposed. Needs a standard library that has
// <mdspan>: C++23 with libc++ 18, libstdc++ 15 or later.
#pragma once

#include <array>
#include <cstddef>
#include <type_traits>
#include <version>

#if !defined(__cpp_lib_mdspan)
#error "orrery/adapters/mdspan.hpp needs std::mdspan: compile as C++23 with a standard library that has it (libc++ 18, libstdc++ 15)"
#endif
#include <mdspan>

#include "orrery/core/float_types.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/fwd.hpp"

namespace orrery::inline v0 {

template <Element T, class Index, std::size_t... N, class Layout>
  requires(std::mdspan<T, std::extents<Index, N...>, Layout>::is_always_strided())
struct LeafTraits<std::mdspan<T, std::extents<Index, N...>, Layout, std::default_accessor<T>>> {
  using Span = std::mdspan<T, std::extents<Index, N...>, Layout>;
  using element = std::remove_cv_t<T>;
  using Dims = std::array<Dim, sizeof...(N)>;
  static constexpr Dims extents{(N == std::dynamic_extent ? Dim{-1} : static_cast<Dim>(N))...};
  static constexpr bool read_only = std::is_const_v<T>;

  static Dims shape(const Span& span) {
    Dims dims{};
    for (std::size_t i = 0; i < dims.size(); ++i) dims[i] = static_cast<Dim>(span.extent(i));
    return dims;
  }
  static Dims strides(const Span& span) {
    Dims steps{};
    if constexpr (sizeof...(N) > 0)
      for (std::size_t i = 0; i < steps.size(); ++i) steps[i] = static_cast<Dim>(span.stride(i));
    return steps;
  }
  static const element* data(const Span& span) { return span.data_handle(); }
};

}  // namespace orrery::inline v0
