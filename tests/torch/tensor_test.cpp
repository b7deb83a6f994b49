#include "orrery/adapters/torch_tensor.hpp"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "round_trip.hpp"

namespace torch_tensor {
namespace {

using orrery::ArgumentError;
using orrery::Array;
using orrery::DType;
using orrery::DTypeError;
using orrery::Shape;
using orrery::Tree;
using round_trip::restore;
using round_trip::restore_into;
using round_trip::tree_of;

struct Layer {
  torch::Tensor weight, bias;
};

orrery::LeafView leaf_of(const torch::Tensor& tensor) { return orrery::describe(tensor).leaves.at(0); }

template <class Error, class Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST_CASE("a tensor is an array of its dtype, and comes back with it") {
  const std::pair<at::ScalarType, DType> dtypes[] = {
      {torch::kBool, DType::bool_},
      {torch::kUInt8, DType::uint8},
      {torch::kInt8, DType::int8},
      {torch::kInt16, DType::int16},
      {torch::kInt32, DType::int32},
      {torch::kInt64, DType::int64},
      {torch::kFloat16, DType::float16},
      {torch::kBFloat16, DType::bfloat16},
      {torch::kFloat32, DType::float32},
      {torch::kFloat64, DType::float64},
      {torch::kComplexFloat, DType::complex64},
      {torch::kComplexDouble, DType::complex128},
  };
  for (const auto& [type, dtype] : dtypes) {
    CAPTURE(orrery::name(dtype));
    const torch::Tensor tensor = (torch::rand({2, 3}) * 100).to(type);
    CHECK(leaf_of(tensor).array.dtype == dtype);
    CHECK(leaf_of(tensor).array.data == tensor.data_ptr());
    const Tree tree = tree_of(tensor);
    CHECK(tree.array().dtype() == dtype);
    const auto same = restore<torch::Tensor>(tree);
    CHECK((same.scalar_type() == type));
    CHECK(torch::equal(same, tensor));
    torch::Tensor target = torch::zeros({2, 3}, type);
    restore_into(target, tree);
    CHECK(torch::equal(target, tensor));
  }
}

TEST_CASE("of any rank, also without dimensions and without elements") {
  for (const torch::Tensor& tensor : {torch::tensor(2.5f), torch::arange(3), torch::rand({1, 2, 3, 4, 5, 6, 7}), torch::empty({2, 0, 3})}) {
    const Tree tree = tree_of(tensor);
    CHECK(tree.array().shape().size() == static_cast<std::size_t>(tensor.dim()));
    CHECK(torch::equal(restore<torch::Tensor>(tree), tensor));
  }
}

TEST_CASE("strided tensors are seen and filled where they lie") {
  const torch::Tensor all = torch::arange(24, torch::kFloat32).reshape({4, 6});
  for (const torch::Tensor& part : {all.t(), all.slice(1, 1, 6, 2), all.select(1, 2), all.narrow(0, 1, 2), all.diagonal()}) {
    CHECK(leaf_of(part).array.data == part.data_ptr());
    const Tree tree = tree_of(part);
    CHECK(torch::equal(restore<torch::Tensor>(tree), part));
    torch::Tensor memory = torch::zeros({4, 6});
    torch::Tensor target = memory.as_strided(part.sizes(), part.strides(), part.storage_offset());
    restore_into(target, tree);
    CHECK(torch::equal(target, part));
    CHECK(torch::equal(memory.sum(), part.sum()));  // nothing beside it was written
    CHECK(target.is_alias_of(memory));
  }
}

TEST_CASE("elements that share memory are saved, and restored into memory of their own") {
  const torch::Tensor row = torch::arange(3, torch::kFloat32);
  const Tree tree = tree_of(row.expand({2, 3}));
  CHECK(torch::equal(restore<torch::Tensor>(tree), row.expand({2, 3})));
  torch::Tensor memory = torch::zeros({3});
  torch::Tensor target = memory.expand({2, 3});
  restore_into(target, tree_of(torch::arange(6, torch::kFloat32).reshape({2, 3})));
  CHECK(torch::equal(target, torch::arange(6, torch::kFloat32).reshape({2, 3})));
  CHECK(torch::equal(memory, torch::zeros({3})));
  torch::Tensor windows = torch::zeros({4}).as_strided({3, 2}, {1, 1});
  restore_into(windows, tree_of(torch::arange(6, torch::kFloat32).reshape({3, 2})));
  CHECK(torch::equal(windows, torch::arange(6, torch::kFloat32).reshape({3, 2})));
}

TEST_CASE("a conjugate that is put off is saved as the values it stands for") {
  const torch::Tensor values = torch::complex(torch::arange(4, torch::kFloat32), torch::ones({4}));
  const torch::Tensor lazy = torch::conj(values);
  REQUIRE(lazy.is_conj());
  CHECK(torch::equal(restore<torch::Tensor>(tree_of(lazy)), lazy.resolve_conj()));
  const torch::Tensor negated = torch::imag(lazy);
  REQUIRE(negated.is_neg());
  CHECK(torch::equal(restore<torch::Tensor>(tree_of(negated)), -torch::ones({4})));
  torch::Tensor target = torch::conj(torch::zeros({4}, torch::kComplexFloat));
  restore_into(target, tree_of(values));
  CHECK(torch::equal(target, values));
}

TEST_CASE("a restore keeps memory, requires_grad and the other handles of a tensor") {
  Layer layer{torch::zeros({2, 3}, torch::requires_grad()), torch::zeros({3})};
  const void* memory = layer.weight.data_ptr();
  const torch::Tensor other = layer.weight;
  restore_into(layer, tree_of(Layer{torch::ones({2, 3}), torch::ones({3})}));
  CHECK(layer.weight.data_ptr() == memory);
  CHECK(layer.weight.requires_grad());
  CHECK(layer.weight.is_leaf());
  CHECK(!layer.bias.requires_grad());
  CHECK(torch::equal(other, torch::ones({2, 3})));

  restore_into(layer, tree_of(Layer{torch::full({4}, 7.0f), torch::ones({3})}));  // another shape
  CHECK(layer.weight.requires_grad());
  CHECK(layer.weight.is_leaf());
  CHECK(other.is_same(layer.weight));
  CHECK(torch::equal(other.detach(), torch::full({4}, 7.0f)));
  (layer.weight * 2).sum().backward();
  CHECK(torch::equal(layer.weight.grad(), torch::full({4}, 2.0f)));
}

TEST_CASE("autograd notices that a tensor it kept was restored into") {
  torch::Tensor x = torch::ones({3}, torch::requires_grad());
  const torch::Tensor y = (x * x).sum();
  restore_into(x, tree_of(torch::zeros({3})));
  CHECK_THROWS_AS(y.backward(), c10::Error);
}

TEST_CASE("a dtype that differs is widened without loss, or asked about") {
  Layer layer{torch::zeros({2}, torch::kFloat64), torch::zeros({2}, torch::kBFloat16)};
  restore_into(layer, tree_of(Layer{torch::full({2}, 1.5f), torch::full({2}, 2.0f, torch::kBFloat16)}));
  CHECK(torch::equal(layer.weight, torch::full({2}, 1.5, torch::kFloat64)));
  const std::string message = message_of<DTypeError>([&] { restore_into(layer, tree_of(Layer{torch::zeros({2}), torch::zeros({2})})); });
  CHECK(message.find("bias: stored float32, wanted bfloat16") != message.npos);
}

TEST_CASE("an undefined tensor is none") {
  const Layer half{torch::ones({2}), {}};
  const Tree tree = tree_of(half);
  CHECK(tree["bias"].is_none());
  const auto same = restore<Layer>(tree);
  CHECK(torch::equal(same.weight, half.weight));
  CHECK(!same.bias.defined());

  Layer target{torch::zeros({2}), {}};
  restore_into(target, tree_of(Layer{torch::ones({2}), torch::ones({3})}));
  CHECK(torch::equal(target.weight, torch::ones({2})));
  CHECK(!target.bias.defined());  // nothing was wanted
  CHECK(restore<Layer>(tree_of(Layer{torch::ones({2}), torch::ones({3})})).bias.defined());
  Layer both{torch::zeros({2}), torch::zeros({3})};
  CHECK_THROWS_AS(restore_into(both, tree), orrery::StructureError);
}

TEST_CASE("tensors stand in containers as other leaves do") {
  const std::map<std::string, std::vector<torch::Tensor>> state{{"a", {torch::ones({2}), torch::zeros({1, 1})}}, {"b", {}}};
  const Tree tree = tree_of(state);
  CHECK(tree["a"].size() == 2);
  CHECK(torch::equal(restore<std::map<std::string, std::vector<torch::Tensor>>>(tree)["a"][1], torch::zeros({1, 1})));
}

TEST_CASE("a tensor that cannot be stored says where it is and what to do") {
  Layer layer{torch::ones({2}), torch::empty({2}, torch::device(torch::kMeta))};
  CHECK(
      message_of<ArgumentError>([&] { orrery::describe(layer); }) ==
      "this tensor cannot be stored: expected a tensor with elements, found one on the device meta; give it memory first (at::empty_like) "
      "[at bias]");
  CHECK_THROWS_AS(restore_into(layer, tree_of(Layer{torch::ones({2}), torch::ones({2})})), ArgumentError);
  layer.bias = torch::eye(2).to_sparse();
  CHECK(message_of<ArgumentError>([&] { orrery::describe(layer); }) ==
        "this tensor cannot be stored: expected a strided tensor, found a sparse one; save tensor.to_dense() [at bias]");
  layer.bias = torch::quantize_per_tensor(torch::ones({2}), 0.1, 0, torch::kQInt8);
  CHECK(message_of<ArgumentError>([&] { orrery::describe(layer); }) ==
        "this tensor cannot be stored: expected a dtype that NumPy or JAX has, found QInt8; save tensor.dequantize() [at bias]");
}

TEST_CASE("a stored dtype that libtorch has not is refused by name before anything is written") {
  Tree tree = Tree::dict();
  tree.insert({"weight"}, Tree(Array<float>::zeros({2})));
  tree.insert({"bias"}, Tree(Array<orrery::int4>::zeros({2})));
  const std::string message = message_of<DTypeError>([&] { restore<Layer>(tree); });
  CHECK(message.find("bias: stored int4, which a torch::Tensor cannot be") != message.npos);
}

}  // namespace
}  // namespace torch_tensor
