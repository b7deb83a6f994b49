// What to keep: the preservation policies of Orbax (spec/orbax.md 6.2), pure functions of the list of steps, in the order in which they
// were saved, the new one last. Deleting what they let go is known to delete_steps.hpp.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/manager/save_policies.hpp"
#include "orrery/manager/step_info.hpp"

namespace orrery::inline v0 {

struct PreservationContext {
  StepTime now = orrery::now();
};

// Of one step.
struct StepVerdict {
  std::int64_t step;
  bool stays;
  std::string reason;  // "among the latest 3"
};

// Any policy. A rule is a class with
//   std::vector<bool> should_preserve(std::span<const StepInfo> steps, const PreservationContext&) const      // one for each step
//   std::string description() const                                                                           // "among the latest 3"
//   static constexpr bool needs_times, needs_metrics                                                          // absent: true
// or any function of those two arguments. The new step has no protection: a policy may let it go.
class PreservationPolicy {
 public:
  using Function = std::function<std::vector<bool>(std::span<const StepInfo>, const PreservationContext&)>;

  template <OnUse = OnUse()>
  PreservationPolicy(Function decide, std::string description) : decide_(std::move(decide)), description_(std::move(description)) {}
  template <class Rule>
    requires requires(const Rule& rule) { rule.description(); }
  PreservationPolicy(Rule rule) : description_(rule.description()) {
    if constexpr (requires { Rule::needs_times; }) needs_times_ = Rule::needs_times;
    if constexpr (requires { Rule::needs_metrics; }) needs_metrics_ = Rule::needs_metrics;
    if constexpr (requires { rule.policies; }) {
      children_ = rule.policies;
      const auto any = [&](auto what) { return std::any_of(children_.begin(), children_.end(), what); };
      needs_times_ = any([](const PreservationPolicy& child) { return child.needs_times(); });
      needs_metrics_ = any([](const PreservationPolicy& child) { return child.needs_metrics(); });
    }
    decide_ = [rule = std::move(rule)](std::span<const StepInfo> steps, const PreservationContext& context) {
      return rule.should_preserve(steps, context);
    };
  }
  template <class Call>
    requires(std::is_invocable_r_v<std::vector<bool>, const Call&, std::span<const StepInfo>, const PreservationContext&>)
  PreservationPolicy(Call call) : PreservationPolicy(Function(std::move(call)), "kept by the caller's own policy") {}

  // One for each step; ArgumentError where a policy answers for another number of steps.
  template <OnUse = OnUse()>
  std::vector<bool> should_preserve(std::span<const StepInfo> steps, const PreservationContext& context = {}) const {
    std::vector<bool> stays = decide_(steps, context);
    if (stays.size() != steps.size())
      throw ArgumentError("a preservation policy (" + description_ + ") answered for " + std::to_string(stays.size()) + " steps of " +
                          std::to_string(steps.size()));
    return stays;
  }
  const std::string& description() const noexcept { return description_; }
  bool needs_times() const noexcept { return needs_times_; }
  bool needs_metrics() const noexcept { return needs_metrics_; }

  // The same, step by step, with all policies inside that hold a step: what a deletion would do, and why.
  template <OnUse = OnUse()>
  std::vector<StepVerdict> explain(std::span<const StepInfo> steps, const PreservationContext& context = {}) const {
    const std::vector<bool> stays = should_preserve(steps, context);
    std::vector<StepVerdict> verdicts;
    for (std::size_t i = 0; i < steps.size(); ++i)
      verdicts.push_back({steps[i].step, stays[i], stays[i] ? (children_.empty() ? description_ : "") : "not " + description_});
    for (const PreservationPolicy& child : children_) {
      const std::vector<StepVerdict> below = child.explain(steps, context);
      for (std::size_t i = 0; i < steps.size(); ++i)
        if (stays[i] && below[i].stays) verdicts[i].reason += (verdicts[i].reason.empty() ? "" : ", ") + below[i].reason;
    }
    return verdicts;
  }

 private:
  Function decide_;
  std::string description_;
  bool needs_times_ = true;
  bool needs_metrics_ = true;
  std::vector<PreservationPolicy> children_{};
};

namespace detail {

// Only the last `most` of those that stay. 0 limits nothing: Orbax counts from the end, and there -0 is the start.
template <OnUse = OnUse()>
inline void keep_last(std::vector<bool>& stays, std::optional<std::int64_t> most) {
  if (!most || *most == 0) return;
  check_interval(*most, "max_to_keep");
  std::int64_t over = std::count(stays.begin(), stays.end(), true) - *most;
  for (std::size_t i = 0; i < stays.size() && over > 0; ++i)
    if (stays[i]) {
      stays[i] = false;
      --over;
    }
}

template <OnUse = OnUse()>
inline void check_count(std::optional<std::int64_t> n, std::string_view name) {
  if (n && *n < 0) throw ArgumentError("Setting of `" + std::string(name) + "` must be None or non-negative, found " + std::to_string(*n));
}

// The order of quality, worst first; equal ones as they stand. What is no number is worst.
template <OnUse = OnUse()>
inline void sort_by_quality(std::vector<std::pair<double, std::size_t>>& values, bool reverse) {
  const auto key = [&](double value) { return std::isnan(value) ? -std::numeric_limits<double>::infinity() : reverse ? -value : value; };
  std::stable_sort(values.begin(), values.end(), [&](const auto& a, const auto& b) { return key(a.first) < key(b.first); });
}

}  // namespace detail

struct PreserveAll {
  static constexpr bool needs_times = false, needs_metrics = false;
  template <OnUse = OnUse()>
  std::vector<bool> should_preserve(std::span<const StepInfo> steps, const PreservationContext&) const {
    return std::vector<bool>(steps.size(), true);
  }
  std::string description() const { return "all are kept"; }
};

// The last n; all without one.
struct LatestN {
  std::optional<std::int64_t> n{};

  static constexpr bool needs_times = false, needs_metrics = false;
  template <OnUse = OnUse()>
  std::vector<bool> should_preserve(std::span<const StepInfo> steps, const PreservationContext&) const {
    detail::check_count(n, "n");
    const std::size_t kept = n ? std::min(steps.size(), static_cast<std::size_t>(*n)) : steps.size();
    std::vector<bool> stays(steps.size(), false);
    std::fill(stays.end() - static_cast<std::ptrdiff_t>(kept), stays.end(), true);
    return stays;
  }
  template <OnUse = OnUse()>
  std::string description() const {
    return n ? "among the latest " + std::to_string(*n) : "all are kept";
  }
};

// The first, and each that is at least that much later than the one kept before it.
struct EveryNSeconds {
  std::chrono::seconds interval{};

  static constexpr bool needs_metrics = false;
  template <OnUse = OnUse()>
  std::vector<bool> should_preserve(std::span<const StepInfo> steps, const PreservationContext&) const {
    std::vector<bool> stays(steps.size(), false);
    const StepInfo* last = nullptr;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (last && steps[i].time - last->time < interval) continue;
      last = &steps[i];
      stays[i] = true;
    }
    return stays;
  }
  template <OnUse = OnUse()>
  std::string description() const {
    return "one every " + std::to_string(interval.count()) + " s";
  }
};

// Multiples of the interval. Not exact: the first, and each at least that many steps after the one kept before it.
struct EveryNSteps {
  std::int64_t interval_steps = 1;
  bool exact_interval = true;
  std::optional<std::int64_t> max_to_keep{};  // the latest of them

  static constexpr bool needs_times = false, needs_metrics = false;
  template <OnUse = OnUse()>
  std::vector<bool> should_preserve(std::span<const StepInfo> steps, const PreservationContext&) const {
    detail::check_interval(interval_steps, "interval_steps");
    std::vector<bool> stays(steps.size(), false);
    const StepInfo* last = nullptr;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (exact_interval ? steps[i].step % interval_steps != 0 : last && steps[i].step - last->step < interval_steps) continue;
      last = &steps[i];
      stays[i] = true;
    }
    detail::keep_last(stays, max_to_keep);
    return stays;
  }
  std::string description() const {
    return exact_interval ? "a multiple of " + std::to_string(interval_steps) : "one every " + std::to_string(interval_steps) + " steps";
  }
};

// For each multiple of the interval the step nearest to it, the later of two equally near; and the last one.
struct EveryNStepsClosest {
  std::int64_t interval_steps = 1;
  std::optional<std::int64_t> max_to_keep{};

  static constexpr bool needs_times = false, needs_metrics = false;
  template <OnUse = OnUse()>
  std::vector<bool> should_preserve(std::span<const StepInfo> steps, const PreservationContext&) const {
    detail::check_interval(interval_steps, "interval_steps");
    std::map<std::int64_t, std::pair<std::int64_t, std::size_t>> nearest;  // of each multiple: how far, which
    for (std::size_t i = 0; i < steps.size(); ++i) {
      std::int64_t multiple = steps[i].step / interval_steps;
      const std::int64_t rest = steps[i].step % interval_steps, above = interval_steps - rest;
      const bool up = above < rest || (above == rest && multiple % 2 != 0);  // halves go to the even one, as Python rounds
      multiple += up;
      const std::pair<std::int64_t, std::size_t> found{up ? above : rest, i};
      const auto [at, is_new] = nearest.emplace(multiple, found);
      if (!is_new && found.first <= at->second.first) at->second = found;
    }
    std::vector<bool> stays(steps.size(), false);
    for (const auto& [multiple, found] : nearest) stays[found.second] = true;
    if (!stays.empty()) stays.back() = true;
    detail::keep_last(stays, max_to_keep);
    return stays;
  }
  std::string description() const { return "nearest to a multiple of " + std::to_string(interval_steps) + ", or the last"; }
};

struct CustomSteps {
  std::vector<std::int64_t> steps{};

  static constexpr bool needs_times = false, needs_metrics = false;
  template <OnUse = OnUse()>
  std::vector<bool> should_preserve(std::span<const StepInfo> all, const PreservationContext&) const {
    std::vector<bool> stays;
    for (const StepInfo& info : all) stays.push_back(std::find(steps.begin(), steps.end(), info.step) != steps.end());
    return stays;
  }
  template <OnUse = OnUse()>
  std::string description() const {
    return "one of the steps " + detail::list_of(steps);
  }
};

// Those that a function of the step asks for (Orbax's option should_keep_fn up to 0.11).
struct ShouldKeepFn {
  std::function<bool(std::int64_t step)> should_keep_fn{};

  static constexpr bool needs_times = false, needs_metrics = false;
  template <OnUse = OnUse()>
  std::vector<bool> should_preserve(std::span<const StepInfo> steps, const PreservationContext&) const {
    std::vector<bool> stays;
    for (const StepInfo& info : steps) stays.push_back(should_keep_fn(info.step));
    return stays;
  }
  std::string description() const { return "what should_keep_fn asks for"; }
};

// The n with the greatest (reverse: least) values, the later of equal ones. Steps without metrics are not counted among the n, and stay
// unless told otherwise; but where there are no more than n steps at all, every one stays.
struct BestN {
  std::function<double(const Metrics&)> get_metric_fn{};
  bool reverse = false;
  std::optional<std::int64_t> n{};
  bool keep_checkpoints_without_metrics = true;

  static constexpr bool needs_times = false;
  template <OnUse = OnUse()>
  std::vector<bool> should_preserve(std::span<const StepInfo> steps, const PreservationContext&) const {
    detail::check_count(n, "n");
    if (!n || steps.size() <= static_cast<std::size_t>(*n)) return std::vector<bool>(steps.size(), true);
    std::vector<bool> stays(steps.size(), false);
    if (*n == 0) return stays;
    std::vector<std::pair<double, std::size_t>> values;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].metrics.empty())
        stays[i] = keep_checkpoints_without_metrics;
      else
        values.emplace_back(get_metric_fn(steps[i].metrics), i);
    }
    detail::sort_by_quality(values, reverse);
    const std::size_t over = values.size() - std::min(values.size(), static_cast<std::size_t>(*n));
    for (std::size_t i = over; i < values.size(); ++i) stays[values[i].second] = true;
    return stays;
  }
  template <OnUse = OnUse()>
  std::string description() const {
    if (!n) return "all are kept";
    return "among the best " + std::to_string(*n) + (keep_checkpoints_without_metrics ? " or without metrics" : "");
  }
};

// From the first step that is no older than that.
struct LatestDuration {
  std::chrono::seconds duration{};

  static constexpr bool needs_metrics = false;
  template <OnUse = OnUse()>
  std::vector<bool> should_preserve(std::span<const StepInfo> steps, const PreservationContext& context) const {
    std::vector<bool> stays(steps.size(), false);
    const auto first = std::find_if(steps.begin(), steps.end(), [&](const StepInfo& info) { return context.now - info.time <= duration; });
    std::fill(stays.begin() + (first - steps.begin()), stays.end(), true);
    return stays;
  }
  template <OnUse = OnUse()>
  std::string description() const {
    return "of the last " + std::to_string(duration.count()) + " s";
  }
};

// What any of them keeps.
struct AnyPreservationPolicy {
  std::vector<PreservationPolicy> policies{};

  template <OnUse = OnUse()>
  std::vector<bool> should_preserve(std::span<const StepInfo> steps, const PreservationContext& context) const {
    if (policies.empty()) throw ArgumentError("AnyPreservationPolicy needs a policy; PreserveAll keeps every step");
    std::vector<bool> stays(steps.size(), false);
    for (const PreservationPolicy& policy : policies) {
      const std::vector<bool> below = policy.should_preserve(steps, context);
      for (std::size_t i = 0; i < steps.size(); ++i)
        if (below[i]) stays[i] = true;
    }
    return stays;
  }
  template <OnUse = OnUse()>
  std::string description() const {
    std::string text;
    for (const PreservationPolicy& policy : policies) text += (text.empty() ? "" : ", nor ") + policy.description();
    return text;
  }
};

// The best of `steps` by that function, the later of equal ones; absent where none has metrics.
template <OnUse = OnUse()>
inline std::optional<std::int64_t> best_of(std::span<const StepInfo> steps, const std::function<double(const Metrics&)>& best_fn,
                                           bool reverse) {
  std::vector<std::pair<double, std::size_t>> values;
  for (std::size_t i = 0; i < steps.size(); ++i)
    if (!steps[i].metrics.empty()) values.emplace_back(best_fn(steps[i].metrics), i);
  detail::sort_by_quality(values, reverse);
  return values.empty() ? std::nullopt : std::optional(steps[values.back().second].step);
}

}  // namespace orrery::inline v0
