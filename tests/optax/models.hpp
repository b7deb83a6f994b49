// The C++ types of the states of states.py: mirrors of one Dense layer, and structs as a user writes them for optax's and Flax's
// containers.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include <orrery/flax.hpp>
#include <orrery/optax.hpp>

namespace states {

using namespace orrery;
using namespace orrery::optax;
namespace contrib = orrery::optax::contrib;
namespace experimental = orrery::optax::experimental;

// ----------------------------------------------------------------- one Dense layer, and its mirrors

template <class Bias, class Kernel = Bias>
struct Dense {
  Bias bias{};
  Kernel kernel{};
};
template <class Bias, class Kernel = Bias>
struct Model {
  Dense<Bias, Kernel> dense{};
};
using Floats = Array<float>;
using Params = Model<Floats>;
using Narrow = Model<Array<bfloat16>>;
using Numbers = Model<float>;
using Flags = Model<Flag>;
using Sums = Model<std::array<float, 1>>;
using Accumulators = Model<std::array<Floats, 1>, std::array<Floats, 2>>;
using Kernels = Model<MaskedNode, Floats>;
using Biases = Model<Floats, MaskedNode>;
struct KernelAlone {
  struct {
    Floats kernel{};
  } dense{};
};

// ----------------------------------------------------------------- what users of a wrapper write

struct Chain {
  EmptyState clip;
  ScaleByAdamState<Params> adam;
  EmptyState lr;
};
struct ByShape {
  MaskedState<AdamState<Kernels>> matrices;
  MaskedState<SgdState> others;
};
struct AdamArguments {
  float learning_rate, b1, b2, eps, eps_root;
};
struct SgdArguments {
  float momentum, learning_rate;
};
struct Norm {
  float norm;
};
struct NormAndEma {
  float norm, ema;
};
struct MuonAndAdam {
  MaskedState<std::tuple<contrib::MuonState<Kernels>, EmptyState, EmptyState, EmptyState>> muon;
  MaskedState<AdamWState<Biases>> adam;
};
using ComplexPair = contrib::SplitRealAndImaginaryArrays<Floats>;
struct Complex {
  ComplexPair z;
};
using Adam = AdamState<Params>;

// ----------------------------------------------------------------- Flax

struct BatchNorm {
  Floats bias, scale;
};
struct NetParams {
  BatchNorm BatchNorm_0;  // NOLINT: linen's names
  Dense<Floats> Dense_0;  // NOLINT
};
struct Statistics {
  Floats mean, var;
};
struct NetStatistics {
  Statistics BatchNorm_0;  // NOLINT
};
struct NormedState : flax::TrainState<NetParams, AdamState<NetParams>> {
  NetStatistics batch_stats;
};
// Straight from init, parameters stand in the order of their making.
struct FreshParams {
  struct {
    Floats kernel, bias;
  } Dense_0;  // NOLINT
  struct {
    Floats scale, bias;
  } BatchNorm_0;  // NOLINT
};
struct Variables {
  FreshParams params;
  NetStatistics batch_stats;
};
struct Metrics {
  float loss, accuracy;
  Static<std::string> name;
};
struct Experiment {
  Metrics metrics;
  RawKey rng;
  std::tuple<Metrics, Metrics> history;
  std::optional<Floats> best;
};
struct LongExperiment : Experiment {
  std::int64_t epoch = 0;
};
using FrozenParams = flax::FrozenDict<flax::FrozenDict<Floats>>;
struct Boxed {
  Floats bias;
  flax::Partitioned<Floats> kernel;
};

template <class Leaf>
struct NnxLinear {
  Leaf bias, kernel;
};
template <class Leaf>
struct NnxNorm {
  Leaf bias, mean, scale, var;
};
template <class Leaf>
struct NnxModel {
  std::map<int, NnxLinear<Leaf>> layers;
  NnxLinear<Leaf> linear;
  NnxNorm<Leaf> norm;
};
using Variable = flax::Variable<Floats>;
using RawVariable = flax::RawVariable<Floats>;
struct NnxStream {
  flax::Variable<std::uint32_t> count;
  flax::Variable<PrngKey> key;
};
struct NnxStreams {
  NnxStream default_;
};
template <class Rngs>
struct NnxDropout {
  Rngs rngs;
};
struct NnxParams {
  std::map<int, NnxLinear<Variable>> layers;
  NnxLinear<Variable> linear;
  struct {
    Variable bias, scale;
  } norm;
};
struct NnxAdam {
  flax::Variable<std::int32_t> count;
  NnxParams mu, nu;
};
struct NnxOptimizer {
  std::map<int, NnxAdam> opt_state;  // what is empty in a chain is not there
  flax::Variable<std::uint32_t> step;
};
struct NnxOptimizerWithModel {
  NnxModel<Variable> model;
  std::map<int, NnxAdam> opt_state;
  flax::Variable<std::uint32_t> step;
};

}  // namespace states

template <>
struct orrery::Reflect<states::NormedState> {
  static constexpr auto fields =
      orrery::fields(orrery::base<flax::TrainState<states::NetParams, orrery::optax::AdamState<states::NetParams>>>(),
                     orrery::field<&states::NormedState::batch_stats>("batch_stats"));
};
template <>
struct orrery::Reflect<states::LongExperiment> {
  static constexpr auto fields = orrery::fields(orrery::base<states::Experiment>(), orrery::field<&states::LongExperiment::epoch>("epoch"));
};
template <>
struct orrery::Reflect<states::NnxStreams> {
  static constexpr auto fields = orrery::fields(orrery::field<&states::NnxStreams::default_>("default"));
};
