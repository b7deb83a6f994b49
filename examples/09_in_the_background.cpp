// A training loop that does not wait for the disk: saved in the background, told by a signal to leave, and resumed where it was.
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>

#include <orrery/orrery.hpp>

struct TrainState {
  std::int64_t step = 0;
  orrery::Array<float> weights = orrery::Array<float>::zeros({1000});
  std::mt19937 random{42};  // part of the state: a resumed run draws the numbers that the first one would have drawn
};

void train(TrainState& state) {
  for (float& weight : state.weights.values()) weight += std::normal_distribution<float>()(state.random);
  ++state.step;
}

int main(int argc, char** argv) {
  const std::string dir = argc > 1 ? argv[1] : "/tmp/orrery";
  const orrery::SaveOptions replace{.force = true};
  TrainState state;

  orrery::AsyncCheckpointer async({.timeout = std::chrono::seconds(50)});
  async.save(dir + "/copied", state, replace);  // at the speed of memory; the loop may go on to change it
  train(state);
  async.save(dir + "/borrowed", orrery::borrow(state), replace);  // no copy; state stays as it is, and alive, until the wait is over
  async.wait_until_finished();                                    // throws what went wrong

  const auto preemption = orrery::on_preemption(SIGTERM);  // until it goes out of scope the signal does not end the program
  for (;;) {
    train(state);
    if (state.step == 5) std::raise(SIGTERM);              // what a scheduler does
    if (!preemption.requested()) continue;                 // costs a load
    async.save(dir + "/last", std::move(state), replace);  // taken over: no copy
    async.wait_until_finished();
    break;
  }

  auto resumed = async.restore<TrainState>(dir + "/last"), whole = TrainState();
  while (whole.step < 8) train(whole);
  while (resumed.step < 8) train(resumed);
  std::printf("step %lld, %s\n", static_cast<long long>(resumed.step),
              resumed.weights == whole.weights ? "as without the stop" : "different");
  return resumed.weights == whole.weights ? 0 : 1;
}
