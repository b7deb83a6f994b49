// What optax's optimizers and Flax's containers keep, as C++ types: each restores what Python saved, and Python what is saved here.
#include <cstdio>
#include <map>
#include <string>

#include <orrery/orrery.hpp>

namespace optax = orrery::optax;
namespace fx = orrery::flax;
using Floats = orrery::Array<float>;

struct Dense  { Floats bias = Floats({3}), kernel = Floats({2, 3}); };
struct Params { Dense dense; };

// optax.adamw(schedule, mask=...)
using TrainState = fx::TrainState<Params, optax::AdamWState<Params, optax::Scheduled, optax::Masked>>;

// optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-3))
using Clipped = optax::ChainState<optax::ClipByGlobalNormState, optax::AdamState<Params>>;

// optax.multi_transform({"kernels": optax.adam(1e-3), "biases": optax.sgd(1e-2)}, labels)
struct Kernels { struct { optax::MaskedNode bias; Floats kernel; } dense; };
struct Labels  { optax::MaskedState<optax::AdamState<Kernels>> kernels; optax::MaskedState<optax::SgdState> biases; };
using Labelled = optax::PartitionState<Labels>;

// optax.inject_hyperparams(optax.sgd)(schedule, momentum=0.9): in the order of Python's dict, which counts for equal bytes alone
struct Hyperparams { float momentum = 0.9f, learning_rate = 0; };
using Injected = optax::InjectStatefulHyperparamsState<Hyperparams, optax::WrappedSchedules, optax::SgdMomentumState<Params>>;

// A Flax train state with batch statistics, a subclass of TrainState
struct Statistics { struct { Floats mean, var; } BatchNorm_0; };
struct NormedState : fx::TrainState<Params, optax::AdamState<Params>> { Statistics batch_stats; };
template <>
struct orrery::Reflect<NormedState> {
  static constexpr auto fields = orrery::fields(orrery::base<fx::TrainState<Params, optax::AdamState<Params>>>(),
                                                orrery::field<&NormedState::batch_stats>("batch_stats"));
};

// nnx.state(model) of nnx.Linear layers: every leaf is a Variable; the layers of a list have numbers for names
struct Linear { fx::Variable<Floats> bias, kernel; };
struct Model  { std::map<int, Linear> layers; Linear head; };

template <class State>
bool comes_back(const std::string& path, State state) {
  orrery::PyTreeCheckpointer checkpointer;
  checkpointer.save(path, state, {.force = true});
  return fx::to_bytes(checkpointer.restore<State>(path)) == fx::to_bytes(state) && fx::to_bytes(fx::from_bytes(state, fx::to_bytes(state))) == fx::to_bytes(state);
}

int main(int argc, char** argv) {
  const std::string directory = std::string(argc > 1 ? argv[1] : "/tmp/orrery") + "/optimizers/";
  TrainState state;
  auto& [adam, decay, schedule] = state.opt_state;
  schedule.count = adam.count += 1;
  adam.mu.dense.kernel.at({1, 2}) = 0.5f;
  const bool good = comes_back(directory + "adamw", state) && comes_back(directory + "clipped", Clipped{}) && comes_back(directory + "labelled", Labelled{}) &&
                    comes_back(directory + "injected", Injected{1, {}, {{"learning_rate", {1}}}, {}}) && comes_back(directory + "normed", NormedState{}) &&
                    comes_back(directory + "nnx", Model{{{0, {}}, {1, {}}}, {}});
  std::printf("%s\n", to_string(orrery::PyTreeCheckpointer().restore(directory + "injected")).c_str());
  return good ? 0 : 1;
}
