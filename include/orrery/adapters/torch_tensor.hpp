// torch::Tensor as an array leaf of any rank and dtype, in the memory of the CPU. Nothing is transposed: a strided tensor shows its
// strides. An undefined tensor is none, as an empty std::optional is: a restore into it leaves it so, restore<T>() makes what is stored.
// Restored in place where the shape is equal, into memory of its own otherwise; dtype, requires_grad and every other handle of the tensor
// stay. Included by torch.hpp, which has torch::nn::Module too; this one needs no more than ATen's tensor.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/ivalue.h>  // first: clang refuses the others of libtorch 1.13 without it, as C++20
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "orrery/adapters/detail/torch_rows.hpp"
#include "orrery/core/dtype.hpp"
#include "orrery/core/shape.hpp"
#include "orrery/fwd.hpp"
#include "orrery/reflect/kind.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

namespace detail::torch_adapter {

// Whether elements of a tensor may share memory, as those of expand() do. Exact but for layouts that nest into each other.
inline bool overlaps(const at::TensorImpl& tensor) {
  if (tensor.numel() < 2 || tensor.is_non_overlapping_and_dense()) return false;
  std::vector<std::pair<Dim, Dim>> steps;  // stride and extent
  for (std::size_t i = 0; i < tensor.sizes().size(); ++i)
    if (tensor.sizes()[i] > 1) steps.emplace_back(tensor.strides()[i], tensor.sizes()[i]);
  std::sort(steps.begin(), steps.end());
  Dim reach = 0;
  for (const auto& [stride, extent] : steps) {
    if (stride <= reach) return true;
    reach += stride * (extent - 1);
  }
  return false;
}

inline at::IntArrayRef sizes_of(std::span<const Dim> shape) { return {shape.data(), shape.size()}; }

inline void resize_tensor(at::Tensor& tensor, std::span<const Dim> shape) {
  at::TensorImpl& impl = *tensor.unsafeGetTensorImpl();
  if (tensor.sizes() == sizes_of(shape) && !is_lazy(impl) && !overlaps(impl)) return begin_writing(impl);
  const at::NoGradGuard no_grad;
  tensor.set_data(at::empty(sizes_of(shape), tensor.options().requires_grad(false)));
}

// A defined tensor of that dtype.
constexpr TypeOps tensor_row(DType dtype) {
  TypeOps ops{.kind = TypeKind::leaf, .type_name = "torch::Tensor", .leaf = {.dtype = dtype, .any_rank = true}};
  ops.view = [](const void* object) { return view_of(*as<at::Tensor>(object).unsafeGetTensorImpl()); };
  ops.stage = [](const void* object, TreeView& tree) { return staged_view(as<at::Tensor>(object), tree); };
  ops.resize = [](void* object, std::span<const Dim> shape) { resize_tensor(as<at::Tensor>(object), shape); };
  return ops;
}
template <std::size_t... I>
constexpr std::array<TypeOps, sizeof...(I)> tensor_rows(std::index_sequence<I...>) {
  return {tensor_row(static_cast<DType>(I))...};
}
inline constexpr auto rows_by_dtype = tensor_rows(std::make_index_sequence<dtype_table.size()>());

// One that does not exist yet takes the dtype that is stored.
inline constexpr TypeOps new_tensor_row = [] {
  TypeOps ops = tensor_row(DType::none);
  ops.resize = nullptr;
  ops.takes_dtype = [](DType dtype) { return scalar_type_of(dtype).has_value(); };
  ops.allocate = [](void* object, DType dtype, std::span<const Dim> shape) {
    as<at::Tensor>(object) = at::empty(sizes_of(shape), at::TensorOptions(*scalar_type_of(dtype)));
  };
  return ops;
}();

inline constexpr TypeOps defined_tensor_row = [] {
  TypeOps ops{.kind = TypeKind::variant, .type_name = "torch::Tensor"};  // without alternatives: whoever ignores `deferred` fails loudly
  ops.active = [](const void*) { return static_cast<std::size_t>(-1); };
  ops.deferred = [](const void* object) -> const TypeOps& {
    if (!object) return new_tensor_row;
    const at::Tensor& tensor = as<at::Tensor>(object);
    check_storable(*tensor.unsafeGetTensorImpl(), "this tensor");
    return rows_by_dtype[static_cast<std::size_t>(dtype_of(tensor.scalar_type()))];
  };
  return ops;
}();
inline constexpr std::array<const TypeOps*, 1> defined_tensor{&defined_tensor_row};

}  // namespace detail::torch_adapter

template <>
struct ContainerTraits<at::Tensor> {
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::optional, .type_name = "torch::Tensor", .types = detail::torch_adapter::defined_tensor};
    ops.size = [](const void* object) -> std::size_t { return detail::as<at::Tensor>(object).defined() ? 1 : 0; };
    ops.children = [](void* object, void** out) {
      if (detail::as<at::Tensor>(object).defined()) *out = object;
    };
    ops.make = [](void* object, std::size_t count) { detail::as<at::Tensor>(object) = count ? at::empty({0}) : at::Tensor(); };
    return ops;
  }
};

}  // namespace orrery::inline v0
