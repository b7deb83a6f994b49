// The thread behind asynchronous saves: one save at a time, the next waits for it, and what goes wrong is thrown at the next call. What a
// save writes is a function that it is given: AsyncCheckpointer writes one item, CheckpointManager a step of several.
#pragma once

#include <pthread.h>
#include <sched.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "orrery/core/on_use.hpp"
#include "orrery/core/error.hpp"
#include "orrery/core/log.hpp"
#include "orrery/distributed/coordinator.hpp"
#include "orrery/orbax/find_processes.hpp"
#include "orrery/orbax/save_control.hpp"
#include "orrery/orbax/snapshot.hpp"
#include "orrery/reflect/reflectable.hpp"
#include "orrery/storage/resolve_path.hpp"
#include "orrery/storage/staging_arena.hpp"
#include "orrery/tree/describe.hpp"
#include "orrery/tree/tree_view.hpp"
#include "orrery/tree/type_ops.hpp"

namespace orrery::inline v0 {

struct AsyncOptions {
  // How long a save may wait for the one before it, and how long it may then take; zero: as long as it likes. Orbax's default.
  std::chrono::nanoseconds timeout = std::chrono::minutes(20);
};

namespace orbax {

// Thread-safe: calls from several threads take turns. The function of a save runs in the engine's own thread and must not call the engine.
class AsyncEngine {
 public:
  // Writes everything and commits it; control.check(), or a SaveOptions::on_progress made by control.on_progress(), ends it early. What it
  // throws is thrown at the engine's next call. It has to leave nothing behind when it throws.
  using Job = std::function<void(SaveControl& control)>;
  // What is left to do where the job is done, for a thread of the program's own: it runs in the next call that waits, which throws what
  // this throws, and the save is under way until then. It gets what the job has thrown, or null.
  using Finish = std::function<void(SaveControl& control, const std::exception_ptr& failure)>;
  // What follows once a save is committed.
  using Behind = std::function<void()>;

  explicit AsyncEngine(AsyncOptions options = {}) : options_(options), end_([](AsyncEngine& self) noexcept { self.end(); }) {}
  AsyncEngine(const AsyncEngine&) = delete;
  AsyncEngine& operator=(const AsyncEngine&) = delete;
  // Waits for the save under way. An error that nobody has seen goes to the log handler.
  ~AsyncEngine() { end_(*this); }

  class Turn;
  // Waits for the save before and throws what that has failed with; until the turn has been submitted or is gone, others wait. `path`: what
  // the save will make, for messages and is_pending(). TimeoutError.
  template <OnUse = OnUse()>
  Turn start(std::string path);

  // Until nothing is under way; throws what went wrong, once. TimeoutError where a save is stuck beyond its deadline, which is given a
  // second to clean up first; it ends when the system lets it.
  template <OnUse = OnUse()>
  void wait_until_finished();
  // ... without throwing what the save has failed with: the next call does.
  template <OnUse = OnUse()>
  void wait_quietly() noexcept;
  // Throws what has gone wrong so far, once; waits for nothing.
  template <OnUse = OnUse()>
  void check_for_errors();
  // Asks the save under way to end: it fails with CancelledError, what was there before is still there, and nothing is left of it, unless
  // it was committed already. Does not wait. False where nothing is under way.
  template <OnUse = OnUse()>
  bool cancel() noexcept;

  // Is what is under way at this path, above or below it?
  template <OnUse = OnUse()>
  bool is_pending(const std::string& path) const;
  // wait_until_finished(), if so.
  template <OnUse = OnUse()>
  void wait_for(const std::string& path) {
    if (is_pending(path)) wait_until_finished();
  }

  // A duplicate of `world` for the engine's thread: made at the first call, to which all its ranks come, in the thread that has the turn.
  template <OnUse = OnUse()>
  std::shared_ptr<Coordinator> background_of(const std::shared_ptr<Coordinator>& world, Deadline deadline) {
    for (const auto& [known, own] : worlds_)
      if (known == world) return own;
    return worlds_.emplace_back(world, world->duplicate("the preparation of saves in the background", deadline)).second;
  }

  const AsyncOptions& options() const noexcept { return options_; }
  // Address space of the copy that is kept for the next save.
  template <OnUse = OnUse()>
  std::size_t staged_bytes() const {
    const std::lock_guard lock(mutex_);
    return state_ == State::idle ? arena_.size() : 0;
  }

 private:
  enum class State : std::uint8_t { idle, preparing, running };
  static constexpr std::chrono::milliseconds grace{1000};

  template <OnUse = OnUse()>
  void submit(Job job, Finish finish);
  void give_up_turn() noexcept;
  template <OnUse = OnUse()>
  void serve();
  template <OnUse = OnUse()>
  void finish_here(std::unique_lock<std::mutex>& lock) noexcept;
  template <OnUse = OnUse()>
  void end() noexcept;
  template <OnUse = OnUse()>
  void refuse_own_thread(const char* call) const;
  template <OnUse = OnUse()>
  void throw_failure(std::unique_lock<std::mutex>& lock);

  const AsyncOptions options_;
  void (*const end_)(AsyncEngine&) noexcept;  // OnUse for the destructor
  mutable std::mutex mutex_{};                // of everything below; the arena is that of whoever has the turn, and then of the job
  std::condition_variable changed_{};
  State state_ = State::idle;
  std::shared_ptr<SaveControl> current_{};
  Job job_{};
  Finish finish_{};
  std::exception_ptr failure_{};
  bool gave_up_ = false;  // the caller has been told that the save under way is late: its own words come too late
  bool stopping_ = false;
  storage::StagingArena arena_{};
  std::vector<std::pair<std::shared_ptr<Coordinator>, std::shared_ptr<Coordinator>>> worlds_{};  // and their duplicates
  std::thread thread_{};
};

// The right to prepare the next save. Destroyed without submit(), nothing is saved.
class AsyncEngine::Turn {
 public:
  Turn(Turn&& other) noexcept : engine_(std::exchange(other.engine_, nullptr)), control_(std::move(other.control_)) {}
  Turn& operator=(Turn&&) = delete;
  ~Turn() {
    if (engine_) engine_->give_up_turn();
  }

  template <OnUse = OnUse()>
  SaveControl& control() const noexcept {
    return *control_;
  }

  // A state for this save's job; several for one job follow each other in the arena. Copies an lvalue, takes an rvalue over, and neither
  // of what borrow() gave. CancelledError or TimeoutError while copying; where other processes hold parts of the state, so that they have
  // to hear of what goes wrong, the snapshot's view() throws it instead.
  template <class T>
  std::shared_ptr<Snapshot> snapshot(const T& state) const {
    check_reflectable<T>();
    return copy(ops<T>(), std::addressof(state));
  }
  template <class T>
    requires(!std::is_lvalue_reference_v<T> && !std::is_const_v<T> && std::is_move_constructible_v<T>)
  std::shared_ptr<Snapshot> snapshot(T&& state) const {
    return std::make_shared<Snapshot>(Snapshot::of_moved(std::move(state)));
  }
  template <class T>
  std::shared_ptr<Snapshot> snapshot(Borrowed<T> state) const {
    return std::make_shared<Snapshot>(Snapshot::of_borrowed(state));
  }
  template <OnUse = OnUse()>
  std::shared_ptr<Snapshot> copy(TreeView view) const;
  template <OnUse = OnUse()>
  std::shared_ptr<Snapshot> copy(const TypeOps& ops, const void* value) const;

  // Hands the job to the thread and returns. Once.
  template <OnUse = OnUse()>
  void submit(AsyncEngine::Job job, AsyncEngine::Finish finish = {}) {
    std::exchange(engine_, nullptr)->submit(std::move(job), std::move(finish));
  }

 private:
  friend class AsyncEngine;
  template <OnUse = OnUse()>
  Turn(AsyncEngine& engine, std::shared_ptr<SaveControl> control) noexcept : engine_(&engine), control_(std::move(control)) {}

  AsyncEngine* engine_;
  std::shared_ptr<SaveControl> control_;
};

template <OnUse>
std::shared_ptr<Snapshot> AsyncEngine::Turn::copy(TreeView view) const {
  return std::make_shared<Snapshot>(Snapshot::copy_of(std::move(view), engine_->arena_, [this] { control_->check(); }));
}

template <OnUse>
std::shared_ptr<Snapshot> AsyncEngine::Turn::copy(const TypeOps& ops, const void* value) const {
  try {
    return copy(describe(ops, value));
  } catch (...) {
    std::shared_ptr<Coordinator> processes = find_processes(ops, value);
    if (!processes) throw;
    return std::make_shared<Snapshot>(Snapshot::of_failure(std::current_exception(), std::move(processes)));
  }
}

template <OnUse>
AsyncEngine::Turn AsyncEngine::start(std::string path) {
  refuse_own_thread("save()");
  std::unique_lock lock(mutex_);
  const auto is_idle = [this] { return state_ == State::idle; };
  if (options_.timeout.count() <= 0) {
    changed_.wait(lock, is_idle);
  } else if (!changed_.wait_for(lock, options_.timeout, is_idle)) {
    throw TimeoutError("this save was still " + std::string(name(Phase::waiting)) + " after its timeout of " +
                           detail::in_seconds(options_.timeout) + ": that of " + current_->path() + " is " + current_->state(),
                       {.file = path});
  }
  finish_here(lock);
  throw_failure(lock);
  current_ = std::make_shared<SaveControl>(std::move(path), options_.timeout);
  state_ = State::preparing;
  gave_up_ = false;
  arena_.rewind();
  return Turn(*this, current_);
}

template <OnUse>
void AsyncEngine::submit(Job job, Finish finish) {
  {
    const std::lock_guard lock(mutex_);
    if (!thread_.joinable()) {
      try {
        thread_ = std::thread([this] { serve(); });
      } catch (const std::system_error& error) {
        state_ = State::idle;
        changed_.notify_all();
        throw IoError("could not start the thread that saves in the background: " + std::string(error.what()), error.code().value(),
                      {.file = current_->path()});
      }
    }
    job_ = std::move(job);
    finish_ = std::move(finish);
    state_ = State::running;
  }
  changed_.notify_all();
}

inline void AsyncEngine::give_up_turn() noexcept {
  {
    const std::lock_guard lock(mutex_);
    state_ = State::idle;
  }
  changed_.notify_all();
}

template <OnUse>
void AsyncEngine::serve() {
  // A batch thread that wakes up does not push the one that woke it off its processor: on a busy machine save() would take milliseconds.
  const ::sched_param priority{};
  ::pthread_setschedparam(::pthread_self(), SCHED_BATCH, &priority);
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || state_ == State::running; });
    if (state_ != State::running) return;
    Job job = std::exchange(job_, nullptr);
    const std::shared_ptr<SaveControl> control = current_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      control->check();
      job(*control);
    } catch (...) {
      failure = std::current_exception();
    }
    job = nullptr;  // what was lent or given away goes before anybody hears that the save is done
    lock.lock();
    failure_ = gave_up_ && !finish_ ? nullptr : std::move(failure);
    state_ = State::idle;
    changed_.notify_all();
  }
}

// Where the engine is idle: what the last job has left to its callers. Others wait as for a save that is being prepared.
template <OnUse>
void AsyncEngine::finish_here(std::unique_lock<std::mutex>& lock) noexcept {
  if (!finish_) return;
  Finish finish = std::exchange(finish_, nullptr);
  const std::shared_ptr<SaveControl> control = current_;
  std::exception_ptr failure = std::exchange(failure_, nullptr);
  state_ = State::preparing;
  lock.unlock();
  try {
    finish(*control, failure);
    failure = nullptr;
  } catch (...) {
    failure = std::current_exception();
  }
  finish = nullptr;
  lock.lock();
  failure_ = std::move(failure);
  state_ = State::idle;
  changed_.notify_all();
}

template <OnUse>
void AsyncEngine::wait_until_finished() {
  refuse_own_thread("wait_until_finished()");
  std::unique_lock lock(mutex_);
  const auto is_idle = [this] { return state_ == State::idle; };
  while (!is_idle()) {  // another thread's next save may come between
    const std::shared_ptr<SaveControl> waited_for = current_;
    const auto is_done = [&] { return is_idle() || current_ != waited_for; };
    if (!waited_for->deadline()) {
      changed_.wait(lock, is_done);
    } else if (!changed_.wait_until(lock, *waited_for->deadline() + grace, is_done)) {
      waited_for->cancel();
      gave_up_ = true;
      throw TimeoutError(waited_for->timeout_text(), {.file = waited_for->path()});
    }
    if (current_ != waited_for) break;
  }
  if (is_idle()) finish_here(lock);
  throw_failure(lock);
}

template <OnUse>
void AsyncEngine::wait_quietly() noexcept {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return state_ == State::idle; });
  finish_here(lock);
}

template <OnUse>
void AsyncEngine::check_for_errors() {
  std::unique_lock lock(mutex_);
  if (finish_) return;  // it is not over
  throw_failure(lock);
}

template <OnUse>
void AsyncEngine::throw_failure(std::unique_lock<std::mutex>& lock) {
  if (!failure_) return;
  const std::exception_ptr failure = std::exchange(failure_, nullptr);
  lock.unlock();
  std::rethrow_exception(failure);
}

template <OnUse>
bool AsyncEngine::cancel() noexcept {
  const std::lock_guard lock(mutex_);
  if (state_ == State::idle && !finish_) return false;
  current_->cancel();
  return true;
}

template <OnUse>
bool AsyncEngine::is_pending(const std::string& path) const {
  std::string pending;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::idle && !finish_) return false;
    pending = current_->path();
  }
  return storage::is_same_or_below(path, pending) || storage::is_same_or_below(pending, path);
}

template <OnUse>
void AsyncEngine::refuse_own_thread(const char* call) const {
  const std::lock_guard lock(mutex_);
  if (thread_.get_id() == std::this_thread::get_id())
    throw ArgumentError(std::string(call) + " was called by the save under way, from on_progress or a destructor: it would wait for itself",
                        {.file = current_->path()});
}

template <OnUse>
void AsyncEngine::end() noexcept {
  wait_quietly();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (!failure_) return;
  try {
    std::rethrow_exception(failure_);
  } catch (const CancelledError&) {  // somebody asked for it
  } catch (const std::exception& error) {
    log(LogLevel::error, "a save in the background failed, and nobody has asked for its outcome: " + std::string(error.what()));
  } catch (...) {
    log(LogLevel::error, "a save in the background failed, and nobody has asked for its outcome");
  }
}

ORRERY_ONCE(std::shared_ptr<Snapshot> AsyncEngine::Turn::copy<>(TreeView) const);
ORRERY_ONCE(std::shared_ptr<Snapshot> AsyncEngine::Turn::copy<>(const TypeOps&, const void*) const);
ORRERY_ONCE(AsyncEngine::Turn AsyncEngine::start<>(std::string));
ORRERY_ONCE(void AsyncEngine::submit<>(AsyncEngine::Job, AsyncEngine::Finish));
ORRERY_ONCE(void AsyncEngine::serve<>());
ORRERY_ONCE(void AsyncEngine::finish_here<>(std::unique_lock<std::mutex>&) noexcept);
ORRERY_ONCE(void AsyncEngine::wait_until_finished<>());
ORRERY_ONCE(void AsyncEngine::wait_quietly<>() noexcept);
ORRERY_ONCE(void AsyncEngine::check_for_errors<>());
ORRERY_ONCE(void AsyncEngine::throw_failure<>(std::unique_lock<std::mutex>&));
ORRERY_ONCE(bool AsyncEngine::cancel<>() noexcept);
ORRERY_ONCE(bool AsyncEngine::is_pending<>(const std::string&) const);
ORRERY_ONCE(void AsyncEngine::refuse_own_thread<>(const char*) const);
ORRERY_ONCE(void AsyncEngine::end<>() noexcept);

}  // namespace orbax

}  // namespace orrery::inline v0
