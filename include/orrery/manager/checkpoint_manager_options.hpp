// What a CheckpointManager can be told: the options of Orbax's CheckpointManagerOptions that make sense without Python (spec/orbax.md 6.2),
// in its order, then ours; and the policies that the classic ones among them stand for.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "orrery/core/on_use.hpp"
#include "orrery/core/error.hpp"
#include "orrery/distributed/coordinator.hpp"
#include "orrery/manager/metrics.hpp"
#include "orrery/manager/policies.hpp"
#include "orrery/orbax/async_engine.hpp"
#include "orrery/orbax/options.hpp"

namespace orrery::inline v0 {

struct CheckpointManagerOptions {
  std::int64_t save_interval_steps = 1;                      // saves steps that are multiples of it
  std::optional<std::int64_t> max_to_keep{};                 // the newest, or with best_fn the best; absent: all; 0: none
  std::optional<std::chrono::seconds> keep_time_interval{};  // and one every so often
  std::optional<std::int64_t> keep_period{};                 // and multiples of it
  std::function<bool(std::int64_t step)> should_keep_fn{};   // and those
  std::function<double(const Metrics&)> best_fn{};           // how good a step is; metrics are kept on the disk only with it
  std::string best_mode = "max";                             // "min": the least value is the best
  bool keep_checkpoints_without_metrics = true;              // beside the best
  std::optional<std::string> step_prefix{};                  // "checkpoint": checkpoint_7
  std::optional<int> step_format_fixed_length{};             // 4: 0007
  bool create = true;                                        // make the root; false: NotFoundError where there is none
  bool cleanup_tmp_directories = false;                      // remove what dead saves left, on opening
  std::vector<std::int64_t> save_on_steps{};                 // saved too
  std::optional<std::string> todelete_subdir{};              // deleted steps are moved to <root>/<that>/ and stay there
  bool read_only = false;                                    // save() is false, delete_step() does nothing, nothing is made
  bool enable_async_checkpointing = false;                   // save() returns when it has the state; false: when all is done
  AsyncOptions async_options{};                              // of that; with an AsyncCheckpointer its own count
  std::function<bool(std::int64_t step, std::optional<std::int64_t> latest)> should_save_fn{};  // instead of the interval, save_on_steps
                                                                                                // and the first step
  bool save_root_metadata = true;
  std::optional<SaveDecisionPolicy> save_decision_policy{};  // decides alone
  std::optional<PreservationPolicy> preservation_policy{};   // decides alone; not together with max_to_keep and its like
  bool prevent_write_metrics = false;                        // keep metrics in memory, off the disk
  std::string metadata{};                                    // a JSON object about the root, written once
  std::shared_ptr<Coordinator> processes{};                  // that all make this manager and call it together: rank 0 opens the root, and
                                                             // decides for all; absent: those of the first sharded state that is saved
};

// Of one save.
struct ManagerSaveArgs {
  Metrics metrics{};              // {{"loss", 0.3}}
  bool force = false;             // whatever the policy says; a step that exists stays an error
  SaveOptions save{};             // of every item; its force means nothing here
  std::string custom_metadata{};  // a JSON object about the step
};

// ArgumentError for options that contradict one another.
template <OnUse = OnUse()>
inline void check_options(const CheckpointManagerOptions& options) {
  if (options.best_mode != "min" && options.best_mode != "max")
    throw ArgumentError("`best_mode` must be one of: \"min\", \"max\"; found \"" + options.best_mode + "\"");
  if (!options.preservation_policy) detail::check_count(options.max_to_keep, "max_to_keep");
  if (options.preservation_policy && (options.max_to_keep.value_or(0) != 0 || options.keep_time_interval ||
                                      options.keep_period.value_or(0) != 0 || options.should_keep_fn))
    throw ArgumentError(
        "`preservation_policy` and `delete options` are mutually exclusive - do not use together: max_to_keep, keep_time_interval, "
        "keep_period and should_keep_fn are policies too, LatestN, EveryNSeconds, EveryNSteps and ShouldKeepFn");
  if (options.keep_period && *options.keep_period < 1)
    throw ArgumentError("keep_period must be at least 1, found " + std::to_string(*options.keep_period));
  if (!options.read_only && !options.save_decision_policy && !options.should_save_fn)
    detail::check_interval(options.save_interval_steps, "save_interval_steps");
}

// When to save, from those options.
template <OnUse = OnUse()>
inline SaveDecisionPolicy save_decision_policy_of(const CheckpointManagerOptions& options) {
  if (options.save_decision_policy) return *options.save_decision_policy;
  AnySavePolicy any;
  if (options.should_save_fn) {
    any.policies.push_back(ShouldSaveFnPolicy{options.should_save_fn});
    any.policies.push_back(PreemptionCheckpointingPolicy{});
  } else {
    any.policies.push_back(FixedIntervalPolicy{options.save_interval_steps});
    if (!options.save_on_steps.empty()) any.policies.push_back(SpecificStepsPolicy{options.save_on_steps});
    any.policies.push_back(PreemptionCheckpointingPolicy{});
    any.policies.push_back(InitialSavePolicy{});
  }
  return any;
}

// What to keep, from those options.
template <OnUse = OnUse()>
inline PreservationPolicy preservation_policy_of(const CheckpointManagerOptions& options) {
  if (options.preservation_policy) return *options.preservation_policy;
  AnyPreservationPolicy any;
  if (options.keep_period) any.policies.push_back(EveryNSteps{*options.keep_period});
  if (options.keep_time_interval) any.policies.push_back(EveryNSeconds{*options.keep_time_interval});
  if (options.should_keep_fn) any.policies.push_back(ShouldKeepFn{options.should_keep_fn});
  if (options.best_fn)
    any.policies.push_back(
        BestN{options.best_fn, options.best_mode == "min", options.max_to_keep, options.keep_checkpoints_without_metrics});
  else
    any.policies.push_back(LatestN{options.max_to_keep});
  return any;
}

}  // namespace orrery::inline v0
