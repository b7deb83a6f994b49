// torch::nn::Module as a nested dict of its parameters and buffers: "layer1.weight" is {layer1: {weight}}, as named_parameters() and
// named_buffers() have it. Held by value, in a ModuleHolder (what TORCH_MODULE makes) or in a std::shared_ptr. Tensors on their own:
// torch_tensor.hpp. A module keeps the shapes and dtypes of its parameters: another one is a ShapeError or DTypeError. What is restored
// goes where the parameters are, so that optimizers and other handles see it. Modules without parameters, and undefined ones (a bias that
// is off), are left out. Not thread-safe against register_parameter() and its kin on the same module.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include <ATen/core/ivalue.h>  // first: clang refuses the others of libtorch 1.13 without it, as C++20
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "orrery/adapters/detail/torch_rows.hpp"
#include "orrery/adapters/torch_tensor.hpp"
#include "orrery/core/error.hpp"
#include "orrery/fwd.hpp"
#include "orrery/reflect/containers.hpp"
#include "orrery/reflect/kind.hpp"
#include "orrery/reflect/type_name.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

namespace detail::torch_adapter {

inline Members members_of(const torch::nn::Module& module);

inline const TypeOps& module_row(const torch::nn::Module& module) {
  return record_row(module.name(), members_of(module),
                    [](void* object, void** out) { members_of(*static_cast<const torch::nn::Module*>(object)).write(out); });
}

// What is registered with a module itself, and its submodules that have parameters.
inline Members members_of(const torch::nn::Module& module) {
  Members members;
  const auto add = [&](const std::string& name, const TypeOps& type, void* address) {
    if (std::find(members.names.begin(), members.names.end(), name) != members.names.end())
      throw ArgumentError("the module " + module.name() + " registers two members named \"" + name + "\"; rename one of them");
    members.add(name, type, address);
  };
  for (const auto& tensors : {module.named_parameters(false), module.named_buffers(false)})
    for (const auto& item : tensors) {
      at::TensorImpl* tensor = item.value().unsafeGetTensorImpl();
      add(item.key(), fixed_tensor_row(*tensor, item.key() + " of the module " + module.name()), tensor);
    }
  for (const auto& item : module.named_children())
    if (const TypeOps& row = module_row(*item.value()); row.kind != TypeKind::none) add(item.key(), row, item.value().get());
  return members;
}

template <class T>
concept Module = std::derived_from<T, torch::nn::Module>;
template <class T>
concept Holder = requires { typename T::ContainedType; } && std::derived_from<T, torch::nn::ModuleHolder<typename T::ContainedType>>;

[[noreturn]] inline void throw_no_module(std::string_view type) {
  throw ArgumentError("the members of " + std::string(type) +
                      " are known from an object alone, as it has no default constructor; restore into an existing one");
}

// The row of a class derived from Module, of the members that one object registered. A fresh one tells those of what is not made yet.
template <Module M>
const TypeOps& row_of_class(const M* object) {
  if (object) return record_row(type_name<M>, members_of(*object), [](void* self, void** out) { members_of(as<M>(self)).write(out); });
  if constexpr (std::is_default_constructible_v<M>)
    return row_of_class<M>(std::make_shared<M>().get());
  else
    throw_no_module(type_name<M>);
}

}  // namespace detail::torch_adapter

template <detail::torch_adapter::Module M>
struct ContainerTraits<M> {
  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::variant, .type_name = type_name<M>};  // without alternatives: fails loudly if `deferred` is ignored
    ops.active = [](const void*) { return static_cast<std::size_t>(-1); };
    ops.deferred = [](const void* object) -> const TypeOps& { return detail::torch_adapter::row_of_class(static_cast<const M*>(object)); };
    return ops;
  }
};

// An empty holder (of nullptr) is none.
template <detail::torch_adapter::Holder H>
struct ContainerTraits<H> {
  using Contained = typename H::ContainedType;

  static constexpr TypeOps ops() {
    TypeOps ops{.kind = TypeKind::optional, .type_name = type_name<Contained>, .types = ops_list<Contained>};
    ops.size = [](const void* object) -> std::size_t { return detail::as<H>(object).is_empty() ? 0 : 1; };
    ops.children = [](void* object, void** out) {
      if (H& holder = detail::as<H>(object); !holder.is_empty()) *out = detail::address_of(*holder.get());
    };
    if constexpr (std::is_default_constructible_v<Contained>)
      ops.make = [](void* object, std::size_t count) {
        static_cast<torch::nn::ModuleHolder<Contained>&>(detail::as<H>(object)) = count ? std::make_shared<Contained>() : nullptr;
      };
    return ops;
  }
};

}  // namespace orrery::inline v0
