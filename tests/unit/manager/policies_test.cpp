#include "orrery/manager/policies.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "orrery/manager/checkpoint_manager_options.hpp"

namespace {

using namespace orrery;
using std::chrono::seconds;
using Steps = std::vector<std::int64_t>;

std::vector<StepInfo> at(const Steps& steps) {
  std::vector<StepInfo> infos;
  for (const std::int64_t step : steps) infos.push_back({step, StepTime(seconds(10 * step)), {}});
  return infos;
}
// Steps 0, 1, ... with these losses; no number: no metrics.
std::vector<StepInfo> with_loss(const std::vector<std::optional<double>>& losses) {
  std::vector<StepInfo> infos;
  for (std::size_t i = 0; i < losses.size(); ++i)
    infos.push_back({static_cast<std::int64_t>(i), {}, losses[i] ? Metrics{{"loss", *losses[i]}} : Metrics()});
  return infos;
}
Steps kept(const PreservationPolicy& policy, const std::vector<StepInfo>& infos, StepTime when = {}) {
  const std::vector<bool> stays = policy.should_preserve(infos, {when});
  Steps steps;
  for (std::size_t i = 0; i < infos.size(); ++i)
    if (stays[i]) steps.push_back(infos[i].step);
  return steps;
}
double loss(const Metrics& metrics) { return metrics["loss"]; }

bool saves(const SaveDecisionPolicy& policy, std::int64_t step, const Steps& previous, SaveContext context = {}) {
  return policy.should_save({step, StepTime(seconds(10 * step)), {}}, at(previous), context);
}

}  // namespace

TEST_CASE("a fixed interval saves its multiples, and the first step whatever it is where InitialSave asks for it") {
  CHECK(saves(FixedIntervalPolicy{5}, 0, {}));
  CHECK(saves(FixedIntervalPolicy{5}, 10, {5}));
  CHECK_FALSE(saves(FixedIntervalPolicy{5}, 11, {10}));
  CHECK(saves(AnySavePolicy{{FixedIntervalPolicy{5}, InitialSavePolicy{}}}, 3, {}));
  CHECK_FALSE(saves(AnySavePolicy{{FixedIntervalPolicy{5}, InitialSavePolicy{}}}, 4, {3}));
  CHECK_THROWS_AS(saves(FixedIntervalPolicy{0}, 1, {}), ArgumentError);
}

TEST_CASE("specific steps, a function of the step and the latest, and a preemption save when they say so") {
  CHECK(saves(SpecificStepsPolicy{{3, 7}}, 7, {3}));
  CHECK_FALSE(saves(SpecificStepsPolicy{{3, 7}}, 8, {7}));
  const ShouldSaveFnPolicy doubled{[](std::int64_t step, std::optional<std::int64_t> latest) { return !latest || step >= 2 * *latest; }};
  CHECK(saves(doubled, 1, {}));
  CHECK_FALSE(saves(doubled, 7, {1, 4}));
  CHECK(saves(doubled, 8, {1, 4}));
  CHECK_FALSE(saves(PreemptionCheckpointingPolicy{}, 1, {}));
  CHECK(saves(PreemptionCheckpointingPolicy{}, 1, {}, {.reached_preemption = true}));
}

TEST_CASE("continuous checkpointing saves while no save is under way and the last one is old enough") {
  CHECK(saves(ContinuousCheckpointingPolicy{}, 2, {1}));
  CHECK_FALSE(saves(ContinuousCheckpointingPolicy{}, 2, {1}, {.is_saving_in_progress = true}));
  CHECK(saves(ContinuousCheckpointingPolicy{seconds(10)}, 2, {1}));
  CHECK_FALSE(saves(ContinuousCheckpointingPolicy{seconds(11)}, 2, {1}));
  CHECK(saves(ContinuousCheckpointingPolicy{seconds(11)}, 2, {}));
}

TEST_CASE("a decision to save says which policy made it") {
  const SaveDecisionPolicy policy = AnySavePolicy{{FixedIntervalPolicy{5}, SpecificStepsPolicy{{7}}}};
  CHECK(policy.explain({7, {}, {}}, at({5})).reason == "one of the steps 7");
  const SaveDecision no = policy.explain({8, {}, {}}, at({5}));
  CHECK_FALSE(no.saves);
  CHECK(no.reason == "not a multiple of 5, or one of the steps 7");
}

TEST_CASE("any function can be a policy, and says so") {
  const SaveDecisionPolicy odd = [](const StepInfo& step, std::span<const StepInfo>, const SaveContext&) { return step.step % 2 == 1; };
  CHECK(saves(odd, 3, {}));
  CHECK_FALSE(saves(odd, 4, {}));
  const PreservationPolicy none = [](std::span<const StepInfo> steps, const PreservationContext&) {
    return std::vector<bool>(steps.size());
  };
  CHECK(kept(none, at({1, 2})).empty());
  CHECK(none.explain(at({1}))[0].reason == "not kept by the caller's own policy");
  const PreservationPolicy wrong = [](std::span<const StepInfo>, const PreservationContext&) { return std::vector<bool>(); };
  CHECK_THROWS_AS(kept(wrong, at({1})), ArgumentError);
}

TEST_CASE("the latest n are the last in the order of saving; none keeps all, 0 keeps none") {
  CHECK(kept(LatestN{2}, at({1, 2, 3})) == Steps{2, 3});
  CHECK(kept(LatestN{2}, at({4, 5, 3})) == Steps{5, 3});
  CHECK(kept(LatestN{}, at({1, 2, 3})) == Steps{1, 2, 3});
  CHECK(kept(LatestN{5}, at({1, 2, 3})) == Steps{1, 2, 3});
  CHECK(kept(LatestN{0}, at({1, 2, 3})).empty());
  CHECK_THROWS_AS(kept(LatestN{-1}, at({1})), ArgumentError);
}

TEST_CASE("one every so many seconds keeps the first, and counts from the last that it kept") {
  CHECK(kept(EveryNSeconds{seconds(25)}, at({0, 1, 2, 3, 4, 5, 6})) == Steps{0, 3, 6});
  CHECK(kept(EveryNSeconds{seconds(10)}, at({0, 1, 2})) == Steps{0, 1, 2});
}

TEST_CASE("every n steps keeps multiples, or counts from the last that it kept; the latest of them where there is a limit") {
  CHECK(kept(EveryNSteps{3}, at({1, 3, 5, 6, 9})) == Steps{3, 6, 9});
  CHECK(kept(EveryNSteps{3, false}, at({1, 3, 5, 6, 9})) == Steps{1, 5, 9});
  CHECK(kept(EveryNSteps{3, true, 2}, at({1, 3, 5, 6, 9})) == Steps{6, 9});
  CHECK(kept(EveryNSteps{3, true, 0}, at({3, 6, 9})) == Steps{3, 6, 9});
  CHECK_THROWS_AS(kept(EveryNSteps{0}, at({1})), ArgumentError);
}

TEST_CASE("the nearest to each multiple stays, of two the later, halves count for the even multiple, and the last stays always") {
  CHECK(kept(EveryNStepsClosest{10}, at({9, 12, 18, 22, 27})) == Steps{9, 22, 27});
  CHECK(kept(EveryNStepsClosest{10}, at({8, 12, 16})) == Steps{12, 16});
  CHECK(kept(EveryNStepsClosest{10}, at({5, 15, 25})) == Steps{5, 25});  // 0, 2, 2
  CHECK(kept(EveryNStepsClosest{10, 1}, at({8, 12, 16})) == Steps{16});
  CHECK(kept(EveryNStepsClosest{10}, {}).empty());
}

TEST_CASE("the best n are kept, in either direction, the later of equal ones; steps without metrics beside them unless told otherwise") {
  const auto infos = with_loss({0.5, 0.1, std::nullopt, 0.9, 0.1});
  CHECK(kept(BestN{loss, false, 2}, infos) == Steps{0, 2, 3});
  CHECK(kept(BestN{loss, true, 1}, infos) == Steps{2, 4});
  CHECK(kept(BestN{loss, true, 1, false}, infos) == Steps{4});
  CHECK(kept(BestN{loss, false, 5}, infos) == Steps{0, 1, 2, 3, 4});
  CHECK(kept(BestN{loss, false, 0}, infos).empty());
  CHECK(best_of(infos, loss, false) == 3);
  CHECK(best_of(infos, loss, true) == 4);
  CHECK_FALSE(best_of(with_loss({std::nullopt}), loss, true));
}

TEST_CASE("what is no number is the worst, whichever end is the best") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const bool reverse : {false, true}) {
    CHECK(kept(BestN{loss, reverse, 2}, with_loss({nan, 0.5, nan, 0.4})) == Steps{1, 3});
    CHECK(best_of(with_loss({0.3, nan}), loss, reverse) == 0);
  }
}

TEST_CASE("a duration keeps everything from the first step that is young enough") {
  CHECK(kept(LatestDuration{seconds(20)}, at({1, 2, 3, 4}), StepTime(seconds(40))) == Steps{2, 3, 4});
  CHECK(kept(LatestDuration{seconds(20)}, at({1, 2}), StepTime(seconds(100))).empty());
}

TEST_CASE("several policies keep what any of them keeps, and the dry run says which hold a step") {
  const PreservationPolicy policy = AnyPreservationPolicy{{EveryNSteps{4}, LatestN{2}, CustomSteps{{1}}}};
  CHECK(kept(policy, at({0, 1, 2, 3, 4})) == Steps{0, 1, 3, 4});
  const std::vector<StepVerdict> verdicts = policy.explain(at({0, 1, 2, 3, 4}));
  CHECK(verdicts[0].reason == "a multiple of 4");
  CHECK(verdicts[1].reason == "one of the steps 1");
  CHECK_FALSE(verdicts[2].stays);
  CHECK(verdicts[2].reason == "not a multiple of 4, nor among the latest 2, nor one of the steps 1");
  CHECK(verdicts[4].reason == "a multiple of 4, among the latest 2");
  CHECK(kept(PreserveAll{}, at({1, 2})) == Steps{1, 2});
  CHECK_THROWS_AS(kept(AnyPreservationPolicy{}, at({1})), ArgumentError);
}

TEST_CASE("the classic options are those policies") {
  const auto infos = at({0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(kept(preservation_policy_of({.max_to_keep = 2}), infos) == Steps{6, 7});
  CHECK(kept(preservation_policy_of({.max_to_keep = 1, .keep_time_interval = seconds(30), .keep_period = 5}), infos) ==
        Steps{0, 3, 5, 6, 7});
  CHECK(kept(preservation_policy_of({.max_to_keep = 1, .should_keep_fn = [](std::int64_t step) { return step == 2; }}), infos) ==
        Steps{2, 7});
  CHECK(kept(preservation_policy_of({.max_to_keep = 1, .best_fn = loss, .best_mode = "min"}), with_loss({0.2, 0.1, 0.3})) == Steps{1});
  CHECK(kept(preservation_policy_of({}), infos).size() == 8);
  CHECK(kept(preservation_policy_of({.preservation_policy = LatestN{3}}), infos) == Steps{5, 6, 7});

  const SaveDecisionPolicy classic = save_decision_policy_of({.save_interval_steps = 10, .save_on_steps = {13}});
  CHECK(saves(classic, 3, {}));
  CHECK(saves(classic, 13, {3}));
  CHECK(saves(classic, 20, {13}));
  CHECK_FALSE(saves(classic, 21, {20}));
  CHECK(saves(classic, 21, {20}, {.reached_preemption = true}));
  const SaveDecisionPolicy own =
      save_decision_policy_of({.save_interval_steps = 10, .should_save_fn = [](std::int64_t step, auto) { return step == 4; }});
  CHECK(saves(own, 4, {}));
  CHECK_FALSE(saves(own, 10, {}));
  CHECK_FALSE(saves(save_decision_policy_of({.save_decision_policy = SpecificStepsPolicy{{9}}}), 10, {}));
}

TEST_CASE("options that contradict one another are refused") {
  CHECK_THROWS_WITH_AS(check_options({.best_mode = "most"}), doctest::Contains("best_mode"), ArgumentError);
  CHECK_THROWS_AS(check_options({.max_to_keep = -1}), ArgumentError);
  CHECK_THROWS_AS(check_options({.keep_period = 0}), ArgumentError);
  CHECK_THROWS_AS(check_options({.save_interval_steps = 0}), ArgumentError);
  CHECK_NOTHROW(check_options({.save_interval_steps = 0, .read_only = true}));
  CHECK_THROWS_WITH_AS(check_options({.max_to_keep = 2, .preservation_policy = LatestN{2}}), doctest::Contains("mutually exclusive"),
                       ArgumentError);
}

TEST_CASE("times and metrics are read only for policies that look at them") {
  CHECK_FALSE(preservation_policy_of({.max_to_keep = 2, .keep_period = 5}).needs_times());
  CHECK(preservation_policy_of({.max_to_keep = 2, .keep_time_interval = seconds(1)}).needs_times());
  CHECK_FALSE(preservation_policy_of({.max_to_keep = 2}).needs_metrics());
  CHECK(preservation_policy_of({.max_to_keep = 2, .best_fn = loss}).needs_metrics());
  CHECK(SaveDecisionPolicy(ContinuousCheckpointingPolicy{seconds(1)}).needs_times());
  CHECK_FALSE(save_decision_policy_of({}).needs_times());
}
