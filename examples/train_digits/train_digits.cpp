// A training loop that may be killed at any moment: resumed, it ends with the same weights, bit for bit. README.md beside this file.
//
//   train_digits DIRECTORY [STEP]     goes on from the newest step in DIRECTORY, or begins, and trains up to STEP (default 1500)
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <orrery/orrery.hpp>

#include "network.hpp"

// Which samples come next.
struct DataOrder { std::vector<std::int32_t> permutation; std::int64_t position = 0, epoch = 0; };

// Everything that decides how training goes on. What is missing here is lost when the process is.
struct TrainState {
  std::int64_t step = 0;
  Network params;
  Adam opt_state;
  DataOrder order;
  std::mt19937_64 rng;
};

// The only place where a state is made: training begins with it, and a restore fills it.
TrainState fresh_state() {
  TrainState state{.step = 0, .params = {}, .opt_state = {{0, zeros(), zeros()}, {}}, .order = {}, .rng = std::mt19937_64(1998)};
  state.params = random_network(state.rng);
  state.order.permutation.resize(train_count);
  std::iota(state.order.permutation.begin(), state.order.permutation.end(), 0);
  state.order.position = train_count;  // the first step begins an epoch
  return state;
}

std::vector<std::int32_t> next_batch(DataOrder& order, std::mt19937_64& rng) {
  if (order.position + batch_size > train_count) {
    std::shuffle(order.permutation.begin(), order.permutation.end(), rng);
    order.position = 0;
    ++order.epoch;
  }
  const auto first = order.permutation.begin() + order.position;
  order.position += batch_size;
  return {first, first + batch_size};
}

void train_step(TrainState& state, const Digits& digits) {
  const std::vector<std::int32_t> batch = next_batch(state.order, state.rng);
  apply_gradients(state.params, state.opt_state, gradients(state.params, digits, batch, state.rng));
  ++state.step;
}

void say(const char* what, const TrainState& state, const Digits& digits) {
  const auto [right, of] = evaluate(state.params, digits);
  std::printf("%s step %lld: %d of %d right\n", what, static_cast<long long>(state.step), right, of);
  std::fflush(stdout);
}

void train(const std::string& directory, std::int64_t last) {
  const auto digits = orrery::safetensors::load_file<Digits>(DIGITS_FILE);
  orrery::CheckpointManager manager(directory, {.save_interval_steps = 20,
                                                .max_to_keep = 3,
                                                .cleanup_tmp_directories = true,  // what a killed save left behind
                                                .enable_async_checkpointing = true});
  manager.on_preemption(SIGTERM);  // save, then leave

  TrainState state = fresh_state();
  if (manager.latest_step()) manager.restore_into({}, state);
  say(manager.latest_step() ? "resumed at" : "begins at", state, digits);

  while (state.step < last && !manager.reached_preemption()) {
    train_step(state, digits);
    manager.save(state.step, state);  // every 20 steps: copies the state, then writes it while training goes on
  }
  if (manager.latest_step() != state.step) manager.save(state.step, state, {.force = true});
  manager.close();  // throws what went wrong in the background
  say(state.step < last ? "stopped at" : "done at", state, digits);
}

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) return std::fprintf(stderr, "usage: train_digits DIRECTORY [STEP]\n"), 2;
  try {
    train(argv[1], argc == 3 ? std::atoll(argv[2]) : 1500);
  } catch (const orrery::Error& error) {
    return std::fprintf(stderr, "train_digits: %s\n", error.what()), 1;
  }
}
