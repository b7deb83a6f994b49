// The bodies of CheckpointManager that depend on no type of the user's.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "orrery/core/byte_io.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/log.hpp"
#include "orrery/manager/checkpoint_manager.hpp"
#include "orrery/manager/open_root.hpp"
#include "orrery/manager/root_metadata_file.hpp"
#include "orrery/manager/step_directory.hpp"
#include "orrery/manager/wait_for_step.hpp"
#include "orrery/orbax/item_place.hpp"
#include "orrery/orbax/save_in_background.hpp"
#include "orrery/orbax/save_together.hpp"

namespace orrery::inline v0 {

template <OnUse>
CheckpointManager::CheckpointManager(std::string directory, CheckpointManagerOptions options)
    : CheckpointManager(std::move(directory),
                        options.enable_async_checkpointing ? std::make_shared<orbax::AsyncEngine>(options.async_options) : nullptr,
                        options) {}

template <OnUse>
CheckpointManager::CheckpointManager(std::string directory, std::shared_ptr<orbax::AsyncEngine> engine, CheckpointManagerOptions options)
    : directory_(orbax::local_path(std::move(directory))),
      options_((check_options(options), std::move(options))),
      save_policy_(save_decision_policy_of(options_)),
      preservation_policy_(preservation_policy_of(options_)),
      deleter_(std::make_shared<StepDeleter>(directory_, options_.todelete_subdir)),
      engine_(std::move(engine)),
      end_([](CheckpointManager& self) noexcept { self.end(); }) {
  StepNames names(options_.step_prefix, options_.step_format_fixed_length);
  if (options_.todelete_subdir) detail::check_item_name(*options_.todelete_subdir);
  if (options_.processes && options_.processes->size() > 1) world_ = options_.processes;
  if (world_)
    world_->attempt("the opening of " + directory_, deadline_in(default_meeting_timeout), [&] {
      if (is_first()) detail::open_root(directory_, options_, *deleter_);
    });
  else
    detail::open_root(directory_, options_, *deleter_);
  steps_ = StepList(directory_, std::move(names));
}

template <OnUse>
void CheckpointManager::end() noexcept {
  if (is_saving_in_progress()) engine_->wait_quietly();
  try {
    deleter_->wait();
  } catch (const std::exception& error) {
    log(LogLevel::error, "a step that was deleted could not be removed: " + std::string(error.what()));
  }
}

// Once the save in the background is over, the list has the step or does not.
template <OnUse>
void CheckpointManager::settle() {
  if (!pending_ || is_saving_in_progress()) return;
  const bool committed = pending_->committed->load();
  pending_.reset();
  if (!committed) steps_.reload();
}

// call(), which may throw what that save has failed with.
template <class Call>
void CheckpointManager::settled(Call&& call) {
  try {
    call();
  } catch (...) {
    settle();
    throw;
  }
  settle();
}

template <OnUse>
SaveDecision CheckpointManager::save_decision(std::int64_t step) {
  if (options_.read_only) return {false, "the manager is read only"};
  if (const auto latest = latest_step(); latest && *latest >= step)
    return {false, "not behind the latest step, " + std::to_string(*latest)};
  return save_policy_.explain({step, now(), {}}, steps_.infos(save_policy_.needs_times(), false),
                              {.is_saving_in_progress = is_saving_in_progress(), .reached_preemption = reached_preemption()});
}

template <OnUse>
bool CheckpointManager::reached_preemption() const noexcept {
  return std::any_of(preemptions_.begin(), preemptions_.end(), [](const auto& guard) { return guard->requested(); });
}

template <OnUse>
std::vector<StepVerdict> CheckpointManager::preservation_verdicts() {
  return preservation_policy_.explain(steps_.infos(preservation_policy_.needs_times(), preservation_policy_.needs_metrics()));
}

// Rank 0's decision, and its clock: signals and time do not come to all processes alike.
template <OnUse>
bool CheckpointManager::decide(std::int64_t step, const ManagerSaveArgs& args) {
  bool saves = is_first() && !options_.read_only && (args.force || should_save(step));
  decided_at_ = now();
  if (!world_) return saves;
  std::string decision;
  ByteWriter out(decision);
  out.u8(saves);
  out.u64le(static_cast<std::uint64_t>(std::chrono::nanoseconds(decided_at_.time_since_epoch()).count()));
  decision = world_->broadcast(std::move(decision), "the decision about step " + std::to_string(step) + " of " + directory_,
                               deadline_in(args.save.meeting_timeout));
  ByteReader in(decision, "decision of rank 0");
  saves = in.u8() != 0;
  decided_at_ = StepTime(std::chrono::nanoseconds(static_cast<std::int64_t>(in.u64le())));
  return saves;
}

// What goes wrong in one of several processes is kept in `failure`, to be thrown in all; where there is but one, it is thrown.
template <OnUse>
void CheckpointManager::learn_processes(const StepContents& contents, std::exception_ptr& failure) {
  try {
    if (failure) std::rethrow_exception(failure);
    const std::shared_ptr<Coordinator> world = processes_of(contents);
    if (world && world_ && world != world_)
      throw ArgumentError("the state belongs to a mesh of another coordinator than what this manager has saved before; use one for both",
                          {.file = directory_});
    if (world) world_ = world;
  } catch (...) {
    if (!world_) world_ = find_processes(contents);
    if (!world_) throw;
    failure = std::current_exception();
  }
}

// Whether to go on; in the background, with the turn to do so. Everything that can be refused is, before the state is looked at.
template <OnUse>
bool CheckpointManager::begin_save(std::int64_t step, const ManagerSaveArgs& args, bool several,
                                   std::optional<orbax::AsyncEngine::Turn>& turn) {
  if (has_several_items_ && *has_several_items_ != several)
    throw ArgumentError(several ? "Cannot provide `args` of type `Composite` when dealing with a single, unnamed (default) checkpointable "
                                  "object: this manager has saved one state without a name; use another directory for several items"
                                : "Must provide `args` of type `Composite` when dealing with multiple checkpointable objects: this manager "
                                  "has saved a Composite",
                        {.file = directory_});
  settle();
  if (!decide(step, args)) return false;
  const std::string path = steps_.path(step);
  if (engine_) settled([&] { turn.emplace(engine_->start(path)); });
  if (steps_.contains(step))
    throw AlreadyExistsError("Checkpoint for step " + std::to_string(step) + " already exists. Delete it first, with delete_step(" +
                                 std::to_string(step) + "), if it shall be replaced",
                             {.file = path});
  orbax::detail::check_custom_metadata(args.custom_metadata);
  orbax::detail::check_custom_metadata(args.save.custom_metadata);
  has_several_items_ = several;
  return true;
}

template <OnUse>
void CheckpointManager::finish_save(std::int64_t step, std::vector<StepItem> items, std::exception_ptr failure, const ManagerSaveArgs& args,
                                    std::optional<orbax::AsyncEngine::Turn> turn) {
  auto contents = std::make_shared<StepContents>(StepContents{std::move(items), {}, args.save, args.custom_metadata});
  if (options_.best_fn && !options_.prevent_write_metrics) contents->metrics = args.metrics;
  for (const StepItem& item : contents->items)
    if (!contents->metrics.empty() && item.name == metrics_item_name)
      throw ArgumentError("the item \"metrics\" is where the metrics of a step are kept: give it another name");
  learn_processes(*contents, failure);
  const std::string path = steps_.path(step);
  if (!turn) {
    if (world_)
      orbax::SharedSave(work_of(path, contents, std::move(failure))).run(*world_);
    else
      write_step(path, *contents);
    steps_.add({step, world_ ? decided_at_ : now(), args.metrics});
    return remove_steps(let_go());
  }
  Pending pending{{step, decided_at_, args.metrics}, {}, {}, {}};
  steps_.add(pending.info);
  try {
    pending.let_go = let_go();
  } catch (...) {  // a user's policy
    steps_.remove(step);
    throw;
  }
  std::vector<std::string> names;
  if (is_first())
    for (const std::int64_t gone : pending.let_go) names.push_back(steps_.names().build(gone));
  const auto running = std::make_shared<const int>(0);
  const auto committed = std::make_shared<std::atomic<bool>>(false);
  pending.running = running;
  pending.committed = committed;
  pending_ = std::move(pending);
  const auto behind = [names = std::move(names), running, committed, deleter = deleter_] {
    committed->store(true);
    for (const std::string& name : names) deleter->remove(name);
  };
  if (world_)
    return orbax::save_in_background(*engine_, std::move(*turn), world_, work_of(path, contents, std::move(failure)), contents, behind);
  turn->submit([path, contents, behind](orbax::SaveControl& control) {
    contents->options.on_progress = control.on_progress(std::move(contents->options.on_progress));
    write_step(path, *contents);
    behind();
  });
}

template <OnUse>
void CheckpointManager::remove_steps(const std::vector<std::int64_t>& steps) {
  if (!is_first()) return;
  for (const std::int64_t step : steps) deleter_->remove(steps_.names().build(step));
}

// The steps that the policy no longer keeps; they are forgotten at once.
template <OnUse>
std::vector<std::int64_t> CheckpointManager::let_go() {
  const std::span<const StepInfo> infos = steps_.infos(preservation_policy_.needs_times(), preservation_policy_.needs_metrics());
  const std::vector<bool> stays = preservation_policy_.should_preserve(infos);
  std::vector<std::int64_t> gone;
  for (std::size_t i = 0; i < infos.size(); ++i)
    if (!stays[i]) gone.push_back(infos[i].step);
  for (const std::int64_t step : gone) steps_.remove(step);
  return gone;
}

template <OnUse>
std::vector<std::int64_t> CheckpointManager::prune() {
  if (options_.read_only) return {};
  if (engine_) settled([&] { engine_->wait_until_finished(); });
  std::vector<std::int64_t> gone = let_go();
  remove_steps(gone);
  return gone;
}

template <OnUse>
std::string CheckpointManager::step_directory(std::optional<std::int64_t> step) {
  if (!step) step = latest_step();
  if (!step) throw NotFoundError("No steps found in " + directory_ + ".", {.file = directory_});
  std::string path = steps_.path(*step);
  if (engine_) settled([&] { engine_->wait_for(path); });
  if (!storage::is_directory(path)) {
    std::string text = "Checkpoint at " + path + " not found.";
    if (const std::vector<std::int64_t> there = steps_.sorted(); !there.empty())
      text += " The steps are " + detail::list_of(std::span(there).last(std::min<std::size_t>(there.size(), 10)));
    throw NotFoundError(text, {.file = path});
  }
  return path;
}

template <OnUse>
std::string CheckpointManager::item_directory(std::optional<std::int64_t> step) {
  const std::string path = step_directory(step);
  const std::string usual = path + "/" + std::string(default_item_name);
  if (storage::is_directory(usual)) return usual;
  if (orbax::is_item_folder(path)) return path;  // one that a checkpointer saved under a step's name
  return path + "/" + detail::only_item(path);
}

template <OnUse>
std::vector<std::int64_t> CheckpointManager::all_steps(bool read) {
  if (read) reload();
  return steps_.sorted();
}

template <OnUse>
std::optional<std::int64_t> CheckpointManager::best_step() {
  if (!options_.best_fn) return latest_step();
  return best_of(steps_.infos(false, true), options_.best_fn, options_.best_mode == "min");
}

template <OnUse>
void CheckpointManager::reload() {
  settle();
  steps_.reload();
  if (!pending_) return;
  for (const std::int64_t step : pending_->let_go) steps_.remove(step);  // as soon as the save is done
  const std::int64_t step = pending_->info.step;
  const bool goes = std::find(pending_->let_go.begin(), pending_->let_go.end(), step) != pending_->let_go.end();
  if (!goes && !steps_.contains(step)) steps_.add(pending_->info);
}

template <OnUse>
std::optional<std::int64_t> CheckpointManager::wait_for_new_step(std::optional<std::int64_t> after, std::chrono::milliseconds timeout) {
  const auto found = orrery::wait_for_new_step(directory_, steps_.names(), after, timeout);
  if (found) reload();
  return found;
}

template <OnUse>
void CheckpointManager::delete_step(std::int64_t step) {
  if (options_.read_only) return;
  if (pending_ && pending_->info.step == step) settled([&] { engine_->wait_until_finished(); });
  if (!steps_.contains(step))
    throw NotFoundError("Requested deleting a non-existent step: " + std::to_string(step) + ".", {.file = directory_});
  remove_steps({step});
  steps_.remove(step);
}

template <OnUse>
StepMetadata CheckpointManager::metadata(std::int64_t step) {
  const std::string path = step_directory(step);
  StepFiles files = read_step_files(path);
  return {step, files.init_time, files.commit_time, std::move(files.custom_metadata), read_metrics(path), read_item_metadata(path)};
}

template <OnUse>
RootMetadata CheckpointManager::metadata() const {
  RootMetadata found = read_root_metadata(directory_);
  if (options_.read_only && !options_.metadata.empty() && !storage::exists(directory_ + "/metadata"))
    found.custom_metadata = options_.metadata;
  return found;
}

template <OnUse>
void CheckpointManager::wait_until_finished() {
  if (engine_) settled([&] { engine_->wait_until_finished(); });
  deleter_->wait();
}

template <OnUse>
void CheckpointManager::check_for_errors() {
  if (engine_) settled([&] { engine_->check_for_errors(); });
  deleter_->check();
}

template <OnUse>
bool CheckpointManager::cancel() noexcept {
  return is_saving_in_progress() && engine_->cancel();
}

template <OnUse>
void CheckpointManager::close() {
  wait_until_finished();
}

}  // namespace orrery::inline v0
