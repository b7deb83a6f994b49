// A model and an Adam of libtorch, trained here, then by JAX, then here again. README.md beside this file.
//
//   torch_digits DIRECTORY [STEP]     goes on from the newest step in DIRECTORY, or begins, and trains up to STEP (default 600)
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include <orrery/adapters/torch.hpp>
#include <orrery/adapters/torch_optim.hpp>
#include <orrery/checkpoint.hpp>
#include <orrery/safetensors.hpp>

#include "network.hpp"

// Everything that decides how training goes on.
struct TrainState {
  std::int64_t step = 0;
  Network model;
  orrery::NamedOptimizer<torch::optim::Adam> optimizer;  // of the Adam beside it: its states under the names of the model's parameters
  torch::Tensor rng;                                     // of the dropout
};

void say(const char* what, TrainState& state, const Digits& digits) {
  std::printf("%s step %lld: %lld of 297 right\n", what, static_cast<long long>(state.step),
              static_cast<long long>(count_right(state.model, digits)));
}

void train(const std::string& directory, std::int64_t last) {
  const auto digits = orrery::safetensors::load_file<Digits>(DIGITS_FILE);
  torch::set_num_threads(1);  // bit for bit the same sums
  torch::manual_seed(1998);
  at::Generator random = at::detail::getDefaultCPUGenerator();

  Network model;
  torch::optim::Adam adam(model->parameters(), torch::optim::AdamOptions(1e-3));
  TrainState state{0, model, {model, adam}, random.get_state()};

  orrery::CheckpointManager manager(directory, {.max_to_keep = 3});
  if (manager.latest_step()) {
    manager.restore_into({}, state);  // into the model and the optimizer that are there
    random.set_state(state.rng);
  }
  say(manager.latest_step() ? "resumed at" : "begins at", state, digits);

  for (; state.step < last; ++state.step) train_step(state.model, adam, digits, state.step);
  state.rng = random.get_state();
  if (manager.latest_step() != state.step) manager.save(state.step, state);
  say("done at", state, digits);
}

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) return std::fprintf(stderr, "usage: torch_digits DIRECTORY [STEP]\n"), 2;
  try {
    train(argv[1], argc == 3 ? std::atoll(argv[2]) : 600);
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "torch_digits: %s\n", error.what()), 1;
  }
}
