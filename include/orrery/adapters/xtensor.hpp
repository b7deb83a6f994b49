// xtensor's containers as array leaves: xarray, which takes any rank, xtensor and xtensor_fixed, and what xt::adapt makes of somebody
// else's elements, restored in place where the shape is equal. Any layout: nothing is transposed, strides are shown as they are. Views and
// other expressions are no leaves: assign them to a container.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <type_traits>

#if __has_include(<xtensor/containers/xtensor.hpp>)  // from 0.26 on
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xarray.hpp>
#include <xtensor/containers/xfixed.hpp>
#include <xtensor/containers/xtensor.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xfixed.hpp>
#include <xtensor/xtensor.hpp>
#endif

#include "orrery/core/float_types.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/fwd.hpp"

namespace orrery::inline v0 {

namespace detail {

template <class T>
struct XtensorLeaf {
  using element = std::remove_const_t<typename T::value_type>;
  static Shape shape(const T& value) { return dims(value.shape()); }
  static Shape strides(const T& value) { return dims(value.strides()); }
  static const element* data(const T& value) { return value.data() + value.data_offset(); }

 private:
  static Shape dims(const auto& list) {
    Shape shape = Shape::zeros(list.size());
    for (std::size_t i = 0; i < list.size(); ++i) shape[i] = static_cast<Dim>(list[i]);
    return shape;
  }
};

template <class T>
struct XtensorOwner : XtensorLeaf<T> {
  static void resize(T& value, std::span<const Dim> shape) {
    auto dims = xtl::make_sequence<typename T::shape_type>(shape.size(), 0);
    for (std::size_t i = 0; i < shape.size(); ++i) dims[i] = static_cast<typename T::size_type>(shape[i]);
    value.resize(dims);
  }
};

template <std::size_t N>
inline constexpr std::array<Dim, N> free_extents = [] {
  std::array<Dim, N> free{};
  free.fill(-1);
  return free;
}();

// A container, or a reference to one, whose elements lie in one run of memory.
template <class Container>
concept XtensorStorage = requires(std::remove_reference_t<Container>& elements) {
  requires Element<typename std::remove_reference_t<Container>::value_type>;
  elements.data();
};
template <class Container>
inline constexpr bool xtensor_constant =
    std::is_const_v<std::remove_pointer_t<decltype(std::declval<std::remove_reference_t<Container>&>().data())>>;

}  // namespace detail

template <detail::XtensorStorage Elements, xt::layout_type L, class ShapeList, class Tag>
struct LeafTraits<xt::xarray_container<Elements, L, ShapeList, Tag>>
    : detail::XtensorOwner<xt::xarray_container<Elements, L, ShapeList, Tag>> {
  static constexpr bool any_rank = true;
};
template <detail::XtensorStorage Elements, std::size_t N, xt::layout_type L, class Tag>
struct LeafTraits<xt::xtensor_container<Elements, N, L, Tag>> : detail::XtensorOwner<xt::xtensor_container<Elements, N, L, Tag>> {
  static constexpr auto extents = detail::free_extents<N>;
};
template <Element S, std::size_t... N, xt::layout_type L, bool Sharable, class Tag>
struct LeafTraits<xt::xfixed_container<S, xt::fixed_shape<N...>, L, Sharable, Tag>>
    : detail::XtensorLeaf<xt::xfixed_container<S, xt::fixed_shape<N...>, L, Sharable, Tag>> {
  static constexpr std::array<Dim, sizeof...(N)> extents{static_cast<Dim>(N)...};
};

template <detail::XtensorStorage Elements, xt::layout_type L, class ShapeList, class Tag>
struct LeafTraits<xt::xarray_adaptor<Elements, L, ShapeList, Tag>> : detail::XtensorLeaf<xt::xarray_adaptor<Elements, L, ShapeList, Tag>> {
  static constexpr bool any_rank = true;
  static constexpr bool read_only = detail::xtensor_constant<Elements>;
};
template <detail::XtensorStorage Elements, std::size_t N, xt::layout_type L, class Tag>
struct LeafTraits<xt::xtensor_adaptor<Elements, N, L, Tag>> : detail::XtensorLeaf<xt::xtensor_adaptor<Elements, N, L, Tag>> {
  static constexpr auto extents = detail::free_extents<N>;
  static constexpr bool read_only = detail::xtensor_constant<Elements>;
};
template <detail::XtensorStorage Elements, std::size_t... N, xt::layout_type L, bool Sharable, class Tag>
struct LeafTraits<xt::xfixed_adaptor<Elements, xt::fixed_shape<N...>, L, Sharable, Tag>>
    : detail::XtensorLeaf<xt::xfixed_adaptor<Elements, xt::fixed_shape<N...>, L, Sharable, Tag>> {
  static constexpr std::array<Dim, sizeof...(N)> extents{static_cast<Dim>(N)...};
  static constexpr bool read_only = detail::xtensor_constant<Elements>;
};

}  // namespace orrery::inline v0
