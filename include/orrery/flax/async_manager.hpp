// AsyncManager: msgpack checkpoints written in the background, as Flax's class of that name, by the engine behind AsyncCheckpointer. What
// is written, and what is removed afterwards, is decided by checkpoints.hpp.
#pragma once

#include <chrono>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>

#include "orrery/core/log.hpp"
#include "orrery/core/on_use.hpp"
#include "orrery/orbax/async_engine.hpp"
#include "orrery/orbax/save_control.hpp"

namespace orrery::inline v0::flax {

struct AsyncManagerOptions {
  // True: what a save has failed with is thrown by the next call, whenever it failed. False: as in Flax, only if that call still had to
  // wait for it, and by result(); otherwise it goes to the log handler, and the next save is done as if nothing had been.
  bool throw_finished_errors = true;
};

class AsyncManager;

namespace detail {

orbax::AsyncEngine& engine_of(AsyncManager& manager) noexcept;

}  // namespace detail

// Give one to all saves into a directory ({.async_manager = &manager}): two would write the same temporary file. It keeps the memory of the
// copy for the next save. Thread-safe; calls from several threads take turns. The destructor waits; an error that nobody has seen then
// goes to the log handler.
class AsyncManager {
 public:
  template <OnUse = OnUse()>
  explicit AsyncManager(AsyncManagerOptions options = {}) : options_(options), engine_({.timeout = std::chrono::nanoseconds::zero()}) {}

  // Waits for the save before, with a warning if it is still under way, and throws what it has failed with, once. Every save with this
  // manager begins so.
  template <OnUse = OnUse()>
  void wait_previous_save() {
    if (engine_.is_pending("/")) {
      log(LogLevel::warning, "The previous async save_checkpoint has not finished yet. Waiting for it to complete before the next save.");
      return engine_.wait_until_finished();
    }
    try {
      engine_.check_for_errors();
    } catch (const std::exception& error) {
      if (options_.throw_finished_errors) throw;
      log(LogLevel::error, "a save in the background has failed: " + std::string(error.what()));
    }
  }

  // Flax's save_future.result(): waits, and throws what the last save has failed with, unless another call has done so.
  template <OnUse = OnUse()>
  void result() {
    engine_.wait_until_finished();
  }

  // Calls `task`, which can be copied, in the background, after the save before.
  template <class Task>
    requires std::is_invocable_v<std::decay_t<Task>&>
  void save_async(Task&& task) {
    wait_previous_save();
    engine_.start("a task of save_async()").submit([task = std::forward<Task>(task)](orbax::SaveControl&) mutable { task(); });
  }

 private:
  friend orbax::AsyncEngine& detail::engine_of(AsyncManager&) noexcept;

  AsyncManagerOptions options_;
  orbax::AsyncEngine engine_;
};

inline orbax::AsyncEngine& detail::engine_of(AsyncManager& manager) noexcept { return manager.engine_; }

}  // namespace orrery::inline v0::flax
