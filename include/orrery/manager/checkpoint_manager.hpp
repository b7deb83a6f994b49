// CheckpointManager: many steps in one directory, as Orbax's class of that name. It decides by policies (policies.hpp) when to save and
// what to keep, writes steps through step_directory.hpp, and deletes through delete_steps.hpp; what a step holds is known to items.hpp
// and restore_items.hpp.
#pragma once

#include <signal.h>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/log.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/manager/checkpoint_manager_options.hpp"
#include "orrery/manager/delete_steps.hpp"
#include "orrery/manager/items.hpp"
#include "orrery/manager/policies.hpp"
#include "orrery/manager/restore_items.hpp"
#include "orrery/manager/root_metadata.hpp"
#include "orrery/manager/step_list.hpp"
#include "orrery/orbax/async_checkpointer.hpp"
#include "orrery/orbax/async_engine.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/storage/preemption.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0 {

// What a step says of itself.
struct StepMetadata {
  std::int64_t step;
  std::optional<StepTime> init_time{}, commit_time{};
  std::string custom_metadata = "{}";  // a JSON object
  Metrics metrics{};
  ItemMetadata item_metadata{{}, {}};
};

// What restore_latest_intact found.
template <class T>
struct IntactStep {
  struct Skipped {
    std::int64_t step;
    std::string reason;
  };

  T state;
  std::int64_t step;
  std::vector<Skipped> skipped{};  // newer steps, newest first, and what is wrong with each
  operator T() && { return std::move(state); }
};

// Not for several threads at once; one writer at a time per directory, readers as many as there are. Steps appear complete or not at all.
// Make it once, outside of the training loop.
class CheckpointManager {
 public:
  // Makes the directory, finds the steps in it, and clears away what a dead process left half deleted. ArgumentError for options that
  // contradict one another; NotFoundError where there is no directory and none is to be made; IoError.
  template <OnUse = OnUse()>
  explicit CheckpointManager(std::string directory, CheckpointManagerOptions options = {});
  // Around a checkpointer, as in the guide.
  template <OnUse = OnUse()>
  CheckpointManager(std::string directory, const PyTreeCheckpointer&, CheckpointManagerOptions options = {})
      : CheckpointManager(std::move(directory), std::move(options)) {}
  // ... in the background: the checkpointer's memory and thread are used, one save at a time for all that share it.
  template <OnUse = OnUse()>
  CheckpointManager(std::string directory, const AsyncCheckpointer& checkpointer, CheckpointManagerOptions options = {})
      : CheckpointManager(std::move(directory), orbax::engine_of(checkpointer), std::move(options)) {}
  CheckpointManager(const CheckpointManager&) = delete;
  CheckpointManager& operator=(const CheckpointManager&) = delete;
  ~CheckpointManager() { end_(*this); }  // waits; what nobody has asked for goes to the log handler

  const std::string& directory() const noexcept { return directory_; }

  // --- saving
  // Saves if the policy says so, or with force, then deletes what the policy no longer keeps; false where it does not. `state` is a pytree,
  // JsonItem, ArrayItem or what has an ItemHandler, or a Composite of them; a manager is for the one or the other. AlreadyExistsError for a
  // step that is there; ArgumentError; IoError, after which the step is not there, unless it came from deleting others.
  // Of several processes, with sharded arrays or options.processes: all call it with the same step, rank 0 decides, writes what is not
  // cut and deletes, and it throws the same in all of them.
  // In the background: waits for the save before, throws what that failed with, takes the state as AsyncCheckpointer does (a copy;
  // std::move(state); borrow(state)) and returns. The step counts from now on, here; others see it when it is whole.
  template <class T>
  bool save(std::int64_t step, T&& state, const ManagerSaveArgs& args = {}) {
    constexpr bool several = std::same_as<std::remove_cvref_t<T>, Composite>;
    std::optional<orbax::AsyncEngine::Turn> turn;
    if (!begin_save(step, args, several, turn)) return false;
    std::vector<StepItem> items;
    std::exception_ptr failure;
    try {
      if constexpr (several)
        for (const Composite::Entry& entry : state.entries()) items.push_back(entry.item(turn ? &*turn : nullptr));
      else
        items.push_back(detail::item_of(std::string(default_item_name), std::forward<T>(state), turn ? &*turn : nullptr));
    } catch (...) {
      failure = std::current_exception();
    }
    finish_save(step, std::move(items), std::move(failure), args, std::move(turn));
    return true;
  }
  template <OnUse = OnUse()>
  bool should_save(std::int64_t step) {
    return save_decision(step).saves;
  }
  // ... and why.
  template <OnUse = OnUse()>
  SaveDecision save_decision(std::int64_t step);
  // From now on the signal ends nothing: should_save() is true once it has come (for a step behind the latest), whatever the interval, and
  // reached_preemption() tells the loop to leave after that. Until the manager goes.
  template <OnUse = OnUse()>
  void on_preemption(int signal = SIGTERM) {
    preemptions_.push_back(std::make_unique<PreemptionGuard>(signal));
  }
  template <OnUse = OnUse()>
  bool reached_preemption() const noexcept;
  // For every step whether the policy keeps it, and why; deletes nothing.
  template <OnUse = OnUse()>
  std::vector<StepVerdict> preservation_verdicts();
  // Deletes what the policy does not keep, without a save; the steps that went. Nothing where the manager is read only.
  template <OnUse = OnUse()>
  std::vector<std::int64_t> prune();

  // --- restoring; without a step: the latest
  // As PyTreeCheckpointer's: the one item without a name, or the only pytree among several. NotFoundError where there is no such step.
  template <class T>
  T restore(std::optional<std::int64_t> step = {}, const RestoreOptions& options = {}) {
    return detail::restore_item<T>(item_directory(step), options, std::nullopt);
  }
  template <class T>
    requires(!std::same_as<std::remove_cvref_t<T>, RestoreOptions>)
  T restore(std::optional<std::int64_t> step, T target, const RestoreOptions& options = {}) {
    return detail::restore_item<T>(item_directory(step), options, std::move(target));
  }
  template <class T>
  RestoreReport restore_into(std::optional<std::int64_t> step, T& target, const RestoreOptions& options = {}) {
    return PyTreeCheckpointer().restore_into(item_directory(step), target, options);
  }
  // The item without a name as a tree; of a step of several a dict of all, JSON and metrics too.
  template <OnUse = OnUse()>
  Tree restore(std::optional<std::int64_t> step = {}, const RestoreOptions& options = {}) {
    return restore_step_tree(step_directory(step), options);
  }
  // Those items: auto [state, config] = manager.restore(step, items<Checkpoint, JsonItem>("state", "config")). KeyError for a missing one.
  template <class... T>
  std::tuple<T...> restore(std::optional<std::int64_t> step, ItemList<T...> list, const RestoreOptions& options = {}) {
    return restore_items(step_directory(step), std::move(list), options, std::index_sequence_for<T...>());
  }
  // The newest step whose files are all there and right. What is damaged is skipped, and said; a step that does not fit T is a
  // MismatchError all the same. NotFoundError, which tells of each step, where none is left.
  template <class T>
  IntactStep<T> restore_latest_intact(const RestoreOptions& options = {});

  // --- which steps
  template <OnUse = OnUse()>
  std::vector<std::int64_t> all_steps(bool read = false);  // ascending; as remembered, or (read) looked up
  template <OnUse = OnUse()>
  std::optional<std::int64_t> latest_step() const {
    return steps_.latest();
  }
  template <OnUse = OnUse()>
  std::optional<std::int64_t> best_step();  // by best_fn; without one the latest
  template <OnUse = OnUse()>
  void reload();  // what other processes have done becomes visible
  // Blocks until there is a step behind `after`, and reloads; nothing where none comes in time. For readers beside the one who saves.
  template <OnUse = OnUse()>
  std::optional<std::int64_t> wait_for_new_step(std::optional<std::int64_t> after, std::chrono::milliseconds timeout);
  // NotFoundError for a step that is not there. Out of sight at once, removed behind.
  template <OnUse = OnUse()>
  void delete_step(std::int64_t step);

  // --- what they say
  template <OnUse = OnUse()>
  Metrics metrics(std::int64_t step) {
    return read_metrics(step_directory(step));
  }  // empty: none
  template <OnUse = OnUse()>
  ItemMetadata item_metadata(std::int64_t step) {
    return read_item_metadata(step_directory(step));
  }
  template <OnUse = OnUse()>
  StepMetadata metadata(std::int64_t step);
  template <OnUse = OnUse()>
  RootMetadata metadata() const;

  // --- the background
  template <OnUse = OnUse()>
  void wait_until_finished();  // until saves and deletions are done; throws what went wrong
  template <OnUse = OnUse()>
  void check_for_errors();  // ... what has gone wrong so far, without waiting
  template <OnUse = OnUse()>
  bool is_saving_in_progress() const noexcept {
    return pending_ && !pending_->running.expired();
  }
  template <OnUse = OnUse()>
  bool cancel() noexcept;  // asks the pending save to end, as AsyncCheckpointer's
  template <OnUse = OnUse()>
  void close();  // waits; throws what went wrong

 private:
  // A save in the background, and what it does to the list if it succeeds.
  struct Pending {
    StepInfo info;
    std::vector<std::int64_t> let_go;
    std::weak_ptr<const void> running;  // expired: it is over
    std::shared_ptr<const std::atomic<bool>> committed;
  };

  template <OnUse = OnUse()>
  CheckpointManager(std::string directory, std::shared_ptr<orbax::AsyncEngine> engine, CheckpointManagerOptions options);

  template <OnUse = OnUse()>
  bool begin_save(std::int64_t step, const ManagerSaveArgs& args, bool several, std::optional<orbax::AsyncEngine::Turn>& turn);
  template <OnUse = OnUse()>
  void finish_save(std::int64_t step, std::vector<StepItem> items, std::exception_ptr failure, const ManagerSaveArgs& args,
                   std::optional<orbax::AsyncEngine::Turn> turn);
  template <OnUse = OnUse()>
  std::vector<std::int64_t> let_go();
  template <OnUse = OnUse()>
  bool decide(std::int64_t step, const ManagerSaveArgs& args);
  template <OnUse = OnUse()>
  void learn_processes(const StepContents& contents, std::exception_ptr& failure);
  bool is_first() const noexcept { return !world_ || world_->rank() == 0; }
  template <OnUse = OnUse()>
  void remove_steps(const std::vector<std::int64_t>& steps);
  template <OnUse = OnUse()>
  void end() noexcept;
  template <OnUse = OnUse()>
  void settle();
  template <class Call>
  void settled(Call&& call);
  template <OnUse = OnUse()>
  std::string step_directory(std::optional<std::int64_t> step);
  template <OnUse = OnUse()>
  std::string item_directory(std::optional<std::int64_t> step);

  template <class... T, std::size_t... I>
  static std::tuple<T...> restore_items(const std::string& step_path, ItemList<T...> list, const RestoreOptions& options,
                                        std::index_sequence<I...>) {
    for (const std::string& name : list.names) detail::item_path(step_path, name);  // all of them before any is read
    const auto target = [&]<std::size_t Index>(std::integral_constant<std::size_t, Index>) {
      using Value = std::tuple_element_t<Index, std::tuple<T...>>;
      return list.targets ? std::optional<Value>(std::move(std::get<Index>(*list.targets))) : std::nullopt;
    };
    return {
        detail::restore_item<T>(detail::item_path(step_path, list.names[I]), options, target(std::integral_constant<std::size_t, I>()))...};
  }

  std::string directory_;
  CheckpointManagerOptions options_;
  std::shared_ptr<Coordinator> world_{};  // of several processes
  StepTime decided_at_{};                 // the save under way: the same in all processes
  SaveDecisionPolicy save_policy_;
  PreservationPolicy preservation_policy_;
  std::shared_ptr<StepDeleter> deleter_;        // shared with the save in the background
  std::shared_ptr<orbax::AsyncEngine> engine_;  // null: saves are done when they return
  void (*end_)(CheckpointManager&) noexcept;    // OnUse for the destructor
  std::optional<Pending> pending_{};
  std::vector<std::unique_ptr<PreemptionGuard>> preemptions_{};
  StepList steps_{};
  std::optional<bool> has_several_items_{};  // known with the first save
};

template <class T>
IntactStep<T> CheckpointManager::restore_latest_intact(const RestoreOptions& options) {
  std::vector<typename IntactStep<T>::Skipped> skipped;
  const auto skip = [&](std::int64_t step, const std::string& reason) {
    log(LogLevel::warning, "step " + std::to_string(step) + " of " + directory_ + " is damaged and was skipped: " + reason);
    skipped.push_back({step, reason});
  };
  const std::vector<std::int64_t> steps = all_steps();
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    try {
      return {restore<T>(*step, options), *step, std::move(skipped)};
    } catch (const MismatchError&) {
      throw;
    } catch (const ArgumentError&) {
      throw;
    } catch (const Error& error) {
      skip(*step, error.what());
    }
  }
  std::string text = "No steps found in " + directory_ + " that are intact";
  for (const auto& [step, reason] : skipped) text += "; " + std::to_string(step) + ": " + reason;
  throw NotFoundError(text, {.file = directory_});
}

ORRERY_ONCE(CheckpointManager::CheckpointManager(std::string, CheckpointManagerOptions));
ORRERY_ONCE(CheckpointManager::CheckpointManager(std::string, std::shared_ptr<orbax::AsyncEngine>, CheckpointManagerOptions));
ORRERY_ONCE(void CheckpointManager::end<>() noexcept);
ORRERY_ONCE(void CheckpointManager::settle<>());
ORRERY_ONCE(SaveDecision CheckpointManager::save_decision<>(std::int64_t));
ORRERY_ONCE(bool CheckpointManager::reached_preemption<>() const noexcept);
ORRERY_ONCE(std::vector<StepVerdict> CheckpointManager::preservation_verdicts<>());
ORRERY_ONCE(bool CheckpointManager::decide<>(std::int64_t, const ManagerSaveArgs&));
ORRERY_ONCE(void CheckpointManager::learn_processes<>(const StepContents&, std::exception_ptr&));
ORRERY_ONCE(bool CheckpointManager::begin_save<>(std::int64_t, const ManagerSaveArgs&, bool, std::optional<orbax::AsyncEngine::Turn>&));
ORRERY_ONCE(void CheckpointManager::finish_save<>(std::int64_t, std::vector<StepItem>, std::exception_ptr, const ManagerSaveArgs&,
                                                  std::optional<orbax::AsyncEngine::Turn>));
ORRERY_ONCE(void CheckpointManager::remove_steps<>(const std::vector<std::int64_t>&));
ORRERY_ONCE(std::vector<std::int64_t> CheckpointManager::let_go<>());
ORRERY_ONCE(std::vector<std::int64_t> CheckpointManager::prune<>());
ORRERY_ONCE(std::string CheckpointManager::step_directory<>(std::optional<std::int64_t>));
ORRERY_ONCE(std::string CheckpointManager::item_directory<>(std::optional<std::int64_t>));
ORRERY_ONCE(std::vector<std::int64_t> CheckpointManager::all_steps<>(bool));
ORRERY_ONCE(std::optional<std::int64_t> CheckpointManager::best_step<>());
ORRERY_ONCE(void CheckpointManager::reload<>());
ORRERY_ONCE(std::optional<std::int64_t> CheckpointManager::wait_for_new_step<>(std::optional<std::int64_t>, std::chrono::milliseconds));
ORRERY_ONCE(void CheckpointManager::delete_step<>(std::int64_t));
ORRERY_ONCE(StepMetadata CheckpointManager::metadata<>(std::int64_t));
ORRERY_ONCE(RootMetadata CheckpointManager::metadata<>() const);
ORRERY_ONCE(void CheckpointManager::wait_until_finished<>());
ORRERY_ONCE(void CheckpointManager::check_for_errors<>());
ORRERY_ONCE(bool CheckpointManager::cancel<>() noexcept);
ORRERY_ONCE(void CheckpointManager::close<>());

}  // namespace orrery::inline v0

#ifndef ORRERY_COMPILED
#include "orrery/manager/checkpoint_manager_impl.hpp"  // IWYU pragma: export
#endif
