#include "orrery/adapters/torch.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/types.h>

#include "round_trip.hpp"

namespace torch_module {
namespace {

using orrery::ArgumentError;
using orrery::Array;
using orrery::Shape;
using orrery::Tree;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;
namespace nn = torch::nn;

struct NetImpl : nn::Cloneable<NetImpl> {  // which has Module for a virtual base
  NetImpl() { reset(); }
  void reset() override {
    layer1 = register_module("layer1", nn::Linear(2, 3));
    norm = register_module("norm", nn::BatchNorm1d(3));
    act = register_module("act", nn::ReLU());
    scale = register_parameter("scale", torch::full({}, 2.0f));
    seen = register_buffer("seen", torch::zeros({}, torch::kInt64));
  }
  nn::Linear layer1{nullptr};
  nn::BatchNorm1d norm{nullptr};
  nn::ReLU act{nullptr};
  torch::Tensor scale, seen;
};
TORCH_MODULE(Net);

struct Sized : nn::Module {
  explicit Sized(std::int64_t n) { weight = register_parameter("weight", torch::rand({n})); }
  torch::Tensor weight;
};

struct State {
  std::int64_t step = 0;
  Net model;
};

// Every parameter and buffer, as libtorch itself lists them.
bool same(const nn::Module& a, const nn::Module& b) {
  const auto equal = [](const auto& left, const auto& right) {
    if (left.size() != right.size()) return false;
    for (const auto& item : left)
      if (!torch::equal(item.value(), right[item.key()])) return false;
    return true;
  };
  return equal(a.named_parameters(), b.named_parameters()) && equal(a.named_buffers(), b.named_buffers());
}

TEST_CASE("a module is a nested dict of its parameters and buffers") {
  const Net net;
  const Tree tree = tree_of(net);
  CHECK(tree.size() == 4);  // the activation has none
  CHECK(tree["layer1"]["weight"].array().shape() == Shape{3, 2});
  CHECK(tree["layer1"]["bias"].array().shape() == Shape{3});
  CHECK(tree["norm"]["running_var"].array().at<float>({2}) == 1);
  CHECK(tree["norm"]["num_batches_tracked"].array().at<std::int64_t>({}) == 0);
  CHECK(tree["scale"].array().at<float>({}) == 2);
  CHECK(tree["seen"].array().dtype() == orrery::DType::int64);
  CHECK(orrery::describe(net).leaves[0].array.data == net->scale.data_ptr());
}

TEST_CASE("by value, in a holder, behind a pointer: one and the same tree") {
  const auto net = std::make_shared<NetImpl>();
  const Tree tree = tree_of(*net);
  CHECK(tree_of(Net(net)) == tree);
  CHECK(tree_of(net) == tree);
  CHECK(tree_of(std::shared_ptr<nn::Module>(net)) == tree);
  CHECK(tree_of(State{3, Net(net)})["model"] == tree);
}

TEST_CASE("a module is restored where its parameters are") {
  const Net trained;
  State state{0, {}};
  const torch::Tensor handle = state.model->layer1->weight;
  restore_into(state, tree_of(State{3, trained}));
  CHECK(state.step == 3);
  CHECK(same(*state.model, *trained));
  CHECK(torch::equal(handle, trained->layer1->weight));
  CHECK(handle.requires_grad());
  CHECK(handle.is_same(state.model->layer1->weight));
}

TEST_CASE("a module that can be made is, with a holder of its own") {
  const Net trained;
  const State state = restore<State>(tree_of(State{3, trained}));
  CHECK(same(*state.model, *trained));
  CHECK(same(*restore<std::shared_ptr<NetImpl>>(tree_of(trained)), *trained));
  CHECK_THROWS_AS(restore<std::shared_ptr<Sized>>(tree_of(std::make_shared<Sized>(2))), orrery::StructureError);
}

TEST_CASE("an empty holder is none, and modules without parameters have nothing to store") {
  CHECK(tree_of(nn::Linear(nullptr)).is_none());
  CHECK(tree_of(nn::ReLU()).is_none());
  const nn::Linear no_bias(nn::LinearOptions(2, 3).bias(false));
  CHECK(tree_of(no_bias).size() == 1);
}

TEST_CASE("layers of a Sequential are known by their number") {
  nn::Sequential layers(nn::Linear(2, 3), nn::ReLU(), nn::Linear(3, 1));
  const Tree tree = tree_of(layers);
  CHECK(tree.is_dict());
  CHECK(tree["2"]["weight"].array().shape() == Shape{1, 3});
  nn::Sequential fresh(nn::Linear(2, 3), nn::ReLU(), nn::Linear(3, 1));
  restore_into(fresh, tree);
  CHECK(same(*fresh, *layers));
}

TEST_CASE("objects of one class may differ") {
  const std::vector<std::shared_ptr<Sized>> two{std::make_shared<Sized>(2), std::make_shared<Sized>(5)};
  const std::vector<std::shared_ptr<Sized>> fresh{std::make_shared<Sized>(2), std::make_shared<Sized>(5)};
  auto target = fresh;
  restore_into(target, tree_of(two));
  CHECK(same(*fresh[0], *two[0]));
  CHECK(same(*fresh[1], *two[1]));
}

TEST_CASE("another shape or dtype is refused before anything is written") {
  Sized target(3);
  const torch::Tensor before = target.weight.detach().clone();
  CHECK_THROWS_WITH_AS(restore_into(target, tree_of(Sized(4))), doctest::Contains("weight: stored (4,), wanted (3,)"), orrery::ShapeError);
  Tree wide = Tree::dict();
  wide.insert({"weight"}, Tree(Array<double>::zeros({3})));
  CHECK_THROWS_AS(restore_into(target, wide), orrery::DTypeError);
  CHECK_THROWS_AS(restore_into(target, Tree::dict()), orrery::KeyError);
  CHECK(torch::equal(target.weight, before));
}

TEST_CASE("what cannot be stored is named") {
  struct Odd : nn::Module {
    Odd() {
      register_parameter("weight", torch::ones({2}));
      register_buffer("weight", torch::ones({2}));
    }
  };
  CHECK_THROWS_WITH_AS(tree_of(Odd()), doctest::Contains("two members named \"weight\""), ArgumentError);
  struct OnMeta : nn::Module {
    OnMeta() { register_parameter("weight", torch::empty({2}, torch::device(torch::kMeta))); }
  };
  struct Holding {
    std::shared_ptr<nn::Module> net = std::make_shared<OnMeta>();
  };
  CHECK_THROWS_WITH_AS(tree_of(Holding()), doctest::Contains("weight of the module"), ArgumentError);
  CHECK_THROWS_WITH_AS(tree_of(Holding()), doctest::Contains("[at net]"), ArgumentError);
}

}  // namespace
}  // namespace torch_module
