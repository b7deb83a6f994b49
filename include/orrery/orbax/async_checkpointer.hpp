// AsyncCheckpointer: saves one checkpoint at a time in the background, as Orbax's class of that name; restores as PyTreeCheckpointer.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "orrery/core/error.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/orbax/async_engine.hpp"
#include "orrery/orbax/background_calls.hpp"
#include "orrery/orbax/calls.hpp"
#include "orrery/orbax/options.hpp"
#include "orrery/orbax/pytree_checkpointer.hpp"
#include "orrery/orbax/snapshot.hpp"
#include "orrery/tree/tree.hpp"

namespace orrery::inline v0 {

class AsyncCheckpointer;

namespace orbax {

// The engine, for a CheckpointManager that is to save through this checkpointer.
template <OnUse = OnUse()>
std::shared_ptr<AsyncEngine> engine_of(const AsyncCheckpointer& checkpointer) noexcept;

}  // namespace orbax

// Use one for all steps: it keeps the memory of the copy. Thread-safe; calls from several threads take turns. What a save in the
// background fails with is thrown by the next save(), check_for_errors() or wait_until_finished(), once; the destructor waits.
class AsyncCheckpointer {
 public:
  template <OnUse = OnUse()>
  explicit AsyncCheckpointer(AsyncOptions options = {})
      : engine_(std::make_shared<orbax::AsyncEngine>(options)), finish_([](AsyncCheckpointer& self) noexcept { self.finish(); }) {}
  AsyncCheckpointer(AsyncCheckpointer&&) noexcept = default;
  AsyncCheckpointer& operator=(AsyncCheckpointer&& other) noexcept {
    finish_(*this);
    engine_ = std::move(other.engine_);
    return *this;
  }
  ~AsyncCheckpointer() { finish_(*this); }

  // Waits for the save before, then takes the state as it is now and returns: save(path, state) copies it, at the speed of memory;
  // save(path, std::move(state)) takes it over and save(path, borrow(state)) leaves it where it is, in microseconds. Saves as
  // PyTreeCheckpointer does; AlreadyExistsError at once where something is there and no force, everything else later.
  // options.on_progress is called in the background and must not call this object but to cancel().
  // Where the state has sharded arrays of several processes, all of them call it, and it throws the same in all of them; without
  // MPI_THREAD_MULTIPLE the commit happens in wait_until_finished(), or the next save (orbax/save_in_background.hpp).
  template <class T>
  void save(const std::string& path, T&& state, SaveOptions options = {}) {
    const std::string to = orbax::local_path(path);
    orbax::AsyncEngine::Turn turn = orbax::start_item(*engine_, to, options);
    std::shared_ptr<orbax::Snapshot> snapshot = turn.snapshot(std::forward<T>(state));
    orbax::save_item_in_background(*engine_, std::move(turn), to, std::move(snapshot), std::move(options));
  }

  // Throws what went wrong in the background. TimeoutError, naming what the save is at, where it is stuck beyond its deadline.
  template <OnUse = OnUse()>
  void wait_until_finished() {
    engine_->wait_until_finished();
  }
  // ... without waiting.
  template <OnUse = OnUse()>
  void check_for_errors() {
    engine_->check_for_errors();
  }
  // Asks the pending save to end, with CancelledError at the next call: what was there before stays, and nothing is left of it, unless it
  // was committed already. Does not wait. False where nothing is pending.
  template <OnUse = OnUse()>
  bool cancel() noexcept {
    return engine_->cancel();
  }

  // PyTreeCheckpointer's, after a pending save of that path.
  template <OnUse = OnUse()>
  Tree restore(const std::string& path, const RestoreOptions& options = {}) const {
    return after_save(path).restore(path, options);
  }
  template <class T>
  T restore(const std::string& path, const RestoreOptions& options = {}) const {
    return after_save(path).template restore<T>(path, options);
  }
  template <class T>
    requires(!std::same_as<std::remove_cvref_t<T>, RestoreOptions>)
  T restore(const std::string& path, T target, const RestoreOptions& options = {}) const {
    after_save(path).restore_into(path, target, options);
    return target;
  }
  template <class T>
  RestoreReport restore_into(const std::string& path, T& target, const RestoreOptions& options = {}) const {
    return after_save(path).restore_into(path, target, options);
  }
  template <OnUse = OnUse()>
  MappedTree restore_mapped(const std::string& path, const RestoreOptions& options = {}) const {
    return after_save(path).restore_mapped(path, options);
  }
  template <OnUse = OnUse()>
  TreeMetadata metadata(const std::string& path) const {
    return after_save(path).metadata(path);
  }

 private:
  template <OnUse>
  friend std::shared_ptr<orbax::AsyncEngine> orbax::engine_of(const AsyncCheckpointer&) noexcept;

  template <OnUse = OnUse()>
  PyTreeCheckpointer after_save(const std::string& path) const {
    engine_->wait_for(orbax::local_path(path));
    return {};
  }
  // What went wrong is told by who shares the engine, or by its end.
  template <OnUse = OnUse()>
  void finish() noexcept {
    if (engine_) engine_->wait_quietly();
  }

  std::shared_ptr<orbax::AsyncEngine> engine_;
  void (*finish_)(AsyncCheckpointer&) noexcept;  // OnUse for the destructor
};

template <OnUse>
inline std::shared_ptr<orbax::AsyncEngine> orbax::engine_of(const AsyncCheckpointer& checkpointer) noexcept {
  return checkpointer.engine_;
}

}  // namespace orrery::inline v0

#ifndef ORRERY_COMPILED
#include "orrery/orbax/save_in_background.hpp"  // IWYU pragma: export
#endif
