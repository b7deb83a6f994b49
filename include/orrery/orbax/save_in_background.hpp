// Saves of several processes in the background. Meetings need the coordinator, and who may use it decides where they take place: all in
// the engine's thread, over a duplicate of the coordinator, where other threads may use one; else the first in save() and the last in the
// call that waits for the save, both in the program's own thread, while the writing is done in the engine's.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "orrery/core/on_use.hpp"
#include "orrery/distributed/coordinator.hpp"
#include "orrery/orbax/async_engine.hpp"
#include "orrery/orbax/background_calls.hpp"
#include "orrery/orbax/find_processes.hpp"
#include "orrery/orbax/save_control.hpp"
#include "orrery/orbax/save_item.hpp"
#include "orrery/orbax/save_together.hpp"
#include "orrery/orbax/snapshot.hpp"
#include "orrery/storage/file_system.hpp"

namespace orrery::inline v0::orbax {

// The processes that save this state together; null for one alone. Looks at a state that is lent or given away only where its type says
// that it has to: then, and only then, that takes longer the larger the state is.
template <OnUse = OnUse()>
inline std::shared_ptr<Coordinator> processes_of(Snapshot& snapshot) {
  if (snapshot.type() && !may_hold_parts(*snapshot.type())) return nullptr;
  return processes_of(snapshot.view());
}

// All processes of `world` call it. `kept`: what the work's views point to; `behind` runs once it is committed, in all of them. Throws what
// already speaks against the save.
template <OnUse = OnUse()>
inline void save_in_background(AsyncEngine& engine, AsyncEngine::Turn turn, std::shared_ptr<Coordinator> world, SharedWork work,
                               std::shared_ptr<const void> kept, AsyncEngine::Behind behind) {
  work.options.on_progress = turn.control().on_progress(std::move(work.options.on_progress));
  const Deadline deadline = deadline_in(work.options.meeting_timeout);
  auto save = std::make_shared<SharedSave>(std::move(work));
  if (world->is_for_any_thread()) {
    std::shared_ptr<Coordinator> own = engine.background_of(world, deadline);
    turn.submit([save = std::move(save), own = std::move(own), kept = std::move(kept), behind = std::move(behind)](SaveControl&) {
      save->run(*own);
      behind();
    });
    return;
  }
  save->begin(*world);
  turn.submit([save](SaveControl&) { save->write(); },
              [save, world = std::move(world), kept = std::move(kept), behind = std::move(behind)](SaveControl&,
                                                                                                   const std::exception_ptr& failure) {
                if (failure) save->fail(failure);
                save->finish(*world);
                behind();
              });
}

template <OnUse>
AsyncEngine::Turn start_item(AsyncEngine& engine, const std::string& path, const SaveOptions& options) {
  detail::check_custom_metadata(options.custom_metadata);
  AsyncEngine::Turn turn = engine.start(path);
  if (!options.force && storage::exists(path)) storage::throw_destination_exists(path);
  return turn;
}

template <OnUse>
void save_item_in_background(AsyncEngine& engine, AsyncEngine::Turn turn, const std::string& path, std::shared_ptr<Snapshot> snapshot,
                             SaveOptions options) {
  std::shared_ptr<Coordinator> world;
  SharedWork work;
  try {
    world = processes_of(*snapshot);
    if (world) work = item_work(path, snapshot->view(), options);
  } catch (...) {
    world = snapshot->find_processes();
    if (!world) throw;
    work = failed_work(path, options, std::current_exception());
  }
  if (world) return save_in_background(engine, std::move(turn), std::move(world), std::move(work), std::move(snapshot), [] {});
  turn.submit([snapshot = std::move(snapshot), path, options = std::move(options)](SaveControl& control) mutable {
    options.on_progress = control.on_progress(std::move(options.on_progress));
    save_item(path, snapshot->view(), options);
  });
}

}  // namespace orrery::inline v0::orbax
