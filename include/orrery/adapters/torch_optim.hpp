// The state of torch::optim's Adam, AdamW, SGD, RMSprop and Adagrad, under the names of the parameters that it belongs to:
//   {state: {layer1: {weight: {step, exp_avg, exp_avg_sq}}}, param_groups: [{lr, betas, eps, weight_decay, amsgrad}]}
// as Python's optimizer.state_dict() has it, but by name. An optimizer does not know names: NamedOptimizer puts both together.
// A parameter that no step has touched has no state, and is none; a restore makes the state that is stored, and drops one where none is.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <ATen/core/ivalue.h>  // first: clang refuses the others of libtorch 1.13 without it, as C++20
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_like.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/optim/optimizer.h>

#include "orrery/adapters/detail/torch_optimizers.hpp"
#include "orrery/adapters/detail/torch_rows.hpp"
#include "orrery/adapters/torch.hpp"
#include "orrery/core/error.hpp"
#include "orrery/fwd.hpp"
#include "orrery/reflect/ops_of.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

namespace detail::torch_adapter {

// Names in a tree: those of modules above, those of parameters below.
struct NameNode;
struct Slot {
  torch::optim::Optimizer* optimizer;
  std::size_t group;  // of the parameter
  at::Tensor parameter;
  const TypeOps& (*row)(Slot&);
};
struct NameNode {
  std::vector<std::pair<std::string, std::variant<std::unique_ptr<NameNode>, std::unique_ptr<Slot>>>> entries{};
};

// The key of a parameter's state: its address, up to libtorch 1.13 as text.
template <class States>
auto state_key(const States&, const at::Tensor& parameter) {
  using Key = typename States::key_type;
  if constexpr (std::is_same_v<Key, std::string>) {
    std::ostringstream text;
    text << parameter.unsafeGetTensorImpl();
    return text.str();
  } else {
    return static_cast<Key>(parameter.unsafeGetTensorImpl());
  }
}

// Where one parameter's state is, if it is.
template <class O>
struct StateSlot {
  using Of = OptimizerMembers<O>;
  using Options = typename Of::Options;
  using State = typename Of::State;

  static const Options& options(const Slot& slot) {
    return static_cast<const Options&>(slot.optimizer->param_groups().at(slot.group).options());
  }
  static State* find(const Slot& slot) {
    auto& states = slot.optimizer->state();
    const auto at = states.find(state_key(states, slot.parameter));
    return at == states.end() ? nullptr : static_cast<State*>(at->second.get());
  }
  static void make(const Slot& slot, bool wanted) {
    auto& states = slot.optimizer->state();
    const auto key = state_key(states, slot.parameter);
    if (!wanted) return static_cast<void>(states.erase(key));
    auto state = std::make_unique<State>();
    Of::state(*state, options(slot), [&](const char*, auto& member, bool used = true) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(member)>, at::Tensor>)
        if (used) member = at::empty_like(slot.parameter.detach());
    });
    states[key] = std::move(state);
  }

  // The members of the state that is there, or of the one that the options ask for, whose tensors are like the parameter.
  static Members members(const Slot& slot) {
    State none;
    State* there = find(slot);
    Members out;
    Of::state(there ? *there : none, options(slot), [&](const char* name, auto& member, bool used = true) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(member)>, at::Tensor>) {
        const at::Tensor& like = there ? member : slot.parameter;
        if (there ? member.defined() : used)
          out.add(name, fixed_tensor_row(*like.unsafeGetTensorImpl(), std::string(name) + " of the optimizer"),
                  member.unsafeGetTensorImpl());
      } else {
        out.add(name, ops_of<std::remove_cvref_t<decltype(member)>>::value, &member);
      }
    });
    return out;
  }

  // None or the state: whichever is there, or is stored.
  static const TypeOps& row(Slot& slot) {
    const TypeOps& state = record_row(type_name<State>, members(slot),
                                      [](void* object, void** out) { members(*static_cast<const Slot*>(object)).write(out); });
    return variant_row(state);
  }

 private:
  static const TypeOps& variant_row(const TypeOps& state) {
    struct Row {
      std::array<const TypeOps*, 2> alternatives{};
      TypeOps ops{};
    };
    static std::mutex mutex;
    static std::map<const TypeOps*, Row> rows;
    const std::lock_guard lock(mutex);
    auto [at, is_new] = rows.try_emplace(&state);
    Row& row = at->second;
    if (is_new) {
      row.alternatives = {&ops_of<std::monostate>::value, &state};
      row.ops = {.kind = TypeKind::variant, .type_name = type_name<State>, .types = row.alternatives};
      row.ops.active = [](const void* object) -> std::size_t { return find(*static_cast<const Slot*>(object)) ? 1 : 0; };
      row.ops.size = [](const void*) -> std::size_t { return 1; };
      row.ops.children = [](void* object, void** out) { *out = object; };
      row.ops.make = [](void* object, std::size_t alternative) { make(*static_cast<const Slot*>(object), alternative == 1); };
    }
    return row.ops;
  }
};

inline const TypeOps& names_row(const NameNode& node);

inline Members members_of(const NameNode& node) {
  Members out;
  for (const auto& [name, entry] : node.entries) {
    if (const auto* below = std::get_if<std::unique_ptr<NameNode>>(&entry))
      out.add(name, names_row(**below), below->get());
    else if (Slot& slot = *std::get<std::unique_ptr<Slot>>(entry); true)
      out.add(name, slot.row(slot), &slot);
  }
  return out;
}
inline const TypeOps& names_row(const NameNode& node) {
  return record_row("optimizer state", members_of(node),
                    [](void* object, void** out) { members_of(*static_cast<const NameNode*>(object)).write(out); });
}

// The rows of one object: its shape is known when it is asked.
constexpr TypeOps deferred_to(const TypeOps& (*row)(const void*), std::string_view name) {
  TypeOps ops{.kind = TypeKind::variant, .type_name = name};  // without alternatives: whoever ignores `deferred` fails loudly
  ops.active = [](const void*) { return static_cast<std::size_t>(-1); };
  ops.deferred = row;
  return ops;
}

template <class O>
Members option_members(torch::optim::OptimizerParamGroup& group) {
  Members out;
  OptimizerMembers<O>::options(static_cast<typename OptimizerMembers<O>::Options&>(group.options()), [&](const char* name, auto& member) {
    out.add(name, ops_of<std::remove_cvref_t<decltype(member)>>::value, &member);
  });
  return out;
}
template <class O>
inline constexpr TypeOps group_row = deferred_to(
    [](const void* object) -> const TypeOps& {
      auto& group = *static_cast<torch::optim::OptimizerParamGroup*>(const_cast<void*>(object));
      return record_row(type_name<typename OptimizerMembers<O>::Options>, option_members<O>(group), [](void* self, void** out) {
        option_members<O>(*static_cast<torch::optim::OptimizerParamGroup*>(self)).write(out);
      });
    },
    "param_group");
template <class O>
inline constexpr std::array<const TypeOps*, 1> group_type{&group_row<O>};
template <class O>
inline constexpr TypeOps groups_row = [] {
  TypeOps ops{.kind = TypeKind::list, .role = Role::list, .type_name = "param_groups", .types = group_type<O>};
  ops.size = [](const void* object) -> std::size_t { return static_cast<const torch::optim::Optimizer*>(object)->param_groups().size(); };
  ops.children = [](void* object, void** out) {
    for (auto& group : static_cast<torch::optim::Optimizer*>(object)->param_groups()) *out++ = &group;
  };
  return ops;
}();

}  // namespace detail::torch_adapter

template <class O>
concept SupportedOptimizer = requires { typename detail::torch_adapter::OptimizerMembers<O>::State; };

// An optimizer and the names of its parameters; refers to both, which must outlive it. Cheap to copy: copies are of the same optimizer.
// Make it again after add_param_group().
template <SupportedOptimizer O>
class NamedOptimizer {
 public:
  // Names as in model.named_parameters(), of which the optimizer may have some. ArgumentError where it has one that the model has not.
  NamedOptimizer(const torch::nn::Module& model, O& optimizer) : NamedOptimizer(model.named_parameters(), optimizer) {}
  template <class M>
  NamedOptimizer(const torch::nn::ModuleHolder<M>& model, O& optimizer) : NamedOptimizer(*model, optimizer) {}
  // Names of any origin, '.' between modules: of several modules, or of tensors without one.
  NamedOptimizer(const torch::OrderedDict<std::string, torch::Tensor>& names, O& optimizer)
      : optimizer_(&optimizer), names_(std::make_shared<detail::torch_adapter::NameNode>()) {
    const auto& groups = optimizer.param_groups();
    for (std::size_t i = 0; i < groups.size(); ++i)
      for (const torch::Tensor& parameter : groups[i].params()) add(name_of(parameter, names), parameter, i);
  }

  O& optimizer() const noexcept { return *optimizer_; }

 private:
  friend struct ContainerTraits<NamedOptimizer>;
  using NameNode = detail::torch_adapter::NameNode;
  using Slot = detail::torch_adapter::Slot;

  static const std::string& name_of(const torch::Tensor& parameter, const torch::OrderedDict<std::string, torch::Tensor>& names) {
    for (const auto& item : names)
      if (item.value().is_same(parameter)) return item.key();
    throw ArgumentError("the optimizer has a parameter of shape " + to_string(detail::torch_adapter::shape_of(parameter.sizes())) +
                        " that has no name; hand over the module that it is registered with");
  }

  void add(std::string_view name, const torch::Tensor& parameter, std::size_t group) {
    NameNode* node = names_.get();
    for (std::size_t dot; (dot = name.find('.')) != name.npos; name.remove_prefix(dot + 1)) node = below(*node, name.substr(0, dot));
    auto slot = std::make_unique<Slot>(Slot{optimizer_, group, parameter, &detail::torch_adapter::StateSlot<O>::row});
    node->entries.emplace_back(std::string(name), std::move(slot));
  }
  static NameNode* below(NameNode& node, std::string_view name) {
    for (auto& [known, entry] : node.entries)
      if (const auto* child = std::get_if<std::unique_ptr<NameNode>>(&entry); known == name && child) return child->get();
    auto child = std::make_unique<NameNode>();
    NameNode* at = child.get();
    node.entries.emplace_back(std::string(name), std::move(child));
    return at;
  }

  O* optimizer_;
  std::shared_ptr<NameNode> names_;
};
template <class M, class O>
NamedOptimizer(const M&, O&) -> NamedOptimizer<O>;

template <class O>
struct ContainerTraits<NamedOptimizer<O>> {
  static constexpr TypeOps ops() {
    return detail::torch_adapter::deferred_to(
        [](const void* object) -> const TypeOps& {
          if (!object)
            throw ArgumentError("a NamedOptimizer refers to an optimizer and cannot be made by a restore; restore into an existing one");
          return detail::torch_adapter::record_row("NamedOptimizer", members(detail::as<NamedOptimizer<O>>(object)),
                                                   [](void* self, void** out) { members(detail::as<NamedOptimizer<O>>(self)).write(out); });
        },
        type_name<NamedOptimizer<O>>);
  }

 private:
  static detail::torch_adapter::Members members(const NamedOptimizer<O>& named) {
    detail::torch_adapter::Members out;
    out.add("state", detail::torch_adapter::names_row(*named.names_), named.names_.get());
    out.add("param_groups", detail::torch_adapter::groups_row<O>, static_cast<torch::optim::Optimizer*>(named.optimizer_));
    return out;
  }
};

// An optimizer as it is has no names for its states.
template <class O>
  requires std::derived_from<O, torch::optim::Optimizer>
struct ContainerTraits<O> {
  static constexpr TypeOps ops() {
    static_assert(!std::is_class_v<O>,
                  "orrery: an optimizer of libtorch does not know the names of its parameters; hold orrery::NamedOptimizer<O> beside it, "
                  "made from the model and the optimizer");
    return {};
  }
};

}  // namespace orrery::inline v0
