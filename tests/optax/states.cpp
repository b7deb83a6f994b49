// optax_states ERA DIR: the states that states.py left in DIR/python, restored into the C++ types below, compared, and saved to DIR/cpp. A
// line for each check, the sum last. Which class of optax has which fields is held against our structs, too.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <orrery/orrery.hpp>
#include <orrery/storage/file.hpp>

#include "models.hpp"

namespace {

using namespace states;

// ----------------------------------------------------------------- checks

std::string era, directory;
int passed = 0, failed = 0;

void verdict(const std::string& check, const std::string& wrong) {
  ++(wrong.empty() ? passed : failed);
  std::printf("%s %s read %s%s%s\n", wrong.empty() ? "PASS" : "FAIL", era.c_str(), check.c_str(), wrong.empty() ? "" : ": ", wrong.c_str());
}
template <class Body>
void check(const std::string& name, Body&& body) {
  try {
    verdict(name, body());
  } catch (const std::exception& error) {
    verdict(name, error.what());
  }
}
std::string same(std::string_view ours, std::string_view theirs) {
  if (ours == theirs) return {};
  std::size_t at = 0;
  while (at < ours.size() && at < theirs.size() && ours[at] == theirs[at]) ++at;
  return std::to_string(ours.size()) + " bytes, not " + std::to_string(theirs.size()) + "; the first difference is at " +
         std::to_string(at);
}

// A Python number and an array without dimensions are the same to some eras, an empty tuple and None to others: we write None for it.
Tree plain(Tree tree) {
  for (Tree::Item& item : tree.items()) item.value = plain(std::move(item.value));
  for (Tree& child : tree.elements()) child = plain(std::move(child));
  if (tree.kind() == Tree::Kind::scalar) return Tree(tree.array());
  return tree.kind() == Tree::Kind::tuple && tree.size() == 0 ? Tree::none() : tree;
}

// What a case is, whatever its type: the rest is not made anew for each.
struct Rows {
  std::string (*read_flax)(const std::string& bytes, const std::string& orbax_to);
  std::string (*read_orbax)(const std::string& from, const std::string& orbax_to, bool has_flax);
};

template <class T>
constexpr Rows rows{[](const std::string& bytes, const std::string& orbax_to) {
                      T state = flax::from_bytes(T{}, bytes);
                      if (!orbax_to.empty()) PyTreeCheckpointer().save(orbax_to, state);
                      return flax::to_bytes(state);
                    },
                    [](const std::string& from, const std::string& orbax_to, bool has_flax) {
                      T state = PyTreeCheckpointer().restore<T>(from);
                      if (!orbax_to.empty()) PyTreeCheckpointer().save(orbax_to, state);
                      return has_flax ? flax::to_bytes(state) : std::string();
                    }};

const std::map<std::string, Rows>& all_rows() {
  static const std::map<std::string, Rows> table{
      {"sgd", rows<SgdState>},
      {"sgd_momentum", rows<SgdMomentumState<Params>>},
      {"sgd_nesterov", rows<SgdMomentumState<Params>>},
      {"sgd_scheduled", rows<ScheduledSgdState>},
      {"adam", rows<Adam>},
      {"adam_dict", rows<AdamState<std::map<std::string, std::map<std::string, Floats>>>>},
      {"adam_scheduled", rows<AdamState<Params, Scheduled>>},
      {"adam_bfloat16", rows<AdamState<Params, EmptyState, Narrow>>},
      {"adamw", rows<AdamWState<Params>>},
      {"adamw_scheduled", rows<AdamWState<Params, Scheduled>>},
      {"adamw_masked", rows<AdamWState<Params, EmptyState, Masked>>},
      {"adamw_scheduled_masked", rows<AdamWState<Params, Scheduled, Masked>>},
      {"adamax", rows<AdamaxState<Params>>},
      {"adamaxw", rows<AdamWState<Params>>},
      {"nadam", rows<NadamState<Params>>},
      {"nadamw", rows<AdamWState<Params>>},
      {"amsgrad", rows<AmsgradState<Params>>},
      {"adabelief", rows<AdabeliefState<Params>>},
      {"adadelta", rows<AdadeltaState<Params>>},
      {"adafactor", rows<AdafactorState<Params>>},
      {"adafactor_momentum",
       rows<AdafactorStateOf<FactoredState<Params>, EmptyState, Scheduled, EmptyState, EmaState<Params>, EmptyState>>},
      {"adafactor_plain", rows<AdafactorStateOf<FactoredState<Params>>>},
      {"adagrad", rows<AdagradState<Params>>},
      {"adan", rows<AdanState<Params>>},
      {"fromage", rows<FromageState<>>},
      {"lamb", rows<LambState<Params>>},
      {"lars", rows<LarsState<Params>>},
      {"lars_masked", rows<LarsState<Params>>},
      {"lbfgs", rows<LbfgsState<Params>>},
      {"lbfgs_backtracking", rows<LbfgsState<Params, Params, ScaleByBacktrackingLinesearchState<Params>>>},
      {"lbfgs_first_backtracking", rows<LbfgsState<Params, Params, FirstBacktrackingLinesearchState<Params>>>},
      {"lion", rows<LionState<Params>>},
      {"noisy_sgd", rows<NoisySgdState<RawKey>>},
      {"noisy_sgd_typed_key", rows<NoisySgdState<>>},
      {"novograd", rows<NovogradState<Params, Numbers>>},
      {"optimistic_adam", rows<OptimisticAdamState<Params>>},
      {"optimistic_gradient_descent", rows<OptimisticGradientDescentState<Params>>},
      {"optimistic_gradient_descent_trace", rows<SgdMomentumState<Params>>},
      {"polyak_sgd", rows<PolyakSgdState>},
      {"radam", rows<RadamState<Params>>},
      {"rmsprop", rows<RmspropState<Params>>},
      {"rmsprop_momentum", rows<RmspropMomentumState<Params>>},
      {"rmsprop_centered", rows<CenteredRmspropState<Params>>},
      {"rmsprop_corrected", rows<RmspropStateOf<ScaleByRmsWithCountState<Params>>>},
      {"rmsprop_centered_corrected", rows<RmspropStateOf<ScaleByRStdDevWithCountState<Params>>>},
      {"rprop", rows<RpropState<Params>>},
      {"sign_sgd", rows<SgdState>},
      {"signum", rows<SignumState<Params>>},
      {"sm3", rows<Sm3State<Params, Accumulators>>},
      {"yogi", rows<YogiState<Params>>},
      {"clip", rows<ChainState<ClipByGlobalNormState, ClipState, Adam>>},
      {"named_chain", rows<Chain>},
      {"named_chain_ordered", rows<Chain>},
      {"add_noise", rows<AddNoiseState<RawKey>>},
      {"add_noise_typed_key", rows<AddNoiseState<>>},
      {"apply_every", rows<ApplyEvery<Params>>},
      {"ema", rows<EmaState<Params>>},
      {"trace", rows<TraceState<Params>>},
      {"zero_nans", rows<ZeroNansState<Flags>>},
      {"distance_over_gradients", rows<ScaleByDistanceOverGradientsState<Params, Numbers, Sums>>},
      {"decay_schedule", rows<WeightDecaySchedule>},
      {"masked", rows<MaskedState<AdamState<Kernels>>>},
      {"multi_transform", rows<PartitionState<ByShape>>},
      {"multi_transform_alike", rows<PartitionState<Labels<AdamState<Model<std::variant<Floats, MaskedNode>>>>>>},
      {"inject_hyperparams", rows<InjectStatefulHyperparamsState<AdamArguments, WrappedSchedules, Adam>>},
      {"inject_hyperparams_scheduled", rows<InjectStatefulHyperparamsState<SgdArguments, WrappedSchedules, SgdMomentumState<Params>>>},
      {"inject_hyperparams_scheduled_stateless", rows<InjectHyperparamsState<SgdArguments, SgdMomentumState<Params>>>},
      {"inject_hyperparams_stateless", rows<InjectHyperparamsState<AdamArguments, Adam>>},
      {"multi_steps", rows<MultiStepsState<Params, Adam>>},
      {"multi_steps_skipping", rows<MultiStepsState<Params, SgdState, SkipNotFinite>>},
      {"multi_steps_skipping_large", rows<MultiStepsState<Params, SgdState, SkipLargeUpdates>>},
      {"apply_if_finite", rows<ApplyIfFiniteState<Adam>>},
      {"conditionally_transform", rows<ConditionallyTransformState<Adam>>},
      {"conditionally_mask", rows<ConditionallyMaskState<Adam>>},
      {"maybe_update", rows<MaybeUpdateState<Adam>>},
      {"lookahead", rows<LookaheadState<SgdMomentumState<Params>>>},
      {"flatten", rows<AdamState<std::vector<float>>>},
      {"snapshot", rows<SnapshotState<Norm>>},
      {"monitor", rows<MonitorState<NormAndEma, std::tuple<EmptyState, std::tuple<EmptyState, EmaState<float>>>>>},
      {"accumulate_avg_updates", rows<experimental::AccumulateAvgUpdatesState<Params>>},
      {"mean_and_variance_ema", rows<experimental::PerElementMeanAndVarianceEMAState<Params>>},
      {"acprop", rows<AdamWState<Params>>},
      {"ademamix", rows<std::tuple<contrib::ScaleByAdemamixState<Params>, EmptyState, EmptyState>>},
      {"simplified_ademamix", rows<std::tuple<contrib::ScaleBySimplifiedAdEMAMixState<Params>, EmptyState, EmptyState>>},
      {"adopt", rows<Adam>},
      {"cocob", rows<std::tuple<EmptyState, EmptyState, contrib::COCOBState<Params>>>},
      {"dadapt_adamw", rows<contrib::DAdaptAdamWState<Params>>},
      {"dog", rows<std::tuple<EmptyState, contrib::DoGState<Params>, EmptyState>>},
      {"dog_first_step", rows<std::tuple<EmptyState, contrib::FirstDoGState<Params>, EmptyState>>},
      {"dowg", rows<std::tuple<EmptyState, contrib::DoWGState<Params>, EmptyState>>},
      {"dpsgd", rows<std::tuple<contrib::DifferentiallyPrivateAggregateState<RawKey>, EmptyState, EmptyState>>},
      {"dpsgd_typed_key", rows<std::tuple<contrib::DifferentiallyPrivateAggregateState<>, EmptyState, EmptyState>>},
      {"galore", rows<std::tuple<contrib::GaLoreState<ScaleByAdamState<Params>, Params>, EmptyState, EmptyState>>},
      {"galore_kernel", rows<std::tuple<contrib::GaLoreState<ScaleByAdamState<KernelAlone>, KernelAlone>, EmptyState, EmptyState>>},
      {"madgrad", rows<std::tuple<EmptyState, contrib::MadgradState<Params>>>},
      {"mechanize", rows<contrib::MechanicState<Params, SgdState>>},
      {"momo", rows<contrib::MomoState<Params>>},
      {"momo_adam", rows<contrib::MomoAdamState<Params>>},
      {"muon", rows<PartitionState<MuonAndAdam>>},
      {"prodigy", rows<contrib::ProdigyState<Params>>},
      {"reduce_on_plateau", rows<ChainState<Adam, contrib::ReduceLROnPlateauState<>>>},
      {"sam", rows<contrib::SAMState<SgdState, ChainState<NormalizeState, SgdState>, Params>>},
      {"sam_dataclass", rows<contrib::SAMState<SgdState, ChainState<NormalizeState, SgdState>, Params>>},
      {"schedule_free", rows<contrib::ScheduleFreeState<Params, Adam>>},
      {"schedule_free_vector", rows<contrib::ScheduleFreeState<Params, Adam, std::array<float, 1>>>},
      {"schedule_free_adamw", rows<contrib::ScheduleFreeState<Params, RmspropStateOf<ScaleByRmsWithCountState<Params>>>>},
      {"schedule_free_sgd", rows<contrib::ScheduleFreeState<Params, SgdState>>},
      {"sophia", rows<std::tuple<contrib::SophiaState<Params>, EmptyState, EmptyState>>},
      {"split_real_and_imaginary", rows<contrib::SplitRealAndImaginaryState<ScaleByAdamState<Complex>>>},
      {"train_state", rows<NormedState>},
      {"variables", rows<Variables>},
      {"lookahead_params", rows<LookaheadParams<Params>>},
      {"frozen_train_state", rows<flax::TrainState<FrozenParams, AdamState<FrozenParams>>>},
      {"frozen_dict", rows<flax::FrozenDict<flax::FrozenDict<flax::FrozenDict<Floats>>>>},
      {"partitioned", rows<Boxed>},
      {"dataclass", rows<Experiment>},
      {"derived_dataclass", rows<LongExperiment>},
      {"dynamic_scale_fresh", rows<flax::DynamicScale<std::int64_t, double>>},
      {"dynamic_scale", rows<flax::DynamicScale<>>},
      {"early_stopping", rows<flax::EarlyStopping<>>},
      {"nnx_state", rows<NnxModel<Variable>>},
      {"nnx_raw_state", rows<NnxModel<RawVariable>>},
      {"nnx_dropout", rows<NnxDropout<NnxStream>>},
      {"nnx_dropout_default", rows<NnxDropout<NnxStreams>>},
      {"nnx_pure_dict", rows<NnxModel<Floats>>},
      {"nnx_optimizer", rows<NnxOptimizer>},
      {"nnx_optimizer_with_model", rows<NnxOptimizerWithModel>},
  };
  return table;
}

void check_case(const std::string& name, bool has_flax, bool has_orbax) {
  const auto found = all_rows().find(name);
  if (found == all_rows().end()) return verdict(name, "states.cpp has no type for it");
  const Rows& row = found->second;
  const std::string from = directory + "/python/", to = directory + "/cpp/";
  const std::string bytes = has_flax ? storage::read_file(from + "flax/" + name, std::size_t{1} << 28) : std::string();
  // What is saved in one layout was restored from the other, where there are two.
  std::string from_flax, from_orbax;
  if (has_flax)
    check("flax " + name, [&] {
      from_flax = row.read_flax(bytes, has_orbax ? to + "orbax/" + name : "");
      return same(from_flax, bytes);
    });
  if (has_orbax) {
    check("orbax " + name, [&] {
      from_orbax = row.read_orbax(from + "orbax/" + name, has_flax ? "" : to + "orbax/" + name, has_flax);
      return same(from_orbax, bytes);
    });
    check("tree " + name, [&] {
      const Tree theirs = plain(PyTreeCheckpointer().restore(from + "orbax/" + name));
      const Tree ours = plain(PyTreeCheckpointer().restore(to + "orbax/" + name));
      return ours == theirs ? std::string() : to_string(ours) + ", not " + to_string(theirs);
    });
  }
  if (has_flax) storage::write_file(to + "flax/" + name, has_orbax ? from_orbax : from_flax);
}

// ----------------------------------------------------------------- fields

template <class T>
std::string fields_of() {
  std::string text;
  for (std::string_view name : ops<T>().names) text += " " + std::string(name);
  return text;
}

// By the names of optax's classes; several where its versions differ.
std::multimap<std::string, std::string> all_fields() {
  using P = Params;
  return {
      {"AccumulateAvgUpdatesState", fields_of<experimental::AccumulateAvgUpdatesState<P>>()},
      {"AddNoiseState", fields_of<AddNoiseState<>>()},
      {"ApplyEvery", fields_of<ApplyEvery<P>>()},
      {"ApplyIfFiniteState", fields_of<ApplyIfFiniteState<Adam>>()},
      {"BacktrackingLinesearchInfo", fields_of<BacktrackingLinesearchInfo<>>()},
      {"COCOBState", fields_of<contrib::COCOBState<P>>()},
      {"ConditionallyMaskState", fields_of<ConditionallyMaskState<Adam>>()},
      {"ConditionallyTransformState", fields_of<ConditionallyTransformState<Adam>>()},
      {"DAdaptAdamWState", fields_of<contrib::DAdaptAdamWState<P>>()},
      {"DifferentiallyPrivateAggregateState", fields_of<contrib::DifferentiallyPrivateAggregateState<>>()},
      {"DoGState", fields_of<contrib::DoGState<P>>()},
      {"DoGState", fields_of<contrib::FirstDoGState<P>>()},
      {"DoWGState", fields_of<contrib::DoWGState<P>>()},
      {"EmaState", fields_of<EmaState<P>>()},
      {"EmptyState", fields_of<EmptyState>()},
      {"FactoredState", fields_of<FactoredState<P>>()},
      {"GaLoreState", fields_of<contrib::GaLoreState<Adam, P>>()},
      {"HutchinsonState", fields_of<contrib::HutchinsonState<>>()},
      {"InjectHyperparamsState", fields_of<InjectHyperparamsState<AdamArguments, Adam>>()},
      {"InjectStatefulHyperparamsState", fields_of<InjectStatefulHyperparamsState<AdamArguments, WrappedSchedules, Adam>>()},
      {"LookaheadParams", fields_of<LookaheadParams<P>>()},
      {"LookaheadState", fields_of<LookaheadState<Adam>>()},
      {"MadgradState", fields_of<contrib::MadgradState<P>>()},
      {"MaskedNode", fields_of<MaskedNode>()},
      {"MaskedState", fields_of<MaskedState<Adam>>()},
      {"MaybeUpdateState", fields_of<MaybeUpdateState<Adam>>()},
      {"MechanicState", fields_of<contrib::MechanicState<P, Adam>>()},
      {"MomoAdamState", fields_of<contrib::MomoAdamState<P>>()},
      {"MomoState", fields_of<contrib::MomoState<P>>()},
      {"MonitorState", fields_of<MonitorState<NormAndEma, SgdState>>()},
      {"MultiStepsState", fields_of<MultiStepsState<P, Adam>>()},
      {"MultiTransformState", fields_of<MultiTransformState<Labels<Adam>>>()},
      {"MuonState", fields_of<contrib::MuonState<P>>()},
      {"PartitionState", fields_of<PartitionState<Labels<Adam>>>()},
      {"PerElementMeanAndSumSqDiffGradsState", fields_of<experimental::PerElementMeanAndSumSqDiffGradsState<P>>()},
      {"PerElementMeanAndVarianceEMAState", fields_of<experimental::PerElementMeanAndVarianceEMAState<P>>()},
      {"ProdigyState", fields_of<contrib::ProdigyState<P>>()},
      {"ReduceLROnPlateauState", fields_of<contrib::ReduceLROnPlateauState<>>()},
      {"SAMState", fields_of<contrib::SAMState<Adam, Adam, P>>()},
      {"ScaleByAdaDeltaState", fields_of<ScaleByAdaDeltaState<P>>()},
      {"ScaleByAdamState", fields_of<ScaleByAdamState<P>>()},
      {"ScaleByAdanState", fields_of<ScaleByAdanState<P>>()},
      {"ScaleByAdemamixState", fields_of<contrib::ScaleByAdemamixState<P>>()},
      {"ScaleByAmsgradState", fields_of<ScaleByAmsgradState<P>>()},
      {"ScaleByBacktrackingLinesearchState", fields_of<FirstBacktrackingLinesearchState<P>>()},
      {"ScaleByBacktrackingLinesearchState", fields_of<ScaleByBacktrackingLinesearchState<P>>()},
      {"ScaleByBeliefState", fields_of<ScaleByBeliefState<P>>()},
      {"ScaleByDistanceOverGradientsState", fields_of<ScaleByDistanceOverGradientsState<P, Numbers, Sums>>()},
      {"ScaleByLBFGSState", fields_of<ScaleByLBFGSState<P>>()},
      {"ScaleByLionState", fields_of<ScaleByLionState<P>>()},
      {"ScaleByNovogradState", fields_of<ScaleByNovogradState<P, Numbers>>()},
      {"ScaleByOptimisticGradientState", fields_of<ScaleByOptimisticGradientState<P>>()},
      {"ScaleByRStdDevState", fields_of<ScaleByRStdDevState<P>>()},
      {"ScaleByRStdDevWithCountState", fields_of<ScaleByRStdDevWithCountState<P>>()},
      {"ScaleByRmsState", fields_of<ScaleByRmsState<P>>()},
      {"ScaleByRmsWithCountState", fields_of<ScaleByRmsWithCountState<P>>()},
      {"ScaleByRpropState", fields_of<ScaleByRpropState<P>>()},
      {"ScaleByRssState", fields_of<ScaleByRssState<P>>()},
      {"ScaleBySM3State", fields_of<ScaleBySM3State<P, Accumulators>>()},
      {"ScaleByScheduleState", fields_of<ScaleByScheduleState>()},
      {"ScaleBySimplifiedAdEMAMixState", fields_of<contrib::ScaleBySimplifiedAdEMAMixState<P>>()},
      {"ScaleByTrustRatioState", fields_of<ScaleByTrustRatioState>()},
      {"ScaleByZoomLinesearchState", fields_of<ScaleByZoomLinesearchState<P>>()},
      {"ScheduleFreeState", fields_of<contrib::ScheduleFreeState<P, Adam>>()},
      {"SnapshotState", fields_of<SnapshotState<Norm>>()},
      {"SophiaState", fields_of<contrib::SophiaState<P>>()},
      {"SplitRealAndImaginaryArrays", fields_of<ComplexPair>()},
      {"SplitRealAndImaginaryState", fields_of<contrib::SplitRealAndImaginaryState<Adam>>()},
      {"TraceState", fields_of<TraceState<P>>()},
      {"WeightDecaySchedule", fields_of<WeightDecaySchedule>()},
      {"WrappedScheduleState", fields_of<WrappedScheduleState>()},
      {"ZeroNansState", fields_of<ZeroNansState<Flags>>()},
      {"ZoomLinesearchInfo", fields_of<ZoomLinesearchInfo<>>()},
  };
}

void check_fields() {
  const std::multimap<std::string, std::string> ours = all_fields();
  std::istringstream theirs(storage::read_file(directory + "/python/fields.txt", std::size_t{1} << 20));
  for (std::string line; std::getline(theirs, line);) {
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string name = line.substr(0, space), fields = line.substr(space);
    const auto [first, last] = ours.equal_range(name);
    const bool known = std::any_of(first, last, [&](const auto& entry) { return entry.second == fields; });
    verdict("fields " + name, known ? "" : "optax has" + fields + (first == last ? ", we nothing" : ", we" + first->second));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  era = argv[1];
  directory = argv[2];
  std::filesystem::create_directories(directory + "/cpp/flax");
  std::istringstream cases(storage::read_file(directory + "/python/cases.txt", std::size_t{1} << 20));
  for (std::string line; std::getline(cases, line);)
    check_case(line.substr(0, line.find(' ')), line.find(" flax") != std::string::npos, line.find(" orbax") != std::string::npos);
  check_fields();
  std::printf("%d passed, %d failed, 0 skipped\n", passed, failed);
  return failed != 0;
}
