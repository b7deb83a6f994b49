// The row of ShardedArray<T>: a leaf whose elements lie in several places. Only declared here are the array and its sharding, so that who
// has no such leaf does not pay for meshes; <orrery/sharding.hpp> defines them.
#pragma once

#include <cstddef>
#include <span>

#include "orrery/fwd.hpp"
#include "orrery/reflect/leaves.hpp"
#include "orrery/tree/array_parts.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

template <Element T>
class ShardedArray;

namespace detail {

template <Element T>
struct LeafRow<ShardedArray<T>> {
  static constexpr TypeOps ops() {
    TypeOps ops{
        .kind = TypeKind::leaf, .type_name = "ShardedArray", .leaf = {.kind = LeafKind::sharded, .dtype = dtype_of<T>, .any_rank = true}};
    ops.view = [](const void* object) {
      const auto& array = as<ShardedArray<T>>(object);
      return LeafView{.kind = LeafKind::sharded, .array = ArrayView::dense(dtype_of<T>, nullptr, array.shape())};
    };
    ops.parts = [](const void* object, std::size_t number) { return array_parts(as<ShardedArray<T>>(object).view(), number); };
    ops.resize = [](void* object, std::span<const Dim> shape) { as<ShardedArray<T>>(object).resize(Shape(shape)); };
    ops.takes_shape = [](const void* object, std::span<const Dim> shape) { return as<ShardedArray<T>>(object).takes_shape(Shape(shape)); };
    return ops;
  }
};

}  // namespace detail

}  // namespace orrery::inline v0
