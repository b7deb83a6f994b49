// When to save: the save decision policies of Orbax (spec/orbax.md 6.2), pure functions of the step at hand, of the steps there are and of
// what goes on. That read-only managers never save, and no step at or before the latest is, stands above them (checkpoint_manager.hpp).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/manager/step_info.hpp"

namespace orrery::inline v0 {

struct SaveContext {
  bool is_saving_in_progress = false;
  bool reached_preemption = false;  // the process was told to end soon
};

struct SaveDecision {
  bool saves;
  std::string reason;  // "step 10 is a multiple of 5", "no policy asks for it"
};

// Any policy. A rule is a class with
//   bool should_save(const StepInfo& step, std::span<const StepInfo> previous, const SaveContext&) const
//   std::string description() const                    // "a multiple of 5"
//   static constexpr bool needs_times                  // absent: true. Looks at the times of previous steps, which must then be read
// or any function of those three arguments. Rules are values: they look at nothing else.
class SaveDecisionPolicy {
 public:
  using Function = std::function<bool(const StepInfo&, std::span<const StepInfo>, const SaveContext&)>;

  template <OnUse = OnUse()>
  SaveDecisionPolicy(Function decide, std::string description) : decide_(std::move(decide)), description_(std::move(description)) {}
  template <class Rule>
    requires requires(const Rule& rule) { rule.description(); }
  SaveDecisionPolicy(Rule rule) : description_(rule.description()) {
    if constexpr (requires { Rule::needs_times; }) needs_times_ = Rule::needs_times;
    if constexpr (requires { rule.policies; }) {
      children_ = rule.policies;
      needs_times_ = std::any_of(children_.begin(), children_.end(), [](const SaveDecisionPolicy& child) { return child.needs_times(); });
    }
    decide_ = [rule = std::move(rule)](const StepInfo& step, std::span<const StepInfo> previous, const SaveContext& context) {
      return rule.should_save(step, previous, context);
    };
  }
  template <class Call>
    requires(std::is_invocable_r_v<bool, const Call&, const StepInfo&, std::span<const StepInfo>, const SaveContext&>)
  SaveDecisionPolicy(Call call) : SaveDecisionPolicy(Function(std::move(call)), "the caller's own policy") {}

  template <OnUse = OnUse()>
  bool should_save(const StepInfo& step, std::span<const StepInfo> previous, const SaveContext& context = {}) const {
    return decide_(step, previous, context);
  }
  const std::string& description() const noexcept { return description_; }
  bool needs_times() const noexcept { return needs_times_; }
  // The same decision, and which of the policies inside made it.
  template <OnUse = OnUse()>
  SaveDecision explain(const StepInfo& step, std::span<const StepInfo> previous, const SaveContext& context = {}) const {
    if (!should_save(step, previous, context)) return {false, "not " + description_};
    for (const SaveDecisionPolicy& child : children_)
      if (child.should_save(step, previous, context)) return child.explain(step, previous, context);
    return {true, description_};
  }

 private:
  Function decide_;
  std::string description_;
  bool needs_times_ = true;
  std::vector<SaveDecisionPolicy> children_{};
};

namespace detail {

template <OnUse = OnUse()>
inline std::string list_of(std::span<const std::int64_t> steps) {
  std::string text;
  for (const std::int64_t step : steps) text += (text.empty() ? "" : ", ") + std::to_string(step);
  return text;
}

inline void check_interval(std::int64_t interval, std::string_view name) {
  if (interval < 1) throw ArgumentError(std::string(name) + " must be at least 1, found " + std::to_string(interval));
}

}  // namespace detail

// Every so many steps, counted from 0.
struct FixedIntervalPolicy {
  std::int64_t interval = 1;

  static constexpr bool needs_times = false;
  bool should_save(const StepInfo& step, std::span<const StepInfo>, const SaveContext&) const {
    detail::check_interval(interval, "the interval of saves");
    return step.step % interval == 0;
  }
  std::string description() const { return "a multiple of " + std::to_string(interval); }
};

struct SpecificStepsPolicy {
  std::vector<std::int64_t> steps{};

  static constexpr bool needs_times = false;
  template <OnUse = OnUse()>
  bool should_save(const StepInfo& step, std::span<const StepInfo>, const SaveContext&) const {
    return std::find(steps.begin(), steps.end(), step.step) != steps.end();
  }
  template <OnUse = OnUse()>
  std::string description() const {
    return "one of the steps " + detail::list_of(steps);
  }
};

// As often as can be without waiting for the save before, and no sooner after that one than the interval.
struct ContinuousCheckpointingPolicy {
  std::optional<std::chrono::seconds> minimum_interval{};

  template <OnUse = OnUse()>
  bool should_save(const StepInfo& step, std::span<const StepInfo> previous, const SaveContext& context) const {
    if (context.is_saving_in_progress) return false;
    if (previous.empty() || !minimum_interval) return true;
    return step.time - previous.back().time >= *minimum_interval;
  }
  template <OnUse = OnUse()>
  std::string description() const {
    std::string text = "no save under way";
    if (minimum_interval) text += ", and the last at least " + std::to_string(minimum_interval->count()) + " s ago";
    return text;
  }
};

// Once the process has been told to end.
struct PreemptionCheckpointingPolicy {
  static constexpr bool needs_times = false;
  bool should_save(const StepInfo&, std::span<const StepInfo>, const SaveContext& context) const { return context.reached_preemption; }
  std::string description() const { return "the process is about to be ended"; }
};

// The first step, whatever its number.
struct InitialSavePolicy {
  static constexpr bool needs_times = false;
  template <OnUse = OnUse()>
  bool should_save(const StepInfo&, std::span<const StepInfo> previous, const SaveContext&) const {
    return previous.empty();
  }
  std::string description() const { return "the first step"; }
};

// A function of the step and of the latest one.
struct ShouldSaveFnPolicy {
  std::function<bool(std::int64_t step, std::optional<std::int64_t> latest)> should_save_fn{};

  static constexpr bool needs_times = false;
  template <OnUse = OnUse()>
  bool should_save(const StepInfo& step, std::span<const StepInfo> previous, const SaveContext&) const {
    return should_save_fn(step.step, previous.empty() ? std::nullopt : std::optional(previous.back().step));
  }
  std::string description() const { return "what should_save_fn asks for"; }
};

// When any of them says so. They are asked in order, and no more once one has.
struct AnySavePolicy {
  std::vector<SaveDecisionPolicy> policies{};

  template <OnUse = OnUse()>
  bool should_save(const StepInfo& step, std::span<const StepInfo> previous, const SaveContext& context) const {
    return std::any_of(policies.begin(), policies.end(),
                       [&](const SaveDecisionPolicy& policy) { return policy.should_save(step, previous, context); });
  }
  template <OnUse = OnUse()>
  std::string description() const {
    std::string text;
    for (const SaveDecisionPolicy& policy : policies) text += (text.empty() ? "" : ", or ") + policy.description();
    return text;
  }
};

}  // namespace orrery::inline v0
