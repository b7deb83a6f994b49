// A network of two layers on 8x8 images: predictions, gradients by hand, and Adam as optax.adam does it. Nothing here knows of checkpoints
// but for the structs, which are what Python sees.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include <orrery/adapters/eigen.hpp>
#include <orrery/optax.hpp>

using RowMajorBytes = Eigen::Matrix<std::uint8_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Digits { RowMajorBytes images; Eigen::Matrix<std::uint8_t, Eigen::Dynamic, 1> labels; };  // (1797, 64) of 0..16, (1797,)

struct Dense   { Eigen::MatrixXf kernel; Eigen::VectorXf bias; };  // x kernel + bias
struct Network { Dense hidden, output; };
using Adam = orrery::optax::AdamState<Network>;

constexpr int pixels = 64, units = 64, classes = 10;
constexpr int train_count = 1500;  // the other 297 are for testing
constexpr int batch_size = 50;
constexpr float learning_rate = 1e-3f, keep = 0.9f;

inline Dense zeros(int in, int out) { return {Eigen::MatrixXf::Zero(in, out), Eigen::VectorXf::Zero(out)}; }
inline Network zeros() { return {zeros(pixels, units), zeros(units, classes)}; }

inline Network random_network(std::mt19937_64& rng) {
  Network network = zeros();
  for (Dense* layer : {&network.hidden, &network.output}) {
    const float limit = std::sqrt(6.0f / static_cast<float>(layer->kernel.rows() + layer->kernel.cols()));
    std::uniform_real_distribution<float> uniform(-limit, limit);
    for (float& weight : layer->kernel.reshaped()) weight = uniform(rng);
  }
  return network;
}

inline Eigen::MatrixXf inputs(const Digits& digits, const std::vector<std::int32_t>& which) {
  return digits.images(which, Eigen::all).cast<float>() / 16.0f;
}

inline Eigen::MatrixXf apply(const Dense& layer, const Eigen::MatrixXf& x) { return (x * layer.kernel).rowwise() + layer.bias.transpose(); }
inline Eigen::MatrixXf logits(const Network& network, const Eigen::MatrixXf& x) {
  return apply(network.output, apply(network.hidden, x).cwiseMax(0.0f));
}

// How many of the digits that training never sees are recognised, and of how many.
struct Score { int right = 0, of = 0; };
inline Score evaluate(const Network& network, const Digits& digits) {
  std::vector<std::int32_t> test;
  for (std::int32_t i = train_count; i < digits.labels.size(); ++i) test.push_back(i);
  const Eigen::MatrixXf y = logits(network, inputs(digits, test));
  Score score{0, static_cast<int>(test.size())};
  for (int i = 0; i < score.of; ++i) {
    Eigen::Index best = 0;
    y.row(i).maxCoeff(&best);
    score.right += best == digits.labels(test[static_cast<std::size_t>(i)]);
  }
  return score;
}

// Of the mean cross entropy over a batch, with dropout behind the hidden layer.
inline Network gradients(const Network& network, const Digits& digits, const std::vector<std::int32_t>& batch, std::mt19937_64& rng) {
  const Eigen::MatrixXf x = inputs(digits, batch);
  const Eigen::MatrixXf hidden = apply(network.hidden, x);
  Eigen::MatrixXf slope(hidden.rows(), hidden.cols());  // of rectifier and dropout together
  std::bernoulli_distribution stays(static_cast<double>(keep));
  for (Eigen::Index i = 0; i < slope.size(); ++i) slope(i) = stays(rng) && hidden(i) > 0 ? 1 / keep : 0.0f;
  const Eigen::MatrixXf active = hidden.cwiseProduct(slope);
  Eigen::MatrixXf error = apply(network.output, active);
  for (Eigen::Index i = 0; i < error.rows(); ++i) {
    error.row(i) = (error.row(i).array() - error.row(i).maxCoeff()).exp();
    error.row(i) /= error.row(i).sum();
    error(i, digits.labels(batch[static_cast<std::size_t>(i)])) -= 1;
  }
  error /= static_cast<float>(error.rows());
  const Eigen::MatrixXf back = (error * network.output.kernel.transpose()).cwiseProduct(slope);
  return {{x.transpose() * back, back.colwise().sum()}, {active.transpose() * error, error.colwise().sum()}};
}

// optax.adam(learning_rate), one update.
inline void apply_gradients(Network& network, Adam& adam, const Network& gradient) {
  auto& [count, mu, nu] = std::get<0>(adam);
  ++count;
  const float unbias_mu = 1 / (1 - std::pow(0.9f, static_cast<float>(count)));
  const float unbias_nu = 1 / (1 - std::pow(0.999f, static_cast<float>(count)));
  const auto update = [&](auto& w, auto& m, auto& v, const auto& g) {
    m = 0.9f * m + 0.1f * g;
    v = 0.999f * v + 0.001f * g.cwiseAbs2();
    w.array() -= learning_rate * (unbias_mu * m.array()) / ((unbias_nu * v.array()).sqrt() + 1e-8f);
  };
  for (Dense Network::*layer : {&Network::hidden, &Network::output}) {
    update((network.*layer).kernel, (mu.*layer).kernel, (nu.*layer).kernel, (gradient.*layer).kernel);
    update((network.*layer).bias, (mu.*layer).bias, (nu.*layer).bias, (gradient.*layer).bias);
  }
}
