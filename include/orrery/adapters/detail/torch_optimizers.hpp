// What each optimizer of libtorch keeps: the names and places of its options and of one parameter's state. A further optimizer is a further
// specialization of OptimizerMembers. The walk over them is torch_optim.hpp's.
#pragma once

#include <ATen/core/ivalue.h>  // first: clang refuses the others of libtorch 1.13 without it, as C++20
#include <torch/optim/adagrad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>

namespace orrery::inline v0::detail::torch_adapter {

// Options and State of an optimizer; both functions call member(name, value), and for a tensor that options switch on, whether they do.
template <class Optimizer>
struct OptimizerMembers;

template <class O, class S>
struct AdamMembers {
  using Options = O;
  using State = S;
  template <class Member>
  static void options(Options& o, Member&& member) {
    member("lr", o.lr());
    member("betas", o.betas());
    member("eps", o.eps());
    member("weight_decay", o.weight_decay());
    member("amsgrad", o.amsgrad());
  }
  template <class Member>
  static void state(State& s, const Options& o, Member&& member) {
    member("step", s.step());
    member("exp_avg", s.exp_avg(), true);
    member("exp_avg_sq", s.exp_avg_sq(), true);
    member("max_exp_avg_sq", s.max_exp_avg_sq(), o.amsgrad());
  }
};
template <>
struct OptimizerMembers<torch::optim::Adam> : AdamMembers<torch::optim::AdamOptions, torch::optim::AdamParamState> {};
template <>
struct OptimizerMembers<torch::optim::AdamW> : AdamMembers<torch::optim::AdamWOptions, torch::optim::AdamWParamState> {};
template <>
struct OptimizerMembers<torch::optim::SGD> {
  using Options = torch::optim::SGDOptions;
  using State = torch::optim::SGDParamState;
  template <class Member>
  static void options(Options& o, Member&& member) {
    member("lr", o.lr());
    member("momentum", o.momentum());
    member("dampening", o.dampening());
    member("weight_decay", o.weight_decay());
    member("nesterov", o.nesterov());
  }
  template <class Member>
  static void state(State& s, const Options&, Member&& member) {
    member("momentum_buffer", s.momentum_buffer(), true);
  }
};
template <>
struct OptimizerMembers<torch::optim::RMSprop> {
  using Options = torch::optim::RMSpropOptions;
  using State = torch::optim::RMSpropParamState;
  template <class Member>
  static void options(Options& o, Member&& member) {
    member("lr", o.lr());
    member("alpha", o.alpha());
    member("eps", o.eps());
    member("weight_decay", o.weight_decay());
    member("momentum", o.momentum());
    member("centered", o.centered());
  }
  template <class Member>
  static void state(State& s, const Options& o, Member&& member) {
    member("step", s.step());
    member("square_avg", s.square_avg(), true);
    member("momentum_buffer", s.momentum_buffer(), o.momentum() > 0);
    member("grad_avg", s.grad_avg(), o.centered());
  }
};
template <>
struct OptimizerMembers<torch::optim::Adagrad> {
  using Options = torch::optim::AdagradOptions;
  using State = torch::optim::AdagradParamState;
  template <class Member>
  static void options(Options& o, Member&& member) {
    member("lr", o.lr());
    member("lr_decay", o.lr_decay());
    member("weight_decay", o.weight_decay());
    member("initial_accumulator_value", o.initial_accumulator_value());
    member("eps", o.eps());
  }
  template <class Member>
  static void state(State& s, const Options&, Member&& member) {
    member("step", s.step());
    member("sum", s.sum(), true);
  }
};

}  // namespace orrery::inline v0::detail::torch_adapter
