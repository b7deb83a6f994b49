// A network of libtorch's modules on 8x8 images, and one step of training it. Nothing here knows of checkpoints.
#pragma once

#include <torch/torch.h>

// Parameters: hidden.weight, hidden.bias, output.weight, output.bias, and norm's; buffers: norm's running statistics.
struct NetworkImpl : torch::nn::Module {
  torch::nn::Linear hidden = register_module("hidden", torch::nn::Linear(64, 64));
  torch::nn::BatchNorm1d norm = register_module("norm", torch::nn::BatchNorm1d(64));
  torch::nn::Dropout dropout = register_module("dropout", torch::nn::Dropout(0.1));
  torch::nn::Linear output = register_module("output", torch::nn::Linear(64, 10));
  torch::Tensor forward(const torch::Tensor& x) { return output(dropout(norm(hidden(x)).relu())); }
};
TORCH_MODULE(Network);

struct Digits { torch::Tensor images, labels; };  // uint8 (1797, 64) of 0..16, (1797,)

constexpr int train_count = 1500, batch_size = 50;  // the other 297 are for testing

inline torch::Tensor inputs(const Digits& digits, int first, int last) { return digits.images.slice(0, first, last).to(torch::kFloat32) / 16; }
inline torch::Tensor classes(const Digits& digits, int first, int last) { return digits.labels.slice(0, first, last).to(torch::kInt64); }

inline void train_step(Network& network, torch::optim::Optimizer& optimizer, const Digits& digits, std::int64_t step) {
  const int first = static_cast<int>(step * batch_size % train_count);
  network->train();
  optimizer.zero_grad();
  torch::nn::functional::cross_entropy(network(inputs(digits, first, first + batch_size)), classes(digits, first, first + batch_size)).backward();
  optimizer.step();
}

inline std::int64_t count_right(Network& network, const Digits& digits) {
  const torch::NoGradGuard no_grad;
  network->eval();
  const int all = static_cast<int>(digits.labels.size(0));
  return network(inputs(digits, train_count, all)).argmax(1).eq(classes(digits, train_count, all)).sum().item<std::int64_t>();
}
