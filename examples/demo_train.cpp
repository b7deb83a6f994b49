// The C++ half of scripts/demo: trains a small model with Eigen, holding its state in a struct that mirrors Flax's TrainState.
//
//   demo_train save DIR      trains, saves DIR/orbax (an Orbax checkpoint) and DIR/legacy (a Flax file), and dumps every array as raw
//                            bytes, so that the other side can compare bits without this library
//   demo_train resume DIR    restores DIR/orbax_from_jax, which Python saved, and goes on
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

#include <orrery/adapters/eigen.hpp>
#include <orrery/orrery.hpp>

struct Dense {
  Eigen::VectorXf bias;
  Eigen::MatrixXf kernel;
};

struct TrainState {
  std::int64_t step = 0;
  Dense params;
  orrery::optax::SgdState opt_state;  // sgd without momentum keeps nothing
};

// y = x W + b, to be learnt from 64 samples of a known W and b; the same numbers in Python.
struct Data {
  Eigen::MatrixXf x{64, 5}, y{64, 3};
  Data() {
    for (int i = 0; i < 64; ++i)
      for (int j = 0; j < 5; ++j) x(i, j) = static_cast<float>((i * 7 + j * 13) % 17) / 8.0f - 1.0f;
    for (int i = 0; i < 64; ++i)
      for (int k = 0; k < 3; ++k) {
        y(i, k) = 0.5f * static_cast<float>(k);
        for (int j = 0; j < 5; ++j) y(i, k) += x(i, j) * (static_cast<float>(j) - static_cast<float>(k)) / 4.0f;
      }
  }
};

constexpr float learning_rate = 0.1f;

float train_step(TrainState& state, const Data& data) {
  const Eigen::MatrixXf error = ((data.x * state.params.kernel).rowwise() + state.params.bias.transpose()) - data.y;
  const float scale = 2.0f / static_cast<float>(error.size());
  state.params.kernel -= learning_rate * scale * (data.x.transpose() * error);
  state.params.bias -= learning_rate * scale * error.colwise().sum().transpose();
  ++state.step;
  return error.squaredNorm() / static_cast<float>(error.size());
}

void train(TrainState& state, const Data& data, int steps) {
  for (int i = 0; i < steps; ++i) {
    const float loss = train_step(state, data);
    if (i % 10 == 0 || i == steps - 1) std::printf("  step %3lld  loss %.6f\n", static_cast<long long>(state.step), static_cast<double>(loss));
  }
}

void dump(const std::string& path, const void* data, std::size_t size) {
  std::ofstream(path, std::ios::binary).write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
}

int save(const std::string& directory) {
  TrainState state{0, {Eigen::VectorXf::Zero(3), Eigen::MatrixXf::Constant(5, 3, 0.01f)}, {}};
  const Data data;
  train(state, data, 50);
  orrery::PyTreeCheckpointer().save(directory + "/orbax", state, {.force = true});
  orrery::flax::save_checkpoint(directory + "/legacy", state, state.step, {.overwrite = true, .backend = orrery::flax::Backend::msgpack});
  const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> kernel = state.params.kernel;  // element order as NumPy prints it
  dump(directory + "/kernel.bin", kernel.data(), static_cast<std::size_t>(kernel.size()) * sizeof(float));
  dump(directory + "/bias.bin", state.params.bias.data(), static_cast<std::size_t>(state.params.bias.size()) * sizeof(float));
  dump(directory + "/step.bin", &state.step, sizeof state.step);
  std::printf("  saved %s/orbax and %s/legacy/checkpoint_%lld\n", directory.c_str(), directory.c_str(), static_cast<long long>(state.step));
  return 0;
}

int resume(const std::string& path) {
  TrainState state = orrery::PyTreeCheckpointer().restore<TrainState>(path);
  std::printf("  restored step %lld from %s\n", static_cast<long long>(state.step), path.c_str());
  train(state, Data(), 50);
  return 0;
}

int main(int argc, char** argv) {
  const std::string command = argc == 3 ? argv[1] : "";
  try {
    if (command == "save") return save(argv[2]);
    if (command == "resume") return resume(argv[2]);
  } catch (const orrery::Error& error) {
    std::fprintf(stderr, "demo_train: %s\n", error.what());
    return 1;
  }
  std::fprintf(stderr, "usage: demo_train save DIRECTORY | demo_train resume CHECKPOINT\n");
  return 2;
}
