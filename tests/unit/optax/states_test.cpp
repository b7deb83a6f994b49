#include <doctest/doctest.h>

#include <map>
#include <string>
#include <variant>

#include "orrery/flax/serialization.hpp"
#include "orrery/optax.hpp"

using namespace orrery;

namespace {

std::string hex(const std::string& bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (char c : bytes) text += {digits[static_cast<unsigned char>(c) >> 4], digits[static_cast<unsigned char>(c) & 15]};
  return text;
}

struct Weights {
  Array<float> w = Array<float>({1});
};
struct Dense {
  Array<float> bias = Array<float>({1});
  Array<float> kernel = Array<float>({1, 1});
};
struct Params {
  Dense params;
};

}  // namespace

TEST_CASE("an Adam state is the bytes that Flax writes for it") {
  CHECK(hex(flax::to_bytes(optax::AdamState<Weights>{})) ==
        "82a13083a5636f756e74c70e019390a5696e743332c40400000000a26d7581a177c711019391"
        "01a7666c6f61743332c40400000000a26e7581a177c711019391"
        "01a7666c6f61743332c40400000000a13180");
}

TEST_CASE("an SGD state with momentum is the bytes that Flax writes for it") {
  CHECK(hex(flax::to_bytes(optax::SgdMomentumState<Params>{})) ==
        "82a13081a5747261636581a6706172616d7382a462696173c711019391"
        "01a7666c6f61743332c40400000000a66b65726e656cc71201939201"
        "01a7666c6f617433"
        "32c40400000000a13180");
}

TEST_CASE("a state without fields is an empty dict, and optax states are namedtuples in messages") {
  CHECK(flax::to_bytes(optax::SgdState{}) == std::string("\x82\xa1\x30\x80\xa1\x31\x80"));
  Tree state = Tree::dict();
  state["a"] = std::int64_t{1};
  CHECK_THROWS_WITH_AS(
      flax::from_state_dict(optax::EmptyState{}, state),
      doctest::Contains("The field names of the state dict and the named tuple do not match, got {'a'} and set() at path ."),
      StructureError);
}

TEST_CASE("every state keeps its fields' names and order") {
  auto keys = [](const auto& state) {
    std::string text;
    for (const std::string& key : flax::to_state_dict(state).keys()) text += key + " ";
    return text;
  };
  CHECK(keys(optax::EmaState<Weights>{}) == "count ema ");
  CHECK(keys(optax::ScaleByAmsgradState<Weights>{}) == "count mu nu nu_max ");
  CHECK(keys(optax::ScaleByLionState<Weights>{}) == "count mu ");
  CHECK(keys(optax::ScaleByRssState<Weights>{}) == "sum_of_squares ");
  CHECK(keys(optax::ScaleByRmsState<Weights>{}) == "nu ");
  CHECK(keys(optax::ScaleByRmsWithCountState<Weights>{}) == "count nu ");
  CHECK(keys(optax::ScaleByRStdDevState<Weights>{}) == "mu nu ");
  CHECK(keys(optax::ScaleByAdaDeltaState<Weights>{}) == "e_g e_x ");
  CHECK(keys(optax::ScaleByScheduleState{}) == "count ");
  CHECK(keys(optax::FactoredState<Weights>{}) == "count v_row v_col v ");
  CHECK(keys(optax::MaskedState<Weights>{}) == "inner_state ");
  CHECK(keys(optax::PartitionState<Weights>{}) == "inner_states ");
  CHECK(keys(optax::InjectHyperparamsState<Weights, Weights>{}) == "count hyperparams inner_state ");
  CHECK(keys(optax::InjectStatefulHyperparamsState<Weights, Weights, Weights>{}) == "count hyperparams hyperparams_states inner_state ");
  CHECK(keys(optax::MultiStepsState<Weights, optax::SgdState>{}) == "mini_step gradient_step inner_opt_state acc_grads skip_state ");
  CHECK(keys(optax::ScaleByAdanState<Weights>{}) == "m v n g t ");
  CHECK(keys(optax::ScaleByLBFGSState<Weights>{}) == "count params updates diff_params_memory diff_updates_memory weights_memory ");
  CHECK(keys(optax::contrib::ProdigyState<Weights>{}) == "exp_avg exp_avg_sq grad_sum params0 estim_lr numerator_weighted count ");
  CHECK(keys(optax::contrib::ScheduleFreeState<Weights, optax::SgdState>{}) == "b1 weight_sum step_count max_lr base_optimizer_state z ");
  CHECK(keys(optax::experimental::AccumulateAvgUpdatesState<Weights>{}) == "micro_step ready avg_grad ");
  CHECK(keys(optax::ApplyIfFiniteState<Weights>{}) == "notfinite_count last_finite total_notfinite inner_state ");
  CHECK(keys(optax::ApplyIfFiniteState<Weights, Array<bool>>{}) == "notfinite_count last_finite total_notfinite inner_state ");
}

TEST_CASE("a flag is an array of bool without dimensions, not Python's bool") {
  optax::ZeroNansState<std::map<std::string, optax::Flag>> state{{{"a", true}, {"b", false}}};
  const std::string bytes = flax::to_bytes(state);
  CHECK(hex(bytes) == "81a9666f756e645f6e616e82a161c70a019390a4626f6f6cc40101a162c70a019390a4626f6f6cc40100");
  const auto back = flax::from_bytes(optax::ZeroNansState<std::map<std::string, optax::Flag>>{{{"a", false}, {"b", true}}}, bytes);
  CHECK(back.found_nan.at("a"));
  CHECK_FALSE(back.found_nan.at("b"));
  Tree wrong = Tree::dict();
  wrong["found_nan"] = Tree::dict();
  wrong["found_nan"]["a"] = Array<bool>({2});
  CHECK_THROWS_AS((flax::from_state_dict(optax::ZeroNansState<std::map<std::string, optax::Flag>>{{{"a", false}}}, wrong)), Error);
}

TEST_CASE("what a mask leaves out is a node without anything, beside parameters in one map") {
  using Masked = std::map<std::string, std::variant<Array<float>, optax::MaskedNode>>;
  optax::PartitionState<optax::Labels<optax::TraceState<Masked>>> state;
  state.inner_states["a"].inner_state.trace = {{"b", optax::MaskedNode{}}, {"w", Array<float>({1})}};
  const Tree dict = flax::to_state_dict(state);
  const Tree& trace = dict["inner_states"]["a"]["inner_state"]["trace"];
  CHECK(trace["b"].size() == 0);
  CHECK(trace["w"].shape() == Shape{1});
  const auto back = flax::from_state_dict(state, dict);
  CHECK(std::holds_alternative<optax::MaskedNode>(back.inner_states.at("a").inner_state.trace.at("b")));
}
