// Flax's checkpoints as Orbax directories: what save_checkpoint and restore_checkpoint do when the backend is Orbax
// (spec/flax-legacy.md 4.10, 4.11). With async_manager.hpp the only place where flax/ looks at orbax/.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/flax/checkpoint_files.hpp"
#include "orrery/flax/state_dict.hpp"
#include "orrery/orbax/async_checkpointer.hpp"
#include "orrery/orbax/async_engine.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"
#include "orrery/orbax/save_in_background.hpp"
#include "orrery/orbax/save_item.hpp"
#include "orrery/orbax/save_together.hpp"
#include "orrery/storage/file_system.hpp"
#include "orrery/tree/tree.hpp"
#include "orrery/tree/tree_view.hpp"

namespace orrery::inline v0::flax::detail {

inline void refuse_bare_leaf(const TreeView& view) {
  if (view.nodes.size() == 1)
    throw ArgumentError(
        "Orbax backend only accept pytree as save target. To save singular objects like numbers or Numpy arrays, checkout "
        "https://flax.readthedocs.io/en/latest/guides/training_techniques/use_checkpointing.html#if-you-don-t-save-pytrees: "
        "save it with orrery::ArrayCheckpointer, or wrap it in a struct or map (or save a msgpack file, {.backend = Backend::msgpack})");
}

// Saves the live tree (lists stay lists), in the background if there is a checkpointer, and cleans up once it is there. Flax cleans up
// behind an AsyncCheckpointer at once, when the save may be done or not, and so what it removes is a matter of luck; here it is always
// what goes where the save was done first, and nothing goes before. No check for newer steps: an older one may be saved. `clean_up_before`:
// what goes is chosen before the save, so that one more stays, as save_checkpoint_multiprocess has it.
template <OnUse = OnUse()>
inline void save_orbax_checkpoint(orbax::DescribedState state, const CheckpointPaths& paths, const Retention& retention,
                                  const SaveOptions& options, bool clean_up_before, AsyncCheckpointer* checkpointer) {
  if (checkpointer) checkpointer->wait_until_finished();
  if (!state.failure) refuse_bare_leaf(state.view);
  if (!retention.overwrite && storage::exists(paths.final_path)) storage::throw_destination_exists(paths.final_path);
  std::optional<std::vector<std::string>> chosen;
  if (clean_up_before) {
    chosen = superfluous(save_view(paths.base), paths.final_path, retention);
    std::erase(*chosen, paths.final_path);  // made anew by the save
  }
  const auto clean_up_behind = [paths, retention, chosen = std::move(chosen)] {
    if (chosen)
      remove_checkpoints(*chosen, true);
    else
      clean_up(paths, retention, true);
  };
  const std::shared_ptr<Coordinator> world = std::move(state.processes);
  const auto clean_up_once = [is_first = !world || world->rank() == 0, clean_up_behind] {
    if (is_first) clean_up_behind();
  };
  if (!checkpointer) {
    if (state.failure)
      orbax::SharedSave(orbax::failed_work(paths.final_path, options, state.failure)).run(*world);
    else if (world)
      orbax::save_item_together(paths.final_path, state.view, options, *world);
    else
      orbax::save_item(paths.final_path, state.view, options);
    return clean_up_once();
  }
  const std::shared_ptr<orbax::AsyncEngine> engine = orbax::engine_of(*checkpointer);
  orbax::AsyncEngine::Turn turn = engine->start(paths.final_path);
  std::shared_ptr<orbax::Snapshot> snapshot;
  try {
    if (!state.failure) snapshot = turn.copy(std::move(state.view));
  } catch (...) {
    if (!world) throw;
    state.failure = std::current_exception();
  }
  if (world) {
    orbax::SharedWork work = state.failure ? orbax::failed_work(paths.final_path, options, state.failure)
                                           : orbax::item_work(paths.final_path, snapshot->view(), options);
    return orbax::save_in_background(*engine, std::move(turn), world, std::move(work), std::move(snapshot), clean_up_once);
  }
  turn.submit([snapshot = std::move(snapshot), paths, options = options, clean_up_behind](orbax::SaveControl& control) mutable {
    options.on_progress = control.on_progress();
    orbax::save_item(paths.final_path, snapshot->view(), options);
    clean_up_behind();
  });
}

// The tree as restore_checkpoint without a target gives it: lists are dicts "0", "1", ...; empty states are None.
template <OnUse = OnUse()>
inline Tree restore_orbax_tree(const std::string& path) {
  return to_state_dict(PyTreeCheckpointer().restore(path));
}

}  // namespace orrery::inline v0::flax::detail
