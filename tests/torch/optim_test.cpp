#include "orrery/adapters/torch_optim.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/types.h>

#include "round_trip.hpp"

namespace torch_optim {
namespace {

using orrery::ArgumentError;
using orrery::Shape;
using orrery::Tree;
using round_trip::restore_into;
using round_trip::tree_of;
namespace nn = torch::nn;
namespace optim = torch::optim;

// One linear layer, "fc" of a model.
struct ModelImpl : nn::Module {
  nn::Linear fc = register_module("fc", nn::Linear(3, 2));
};
TORCH_MODULE(Model);

template <class O>
struct Training {
  template <class Options>
  explicit Training(const Options& options) : optimizer(model->parameters(), options) {}
  void step(int times = 1) {
    const torch::Tensor x = torch::arange(12, torch::kFloat32).reshape({4, 3}) / 10;
    for (int i = 0; i < times; ++i) {
      optimizer.zero_grad();
      model->fc(x).pow(2).sum().backward();
      optimizer.step();
    }
  }
  Model model;
  O optimizer;
};

template <class O>
struct State {
  Model model;
  orrery::NamedOptimizer<O> optimizer;
};
template <class O>
State<O> state_of(Training<O>& training) {
  return {training.model, {training.model, training.optimizer}};
}

// Restored into another training that is fresh (or has gone its own way), it goes on as the one that was saved.
template <class O, class Options>
void check_goes_on(const Options& options) {
  Training<O> first(options);
  first.step(3);
  State<O> saved = state_of(first);
  const Tree tree = tree_of(saved);
  first.step(3);
  for (const int steps_before : {0, 2}) {
    CAPTURE(steps_before);
    Training<O> second(options);
    second.step(steps_before);
    State<O> state = state_of(second);
    restore_into(state, tree);
    CHECK(tree_of(state) == tree);
    second.step(3);
    CHECK(torch::equal(second.model->fc->weight, first.model->fc->weight));
    CHECK(torch::equal(second.model->fc->bias, first.model->fc->bias));
    CHECK(tree_of(state)["optimizer"] == tree_of(saved)["optimizer"]);
  }
}

TEST_CASE("training goes on from a restored optimizer, bit for bit") {
  SUBCASE("Adam") { check_goes_on<optim::Adam>(optim::AdamOptions(0.1)); }
  SUBCASE("Adam, amsgrad") { check_goes_on<optim::Adam>(optim::AdamOptions(0.1).amsgrad(true)); }
  SUBCASE("AdamW") { check_goes_on<optim::AdamW>(optim::AdamWOptions(0.1)); }
  SUBCASE("SGD") { check_goes_on<optim::SGD>(optim::SGDOptions(0.1)); }
  SUBCASE("SGD, momentum") { check_goes_on<optim::SGD>(optim::SGDOptions(0.1).momentum(0.9).dampening(0.5)); }
  SUBCASE("RMSprop") { check_goes_on<optim::RMSprop>(optim::RMSpropOptions(0.1)); }
  SUBCASE("RMSprop, everything") { check_goes_on<optim::RMSprop>(optim::RMSpropOptions(0.1).centered(true).momentum(0.9)); }
  SUBCASE("Adagrad") { check_goes_on<optim::Adagrad>(optim::AdagradOptions(0.1)); }
}

TEST_CASE("the names are those of Python's state_dict, by parameter") {
  Training<optim::Adam> adam(optim::AdamOptions(0.1).amsgrad(true));
  adam.step(2);
  const Tree tree = tree_of(state_of(adam))["optimizer"];
  const Tree& weight = tree["state"]["fc"]["weight"];
  CHECK(weight.size() == 4);
  CHECK(weight["step"].scalar<std::int64_t>() == 2);
  for (const char* name : {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}) CHECK(weight[name].array().shape() == Shape{2, 3});
  CHECK(tree["param_groups"].size() == 1);
  const Tree& group = tree["param_groups"][0];
  CHECK(group["lr"].scalar<double>() == 0.1);
  CHECK(group["betas"][1].scalar<double>() == 0.999);
  CHECK(group["amsgrad"].scalar<bool>());

  Training<optim::RMSprop> rmsprop(optim::RMSpropOptions(0.1));
  rmsprop.step();
  CHECK(tree_of(state_of(rmsprop))["optimizer"]["state"]["fc"]["bias"].size() == 2);  // step and square_avg; the others are off
}

TEST_CASE("a parameter without a state is none, and a restore drops the state that another one has") {
  Training<optim::Adam> fresh(optim::AdamOptions(0.1)), trained(optim::AdamOptions(0.2));
  const Tree tree = tree_of(state_of(fresh));
  CHECK(tree["optimizer"]["state"]["fc"]["weight"].is_none());
  trained.step();
  State<optim::Adam> state = state_of(trained);
  restore_into(state, tree);
  CHECK(trained.optimizer.state().empty());
  CHECK(static_cast<optim::AdamOptions&>(trained.optimizer.param_groups()[0].options()).lr() == 0.1);
}

TEST_CASE("several groups, over two modules, under names that are given") {
  nn::Linear generator(2, 3), critic(3, 1);
  torch::OrderedDict<std::string, torch::Tensor> names;
  for (const auto& item : generator->named_parameters()) names.insert("generator." + item.key(), item.value());
  for (const auto& item : critic->named_parameters()) names.insert("critic." + item.key(), item.value());
  optim::SGD sgd({optim::OptimizerParamGroup(generator->parameters()),
                  optim::OptimizerParamGroup(critic->parameters(), std::make_unique<optim::SGDOptions>(0.5))},
                 optim::SGDOptions(0.1).momentum(0.9));
  orrery::NamedOptimizer named(names, sgd);
  static_assert(std::is_same_v<decltype(named), orrery::NamedOptimizer<optim::SGD>>);
  const Tree tree = tree_of(named);
  CHECK(tree["param_groups"][1]["lr"].scalar<double>() == 0.5);
  CHECK(tree["state"]["critic"].contains("bias"));
  static_cast<optim::SGDOptions&>(sgd.param_groups()[1].options()).lr(7);
  restore_into(named, tree);
  CHECK(static_cast<optim::SGDOptions&>(sgd.param_groups()[1].options()).lr() == 0.5);
  CHECK_THROWS_WITH_AS((orrery::NamedOptimizer<optim::SGD>(generator, sgd)), doctest::Contains("shape (1, 3) that has no name"),
                       ArgumentError);
}

TEST_CASE("a state of another shape is refused before anything is written") {
  Training<optim::Adam> trained(optim::AdamOptions(0.1));
  trained.step();
  nn::Sequential small(nn::Linear(1, 1));
  optim::Adam adam(small->parameters(), optim::AdamOptions(0.1));
  orrery::NamedOptimizer target(small, adam);
  Tree tree = tree_of(orrery::NamedOptimizer<optim::Adam>(trained.model, trained.optimizer));
  Tree renamed = Tree::dict();
  renamed.insert({"0"}, Tree(tree["state"]["fc"]));
  tree["state"] = renamed;
  CHECK_THROWS_WITH_AS(restore_into(target, tree), doctest::Contains("state/0/weight/exp_avg: stored (2, 3), wanted (1, 1)"),
                       orrery::ShapeError);
  CHECK(adam.state().empty());
}

TEST_CASE("an optimizer cannot be made by a restore") {
  Training<optim::Adam> training(optim::AdamOptions(0.1));
  State<optim::Adam> state = state_of(training);
  CHECK_THROWS_WITH_AS(restore_into(state, tree_of(state), true), doctest::Contains("restore into an existing one"), ArgumentError);
}

}  // namespace
}  // namespace torch_optim
